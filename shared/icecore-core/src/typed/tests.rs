//! Rust types through typed JSON and back.

use super::*;
use crate::error::ErrorKind;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Debug;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Status {
    Open,
    #[serde(rename = "DONE")]
    Done,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Labelled {
        #[serde(rename = "$label")]
        label: String,
        at: Date,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Points(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Task")]
struct TaskRecord {
    title: String,
    due: Option<Date>,
    status: Status,
    points: Points,
    parts: Vec<Self>,
    extra: Value,
    unknown: TypedValue,
    by_number: BTreeMap<u16, Shape>,
    pair: (bool, char),
}

fn task() -> TaskRecord {
    TaskRecord {
        title: "Pack".to_owned(),
        due: Some("2026-11-20T12:00:00.000Z".parse().unwrap()),
        status: Status::Done,
        points: Points(3),
        parts: Vec::new(),
        extra: json!({"$date": "the user's own", "list": [{"$type": 1}]}),
        unknown: TypedValue::parse(&json!({"$type": "Elsewhere", "$$x": {"$money": 1}})).unwrap(),
        by_number: BTreeMap::from([(7, Shape::Circle(2.0)), (10, Shape::Line(1, -1))]),
        pair: (true, 'ü'),
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &Value) {
    assert_eq!(&to_typed(value).unwrap(), json);
    assert_eq!(&from_typed::<T>(json).unwrap(), value);
    assert_eq!(TypedValue::parse(json).unwrap().to_json(), *json);
}

#[test]
fn derived_types_carry_their_names() {
    let mut outer = task();
    outer.parts.push(task());
    let inner = json!({
        "$type": "Task",
        "title": "Pack",
        "due": {"$date": "2026-11-20T12:00:00.000Z"},
        "status": {"$enum": "Status", "name": "DONE"},
        "points": 3,
        "parts": [],
        "extra": {"$$date": "the user's own", "list": [{"$$type": 1}]},
        "unknown": {"$type": "Elsewhere", "$$x": {"$money": 1}},
        "by_number": {
            "7": {"$enum": "Shape", "name": "Circle", "value": 2},
            "10": {"$enum": "Shape", "name": "Line", "value": [1, -1]},
        },
        "pair": [true, "ü"],
    });
    let mut json = inner.clone();
    json["parts"] = json!([inner]);
    comes_back(&outer, &json);
}

#[test]
fn enums_structs_and_options_have_one_form() {
    comes_back(&Status::Open, &json!({"$enum": "Status", "name": "Open"}));
    comes_back(&Shape::Point, &json!({"$enum": "Shape", "name": "Point"}));
    let at = Date::from_millis(0).unwrap();
    comes_back(
        &Shape::Labelled {
            label: "x".to_owned(),
            at,
        },
        &json!({"$enum": "Shape", "name": "Labelled", "value": {"$$label": "x", "at": {"$date": "1970-01-01T00:00:00.000Z"}}}),
    );
    comes_back(&Marker, &json!({"$type": "Marker"}));
    comes_back(&Points(1), &json!(1));
    comes_back(&Some(1.5), &json!(1.5));
    comes_back(&None::<u8>, &json!(null));
    comes_back(&(), &json!(null));
    comes_back(
        &BTreeMap::from([("$".to_owned(), u64::MAX)]),
        &json!({"$$": u64::MAX}),
    );
    comes_back(
        &BTreeMap::from([(true, 1), (false, 2)]),
        &json!({"true": 1, "false": 2}),
    );
    // A date is the same in plain serde formats.
    assert_eq!(serde_json::to_value(at).unwrap(), to_typed(&at).unwrap());
    assert_eq!(
        serde_json::from_value::<Date>(to_typed(&at).unwrap()).unwrap(),
        at
    );
}

/// The same value twice: what is stored comes back as what it was; what is shown has no types.
#[test]
fn what_is_shown_has_names_and_dates_and_no_types() {
    let stored = to_typed(&task()).unwrap();
    assert_eq!(stored["$type"], "Task");
    let expected = json!({
        "title": "Pack",
        "due": "2026-11-20T12:00:00.000Z",
        "status": "DONE",
        "points": 3,
        "parts": [],
        "extra": {"$date": "the user's own", "list": [{"$type": 1}]},
        "unknown": {"$x": {"$money": 1}},
        "by_number": {"7": {"Circle": 2}, "10": {"Line": [1, -1]}},
        "pair": [true, "ü"],
    });
    assert_eq!(info(&task()).unwrap(), expected);
    assert_eq!(TypedValue::parse(&stored).unwrap().info(), expected);
    // Nested: classes in classes, in lists and in maps, enums in maps, dates in enums.
    let parent = TaskRecord {
        parts: vec![task()],
        ..task()
    };
    assert_eq!(info(&parent).unwrap()["parts"][0], expected);
    let at: Date = "2026-11-20T13:00:00+01:00".parse().unwrap();
    let label = "$enum".to_owned();
    let members = BTreeMap::from([("$date", Shape::Labelled { label, at })]);
    assert_eq!(
        to_typed(&members).unwrap(),
        json!({"$$date": {"$enum": "Shape", "name": "Labelled",
            "value": {"$$label": "$enum", "at": {"$date": "2026-11-20T12:00:00.000Z"}}}})
    );
    assert_eq!(
        info(&members).unwrap(),
        json!({"$date": {"Labelled": {"$label": "$enum", "at": "2026-11-20T12:00:00.000Z"}}})
    );
    assert_eq!(info(&Marker).unwrap(), json!({}));
    let error = info(&[f64::NAN]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a finite number, found NaN (/0)"
    );
}

/// Nothing is restored from what is shown: it is refused, and not taken for something like it.
#[test]
fn what_is_shown_is_not_taken_for_what_was_stored() {
    let shown = info(&task()).unwrap();
    assert!(from_typed::<TaskRecord>(&shown).is_err());
    assert!(from_typed::<Status>(&info(&Status::Open).unwrap()).is_err());
    assert!(from_typed::<Date>(&shown["due"]).is_err());
}

#[test]
fn a_missing_field_is_none_and_an_unknown_one_is_ignored() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: Option<String>,
    }
    let json = json!({"$type": "Note", "later": {"$date": 1, "$enum": 2}});
    assert_eq!(from_typed::<Note>(&json).unwrap(), Note { text: None });
}

/// Puts `value` at `pointer` of a good record, and expects it to be refused there.
fn assert_misfit(pointer: &str, value: Value, message: &str) {
    let mut json = to_typed(&task()).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    let error = from_typed::<TaskRecord>(&json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let place = error.object().unwrap();
    assert!(place.starts_with(pointer), "{place} {pointer}");
    assert_eq!(
        error.to_string(),
        format!("{message} ({place})"),
        "{pointer}"
    );
}

#[test]
fn a_value_of_another_type_is_refused_at_its_place() {
    for (pointer, value, message) in [
        (
            "/due",
            json!("2026-11-20"),
            "expected a date ({\"$date\": \"…\"}), found text",
        ),
        (
            "/due",
            json!({"$date": "x"}),
            "\"x\" is not an RFC 3339 time",
        ),
        ("/title", json!(1), "expected a string, found integer `1`"),
        (
            "/title",
            json!({"$date": "x"}),
            "expected a string, found a date",
        ),
        (
            "/status",
            json!("DONE"),
            "expected a member of the enum `Status`, found text",
        ),
        (
            "/status",
            json!({"$enum": "State", "name": "DONE"}),
            "expected a member of the enum `Status`, found the member `DONE` of the enum `State`",
        ),
        ("/points", json!(-1), "expected u32, found integer `-1`"),
        (
            "/parts",
            json!([1]),
            "expected an object of type `Task`, found the number 1",
        ),
        (
            "/parts",
            json!([{"title": "x"}]),
            "expected an object of type `Task`, found a map",
        ),
        (
            "/parts",
            json!([{"$type": "Note"}]),
            "expected an object of type `Task`, found an object of type `Note`",
        ),
        (
            "/parts",
            json!([{"$type": "Task"}]),
            "missing field `title`",
        ),
    ] {
        assert_misfit(pointer, value, message);
    }
}

#[test]
fn content_that_does_not_fit_is_refused_at_its_place() {
    for (pointer, value, message) in [
        (
            "/extra",
            json!({"$type": "Task"}),
            "expected any valid JSON value, found an object of type `Task`",
        ),
        (
            "/unknown",
            json!({"$type": 1}),
            "expected text, found the number 1 (/$type)",
        ),
        (
            "/by_number",
            json!({"x": 1}),
            "expected u16, found another key",
        ),
        (
            "/by_number/7",
            json!({"$enum": "Shape", "name": "Circle", "value": []}),
            "expected f64, found sequence",
        ),
        (
            "/by_number/7",
            json!({"$enum": "Shape", "name": "Point", "value": 1}),
            "expected nothing as the value of the member `Point`, found the number 1",
        ),
        (
            "/by_number/7",
            json!({"$enum": "Shape", "name": "Line"}),
            "expected a list as the value of the member `Line`, found none",
        ),
        (
            "/pair",
            json!([true, "x", 1]),
            "expected a shorter list, found 1 too many",
        ),
    ] {
        assert_misfit(pointer, value, message);
    }
    let unknown = json!({"$enum": "Status", "name": "LATE"});
    let error = from_typed::<Status>(&unknown).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown variant `LATE`, expected `Open` or `DONE` (/name)"
    );
}

#[test]
fn what_has_no_form_is_refused() {
    let error = to_typed(&BTreeMap::from([("a", vec![1.0, f64::NAN])])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a finite number, found NaN (/a/1)"
    );
    assert!(to_typed(&BTreeMap::from([(vec![1], 1)])).is_err());
    assert!(to_typed(&u128::MAX).is_err());
}
