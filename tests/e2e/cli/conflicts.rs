//! What waits for a person, and settling it.

use crate::support::command::{Place, Replica, id_of};

fn with_rule() -> (Place, Replica, Replica) {
    let place = Place::empty();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["init"]);
    a.ok(&["space", "create", "plan", "--rule", "unique:/tasks/*/slot"]);
    (place, a, b)
}

#[test]
fn a_broken_rule_is_shown_and_settled() {
    let (_place, a, b) = with_rule();
    assert!(a.ok(&["conflicts", "plan"]).contains("nothing waits"));
    let first = a.merge("plan", r#"{"tasks":{"a":{"slot":1}}}"#);
    let second = b.merge("plan", r#"{"tasks":{"b":{"slot":1}}}"#);
    let conflict = &a.json(&["conflicts", "plan"])[0];
    assert_eq!(conflict["type"], "conflict");
    assert_eq!(
        conflict["paths"],
        serde_json::json!(["/tasks/a/slot", "/tasks/b/slot"])
    );
    let updates: Vec<String> = conflict["updates"]
        .as_array()
        .unwrap()
        .iter()
        .map(id_of)
        .collect();
    assert!(updates.contains(&first) && updates.contains(&second));
    let id = conflict["id"].as_str().unwrap();
    assert!(a.ok(&["conflicts", "plan"]).contains(id));
    let other = r#"{"kind":"merge","data":{"tasks":{"c":{"slot":3}}}}"#;
    let stands = a.run(&["resolve", "plan", id, other]).expect_code(3);
    assert!(stands.stdout.contains("still stands"), "{stands:?}");
    let settles = r#"{"kind":"merge","data":{"tasks":{"b":{"slot":2}}}}"#;
    let settled = a.ok(&["resolve", "plan", id, settles]);
    assert!(
        settled.ends_with(&format!("{id} is settled\n")),
        "{settled}"
    );
    assert!(b.json(&["conflicts", "plan"]).is_empty());
    assert!(
        a.fails(1, &["resolve", "plan", id, settles])
            .contains("nothing of this id")
    );
    let last = &a.json(&["log", "plan"])[3];
    assert_eq!(last["resolves"], id);
}

#[test]
fn a_rejected_update_is_listed_until_it_is_settled() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"title":"text"}"#);
    let update = r#"{"kind":"increment","data":{"/title":1}}"#;
    let ran = b.run(&["update", "todo", update, "--json"]).expect_code(0);
    let said = "1 update stored, but not applied";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("icecore conflicts todo"));
    let id = id_of(&ran.values()[0]);
    let good = b.run(&["update", "todo", r#"{"kind":"merge","data":{"n":1}}"#]);
    assert_eq!(good.expect_code(0).stderr, "", "it is said once");
    let rejected = &a.json(&["conflicts", "todo"])[0];
    assert_eq!(
        (&rejected["type"], &rejected["id"]),
        (&"rejected".into(), &id.as_str().into())
    );
    assert!(
        a.fails(2, &["resolve", "todo", &id, "--drop"])
            .contains("in the history for all")
    );
    a.ok(&["resolve", "todo", &id, r#"{"kind":"merge","data":{}}"#]);
    assert!(b.ok(&["conflicts", "todo"]).contains("nothing waits"));
}

#[test]
fn a_sequenced_space_refuses_what_no_longer_fits() {
    let place = Place::empty();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["init"]);
    a.ok(&["space", "create", "timer", "--order", "sequence"]);
    a.merge("timer", r#"{"x":1}"#);
    b.ok(&["sync", "timer"]);
    b.ok(&[
        "update",
        "timer",
        "--offline",
        r#"{"kind":"increment","data":{"/x":1}}"#,
    ]);
    a.merge("timer", r#"{"x":"text"}"#);
    let refused = b.run(&["sync", "timer"]).expect_code(3);
    assert!(
        refused.stderr.contains("refuses an update") && refused.stderr.contains("icecore resolve"),
        "{refused:?}"
    );
    let waiting = &b.json(&["conflicts", "timer"])[0];
    assert_eq!(
        (&waiting["type"], &waiting["id"]),
        (&"refused".into(), &"refused:1".into())
    );
    assert!(
        a.json(&["conflicts", "timer"]).is_empty(),
        "it was never sent"
    );
    b.ok(&[
        "resolve",
        "timer",
        "refused:1",
        r#"{"kind":"merge","data":{"x":2}}"#,
    ]);
    assert!(b.json(&["conflicts", "timer"]).is_empty());
    assert_eq!(a.ok(&["state", "timer"]), "{\"x\":2}\n");
    assert_eq!(
        a.json(&["log", "timer"])
            .iter()
            .map(|l| l["key"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    // One that nobody needs is dropped.
    b.ok(&[
        "update",
        "timer",
        "--offline",
        r#"{"kind":"append","data":{"/x":[1]}}"#,
    ]);
    b.fails(3, &["sync", "timer"]);
    assert!(
        b.ok(&["resolve", "timer", "refused:2", "--drop"])
            .contains("settled")
    );
    assert!(b.json(&["conflicts", "timer"]).is_empty());
}

/// What stands before the refused update goes out, and what stands behind it with the next sync.
#[test]
fn a_sequenced_space_refuses_one_of_a_backlog() {
    let place = Place::empty();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["init"]);
    a.ok(&["space", "create", "timer", "--order", "sequence"]);
    a.merge("timer", r#"{"x":2}"#);
    b.ok(&[
        "update",
        "timer",
        "--offline",
        r#"{"kind":"increment","data":{"/x":1}}"#,
        r#"{"kind":"append","data":{"/x":["no list"]}}"#,
        r#"{"kind":"increment","data":{"/x":10}}"#,
    ]);
    let refused = b.run(&["sync", "timer", "--json"]).expect_code(3);
    let acknowledged = refused.values();
    assert_eq!(acknowledged[0]["seq"], 1, "{refused:?}");
    assert_eq!(a.ok(&["state", "timer"]), "{\"x\":3}\n");
    let reason = &b.json(&["conflicts", "timer"])[0];
    assert_eq!(reason["id"], "refused:1");
    assert_eq!(reason["update"]["data"]["/x"][0], "no list");
    b.ok(&["sync", "timer"]);
    assert_eq!(a.ok(&["state", "timer"]), "{\"x\":13}\n");
    assert!(a.json(&["conflicts", "timer"]).is_empty());
    b.ok(&["resolve", "timer", "refused:1", "--drop"]);
    assert!(b.json(&["conflicts", "timer"]).is_empty());
}
