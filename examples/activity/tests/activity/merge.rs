//! The merged order, for any events in any order of arrival.

use icecore::{Author, Key, Meta, Model, Seq, time};
use icecore_example_activity::{Activity, Attempts, Message, Stamp, Time, What, project};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

/// An event as it arrives: server time, occurred-at, created-at, id, and what happened. The ranges are small, so that all
/// ties occur, and events that were sent twice under two server times.
type Arriving = (u64, i64, i64, u128, What);

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        Just(What::Start),
        Just(What::Pause),
        Just(What::Resume),
        Just(What::Complete),
        Just(What::Abandon),
        (-9..9_i64).prop_map(|points| What::Score { points }),
        "[ab]".prop_map(|title| What::Create { title }),
    ]
}

fn arriving() -> impl Strategy<Value = Vec<Arriving>> {
    vec((0..6_u64, 0..6_i64, 0..3_i64, 0..24_u128, what()), 0..40)
}

fn fold(events: &[Arriving]) -> Attempts {
    let mut state = Attempts::default();
    for event in events {
        apply(&mut state, event);
    }
    state
}

fn apply(state: &mut Attempts, (server, occurred, created, id, what): &Arriving) {
    let stamp = Stamp {
        attempt: if id % 3 == 0 { "a" } else { "b" }.parse().unwrap(),
        created_at: Time(*created),
        id: Uuid::from_u128(*id),
    };
    let meta = Meta {
        author: Author::from_parts(1, 1),
        seq: Seq::FIRST,
        key: Key::new(*server).unwrap(),
        at: &time::to_rfc3339(*occurred),
    };
    let message = Message::new(stamp, what.clone());
    Activity.apply(state, message, &meta).unwrap();
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        (events, shuffled) in arriving().prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle()))
    ) {
        let (one, other) = (fold(&events), fold(&shuffled));
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        for ((_, a), (_, b)) in one.iter().zip(other.iter()) {
            prop_assert_eq!(project(a.events()), project(b.events()));
        }
    }

    #[test]
    fn events_stand_by_server_time_then_occurred_then_created_each_id_once(events in arriving()) {
        let mut ids = std::collections::BTreeSet::new();
        for (_, timeline) in fold(&events).iter() {
            let places = timeline.events().iter().map(|e| (e.server, e.occurred, e.created, e.id));
            let places: Vec<_> = places.collect();
            prop_assert!(places.is_sorted());
            for event in timeline.events() {
                prop_assert!(ids.insert(event.id));
                prop_assert_eq!(timeline.get(event.id), Some(event));
            }
        }
        let sent: std::collections::BTreeSet<_> = events.iter().map(|e| Uuid::from_u128(e.3)).collect();
        prop_assert_eq!(ids, sent);
    }

    #[test]
    fn a_retry_changes_nothing((events, again) in arriving().prop_flat_map(|e| {
        let n = e.len();
        (Just(e), vec(0..n.max(1), 0..10))
    })) {
        let mut state = fold(&events);
        let before = state.clone();
        for n in again {
            if let Some(event) = events.get(n) {
                apply(&mut state, event);
            }
        }
        prop_assert_eq!(&state, &before);
        // Nor does a snapshot.
        let json = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<Attempts>(&json).unwrap(), before);
    }
}

#[test]
fn what_a_device_should_not_send_is_rejected_with_the_field() {
    let stamp = Stamp {
        attempt: "a".parse().unwrap(),
        created_at: Time(0),
        id: Uuid::nil(),
    };
    let meta = |at| Meta {
        author: Author::from_parts(1, 1),
        seq: Seq::FIRST,
        key: Key::MIN,
        at,
    };
    let now = "2026-01-01T00:00:00.000Z";
    let title = "x".repeat(201);
    for (what, at, field) in [
        (What::Score { points: 1_000_001 }, now, "points"),
        (What::Score { points: i64::MIN }, now, "points"),
        (What::Create { title }, now, "title"),
        (What::Start, "yesterday", "at"),
    ] {
        let mut state = Attempts::default();
        let message = Message::new(stamp.clone(), what);
        let rejected = Activity.apply(&mut state, message, &meta(at)).unwrap_err();
        assert!(rejected.to_string().starts_with(field), "{rejected}");
        assert_eq!(state, Attempts::default());
    }
    for (kind, data) in [
        ("STOP", "{}"),
        ("START", "{}"),
        (
            "START",
            r#"{"attempt":"a b","id":"018bcfe5-6800-7fff-bfff-ffffffffffff","createdAt":"2026-01-01T00:00:00Z"}"#,
        ),
        (
            "START",
            r#"{"attempt":"a","id":"7","createdAt":"2026-01-01T00:00:00Z"}"#,
        ),
        (
            "START",
            r#"{"attempt":"a","id":"018bcfe5-6800-7fff-bfff-ffffffffffff","createdAt":"now"}"#,
        ),
    ] {
        let data = icecore::RawValue::from_string(data.to_owned()).unwrap();
        Activity.decode(kind, &data).unwrap_err();
    }
}
