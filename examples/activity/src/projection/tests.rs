use super::{Oddity, Projection, Status, project};
use crate::event::{ActivityEvent, POINTS_MAX, Time, What};
use crate::timeline::Event;
use icecore::Key;
use serde_json::{Value, json};

use Oddity::{
    AlreadyCreated, AlreadyOver, AlreadyRunning, EndsBeforeItBegan, NoPoints, NotRunning,
    UnknownType,
};
use Status::{Abandoned, Completed, Created, Paused, Running};
use What::{Abandon, Complete, Pause, Resume, Start};

/// The event that stands at this place; what is given is set over what each event says.
fn at_place(n: u64, given: &Value) -> Event {
    let mut event = json!({
        "id": n.to_string(), "attemptId": "a", "type": "START", "occurredAt": 0, "createdAt": 0, "source": "user",
    });
    for (name, value) in given.as_object().unwrap() {
        event[name] = value.clone();
    }
    let event: ActivityEvent = serde_json::from_value(event).unwrap();
    Event::new(event, Key::new(n).unwrap()).1
}

/// Events that stand in this order, at these seconds.
fn events(happened: &[(i64, What)]) -> Vec<Event> {
    let event = |(n, (seconds, what)): (u64, &(i64, What))| {
        let (kind, more) = what.clone().into_parts().unwrap();
        let mut given = json!(more);
        given["type"] = json!(kind);
        given["occurredAt"] = json!(seconds * 1_000);
        at_place(n, &given)
    };
    (1..).zip(happened).map(event).collect()
}

fn projected(happened: &[(i64, What)]) -> Projection {
    project(&events(happened))
}

/// Which events, counted from 1, are odd, and why.
fn odd(projection: &Projection) -> Vec<(u64, Oddity)> {
    let odd = projection.odd.iter();
    odd.map(|odd| (odd.id.as_str().parse().unwrap(), odd.why))
        .collect()
}

fn time(millis: i64) -> Time {
    Time::new(millis).unwrap()
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
    assert_eq!(done.duration, 40_000);
    assert_eq!(done.points_earned, 10);
    assert_eq!(done.title.as_deref(), Some("Stairs"));
    assert_eq!(
        (done.started_at, done.ended_at),
        (Some(time(10_000)), Some(time(80_000)))
    );
    assert_eq!((done.events, odd(&done)), (6, vec![]));
    assert_eq!(done.duration_at(time(999_000)), 40_000);
}

#[test]
fn what_runs_is_counted_up_to_the_time_of_looking() {
    let running = projected(&[(10, Start)]);
    assert_eq!(running.duration, 0);
    assert_eq!(running.duration_at(time(25_000)), 15_000);
    // Somebody whose clock is behind looks at it.
    assert_eq!(running.duration_at(time(5_000)), 0);
    assert_eq!(projected(&[]).status, Created);
}

/// What happened; then the status, the seconds and what is odd.
type Case<'a> = (&'a [(i64, What)], Status, u64, &'a [(u64, Oddity)]);

fn check(cases: &[Case<'_>]) {
    for (happened, status, seconds, expected) in cases {
        let projection = projected(happened);
        assert_eq!(projection.status, *status, "{happened:?}");
        assert_eq!(projection.duration, seconds * 1_000, "{happened:?}");
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
    assert_eq!((scored.points_earned, odd(&scored)), (3, vec![]));
    let mut full = projected(&[]);
    full.points_earned = i64::MAX;
    full.take(&events(&[(1, What::Score { points: 7 })])[0])
        .unwrap();
    assert_eq!(full.points_earned, i64::MAX);
}

#[test]
fn what_is_unknown_or_says_no_points_is_kept_and_named() {
    let events = [
        at_place(1, &json!({ "type": "LAP", "number": 3 })),
        at_place(2, &json!({ "type": "start" })),
        at_place(3, &json!({ "type": "" })),
        at_place(4, &json!({ "type": "SCORE", "points": 5.0 })),
        at_place(5, &json!({ "type": "SCORE" })),
        at_place(6, &json!({ "type": "SCORE", "points": "5" })),
        at_place(7, &json!({ "type": "SCORE", "points": 0.5 })),
        at_place(8, &json!({ "type": "SCORE", "points": POINTS_MAX + 1 })),
        at_place(9, &json!({ "type": "SCORE", "points": u64::MAX })),
        at_place(10, &json!({ "type": "START", "points": 7 })),
    ];
    let projection = project(&events);
    let unknown = (1..=3).map(|n| (n, UnknownType));
    let pointless = (5..=9).map(|n| (n, NoPoints));
    assert_eq!(
        odd(&projection),
        unknown.chain(pointless).collect::<Vec<_>>()
    );
    assert_eq!((projection.events, projection.unknown()), (10, 3));
    assert_eq!((projection.points_earned, projection.status), (5, Running));
    assert_eq!(
        json!(projection.odd[0]),
        json!({ "id": "1", "type": "LAP", "why": "unknownType" })
    );
}

#[test]
fn a_projection_has_the_names_that_apps_know() {
    let done = projected(&[
        (0, create("Park")),
        (10, Start),
        (20, Complete),
        (30, Pause),
    ]);
    assert_eq!(
        json!(done),
        json!({
            "created": true, "title": "Park", "status": "completed", "duration": 10_000, "pointsEarned": 0,
            "startedAt": 10_000, "endedAt": 20_000, "runningSince": null, "events": 4,
            "odd": [{ "id": "4", "type": "PAUSE", "why": "alreadyOver" }],
        })
    );
}

#[test]
fn an_attempt_without_its_create_counts_and_says_so() {
    let without = projected(&[(0, Start), (9, Pause)]);
    assert_eq!((without.created, without.duration), (false, 9_000));
    // It may have no title, or one that is no text.
    for title in [json!(null), json!(7), json!("")] {
        let given = json!({ "type": "CREATE", "title": title });
        let created = project(&[
            at_place(1, &given),
            at_place(2, &json!({ "type": "CREATE", "title": "b" })),
        ]);
        assert!(created.created);
        assert_eq!(created.title.as_deref(), title.as_str());
        assert_eq!(odd(&created), [(2, AlreadyCreated)]);
    }
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
    far[0].occurred_at = Time::MIN;
    far[1].occurred_at = Time::MAX;
    assert_eq!(project(&far).duration, Time::MAX.millis().unsigned_abs());
    far.swap(0, 1);
    assert_eq!(project(&far).duration, 0);
}
