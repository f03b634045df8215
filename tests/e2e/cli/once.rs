//! A script that does not know whether it was heard: an update with a name is made once.

use crate::support::command::{Place, Replica, id_of};
use serde_json::Value;
use std::fs::File;
use std::process::Stdio;

const ADD: &str = r#"{"kind":"increment","data":{"/sold":1}}"#;

fn sold(place: &Place) -> String {
    place
        .replica("reader")
        .ok(&["state", "todo", "--path", "/sold"])
}

fn once(replica: &Replica, name: &str) -> Value {
    let lines = replica.json(&["update", "todo", "--id", name, ADD]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn a_second_call_stores_nothing_and_prints_the_same_id() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let first = once(&a, "order-17");
    let text = a.ok(&["update", "todo", "--id", "order-17", ADD]);
    assert_eq!(
        text,
        format!("{} key {} (stored before)\n", id_of(&first), first["key"])
    );
    let again = once(&a, "order-17");
    assert_eq!(
        (id_of(&again), &again["key"], &again["stored_before"]),
        (id_of(&first), &first["key"], &true.into())
    );
    assert_ne!(id_of(&once(&a, "order-18")), id_of(&first));
    assert_eq!(sold(&place), "2\n");
    // The same name in another space is another one, and so is another update under it.
    a.ok(&["space", "create", "plan"]);
    a.ok(&["update", "plan", "--id", "order-17", ADD]);
    let said = a.fails(
        3,
        &[
            "update",
            "todo",
            "--id",
            "order-17",
            r#"{"kind":"increment","data":{"/sold":2}}"#,
        ],
    );
    assert!(
        said.contains("another update") && said.contains("order-17"),
        "{said}"
    );
    assert_eq!(sold(&place), "2\n");
    for bad in [vec!["--id", "", ADD], vec!["--id", "two", ADD, ADD]] {
        a.fails(2, &[&["update", "todo"][..], &bad].concat());
    }
    assert_eq!(sold(&place), "2\n");
}

#[test]
fn what_waits_in_the_queue_is_not_queued_again() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let queued = a.ok(&["update", "todo", "--offline", "--id", "x", ADD]);
    assert_eq!(
        a.ok(&["update", "todo", "--offline", "--id", "x", ADD]),
        queued
    );
    let sent = once(&a, "x");
    assert_eq!(queued, format!("queued {}\n", id_of(&sent)));
    assert_eq!(sold(&place), "1\n");
}

/// What the state of a sequenced space refuses was never stored: its name is free again, and the others keep theirs.
#[test]
fn a_refused_update_frees_its_name() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.ok(&["space", "create", "line", "--order", "sequence"]);
    a.ok(&["update", "line", r#"{"kind":"merge","data":{"n":"text"}}"#]);
    let add = r#"{"kind":"increment","data":{"/n":1}}"#;
    let set = r#"{"kind":"merge","data":{"n":1}}"#;
    a.ok(&["update", "line", "--offline", "--id", "add", add]);
    a.ok(&["update", "line", "--offline", "--id", "set", set]);
    a.fails(3, &["sync", "line"]);
    let set_id = a.json(&["update", "line", "--id", "set", set]);
    assert_eq!(a.ok(&["state", "line"]), "{\"n\":1}\n");
    a.ok(&["update", "line", "--id", "add", add]);
    assert_eq!(a.ok(&["state", "line"]), "{\"n\":2}\n");
    let again = a.json(&["update", "line", "--id", "set", set]);
    assert_eq!(
        (id_of(&again[0]), &again[0]["stored_before"]),
        (id_of(&set_id[0]), &true.into())
    );
}

/// The update was stored, its id went to a full disk, the exit code was 1: whoever called again counted twice.
#[cfg(target_os = "linux")]
#[test]
fn what_was_stored_is_said_where_the_output_cannot_be_written() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let full = |arguments: &[&str]| {
        let mut command = a.command(arguments);
        command.stdout(File::options().write(true).open("/dev/full").unwrap());
        let child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1));
        String::from_utf8(ended.stderr).unwrap()
    };
    let said = full(&["update", "todo", "--id", "order-1", ADD]);
    let log = a.json(&["log", "todo"]);
    let id = id_of(&log[0]);
    assert!(
        said.contains(&format!("stored {id}")) && said.contains("do not send"),
        "{said}"
    );
    // What the hint says is true.
    assert_eq!(id_of(&once(&a, "order-1")), id);
    let said = full(&["update", "todo", "--id", "order-1", ADD]);
    assert!(said.contains(&format!("stored {id}")), "{said}");
    let said = full(&["update", "todo", "--offline", ADD]);
    let waiting = a.json(&["sync", "todo"]);
    assert!(
        said.contains(&format!("queued {}", id_of(&waiting[0]))),
        "{said}"
    );
    assert_eq!(sold(&place), "2\n");
}
