//! What a client tells by its own clock, with times made up.

use crate::support::{MINUTE, START, START_I, dated};
use icecore_example_pomodoro::history;
use icecore_example_pomodoro::state::{Phase, State};
use icecore_example_pomodoro::timekeeper::{LATE_MAX, News, Timekeeper, What};
use proptest::prelude::*;
use std::sync::Arc;

const HOUR: i64 = 60 * MINUTE;
const STOP: &str = r#"StopTimer("", "")"#;

fn state(calls: &[(i64, &str)]) -> Arc<State> {
    Arc::new(history::fold(&dated(calls)).unwrap())
}

/// The minute and the word of each, and when it ends by itself.
fn words(news: &News) -> Vec<(i64, What, Option<i64>)> {
    assert!(!news.missed);
    let minute = |at: i64| (at - START) / MINUTE;
    let word = news
        .told
        .iter()
        .map(|told| (minute(told.at), told.what, told.until.map(minute)));
    word.collect()
}

#[test]
fn a_client_that_runs_tells_work_rest_and_the_end_when_they_come() {
    let mut time = Timekeeper::new(START);
    assert_eq!(time.next(), None);
    let begun = time.changed(state(&[(1, START_I)]), START + MINUTE);
    assert_eq!(words(&begun), [(1, What::Work, Some(26))]);
    assert_eq!(words(&time.tick(START + 26 * MINUTE - 1)), []);
    assert_eq!(time.next(), Some(START + 26 * MINUTE));
    let rest = time.tick(START + 26 * MINUTE);
    assert_eq!(words(&rest), [(26, What::Rest, Some(31))]);
    assert_eq!(
        (rest.told[0].item.as_str(), rest.told[0].name.as_str()),
        ("i", "I")
    );
    // Something else that happens meanwhile takes nothing away, and comes a moment after the end.
    let other = state(&[(1, START_I), (30, r#"RenameWorkitem("j", "K")"#)]);
    assert_eq!(words(&time.changed(other, START + 30 * MINUTE)), []);
    let end = time.tick(START + 31 * MINUTE + 20);
    assert_eq!(words(&end), [(31, What::Finished, None)]);
    assert_eq!(
        (time.next(), words(&time.tick(START + HOUR))),
        (None, vec![])
    );
}

#[test]
fn whoever_comes_later_is_told_what_goes_on_and_nothing_of_what_is_past() {
    for (minutes, expected) in [
        (10, vec![(10, What::Work, Some(26))]),
        (26, vec![(26, What::Rest, Some(31))]),
        (31, vec![]),
        (10_000, vec![]),
    ] {
        let now = START + minutes * MINUTE;
        let mut time = Timekeeper::new(now);
        let news = time.changed(state(&[(1, START_I)]), now);
        assert_eq!(words(&news), expected, "{minutes}");
        assert!(time.next().is_none_or(|next| next > now));
    }
    // The same for one that runs, and hears of the timer when it is over.
    let mut time = Timekeeper::new(START);
    let now = START + 40 * MINUTE;
    assert_eq!(
        words(&time.changed(state(&[(1, START_I)]), now)),
        [] as [(i64, What, Option<i64>); 0]
    );
}

#[test]
fn a_machine_that_was_asleep_has_missed_it() {
    let mut time = Timekeeper::new(START);
    time.changed(state(&[(1, START_I)]), START + MINUTE);
    let woken = time.tick(START + 26 * MINUTE + LATE_MAX + 1);
    assert_eq!((woken.told, woken.missed), (vec![], true));
    // What comes from then on is told.
    assert_eq!(time.next(), Some(START + 31 * MINUTE));
    let end = time.tick(START + 31 * MINUTE + LATE_MAX);
    assert_eq!(words(&end), [(31, What::Finished, None)]);
}

#[test]
fn a_clock_that_is_set_back_tells_nothing_twice() {
    let mut time = Timekeeper::new(START);
    time.changed(state(&[(1, START_I)]), START + MINUTE);
    assert_eq!(time.tick(START + 26 * MINUTE).told.len(), 1);
    for now in [START, START + 26 * MINUTE] {
        assert_eq!(time.tick(now), News::default());
    }
    assert_eq!(
        words(&time.tick(START + 31 * MINUTE)),
        [(31, What::Finished, None)]
    );
}

#[test]
fn what_somebody_ends_is_told_as_finished_or_void() {
    let long = r#"StartTimer("i", "1500", "0")"#;
    let tracker = r#"StartTimer("j", "")"#;
    for (start, minutes, end, what) in [
        (START_I, 5, STOP, What::Void),
        (
            START_I,
            5,
            r#"CompleteWorkitem("i", "finished")"#,
            What::Void,
        ),
        (START_I, 5, r#"DeleteWorkitem("i", "")"#, What::Void),
        (START_I, 5, r#"DeleteBacklog("b", "")"#, What::Void),
        (START_I, 28, STOP, What::Finished),
        (long, 90, STOP, What::Finished),
        (tracker, 90, STOP, What::Finished),
        (
            tracker,
            90,
            r#"CompleteWorkitem("j", "finished")"#,
            What::Finished,
        ),
    ] {
        let mut time = Timekeeper::new(START);
        time.changed(state(&[(1, start)]), START + MINUTE);
        // It ran all the time, so nothing is missed.
        for second in 60..minutes * 60 {
            time.tick(START + second * 1_000);
        }
        let ended = time.changed(
            state(&[(1, start), (minutes, end)]),
            START + minutes * MINUTE,
        );
        assert_eq!(words(&ended), [(minutes, what, None)], "{start} {end}");
        assert_eq!(time.next(), None);
    }
    // One ended and the next one begun between two looks.
    let mut time = Timekeeper::new(START);
    time.changed(state(&[(1, START_I)]), START + MINUTE);
    let next = state(&[(1, START_I), (2, STOP), (3, START_I)]);
    assert_eq!(
        words(&time.changed(next, START + 3 * MINUTE)),
        [(3, What::Void, None), (3, What::Work, Some(28))]
    );
}

/// A client that was offline hears that somebody stopped the timer an hour ago. It told that as if it had been now.
#[test]
fn a_stop_that_is_heard_late_is_not_told_as_if_it_were_now() {
    let stopped = START + 2 * MINUTE;
    let ran = || {
        let mut time = Timekeeper::new(START);
        time.changed(state(&[(1, START_I)]), START + MINUTE);
        time
    };
    let end = [(1, START_I), (2, STOP)];
    let heard = ran().changed(state(&end), stopped + LATE_MAX);
    assert_eq!(words(&heard), [(2, What::Void, None)]);
    let mut time = ran();
    let late = time.changed(state(&end), stopped + LATE_MAX + 1);
    assert_eq!((late.told, late.missed, time.next()), (vec![], true, None));
    // What was begun since, and goes on, is told.
    let next = state(&[(1, START_I), (2, STOP), (3, START_I)]);
    let late = ran().changed(next, START + 10 * MINUTE);
    assert!(late.missed);
    let told: Vec<_> = late.told.iter().map(|told| (told.at, told.what)).collect();
    assert_eq!(told, [(START + 10 * MINUTE, What::Work)]);
    // A clock that is behind hears of it before it happened.
    let early = ran().changed(state(&end), START + MINUTE);
    assert_eq!(words(&early), [(1, What::Void, None)]);
}

proptest! {
    /// However the times come at which a client looks: what it tells lies behind no earlier look and not long ago, it waits
    /// for the future alone, and it tells each thing once.
    #[test]
    fn the_timer_never_fires_in_the_past(
        steps in prop::collection::vec(-2 * MINUTE..20 * MINUTE, 1..40),
        heard in 0..40_usize,
        work in 1..1_500_u32,
        rest in 0..600_u32,
    ) {
        let start = format!(r#"StartTimer("i", "{work}", "{rest}")"#);
        let running = state(&[(1, &start)]);
        let mut time = Timekeeper::new(START + MINUTE);
        let (mut now, mut latest) = (START + MINUTE, START + MINUTE);
        let mut told = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            now += step;
            let news = if n == heard { time.changed(Arc::clone(&running), now) } else { time.tick(now) };
            for one in &news.told {
                prop_assert!(one.at > latest || (n == heard && one.at >= latest), "{one:?} after {latest}");
                prop_assert!(one.at >= latest.max(now) - LATE_MAX);
                prop_assert!(one.until.is_none_or(|until| until > one.at));
                let phase = running.timer.as_ref().unwrap().phase(one.at);
                prop_assert_eq!(one.what == What::Finished, phase == Phase::Over);
            }
            told.extend(news.told);
            latest = latest.max(now);
            prop_assert!(time.next().is_none_or(|next| next > latest));
        }
        for what in [What::Work, What::Rest, What::Finished] {
            prop_assert!(told.iter().filter(|one| one.what == what).count() <= 1);
        }
        prop_assert!(told.iter().all(|one| one.what != What::Void));
    }
}
