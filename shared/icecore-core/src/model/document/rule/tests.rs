//! Rules: reading, printing, checking, and which updates touch them.

use super::super::{Document, State};
use super::*;
use crate::model::Model;
use serde_json::json;
use serde_json::value::RawValue;

fn document(rules: &[&str]) -> Document {
    Document::with_rules(rules.iter().map(|rule| rule.parse().unwrap()).collect())
}

fn state(value: Value) -> State {
    serde_json::from_value(value).unwrap()
}

fn broken(rule: &str, value: Value) -> Vec<(Vec<String>, String)> {
    let violations = document(&[rule]).check(&state(value));
    violations
        .into_iter()
        .map(|violation| (violation.paths.clone(), violation.message()))
        .collect()
}

#[test]
fn text_and_settings_go_both_ways() {
    for (text, settings) in [
        (
            "unique:/notes/*/title",
            json!({"rule": "unique", "path": "/notes/*/title"}),
        ),
        (
            "required:/title",
            json!({"rule": "required", "path": "/title"}),
        ),
        ("required:/a:b", json!({"rule": "required", "path": "/a:b"})),
        (
            "max:/a:b:10",
            json!({"rule": "max", "path": "/a:b", "value": 10}),
        ),
        (
            "min:/seats:-0.5",
            json!({"rule": "min", "path": "/seats", "value": -0.5}),
        ),
        (
            "type:/a/*:string",
            json!({"rule": "type", "path": "/a/*", "value": "string"}),
        ),
        (
            "one-of:/s:[\"a\",\"b:[c\"]",
            json!({"rule": "one-of", "path": "/s", "value": ["a", "b:[c"]}),
        ),
    ] {
        let rule: Rule = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        assert_eq!(rule.to_settings(), settings);
        let document = Document::from_settings(&json!({"rules": [settings]})).unwrap();
        assert_eq!(document.rules(), [rule]);
        assert_eq!(
            Document::from_settings(&document.settings())
                .unwrap()
                .rules(),
            document.rules()
        );
    }
    let words: Rule = "one-of:/s:open, done".parse().unwrap();
    assert_eq!(words.to_string(), r#"one-of:/s:["open","done"]"#);
    let normalised: Rule = "max:/seats:10.0".parse().unwrap();
    assert_eq!(normalised.to_string(), "max:/seats:10");
}

#[test]
fn bad_rules_are_refused_with_a_hint() {
    for text in [
        "",
        "unique",
        "unique:",
        "unique:notes",
        "other:/a",
        "max:/a",
        "max:/a:x",
        "max:/a:\"1\"",
        "type:/a:text",
        "one-of:/a",
        "one-of:/a:[]",
        "one-of:/a:",
        "one-of:/a:open,,done",
        "unique:/a~2",
    ] {
        assert!(text.parse::<Rule>().unwrap_err().hint().is_some(), "{text}");
    }
    for settings in [
        json!([]),
        json!({"rule": []}),
        json!({"rules": {}}),
        json!({"rules": [1]}),
        json!({"rules": [{"rule": "unique"}]}),
        json!({"rules": [{"path": "/a"}]}),
        json!({"rules": [{"rule": "unique", "path": "/a", "value": 1}]}),
        json!({"rules": [{"rule": "max", "path": "/a", "value": "1"}]}),
        json!({"rules": [{"rule": "unique", "path": "/a", "more": 1}]}),
        json!({"rules": vec![json!({"rule": "unique", "path": "/a"}); RULES_MAX + 1]}),
    ] {
        assert!(
            Document::from_settings(&settings)
                .unwrap_err()
                .hint()
                .is_some(),
            "{settings}"
        );
    }
    assert!(
        Document::from_settings(&Value::Null)
            .unwrap()
            .rules()
            .is_empty()
    );
    assert!(
        Document::from_settings(&json!({}))
            .unwrap()
            .rules()
            .is_empty()
    );
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let notes =
        json!({"notes": {"1": {"title": "a"}, "2": {"title": "b"}, "3": {"title": "a"}, "4": {}}});
    let pointers = |paths: &[&str]| {
        paths
            .iter()
            .map(|path| (*path).to_owned())
            .collect::<Vec<_>>()
    };
    for (rule, value, expected) in [
        (
            "unique:/notes/*/title",
            notes.clone(),
            vec![(
                pointers(&["/notes/1/title", "/notes/3/title"]),
                "2 values are `\"a\"`",
            )],
        ),
        (
            "unique:/l/*",
            json!({"l": [1, 2, 2, 1]}),
            vec![
                (pointers(&["/l/0", "/l/3"]), "2 values are `1`"),
                (pointers(&["/l/1", "/l/2"]), "2 values are `2`"),
            ],
        ),
        ("unique:/l/*", json!({"l": [1, "1", [1], true]}), vec![]),
        (
            "required:/notes/*/title",
            notes,
            vec![(pointers(&["/notes/4/title"]), "`/notes/4/title` is missing")],
        ),
        (
            "required:/a/b",
            json!({}),
            vec![(pointers(&["/a/b"]), "`/a/b` is missing")],
        ),
        ("required:/a/*/b", json!({}), vec![]),
        ("max:/seats", json!({"seats": 10}), vec![]),
        (
            "max:/seats",
            json!({"seats": 10.5}),
            vec![(pointers(&["/seats"]), "`/seats` is 10.5, more than 10")],
        ),
        ("max:/seats", json!({"seats": "many"}), vec![]),
        (
            "min:/seats",
            json!({"seats": 3}),
            vec![(pointers(&["/seats"]), "`/seats` is 3, less than 10")],
        ),
        (
            "type:/a/*:integer",
            json!({"a": {"x": 1, "y": 1.0, "z": 1.5}}),
            vec![(
                pointers(&["/a/z"]),
                "`/a/z` is a number, not a 64-bit integer",
            )],
        ),
        (
            "type:/a/*:string",
            json!({"a": ["x", 1]}),
            vec![(pointers(&["/a/1"]), "`/a/1` is a number, not text")],
        ),
        (
            "one-of:/s:open,done",
            json!({"s": "late"}),
            vec![(
                pointers(&["/s"]),
                "`/s` is `\"late\"`, none of the values allowed",
            )],
        ),
        ("one-of:/s:open,done", json!({"s": "done"}), vec![]),
        ("one-of:/s:open,done", json!({}), vec![]),
    ] {
        let rule = if rule.ends_with("/seats") {
            format!("{rule}:10")
        } else {
            rule.to_owned()
        };
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(paths, text)| (paths, text.to_owned()))
            .collect();
        assert_eq!(broken(&rule, value), expected, "{rule}");
    }
}

