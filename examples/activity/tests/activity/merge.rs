//! The merged order, for any events in any order of arrival.

use icecore::{Author, Key, Meta, Model, RawValue, Seq};
use icecore_example_activity::{Activity, ActivityEvent, Attempts, Message, project};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An event as it arrives, and the server time of the update that carries it. The ranges are small, so that all ties
/// occur, and events that were sent twice: under two server times, in two attempts, with two contents.
type Arriving = (u64, ActivityEvent);

fn what() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            "START", "PAUSE", "RESUME", "COMPLETE", "ABANDON", "LAP"
        ])
        .prop_map(|kind| json!({ "type": kind })),
        (-9..9_i64).prop_map(|points| json!({ "type": "SCORE", "points": points })),
        "[ab]".prop_map(|title| json!({ "type": "CREATE", "title": title })),
    ]
}

fn arriving() -> impl Strategy<Value = Vec<Arriving>> {
    let parts = (0..6_u64, 0..6_i64, 0..3_i64, 0..24_u8, "[ab]", what());
    let one = parts.prop_map(|(server, occurred, created, id, attempt, mut event)| {
        event["id"] = json!(id.to_string());
        event["attemptId"] = json!(attempt);
        event["occurredAt"] = json!(occurred);
        event["createdAt"] = json!(created);
        event["source"] = json!("user");
        (server, serde_json::from_value(event).unwrap())
    });
    vec(one, 0..40)
}

fn fold(events: &[Arriving]) -> Attempts {
    let mut state = Attempts::default();
    for event in events {
        apply(&mut state, event);
    }
    state
}

fn meta(server: u64) -> Meta<'static> {
    Meta {
        author: Author::from_parts(1, 1),
        seq: Seq::FIRST,
        key: Key::new(server).unwrap(),
        at: "2026-01-01T00:00:00.000Z",
    }
}

fn apply(state: &mut Attempts, (server, event): &Arriving) {
    let message = Message::Event(event.clone());
    Activity.apply(state, message, &meta(*server)).unwrap();
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
        prop_assert_eq!(one, other);
    }

    #[test]
    fn events_stand_by_server_time_then_occurred_then_created_each_id_once(events in arriving()) {
        let state = fold(&events);
        let mut ids = BTreeSet::new();
        for (attempt, timeline) in state.iter() {
            let places = timeline.events().iter();
            let places = places.map(|e| (e.server_time, e.occurred_at, e.created_at, &e.id));
            prop_assert!(places.collect::<Vec<_>>().is_sorted());
            prop_assert!(!timeline.events().is_empty());
            for event in timeline.events() {
                prop_assert!(ids.insert(event.id.clone()), "twice, in one attempt or in two");
                prop_assert_eq!(state.event(&event.id), Some((attempt, &**event)));
                // Of all copies the one that stands earliest counts.
                let copies = events.iter().filter(|(_, e)| e.id == event.id);
                let least = copies.map(|(s, e)| (*s, e.occurred_at, e.created_at)).min();
                let stands = (event.server_time.get(), event.occurred_at, event.created_at);
                prop_assert_eq!(least, Some(stands));
            }
        }
        let sent: BTreeSet<_> = events.iter().map(|(_, e)| e.id.clone()).collect();
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

/// The update's data is the event as it is exchanged; in the state its members stand in the order of their names.
#[test]
fn an_update_and_a_state_have_one_form_each() {
    let data = r#"{"id":"e","attemptId":"a","type":"SCORE","occurredAt":2,"createdAt":3.0,"source":"user","points":5.0,"by":{"z":1,"a":null}}"#;
    let data = RawValue::from_string(data.to_owned()).unwrap();
    let message = Activity.decode("event", &data).unwrap();
    let mut state = Attempts::default();
    Activity.apply(&mut state, message, &meta(1)).unwrap();
    assert_eq!(
        serde_json::to_string(&state).unwrap(),
        r#"{"a":[{"createdAt":3,"id":"e","more":{"by":{"a":null,"z":1},"points":5},"occurredAt":2,"serverTime":1,"source":"user","type":"SCORE"}]}"#
    );
    let (_, timeline) = state.iter().next().unwrap();
    let exchanged = timeline.events()[0].to_exchanged(&"a".parse().unwrap());
    assert_eq!(
        serde_json::to_string(&exchanged).unwrap(),
        r#"{"id":"e","attemptId":"a","type":"SCORE","occurredAt":2,"createdAt":3,"source":"user","by":{"a":null,"z":1},"points":5}"#
    );
}

#[test]
fn what_a_device_should_not_send_is_rejected_with_the_member() {
    let good = json!({
        "id": "e", "attemptId": "a", "type": "START", "occurredAt": 1, "createdAt": 1, "source": "user",
    });
    let decode = |kind: &str, data: &Value| {
        let data = RawValue::from_string(data.to_string()).unwrap();
        Activity.decode(kind, &data)
    };
    decode("event", &good).unwrap();
    for (member, value) in [
        ("id", json!("")),
        ("id", json!(7)),
        ("id", json!("x".repeat(201))),
        ("attemptId", json!(null)),
        ("type", json!(["START"])),
        ("type", json!("x".repeat(101))),
        ("occurredAt", json!("2026-01-01T00:00:00Z")),
        ("occurredAt", json!(-1)),
        ("createdAt", json!(1.5)),
        ("createdAt", json!(253_402_300_800_000_i64)),
        ("source", json!({})),
    ] {
        let mut data = good.clone();
        data[member] = value;
        let rejected = decode("event", &data).unwrap_err().to_string();
        assert!(rejected.starts_with("event: "), "{rejected}");
        assert!(rejected.contains(member), "{rejected}");
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(member);
        let rejected = decode("event", &without).unwrap_err().to_string();
        assert_eq!(rejected, format!("event: missing field `{member}`"));
    }
    for (kind, data) in [
        ("START", &good),
        ("event", &json!([])),
        ("event", &json!(null)),
    ] {
        decode(kind, data).unwrap_err();
    }
}
