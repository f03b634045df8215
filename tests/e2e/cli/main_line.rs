//! The main line: create a store, write, see each other.

use crate::support::command::{Place, id_of};
use serde_json::json;

#[test]
fn init_creates_a_store_once_and_says_what_it_checked() {
    let place = Place::empty();
    let a = place.replica("a");
    let first = a.ok(&["init"]);
    assert!(
        first.contains("races of 20 writers") && first.contains("created the store"),
        "{first}"
    );
    let again = a.ok(&["init"]);
    assert!(
        again.contains("is there already") && again.contains("nothing was changed"),
        "{again}"
    );
    let json = &a.json(&["init"])[0];
    assert_eq!(json["created"], json!(false));
    assert!(first.contains(json["store"].as_str().unwrap()));
    assert_eq!(place.objects(""), ["store.json"]);
}

#[test]
fn spaces_are_created_and_listed() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.ok(&["space", "create", "chat", "--model", "log"]);
    a.ok(&[
        "space",
        "create",
        "timer",
        "--order",
        "sequence",
        "--rule",
        "max:/rounds:4",
    ]);
    let spaces = a.json(&["space", "list"]);
    let listed: Vec<_> = spaces
        .iter()
        .map(|s| (&s["space"], &s["model"]["name"], &s["order"]))
        .collect();
    assert_eq!(
        json!(listed),
        json!([
            ["chat", "log", "timestamp"],
            ["timer", "document", "sequence"],
            ["todo", "document", "timestamp"],
        ])
    );
    assert_eq!(
        spaces[1]["model"]["settings"]["rules"][0]["path"],
        "/rounds"
    );
    let table = a.ok(&["space", "list"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    let error = a.fails(3, &["space", "create", "todo"]);
    assert!(error.contains("exists already"), "{error}");
}

#[test]
fn two_replicas_see_each_others_updates() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"milk":{"done":false}}"#);
    b.ok(&[
        "update",
        "todo",
        r#"{"kind":"increment","data":{"/count":2}}"#,
    ]);
    a.ok(&[
        "update",
        "todo",
        r#"{"kind":"increment","data":{"/count":3}}"#,
        r#"{"kind":"add","data":{"/tags":["x"]}}"#,
    ]);
    let expected = "{\"count\":5,\"milk\":{\"done\":false},\"tags\":[\"x\"]}\n";
    assert_eq!(b.ok(&["state", "todo"]), expected);
    assert_eq!(a.ok(&["state", "todo"]), expected);
    assert_eq!(place.replica("fresh").ok(&["state", "todo"]), expected);
    assert_eq!(a.ok(&["log", "todo"]), b.ok(&["log", "todo"]));
}

