//! `log` and time travel.

use crate::support::command::{Place, id_of, values};
use serde_json::{Value, json};

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["data"]["n"].as_str().unwrap())
        .collect()
}

#[test]
fn the_log_is_in_canonical_order_from_segments_and_tail() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"n":"1"}"#);
    b.merge("todo", r#"{"n":"2"}"#);
    a.ok(&["rollup", "todo", "--now"]);
    let third = a.merge("todo", r#"{"n":"3"}"#);
    b.merge("todo", r#"{"n":"4"}"#);
    let log = a.json(&["log", "todo"]);
    assert_eq!(kinds(&log), ["1", "2", "3", "4"]);
    let generations: Vec<_> = log.iter().map(|line| line["generation"].clone()).collect();
    assert_eq!(json!(generations), json!([1, 1, null, null]));
    let time = &log[1]["at"].as_str().unwrap();
    for (after, expected) in [
        ("1", vec!["3", "4"]),
        ("0", vec!["1", "2", "3", "4"]),
        (third.as_str(), vec!["4"]),
    ] {
        assert_eq!(
            kinds(&a.json(&["log", "todo", "--after", after])),
            expected,
            "{after}"
        );
    }
    assert!(!kinds(&a.json(&["log", "todo", "--after", time])).contains(&"1"));
    assert!(
        a.json(&["log", "todo", "--after", "2999-01-01T00:00:00Z"])
            .is_empty()
    );
    let error = a.fails(1, &["log", "todo", "--after", "7"]);
    assert!(
        error.contains("no generation 7") && error.contains("the newest is 1"),
        "{error}"
    );
    let missing = third.replace(":2", ":99");
    assert!(
        a.fails(1, &["log", "todo", "--after", &missing])
            .contains("no such update")
    );
}

#[test]
fn following_prints_each_update_once_until_ctrl_c() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"n":"1"}"#);
    let mut follow = place
        .replica("b")
        .start(&["log", "todo", "--follow", "--interval", "20ms"]);
    assert_eq!(follow.line()["data"]["n"], "1");
    a.merge("todo", r#"{"n":"2"}"#);
    assert_eq!(follow.line()["data"]["n"], "2");
    a.ok(&["rollup", "todo", "--now"]);
    a.merge("todo", r#"{"n":"3"}"#);
    assert_eq!(
        follow.line()["data"]["n"],
        "3",
        "a new generation prints nothing again"
    );
    a.ok(&["compress", "todo", "--yes"]);
    a.merge("todo", r#"{"n":"4"}"#);
    assert_eq!(follow.line()["data"]["n"], "4", "nor does a new epoch");
    let (code, rest) = follow.interrupt();
    assert_eq!((code, rest.as_str()), (Some(0), ""));
}

#[test]
fn following_from_a_generation_on() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let first = a.merge("todo", r#"{"n":"1"}"#);
    a.ok(&["rollup", "todo", "--now"]);
    a.merge("todo", r#"{"n":"2"}"#);
    let mut follow = a.start(&["log", "todo", "-f", "--after", "1", "--interval", "20ms"]);
    assert_eq!(follow.line()["data"]["n"], "2");
    // The new epoch shows its segments from the first again: what was skipped stays skipped.
    a.ok(&["redact", "todo", "--update", &first, "--yes"]);
    a.merge("todo", r#"{"n":"3"}"#);
    assert_eq!(follow.line()["data"]["n"], "3");
}

#[test]
fn the_state_as_it_was() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let mut times = Vec::new();
    for n in 1..=4 {
        let update = format!(r#"{{"kind":"merge","data":{{"n":{n}}}}}"#);
        let key = a.json(&["update", "todo", &update])[0]["key"]
            .as_i64()
            .unwrap();
        times.push(icecore_core::time::to_rfc3339(key));
        if n < 4 {
            a.ok(&["rollup", "todo", "--now"]);
        }
    }
    // The last one is not rolled up: it counts all the same.
    for (n, time) in (1..).zip(&times) {
        assert_eq!(
            a.ok(&["state", "todo", "--at", time]),
            format!("{{\"n\":{n}}}\n")
        );
    }
    for n in 1..=3 {
        assert_eq!(
            a.ok(&["state", "todo", "--gen", &n.to_string()]),
            format!("{{\"n\":{n}}}\n")
        );
    }
    assert_eq!(
        a.ok(&["state", "todo", "--at", "2001-01-01T00:00:00Z"]),
        "{}\n"
    );
    assert_eq!(a.ok(&["state", "todo", "--gen", "0"]), "{}\n");
    let error = a.fails(1, &["state", "todo", "--gen", "9"]);
    assert!(
        error.contains("no generation 9") && error.contains("the newest is 3"),
        "{error}"
    );
    a.ok(&["compress", "todo", "--yes"]);
    let error = a.fails(1, &["state", "todo", "--at", &times[1]]);
    assert!(
        error.contains("begins at") && error.contains("compressed or reset"),
        "{error}"
    );
    assert_eq!(
        a.ok(&["state", "todo", "--at", "2999-01-01T00:00:00Z"]),
        "{\"n\":4}\n"
    );
}

#[test]
fn a_sequenced_space_travels_by_when_updates_happened() {
    let place = Place::empty();
    let a = place.replica("a");
    a.ok(&["init"]);
    a.ok(&["space", "create", "timer", "--order", "sequence"]);
    for n in 1..=3 {
        let update =
            format!(r#"{{"kind":"merge","data":{{"n":{n}}},"at":"2026-01-0{n}T00:00:00Z"}}"#);
        a.ok(&["update", "timer", &update]);
    }
    a.ok(&["rollup", "timer"]);
    for (at, state) in [
        ("2026-01-02T12:00:00Z", "{\"n\":2}\n"),
        ("2025-01-01T00:00:00Z", "{}\n"),
        ("2027-01-01T00:00:00Z", "{\"n\":3}\n"),
    ] {
        assert_eq!(a.ok(&["state", "timer", "--at", at]), state);
    }
    let log = values(&a.ok(&["log", "timer", "--after", "2026-01-01T12:00:00Z"]));
    assert_eq!(
        log.iter()
            .map(|l| l["key"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert!(id_of(&log[0]).ends_with(":2"));
}

#[test]
fn what_changed_is_told_and_what_was_deleted_is_brought_back() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"milk":{"done":false},"eggs":6}"#);
    a.ok(&["rollup", "todo", "--now"]);
    b.merge("todo", r#"{"milk":null,"eggs":12,"bread":1}"#);
    a.ok(&["rollup", "todo", "--now"]);
    let changes = a.ok(&["diff", "todo", "1"]);
    assert_eq!(
        changes.lines().collect::<Vec<_>>(),
        ["+ /bread 1", "~ /eggs 6 -> 12", r#"- /milk {"done":false}"#]
    );
    let back = a.json(&["diff", "todo", "2", "1"]);
    assert_eq!(back[1], json!({ "path": "/eggs", "from": 12, "to": 6 }));
    assert!(a.json(&["diff", "todo", "2"]).is_empty());
    assert!(
        a.fails(1, &["diff", "todo", "9"])
            .contains("no generation 9")
    );

    a.ok(&["restore", "todo", "/milk", "--at", "1"]);
    let error = a.fails(3, &["restore", "todo", "/eggs", "--at", "1"]);
    assert!(error.contains("--replace"), "{error}");
    a.ok(&["restore", "todo", "/eggs", "--at", "1", "--replace"]);
    assert!(
        a.fails(1, &["restore", "todo", "/bread", "--at", "1"])
            .contains("nothing there then")
    );
    let state = b.json(&["state", "todo"]);
    assert_eq!(
        state[0],
        json!({ "bread": 1, "eggs": 6, "milk": { "done": false } })
    );
    a.ok(&["verify", "todo"]);
}
