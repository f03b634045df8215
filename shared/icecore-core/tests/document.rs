//! The model `document`: the vectors that other languages read too, and the laws that hold for any update.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use icecore_core::Reason;
use icecore_core::canonical;
use icecore_core::ids::{Author, Key, Seq};
use icecore_core::model::document::{Document, KINDS, State, validate};
use icecore_core::model::{Meta, Model, Rejected, Violation};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    settings: Value,
    before: State,
    updates: Vec<VectorUpdate>,
    after: State,
    canonical: String,
    rejected: Vec<usize>,
    #[serde(default)]
    reasons: Vec<Reason>,
    violations: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorUpdate {
    kind: String,
    data: Option<Box<RawValue>>,
    /// Data that not every parser takes, as text.
    text: Option<String>,
}

impl VectorUpdate {
    fn data(&self) -> Box<RawValue> {
        match (&self.data, &self.text) {
            (Some(data), None) => data.clone(),
            (None, Some(text)) => RawValue::from_string(text.clone()).unwrap(),
            // `"data": null` reads as absent.
            _ => RawValue::from_string("null".to_owned()).unwrap(),
        }
    }
}

fn apply(
    document: &Document,
    state: &mut State,
    kind: &str,
    data: &RawValue,
) -> Result<(), Rejected> {
    let author = Author::from_parts(0, 0);
    let meta = Meta {
        author,
        seq: Seq::FIRST,
        key: Key::MIN,
        at: "2026-11-20T12:00:00.000Z",
    };
    document.apply(state, document.decode(kind, data)?, &meta)
}

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

fn bytes(state: &State) -> String {
    String::from_utf8(canonical::to_vec(state).unwrap()).unwrap()
}

#[test]
fn vectors() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/document.json"
    );
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 60);
    for case in cases {
        let document = Document::from_settings(&case.settings).unwrap();
        let mut state = case.before;
        let (mut rejected, mut reasons) = (Vec::new(), Vec::new());
        for (index, update) in case.updates.iter().enumerate() {
            if let Err(rejection) = apply(&document, &mut state, &update.kind, &update.data()) {
                rejected.push(index);
                reasons.push(rejection.reason);
            }
        }
        assert_eq!(rejected, case.rejected, "{}: {reasons:?}", case.name);
        assert_eq!(reasons, case.reasons, "{}", case.name);
        assert_eq!(bytes(&state), case.canonical, "{}", case.name);
        assert_eq!(state, case.after, "{}", case.name);
        if let Some(expected) = case.violations {
            let found: Value = document.check(&state).into_iter().map(violation).collect();
            assert_eq!(found, expected, "{}", case.name);
        }
    }
}

fn violation(found: Violation) -> Value {
    let mut value = json!(found.reason);
    value["rule"] = found.rule.into();
    value["paths"] = found.paths.into();
    value
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "", "a/b", "m~n", "ü", "😀", "0"])
        .prop_map(str::to_owned)
}

fn pointer() -> impl Strategy<Value = String> {
    vec(key(), 1..4).prop_map(|keys| {
        let escape = |key: &String| format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        keys.iter().map(escape).collect()
    })
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-5_i64..5).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-8_i32..8).prop_map(|n| Value::from(f64::from(n) / 4.0)),
        any::<f64>().prop_map(Value::from),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        key().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn patch() -> impl Strategy<Value = Value> {
    btree_map(key(), json_value(), 0..4).prop_map(|members| members.into_iter().collect())
}

/// Updates of which most have the right form and many are rejected by the state.
fn update() -> impl Strategy<Value = (String, Value)> {
    let numbers = btree_map(pointer(), number(), 0..3).prop_map(|parts| json!(parts));
    let lists = btree_map(pointer(), vec(json_value(), 0..3), 0..3).prop_map(|parts| json!(parts));
    let pointers = vec(pointer(), 0..3).prop_map(|pointers| json!(pointers));
    prop_oneof![
        4 => patch().prop_map(|data| ("merge".to_owned(), data)),
        3 => (prop::sample::select(vec!["increment", "max", "min"]), numbers)
            .prop_map(|(kind, data)| (kind.to_owned(), data)),
        3 => (prop::sample::select(vec!["add", "remove", "append"]), lists)
            .prop_map(|(kind, data)| (kind.to_owned(), data)),
        1 => pointers.prop_map(|data| ("delete".to_owned(), data)),
        1 => (prop::sample::select(KINDS.to_vec()), json_value())
            .prop_map(|(kind, data)| (kind.to_owned(), data)),
    ]
}