#[test]
fn an_acknowledged_update_is_printed_with_author_seq_and_key() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let lines = a.json(&[
        "update",
        "todo",
        r#"{"kind":"merge","data":{"a":1}}"#,
        r#"{"kind":"merge","data":{"b":1}}"#,
    ]);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["seq"], &lines[1]["seq"]), (&json!(1), &json!(2)));
    assert!(lines[0]["key"].as_u64().unwrap() > 1_700_000_000_000);
    let text = a.ok(&["update", "todo", r#"{"kind":"merge","data":{"c":1}}"#]);
    assert!(
        text.starts_with(&format!("{} key ", id_of(&lines[0]).replace(":1", ":3"))),
        "{text}"
    );
}

#[test]
fn offline_updates_wait_in_the_queue_and_keep_their_order() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    for n in 1..=3 {
        let update = format!(r#"{{"kind":"append","data":{{"/log":[{n}]}}}}"#);
        let queued = a.ok(&["update", "todo", "--offline", &update]);
        assert!(
            queued.starts_with("queued ") && queued.ends_with(&format!(":{n}\n")),
            "{queued}"
        );
    }
    assert_eq!(b.ok(&["state", "todo"]), "{}\n");
    let status = &a.json(&["status", "todo"])[0];
    assert_eq!(status["queued"], 3);
    // The queue is on top of what the store holds.
    assert_eq!(a.ok(&["state", "todo"]), "{\"log\":[1,2,3]}\n");
    let synced = a.ok(&["sync"]);
    assert!(synced.ends_with("todo: published 3 updates\n"), "{synced}");
    assert_eq!(
        place.objects("spaces/todo/0001/updates").len(),
        1,
        "a backlog is few objects"
    );
    assert_eq!(a.json(&["status", "todo"])[0]["queued"], 0);
    assert_eq!(b.ok(&["state", "todo"]), "{\"log\":[1,2,3]}\n");
    assert_eq!(b.ok(&["sync", "todo"]), "todo: nothing new\n");
}

#[test]
fn a_queue_that_can_never_be_sent_can_be_dropped() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    let update = r#"{"kind":"merge","data":{"b":2}}"#;
    a.ok(&["update", "tood", "--offline", update]);
    let said = a.fails(1, &["sync"]);
    assert!(said.contains("icecore space forget tood --yes"), "{said}");
    let would = a.fails(2, &["space", "forget", "tood"]);
    assert!(would.contains("1 queued update that nobody"), "{would}");
    let dropped = a.json(&["space", "forget", "tood", "--yes"]);
    assert_eq!(dropped[0]["dropped"], 1);
    a.fails(1, &["space", "forget", "tood", "--yes"]);
    a.ok(&["sync"]);
    // A copy that is forgotten comes back with the next sync; the author is another one.
    let author = a.json(&["status", "todo"])[0]["author"].clone();
    a.ok(&["space", "forget", "todo", "--yes"]);
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":1}\n");
    assert_ne!(a.json(&["status", "todo"])[0]["author"], author);
}

#[test]
fn updates_come_from_stdin_line_by_line() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let lines = "{\"kind\":\"increment\",\"data\":{\"/n\":1}}\n\n".repeat(1200);
    let acknowledged = a.run_with(&["update", "todo", "-"], lines).ok();
    assert_eq!(acknowledged.lines().count(), 1200);
    assert_eq!(place.objects("spaces/todo/0001/updates").len(), 3);
    assert_eq!(a.ok(&["state", "todo", "--path", "/n"]), "1200\n");
}

#[test]
fn the_replica_of_a_user_is_found_again() {
    let place = Place::with_todo();
    let a = place.replica("a").in_default_folder();
    a.merge("todo", r#"{"a":1}"#);
    let status = a.json(&["status"]);
    assert_eq!(
        status.len(),
        1,
        "the replica in the data folder knows the space"
    );
    assert!(
        place
            .folder()
            .join(".local/share/icecore/replicas")
            .is_dir()
    );
}

#[test]
fn status_says_how_far_a_replica_is() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"a":1}"#);
    a.ok(&["rollup", "todo", "--now"]);
    let table = a.ok(&["status", "todo"]);
    for row in [
        "queued      nothing",
        "generation  0 of epoch 1",
        "its newest generation is 1",
    ] {
        assert!(table.contains(row), "{row} in {table}");
    }
    a.ok(&["sync"]);
    let status = &a.json(&["status"])[0];
    assert_eq!(status["generation"], 1);
    assert_eq!(status["store"]["generation"], 1);
    assert_eq!(status["clock_offset_ms"], 0);
    let unread = b.ok(&["status", "todo", "--offline"]);
    assert!(
        unread.contains("not read yet") && unread.contains("never"),
        "{unread}"
    );
    let error = b.fails(1, &["status", "mistyped"]);
    assert!(error.contains("no space mistyped"), "{error}");
    assert_eq!(
        b.json(&["status"]).len(),
        0,
        "a mistyped name leaves nothing behind"
    );
}

#[test]
fn several_processes_of_one_replica_take_turns() {
    let place = Place::with_todo();
    let a = place.replica("a");
    std::thread::scope(|scope| {
        for n in 0..6 {
            let a = &a;
            scope.spawn(move || {
                let update = format!(r#"{{"kind":"append","data":{{"/log":[{n}]}}}}"#);
                a.run(&["update", "todo", &update]).expect_code(0);
            });
        }
    });
    let log = a.json(&["log", "todo"]);
    let seqs: Vec<_> = log
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!(a.json(&["status"])[0]["queued"], 0);
}
