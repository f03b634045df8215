//! Typed JSON: the vectors that other languages read too, and the way through any value and back.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use icecore_core::typed::{Date, TypedValue, from_typed, to_typed};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Vectors {
    valid: Vec<Valid>,
    invalid: Vec<Invalid>,
}

/// `value` says what the JSON stands for: `{"date": ms}`, `{"enum": [type, name, value?]}`,
/// `{"object": [type, fields]}`, `{"list": […]}`, `{"map": {…}}`, `{"other": …}`, or a plain value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    name: String,
    json: Value,
    value: Value,
    /// How it is written again, where that differs.
    prints: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    name: String,
    json: Value,
    path: String,
    error: String,
}

fn described(value: &TypedValue) -> Value {
    let members = |members: &std::collections::BTreeMap<String, TypedValue>| -> Value {
        members
            .iter()
            .map(|(key, value)| (key.clone(), described(value)))
            .collect()
    };
    match value {
        TypedValue::Null => Value::Null,
        TypedValue::Bool(value) => json!(value),
        TypedValue::Number(number) => json!(number),
        TypedValue::String(text) => json!(text),
        TypedValue::Date(date) => json!({"date": date.millis()}),
        TypedValue::Enum {
            type_name,
            name,
            value: None,
        } => json!({"enum": [type_name, name]}),
        TypedValue::Enum {
            type_name,
            name,
            value: Some(value),
        } => {
            json!({"enum": [type_name, name, described(value)]})
        }
        TypedValue::Object { type_name, fields } => json!({"object": [type_name, members(fields)]}),
        TypedValue::List(items) => json!({"list": items.iter().map(described).collect::<Value>()}),
        TypedValue::Map(map) => json!({"map": members(map)}),
        TypedValue::Other(members) => json!({"other": members}),
    }
}

#[test]
fn vectors() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/typed.json"
    );
    let vectors: Vectors = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in vectors.valid {
        let value = TypedValue::parse(&case.json).unwrap();
        assert_eq!(described(&value), case.value, "{}", case.name);
        assert_eq!(
            value.to_json(),
            case.prints.unwrap_or(case.json),
            "{}",
            case.name
        );
    }
    for case in vectors.invalid {
        let error = TypedValue::parse(&case.json).unwrap_err();
        assert_eq!(
            error.object().unwrap_or_default(),
            case.path,
            "{}",
            case.name
        );
        let text = error.to_string();
        let message = text
            .strip_suffix(&format!(" ({})", case.path))
            .unwrap_or(&text);
        assert_eq!(message, case.error, "{}", case.name);
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "$", "$$", "$date", "$$date", "$type", "$enum", "name", "value"
        ])
        .prop_map(str::to_owned),
        "[$a-z]{0,3}",
    ]
}

fn typed_value() -> impl Strategy<Value = TypedValue> {
    let leaf = prop_oneof![
        Just(TypedValue::Null),
        any::<bool>().prop_map(TypedValue::Bool),
        any::<i64>().prop_map(|number| TypedValue::Number(number.into())),
        ".{0,8}".prop_map(TypedValue::String),
        (-62_167_219_200_000..=253_402_300_799_999_i64)
            .prop_map(|millis| TypedValue::Date(Date::from_millis(millis).unwrap())),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let members = || btree_map(key(), inner.clone(), 0..4);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(TypedValue::List),
            members().prop_map(TypedValue::Map),
            (key(), members())
                .prop_map(|(type_name, fields)| TypedValue::Object { type_name, fields }),
            (key(), key(), prop::option::of(inner.clone())).prop_map(|(type_name, name, value)| {
                TypedValue::Enum {
                    type_name,
                    name,
                    value: value.map(Box::new),
                }
            }),
        ]
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back(value in typed_value()) {
        let json = value.to_json();
        prop_assert_eq!(&TypedValue::parse(&json).unwrap(), &value);
        // The same through the serde format, and as text in between.
        prop_assert_eq!(&to_typed(&value).unwrap(), &json);
        let text = json.to_string();
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(from_typed::<TypedValue>(&read).unwrap(), value);
    }

    #[test]
    fn plain_json_survives_as_content_whatever_its_keys(json in any_json()) {
        let written = to_typed(&json).unwrap();
        prop_assert_eq!(from_typed::<Value>(&written).unwrap(), json);
    }

    #[test]
    fn what_parses_is_written_as_it_was(json in any_json()) {
        if let Ok(value) = TypedValue::parse(&json) {
            prop_assert_eq!(value.to_json(), json);
        }
    }
}