#[test]
fn violations_are_sorted_and_bounded() {
    let many: Vec<usize> = (0..VIOLATIONS_MAX * 2).collect();
    let found = document(&["max:/l/*:-1", "max:/l/*:-1"]).check(&state(json!({"l": many})));
    assert_eq!(found.len(), VIOLATIONS_MAX);
    assert!(found.is_sorted_by_key(|violation| &violation.paths));
}

#[test]
fn an_update_touches_what_a_rule_watches() {
    let document = document(&["unique:/notes/*/title", "max:/seats:10"]);
    for (kind, data, touched) in [
        (
            "merge",
            r#"{"notes":{"1":{"title":"a","text":"b"}},"other":1}"#,
            vec!["/notes/1/title"],
        ),
        ("merge", r#"{"notes":{"1":null}}"#, vec!["/notes/1"]),
        ("merge", r#"{"notes":[{"title":"a"}]}"#, vec!["/notes"]),
        ("merge", r#"{"notes":{}}"#, vec!["/notes"]),
        (
            "merge",
            r#"{"notes":{"a/b":{"title":1}}}"#,
            vec!["/notes/a~1b/title"],
        ),
        ("increment", r#"{"/seats":1,"/other":2}"#, vec!["/seats"]),
        (
            "add",
            r#"{"/notes/1/title/x":["a"]}"#,
            vec!["/notes/1/title/x"],
        ),
        (
            "delete",
            r#"["/seats","/notes","/x","/seats"]"#,
            vec!["/notes", "/seats"],
        ),
        ("delete", r#"{"/seats":1}"#, vec!["/seats"]),
        ("delete", "1", vec![]),
        ("merge", r#"{"seats":1e400}"#, vec![]),
    ] {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        assert_eq!(document.touches(kind, &data), touched, "{data}");
        assert!(Document::default().touches(kind, &data).is_empty());
    }
}
