use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn rule() -> TailRule {
    TailRule::default()
}

/// So many objects of these ages.
fn aged(groups: &[(usize, i64)]) -> usize {
    let now = 100 * HOUR;
    let stored = groups
        .iter()
        .flat_map(|(count, age)| vec![now - age; *count]);
    rule().length(now, stored)
}

#[test]
fn what_a_scheduled_roll_up_would_have_taken_counts() {
    let table: [(&[(usize, i64)], usize); 6] = [
        (&[], 0),
        // Just written: it does not count, however much it is.
        (&[(10_000, 2 * MINUTE - 1)], 0),
        (&[(800, 2 * MINUTE)], 100),
        (&[(800, 2 * HOUR - 1), (7, 2 * HOUR)], 107),
        (&[(100, 30 * HOUR)], 100),
        // A clock that was ahead says nothing.
        (&[(500, -HOUR)], 0),
    ];
    for (groups, expected) in table {
        assert_eq!(aged(groups), expected, "{groups:?}");
    }
}

/// A roll-up each minute, or each hour, leaves nothing that is older than its interval and the time that it takes.
#[test]
fn beside_a_scheduled_roll_up_a_replica_never_tries() {
    let each_minute = aged(&[(100_000, MINUTE + 30_000)]);
    let each_hour = aged(&[(800, HOUR + 10 * MINUTE)]);
    for length in [each_minute, each_hour] {
        assert!(!rule().tries(length, || 0), "{length}");
    }
}

#[test]
fn the_chance_grows_from_nothing_to_certainty() {
    assert!(!rule().tries(100, || 0));
    assert!(rule().tries(400, || u32::MAX));
    // At the middle a quarter.
    assert!(rule().tries(250, || u32::MAX / 4));
    assert!(!rule().tries(250, || u32::MAX / 4 + 2));
    let chances = (100..=400).map(|length| {
        let tries = |draw| rule().tries(length, || draw);
        (0..1_000_u32).filter(|n| tries(n * 4_294_967)).count()
    });
    assert!(chances.clone().zip(chances.skip(1)).all(|(a, b)| a <= b));
    let sharp = TailRule {
        never: 3,
        always: 3,
        ..rule()
    };
    assert!(!sharp.tries(3, || 0) && sharp.tries(4, || u32::MAX));
}

/// Numbers as good as random ones, the same each time.
fn numbers(mut seed: u64) -> impl FnMut() -> u32 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) >> 32).unwrap()
    }
}

/// How many of so many replicas try in the round in which the first one does, and at which length that is.
fn first_round(replicas: usize, draw: &mut impl FnMut() -> u32) -> (usize, usize) {
    let mut watches = vec![TailWatch::default(); replicas];
    for length in 1.. {
        let tries = watches
            .iter_mut()
            .map(|watch| watch.tries(&rule(), length, &mut *draw));
        let trying = tries.filter(|tries| *tries).count();
        if trying > 0 {
            return (trying, length);
        }
    }
    unreachable!("at some length each of them tries")
}

#[test]
fn of_many_replicas_that_watch_a_tail_grow_about_one_tries() {
    let mut draw = numbers(7);
    for (replicas, latest) in [(1, 400), (10, 250), (1_000, 150)] {
        let rounds: Vec<_> = (0..50).map(|_| first_round(replicas, &mut draw)).collect();
        let trying: usize = rounds.iter().map(|(trying, _)| trying).sum();
        assert!(
            trying <= 2 * rounds.len(),
            "{replicas}: {trying} in 50 runs"
        );
        let longest = rounds.iter().map(|(_, length)| *length).max();
        assert!(longest <= Some(latest), "{replicas}: {longest:?}");
    }
}

#[test]
fn one_number_is_drawn_for_one_length() {
    let (mut watch, rule) = (TailWatch::default(), rule());
    assert!(!watch.tries(&rule, 300, || u32::MAX));
    for _ in 0..10 {
        assert!(!watch.tries(&rule, 300, || panic!("drawn again")));
    }
    assert!(watch.tries(&rule, 301, || 0));
}

/// What a try has left cannot be rolled up: a try for each further object would cost more than it saves.
#[test]
fn what_a_try_left_behind_is_no_reason_for_another_one() {
    let (mut watch, rule) = (TailWatch::default(), rule());
    assert!(watch.tries(&rule, 1_000, || 0));
    watch.tried(false);
    for length in 900..=1_000 {
        assert!(!watch.tries(&rule, length, || 0), "{length}");
    }
    assert!(watch.tries(&rule, 1_001, || 0));
    // It got shorter: what comes from here on counts.
    watch.tried(false);
    assert!(!watch.tries(&rule, 1_001, || 0));
    assert!(!watch.tries(&rule, 10, || 0));
    assert!(!watch.tries(&rule, 110, || 0));
    assert!(watch.tries(&rule, 111, || 0));
}

#[test]
fn what_a_try_had_no_time_for_goes_on_at_once() {
    let (mut watch, rule) = (TailWatch::default(), rule());
    assert!(watch.tries(&rule, 50_000, || 0));
    watch.tried(true);
    assert!(watch.tries(&rule, 30_000, || 0));
}

#[test]
fn a_segment_written_in_passing_leaves_the_last_minutes_to_be_listed() {
    let key = |millis: i64| clamp(millis);
    let back = Duration::from_mins(5);
    let (now, five) = (HOUR, 5 * MINUTE);
    let table = [
        // What the run would say lies too near.
        (now - 5_000, 0, now - five),
        // Nothing new was read for long.
        (now - HOUR / 2, 0, now - HOUR / 2),
        // It never falls …
        (now - 5_000, now - MINUTE, now - MINUTE),
        // … but for what a wrong clock wrote.
        (now - 5_000, now + HOUR, now - five),
    ];
    for (through, before, expected) in table {
        let got = through_in_passing(key(through), key(before), now, back);
        assert_eq!(got, key(expected), "{through} {before}");
    }
    // Further back the keys of what is covered would not be remembered.
    let got = through_in_passing(key(now), Key::MIN, now, Duration::from_hours(1));
    assert_eq!(got, key(now - 8 * MINUTE));
}
