//! What is damaged is named; the rest goes on.

use crate::support::command::{Place, Replica};
use std::fs;

/// A store with two segments and a snapshot each.
fn rolled_up() -> (Place, Replica) {
    let place = Place::with_todo();
    let a = place.replica("a");
    for n in 1..=2 {
        a.merge("todo", &format!(r#"{{"n{n}":{n}}}"#));
        a.ok(&["rollup", "todo", "--now"]);
    }
    (place, a)
}

/// The objects that verify names, with its exit code 5.
fn problems(a: &Replica) -> Vec<String> {
    let ran = a.run(&["verify", "todo", "--json"]).expect_code(5);
    let problems = &ran.values()[0]["problems"];
    problems
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["object"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_truncated_segment_is_named() {
    let (place, a) = rolled_up();
    let key = "spaces/todo/0001/segments/0000000002";
    let stored = fs::read(place.object(key)).unwrap();
    fs::write(place.object(key), &stored[..stored.len() / 2]).unwrap();
    assert_eq!(problems(&a), [key]);
    let text = a.run(&["verify"]).expect_code(5).stdout;
    assert!(text.contains("1 PROBLEM") && text.contains(key), "{text}");
    // A snapshot stands for it, so readers go on.
    assert_eq!(
        place.replica("b").ok(&["state", "todo"]),
        "{\"n1\":1,\"n2\":2}\n"
    );
    let error = a.fails(5, &["log", "todo"]);
    assert!(error.contains(key), "{error}");
}

#[test]
fn a_tampered_snapshot_is_named_and_passed_over() {
    let (place, a) = rolled_up();
    let key = "spaces/todo/0001/snapshots/0000000002";
    let other = fs::read(place.object("spaces/todo/0001/snapshots/0000000001")).unwrap();
    fs::write(place.object(key), other).unwrap();
    assert_eq!(problems(&a), [key]);
    assert_eq!(
        place.replica("b").ok(&["state", "todo"]),
        "{\"n1\":1,\"n2\":2}\n"
    );
}

#[test]
fn a_missing_segment_is_named() {
    let (place, a) = rolled_up();
    let key = "spaces/todo/0001/segments/0000000001";
    fs::remove_file(place.object(key)).unwrap();
    assert_eq!(problems(&a), [key]);
}

#[test]
fn a_segment_that_was_replaced_breaks_the_chain() {
    let (place, a) = rolled_up();
    let (first, second) = (
        "spaces/todo/0001/segments/0000000001",
        "spaces/todo/0001/segments/0000000002",
    );
    fs::copy(place.object(first), place.object(second)).unwrap();
    assert_eq!(problems(&a), [second]);
}

#[test]
fn a_changed_update_object_is_named() {
    let (place, a) = rolled_up();
    let key = place.objects("spaces/todo/0001/updates").remove(0);
    let text = fs::read_to_string(place.object(&key)).unwrap();
    fs::write(place.object(&key), text.replace("\"n1\":1", "\"n1\":9")).unwrap();
    assert_eq!(problems(&a), [key]);
}

#[test]
fn a_foreign_file_is_named_and_stops_nobody() {
    let (place, a) = rolled_up();
    fs::write(place.object("spaces/todo/0001/updates/notes.txt"), "x").unwrap();
    fs::write(place.object("spaces/todo/holiday.jpg"), "x").unwrap();
    assert_eq!(
        problems(&a),
        [
            "spaces/todo/0001/updates/notes.txt",
            "spaces/todo/holiday.jpg"
        ]
    );
    a.merge("todo", r#"{"n3":3}"#);
    a.ok(&["rollup", "todo", "--now"]);
    assert_eq!(
        place.replica("b").ok(&["state", "todo", "--path", "/n3"]),
        "3\n"
    );
}

#[test]
fn an_unreadable_update_goes_to_quarantine_which_is_no_failure() {
    let (place, a) = rolled_up();
    let key = "spaces/todo/0001/updates/1700000000000";
    fs::write(place.object(key), "{\"v\":1,\"author\":").unwrap();
    assert_eq!(
        problems(&a),
        [key],
        "until it is moved aside it is a problem"
    );
    a.merge("todo", r#"{"n3":3}"#);
    let ran = a.run(&["rollup", "todo", "--now", "--full"]).expect_code(0);
    assert!(
        ran.stdout.contains("1 object in quarantine") && ran.stderr.contains(key),
        "{ran:?}"
    );
    let verified = a.ok(&["verify", "todo"]);
    assert!(
        verified.contains("ok") && verified.contains("in quarantine, no failure"),
        "{verified}"
    );
    assert_eq!(place.objects("spaces/todo/0001/quarantine").len(), 1);
    assert_eq!(a.ok(&["state", "todo", "--path", "/n3"]), "3\n");
}

#[test]
fn one_bad_space_does_not_stop_the_others() {
    let (place, a) = rolled_up();
    a.ok(&["space", "create", "zoo"]);
    a.merge("zoo", "{}");
    fs::write(place.object("spaces/todo/space.json"), "{").unwrap();
    let ran = a.run(&["rollup", "--now", "--json"]).expect_code(5);
    let values = ran.values();
    assert_eq!(values[0]["error"]["code"], "corrupt");
    assert_eq!(values[0]["error"]["object"], "spaces/todo/space.json");
    assert_eq!(
        (&values[1]["space"], &values[1]["updates"]),
        (&"zoo".into(), &1.into())
    );
}
