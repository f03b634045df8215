//! `compress`, `redact`, `reset` and `erase`.

use crate::support::command::{Place, Replica, id_of};

#[test]
fn nothing_is_given_up_without_yes() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let id = a.merge("todo", r#"{"a":1}"#);
    let before = place.objects("");
    for (command, would) in [
        (&["compress", "todo"][..], "give up the history"),
        (&["reset", "todo"], "give up the history and the state"),
        (&["erase", "todo"], "remove every object"),
        (&["redact", "todo", "--update", &id], "take the update"),
    ] {
        let error = a.fails(2, command);
        assert!(error.contains(would) && error.contains("--yes"), "{error}");
    }
    assert_eq!(place.objects(""), before);
}

#[test]
fn compressing_keeps_the_state_byte_for_byte() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    for n in 0..5 {
        a.merge("todo", &format!(r#"{{"n{n}":{{"x":1.5,"y":"ä"}}}}"#));
    }
    b.ok(&["sync", "todo"]);
    let state = a.ok(&["state", "todo"]);
    b.ok(&[
        "update",
        "todo",
        "--offline",
        r#"{"kind":"merge","data":{"pending":true}}"#,
    ]);
    let new = &a.json(&["compress", "todo", "--yes"])[0];
    assert!(new["epoch"].as_str().unwrap().starts_with("0002-"), "{new}");
    assert_eq!(new["carried"], 5);
    assert_eq!(a.ok(&["state", "todo"]), state);
    assert_eq!(place.replica("fresh").ok(&["state", "todo"]), state);
    assert!(a.json(&["log", "todo"]).is_empty());
    let ran = a.run(&["log", "todo"]);
    assert!(
        ran.stderr
            .contains("begins with a state that stands for 5 earlier updates"),
        "{ran:?}"
    );
    // What was pending survives.
    b.ok(&["sync", "todo"]);
    assert_eq!(a.ok(&["state", "todo", "--path", "/pending"]), "true\n");
    a.ok(&["verify"]);
    a.ok(&["prune", "todo", "--retention", "0s"]);
    assert!(
        place.objects("spaces/todo/0001").is_empty(),
        "the old history is gone"
    );
    assert_eq!(b.ok(&["state", "todo"]), a.ok(&["state", "todo"]));
}

#[test]
fn a_redacted_update_is_gone_from_state_and_log() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"keep":1}"#);
    let secret = a.merge("todo", r#"{"secret":"hunter2"}"#);
    b.merge("todo", r#"{"b":1}"#);
    let new = a.ok(&["redact", "todo", "--update", &secret, "--yes"]);
    assert!(new.contains("took out 1 update, 2 left"), "{new}");
    for replica in [&a, &b, &place.replica("fresh")] {
        assert_eq!(replica.ok(&["state", "todo"]), "{\"b\":1,\"keep\":1}\n");
        assert!(!replica.ok(&["log", "todo"]).contains("hunter2"));
    }
    a.ok(&["sync"]);
    assert_eq!(
        b.ok(&["state", "todo"]),
        "{\"b\":1,\"keep\":1}\n",
        "its author does not bring it back"
    );
    let author = b.json(&["status", "todo"])[0]["author"]
        .as_str()
        .unwrap()
        .to_owned();
    a.ok(&["redact", "todo", "--author", &author, "--yes"]);
    assert_eq!(b.ok(&["state", "todo"]), "{\"keep\":1}\n");
    assert!(
        a.fails(
            1,
            &[
                "redact",
                "todo",
                "--update",
                &secret.replace(":2", ":77"),
                "--yes"
            ]
        )
        .contains("no such update")
    );
    a.ok(&["verify"]);
}

#[test]
fn a_reset_begins_with_nothing() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"a":1}"#);
    b.merge("todo", r#"{"b":1}"#);
    assert!(
        a.ok(&["reset", "todo", "--yes"])
            .contains("2 updates were given up")
    );
    assert_eq!(b.ok(&["state", "todo"]), "{}\n");
    b.merge("todo", r#"{"c":1}"#);
    assert_eq!(a.ok(&["state", "todo"]), "{\"c\":1}\n");
    a.ok(&["verify"]);
}

#[test]
fn an_erased_space_is_empty_and_takes_nothing() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"a":1}"#);
    a.ok(&["rollup", "--now"]);
    let d = place.replica("d");
    b.ok(&["sync", "todo"]);
    d.ok(&["sync", "todo"]);
    let erased = a.ok(&["erase", "todo", "--yes"]);
    assert!(erased.contains("erased 3 objects"), "{erased}");
    assert_eq!(place.objects(""), ["spaces/todo/space.json", "store.json"]);
    let c = place.replica("c");
    let refused = |replica: &Replica| {
        let ran = replica
            .run(&["update", "todo", r#"{"kind":"merge","data":{"late":1}}"#])
            .expect_code(1);
        assert!(ran.stderr.contains("was erased"), "{ran:?}");
        ran.stdout
    };
    assert_eq!(refused(&c), "", "what is known to be erased is not queued");
    assert!(refused(&b).starts_with("queued "));
    assert_eq!(place.objects(""), ["spaces/todo/space.json", "store.json"]);
    assert!(
        a.fails(3, &["space", "create", "todo"])
            .contains("stays taken")
    );
    assert!(a.fails(1, &["state", "todo"]).contains("was erased"));
    let spaces = a.ok(&["space", "list"]);
    assert!(spaces.contains("  ERASED\n"), "{spaces}");
    let status = a.ok(&["status", "todo"]);
    assert!(status.contains("the space was erased at"), "{status}");
    // What waits is not forgotten unless a person says so; where nothing waits the copy goes by itself.
    assert!(
        b.fails(1, &["sync"])
            .contains("1 update queued on this replica")
    );
    let again = b.ok(&["erase", "todo", "--yes"]);
    assert!(
        again.contains("erased 0 objects, and 1 update that waited"),
        "{again}"
    );
    assert_eq!(b.ok(&["sync"]), "");
    assert!(d.ok(&["sync"]).contains("the local copy is removed"));
    assert_eq!(d.ok(&["sync"]), "");
    assert!(
        a.ok(&["erase", "todo", "--yes"])
            .contains("erased 0 objects"),
        "it can be repeated"
    );
}

/// An update that was acknowledged has its place in the history. When a new epoch lacks it, because it landed too late
/// for that, its author sends it again, whatever has become of the state.
#[test]
fn an_acknowledged_update_of_a_sequence_is_never_refused_later() {
    let place = Place::empty();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["init"]);
    a.ok(&["space", "create", "timer", "--order", "sequence"]);
    a.merge("timer", r#"{"x":1}"#);
    let increment = r#"{"kind":"increment","data":{"/x":1}}"#;
    let id = id_of(&b.json(&["update", "timer", increment])[0]);
    let (landed, late) = (
        place.object("spaces/timer/0001/updates/0000000000002"),
        place.folder().join("late"),
    );
    std::fs::rename(&landed, &late).unwrap();
    a.ok(&["compress", "timer", "--yes"]);
    std::fs::rename(&late, &landed).unwrap();
    a.merge("timer", r#"{"x":"text"}"#);
    b.ok(&["sync", "timer"]);
    a.ok(&["rollup", "timer", "--now"]);
    for replica in [&a, &b] {
        let rejected = replica.json(&["conflicts", "timer"]);
        assert_eq!(rejected.len(), 1, "{rejected:?}");
        assert_eq!(
            (&rejected[0]["type"], &rejected[0]["id"]),
            (&"rejected".into(), &id.clone().into())
        );
        assert_eq!(replica.ok(&["state", "timer"]), "{\"x\":\"text\"}\n");
    }
    a.ok(&["verify"]);
}

#[test]
fn a_space_joins_another_once_and_what_is_written_to_it_later_follows() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.ok(&["space", "create", "guest"]);
    a.ok(&["space", "create", "user"]);
    a.merge("guest", r#"{"g":1}"#);
    a.merge("user", r#"{"u":1}"#);
    let said = a.ok(&["space", "link", "guest", "user"]);
    assert!(said.contains("1 new update"), "{said}");
    assert_eq!(a.ok(&["state", "user"]), "{\"g\":1,\"u\":1}\n");
    let again = &a.json(&["space", "link", "guest", "user"])[0];
    assert_eq!(again["updates"], 0, "{again}");
    a.merge("guest", r#"{"h":2}"#);
    assert_eq!(a.json(&["rollup", "guest", "--now"])[0]["forwarded"], 1);
    assert_eq!(a.ok(&["state", "user"]), "{\"g\":1,\"h\":2,\"u\":1}\n");
    let error = a.fails(3, &["compress", "guest", "--yes"]);
    assert!(error.contains("linked to user"), "{error}");
    let error = a.fails(2, &["space", "link", "user", "guest"]);
    assert!(error.contains("linked to user itself"), "{error}");
    a.ok(&["verify"]);
}