/// Updates that commute, with no rejection among them.
fn commuting_update() -> impl Strategy<Value = (String, Value)> {
    // No field stands inside another: what walks through a number is rejected, in one order or the other.
    let flat = |name: &'static str| (0_u8..3).prop_map(move |n| format!("/{name}/{n}"));
    prop_oneof![
        (flat("count"), any::<i32>())
            .prop_map(|(at, n)| ("increment".to_owned(), json!({ at: n }))),
        (flat("high"), number()).prop_map(|(at, n)| ("max".to_owned(), json!({ at: n }))),
        (flat("low"), number()).prop_map(|(at, n)| ("min".to_owned(), json!({ at: n }))),
        (flat("set"), vec(json_value(), 0..4))
            .prop_map(|(at, v)| ("add".to_owned(), json!({ at: v }))),
    ]
}

/// RFC 7396, section 2, word for word.
fn merge_patch(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch;
    };
    let mut target = match target {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            let old = target.remove(&name).unwrap_or(Value::Null);
            target.insert(name, merge_patch(old, value));
        }
    }
    Value::Object(target)
}

proptest! {
    #[test]
    fn decoding_never_panics(
        kind in prop_oneof![prop::sample::select(KINDS.to_vec()).prop_map(str::to_owned), ".*"],
        text in prop_oneof![".*", r#"[\[\]{}",:0-9eE.\\u~/a-f +-]{0,40}"#, r#""[ -~\\]{0,20}""#],
    ) {
        let document = Document::with_rules(vec!["unique:/a/*".parse().unwrap()]);
        if let Ok(data) = RawValue::from_string(text) {
            let decoded = document.decode(&kind, &data);
            // The check of what is typed refuses more than the fold, never less.
            prop_assert!(decoded.is_ok() || validate(&kind, &data).is_err());
            document.touches(&kind, &data);
        }
    }

    #[test]
    fn an_update_is_applied_whole_or_not_at_all(updates in vec(update(), 1..12)) {
        let document = Document::default();
        let mut state = document.initial();
        for (kind, data) in updates {
            let before = state.clone();
            if apply(&document, &mut state, &kind, &raw(&data)).is_err() {
                prop_assert_eq!(bytes(&state), bytes(&before), "{} {}", kind, data);
                prop_assert_eq!(&state, &before);
            }
        }
    }

    #[test]
    fn the_state_in_memory_is_the_one_read_back(updates in vec(update(), 1..12)) {
        let document = Document::default();
        let mut state = document.initial();
        for (kind, data) in updates {
            let _rejected = apply(&document, &mut state, &kind, &raw(&data));
            let written = bytes(&state);
            let read: State = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(bytes(&read), written);
            prop_assert_eq!(&read, &state);
            state = read;
        }
    }

    #[test]
    fn counters_extremes_and_sets_do_not_depend_on_the_order(
        (updates, shuffled) in vec(commuting_update(), 1..16)
            .prop_flat_map(|updates| (Just(updates.clone()), Just(updates).prop_shuffle()))
    ) {
        let document = Document::default();
        let fold = |updates: Vec<(String, Value)>| {
            let mut state = document.initial();
            for (kind, data) in updates {
                apply(&document, &mut state, &kind, &raw(&data)).unwrap();
            }
            bytes(&state)
        };
        prop_assert_eq!(fold(updates), fold(shuffled));
    }

    #[test]
    fn merge_is_the_merge_patch_of_rfc_7396(before in patch(), patch in patch()) {
        let document = Document::default();
        let mut state: State = serde_json::from_value(before.clone()).unwrap();
        apply(&document, &mut state, "merge", &raw(&patch)).unwrap();
        let expected: State = serde_json::from_value(merge_patch(before, patch)).unwrap();
        prop_assert_eq!(bytes(&state), bytes(&expected));
    }

    #[test]
    fn what_was_printed_passes_the_check(patch in patch()) {
        validate("merge", &raw(&patch)).unwrap();
    }
}
