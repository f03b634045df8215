use super::{Oddity, Projection, Status, project};
use crate::event::{Time, What};
use crate::timeline::Event;
use icecore::Key;
use uuid::Uuid;

use Oddity::{AlreadyCreated, AlreadyOver, AlreadyRunning, EndsBeforeItBegan, NotRunning};
use Status::{Abandoned, Completed, Created, Paused, Running};
use What::{Abandon, Complete, Pause, Resume, Start};

/// Events that stand in this order, at these seconds.
fn events(happened: &[(i64, What)]) -> Vec<Event> {
    let event = |(n, (seconds, what)): (u64, &(i64, What))| Event {
        created: Time(0),
        id: Uuid::from_u128(u128::from(n)),
        occurred: Time(seconds * 1_000),
        server: Key::new(n).unwrap(),
        what: what.clone(),
    };
    (1..).zip(happened).map(event).collect()
}

fn projected(happened: &[(i64, What)]) -> Projection {
    project(&events(happened))
}

/// Which events, counted from 1, are odd, and why.
fn odd(projection: &Projection) -> Vec<(u128, Oddity)> {
    let odd = projection.odd.iter();
    odd.map(|odd| (odd.id.as_u128(), odd.why)).collect()
}

fn create(title: &str) -> What {
    What::Create {
        title: title.to_owned(),
    }
}

#[test]
fn only_running_time_counts() {
    let done = projected(&[
        (0, create("Stairs")),
        (10, Start),
        (20, Pause),
        (50, Resume),
        (55, What::Score { points: 10 }),
        (80, Complete),
    ]);
    assert_eq!(done.status, Completed);
    assert_eq!(done.duration_ms, 40_000);
    assert_eq!(done.points, 10);
    assert_eq!(done.title.as_deref(), Some("Stairs"));
    assert_eq!(
        (done.started_at, done.ended_at),
        (Some(Time(10_000)), Some(Time(80_000)))
    );
    assert_eq!((done.events, odd(&done)), (6, vec![]));
    assert_eq!(done.duration_at(Time(999_000)), 40_000);
}

#[test]
fn what_runs_is_counted_up_to_the_time_of_looking() {
    let running = projected(&[(10, Start)]);
    assert_eq!(running.duration_ms, 0);
    assert_eq!(running.duration_at(Time(25_000)), 15_000);
    // Somebody whose clock is behind looks at it.
    assert_eq!(running.duration_at(Time(5_000)), 0);
    assert_eq!(projected(&[]).status, Created);
}

/// What happened; then the status, the seconds and what is odd.
type Case<'a> = (&'a [(i64, What)], Status, u64, &'a [(u128, Oddity)]);

fn check(cases: &[Case<'_>]) {
    for (happened, status, seconds, expected) in cases {
        let projection = projected(happened);
        assert_eq!(projection.status, *status, "{happened:?}");
        assert_eq!(projection.duration_ms, seconds * 1_000, "{happened:?}");
        assert_eq!(odd(&projection), *expected, "{happened:?}");
    }
}

#[test]
fn odd_sequences_have_one_outcome_each() {
    check(&[
        // PAUSE without START.
        (&[(1, Pause)], Created, 0, &[(1, NotRunning)]),
        (
            &[(1, Pause), (2, Start), (5, Pause)],
            Paused,
            3,
            &[(1, NotRunning)],
        ),
        (
            &[(1, Start), (2, Pause), (3, Pause)],
            Paused,
            1,
            &[(3, NotRunning)],
        ),
        // Two devices start: the time of the first counts.
        (
            &[(1, Start), (4, Start), (9, Complete)],
            Completed,
            8,
            &[(2, AlreadyRunning)],
        ),
        // RESUME before the START that is still on its way, or instead of it.
        (&[(1, Resume), (3, Pause)], Paused, 2, &[]),
        // START instead of RESUME.
        (
            &[(1, Start), (2, Pause), (5, Start), (6, Pause)],
            Paused,
            2,
            &[],
        ),
        // COMPLETE twice: the first counts.
        (
            &[(1, Start), (3, Complete), (7, Complete)],
            Completed,
            2,
            &[(3, AlreadyOver)],
        ),
        (
            &[(1, Start), (3, Abandon), (7, Complete)],
            Abandoned,
            2,
            &[(3, AlreadyOver)],
        ),
    ]);
}

#[test]
fn ends_and_clocks_have_one_outcome_each() {
    check(&[
        // What comes after the end.
        (
            &[(1, Start), (3, Complete), (7, Resume), (9, Pause)],
            Completed,
            2,
            &[(3, AlreadyOver), (4, AlreadyOver)],
        ),
        (
            &[(1, Complete), (2, Start)],
            Completed,
            0,
            &[(2, AlreadyOver)],
        ),
        // COMPLETE while paused adds nothing.
        (&[(1, Start), (3, Pause), (9, Complete)], Completed, 2, &[]),
        // A clock that is behind the other: no time is invented, and none is taken.
        (
            &[(10, Start), (4, Pause), (20, Resume), (21, Pause)],
            Paused,
            1,
            &[(2, EndsBeforeItBegan)],
        ),
        (
            &[(10, Start), (4, Complete)],
            Completed,
            0,
            &[(2, EndsBeforeItBegan)],
        ),
        (&[(1, Start)], Running, 0, &[]),
    ]);
}

#[test]
fn points_count_at_any_time_and_never_overflow() {
    let scored = projected(&[
        (1, What::Score { points: 5 }),
        (2, Complete),
        (3, What::Score { points: -2 }),
    ]);
    assert_eq!((scored.points, odd(&scored)), (3, vec![]));
    let most = [
        (1, What::Score { points: i64::MAX }),
        (2, What::Score { points: i64::MAX }),
    ];
    assert_eq!(projected(&most).points, i64::MAX);
}

#[test]
fn the_first_title_stays() {
    let twice = projected(&[(1, create("a")), (2, create("b"))]);
    assert_eq!(twice.title.as_deref(), Some("a"));
    assert_eq!(odd(&twice), [(2, AlreadyCreated)]);
}

#[test]
fn times_at_the_ends_of_their_range_are_no_danger() {
    let mut far = events(&[(0, Start), (0, Complete)]);
    far[0].occurred = Time(i64::MIN);
    far[1].occurred = Time(i64::MAX);
    assert_eq!(project(&far).duration_ms, i64::MAX.unsigned_abs());
    far.swap(0, 1);
    assert_eq!(project(&far).duration_ms, 0);
}
