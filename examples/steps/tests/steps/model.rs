//! The model alone: any order of arrival, limits, and what is kept.

use icecore::{Author, Key, Meta, Model, RawValue, Seq, time};
use icecore_example_steps::{Fitness, Id, Message, Sport, Steps};
use proptest::collection::vec;
use proptest::prelude::*;

const DAY: i64 = 24 * 60 * 60 * 1_000;

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn apply(state: &mut Fitness, message: Message, (at, key): (i64, Key)) {
    let meta = Meta {
        author: Author::from_parts(1, 1),
        seq: Seq::FIRST,
        key,
        at: &time::to_rfc3339(at),
    };
    Steps.apply(state, message, &meta).unwrap();
}

/// Updates as devices send them: those of one activity say the same, whoever sends them.
fn message() -> impl Strategy<Value = (i64, Message)> {
    let session = (0..3_u8).prop_map(|n| id(&format!("s{n}")));
    (session, 0..6_u8, 1..9_u32, 0..3_i64).prop_map(|(session, which, n, day)| {
        let message = match which {
            0 => Message::StartSession {
                session,
                device: format!("phone {n}"),
            },
            1 => Message::EndSession { session },
            2 => Message::AddActivity {
                session,
                id: id(&format!("a{n}")),
                sport: Sport::Run,
                minutes: n,
            },
            3 => Message::SetGoal { steps: n },
            _ => Message::AddSteps { session, count: n },
        };
        // One author's modifications at one time would be one update: these differ by what they say.
        let at = if which == 2 || which == 3 {
            i64::from(n) * DAY
        } else {
            day * DAY
        };
        (at, message)
    })
}

fn fold(messages: &[(i64, Message)]) -> Fitness {
    let mut state = Fitness::default();
    for (at, message) in messages {
        apply(
            &mut state,
            message.clone(),
            (*at, Key::new(u64::try_from(20 * DAY).unwrap()).unwrap()),
        );
    }
    state
}

proptest! {
    #[test]
    fn any_order_of_arrival_gives_the_same_state(
        (messages, shuffled) in vec(message(), 0..30).prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle()))
    ) {
        let state = fold(&messages);
        prop_assert_eq!(serde_json::to_string(&fold(&shuffled)).unwrap(), serde_json::to_string(&state).unwrap());
        let added: u64 = messages.iter().map(|(_, m)| match m {
            Message::AddSteps { count, .. } => u64::from(*count),
            _ => 0,
        }).sum();
        prop_assert_eq!(state.steps(), added);
        prop_assert_eq!(state.days.values().map(|day| day.steps).sum::<u64>(), added);
    }
}

#[test]
fn what_is_stored_is_cleared_and_what_waits_is_kept() {
    let mut state = Fitness::default();
    let run = |id: Id| Message::AddActivity {
        session: self::id("s"),
        id,
        sport: Sport::Run,
        minutes: 30,
    };
    let stored = Key::new(1_000).unwrap();
    apply(&mut state, run(id("a")), (0, stored));
    assert!(state.waiting.activities.is_empty());
    apply(&mut state, run(id("b")), (0, Key::MAX));
    apply(
        &mut state,
        Message::AddSteps {
            session: id("s"),
            count: 7,
        },
        (0, Key::MAX),
    );
    // The same once more, from here and from elsewhere.
    apply(&mut state, run(id("a")), (0, Key::MAX));
    assert_eq!(
        (state.waiting.activities.len(), state.waiting.steps),
        (1, 7)
    );
    assert_eq!(state.day(1).minutes[&Sport::Run], 60);
    let snapshot = serde_json::to_string(&fold(&[])).unwrap();
    assert!(!snapshot.contains("waiting"), "{snapshot}");
}

/// What is recorded is added to, and never changed: there is no update for it, and the same id says nothing new.
#[test]
fn an_activity_is_never_changed() {
    let mut state = Fitness::default();
    for (minutes, sport) in [(30, Sport::Run), (45, Sport::Run), (30, Sport::Swim)] {
        let message = Message::AddActivity {
            session: id("s"),
            id: id("a"),
            sport,
            minutes,
        };
        apply(&mut state, message, (0, Key::new(1_000).unwrap()));
    }
    let day = state.day(0);
    assert_eq!(Vec::from_iter(day.minutes), [(Sport::Run, 30)]);
    for kind in ["change_activity", "remove_activity", "set_steps", "clear"] {
        let data = r#"{"session":"s","id":"a","sport":"run","minutes":1,"count":1}"#;
        let data = RawValue::from_string(data.to_owned()).unwrap();
        Steps.decode(kind, &data).unwrap_err();
    }
}

#[test]
fn what_a_device_should_not_send_is_rejected_with_the_field() {
    let steps = |count| Message::AddSteps {
        session: id("s"),
        count,
    };
    for (message, field) in [
        (steps(0), "count"),
        (steps(100_001), "count"),
        (
            Message::SetName {
                name: String::new(),
            },
            "name",
        ),
        (
            Message::SetName {
                name: "a\nb".to_owned(),
            },
            "name",
        ),
        (
            Message::SetName {
                name: "x".repeat(101),
            },
            "name",
        ),
        (Message::SetHeight { cm: 20 }, "cm"),
        (Message::SetGoal { steps: 0 }, "steps"),
        (
            Message::StartSession {
                session: id("s"),
                device: String::new(),
            },
            "device",
        ),
    ] {
        let rejected = message.check().unwrap_err();
        assert!(rejected.to_string().starts_with(field), "{rejected}");
    }
    for (kind, data) in [
        ("set_steps", r#"{"session":"s","count":110}"#),
        ("add_steps", r#"{"session":"s","count":-1}"#),
        ("add_steps", r#"{"session":"a b","count":1}"#),
        (
            "add_activity",
            r#"{"session":"s","id":"a","sport":"chess","minutes":1}"#,
        ),
    ] {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        Steps.decode(kind, &data).unwrap_err();
    }
}

/// A client in another language sees one type of numbers, and of two members of one name the last: it would count what this one refuses.
#[test]
fn a_number_counts_however_it_is_written() {
    for data in [
        r#"{"session":"s","count":5}"#,
        r#"{"session":"s","count":5.0}"#,
        r#"{"session":"s","count":4,"count":5e0}"#,
    ] {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let steps = Message::AddSteps {
            session: id("s"),
            count: 5,
        };
        assert_eq!(Steps.decode("add_steps", &data).unwrap(), steps);
    }
    let half = RawValue::from_string(r#"{"session":"s","count":5.5}"#.to_owned()).unwrap();
    Steps.decode("add_steps", &half).unwrap_err();
}
