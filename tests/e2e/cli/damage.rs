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
    let key = place.key("spaces/todo/0001/segments/0000000002");
    let key = key.as_str();
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
    let key = place.key("spaces/todo/0001/snapshots/0000000002");
    let key = key.as_str();
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
    let key = place.key("spaces/todo/0001/segments/0000000001");
    let key = key.as_str();
    fs::remove_file(place.object(key)).unwrap();
    assert_eq!(problems(&a), [key]);
}

#[test]
fn a_segment_that_was_replaced_breaks_the_chain() {
    let (place, a) = rolled_up();
    let first = place.key("spaces/todo/0001/segments/0000000001");
    let second = place.key("spaces/todo/0001/segments/0000000002");
    fs::copy(place.object(&first), place.object(&second)).unwrap();
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
            place.key("spaces/todo/0001/updates/notes.txt"),
            "spaces/todo/holiday.jpg".to_owned()
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
    let key = place.key("spaces/todo/0001/updates/1700000000000");
    let key = key.as_str();
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

fn three_generations() -> (Place, Replica) {
    let place = Place::with_todo();
    let a = place.replica("a");
    for n in 1..=3 {
        a.merge("todo", &format!(r#"{{"n{n}":{n}}}"#));
        a.ok(&["rollup", "todo", "--now"]);
    }
    (place, a)
}

/// The newest segment is lost and its snapshot is not: the state still stands, and nothing passes for the whole history.
#[test]
fn a_history_that_ends_too_early_is_not_taken_for_whole() {
    let (place, a) = three_generations();
    fs::remove_file(place.object("spaces/todo/0001/segments/0000000003")).unwrap();
    let fresh = place.replica("fresh");
    for replica in [&a, &fresh, &fresh] {
        replica.ok(&["sync", "todo"]);
        assert_eq!(
            replica.ok(&["state", "todo"]),
            "{\"n1\":1,\"n2\":2,\"n3\":3}\n"
        );
        for history in [
            &["log", "todo"][..],
            &["export", "todo"],
            &["state", "todo", "--at", "2999-01-01T00:00:00Z"],
            &["verify", "todo"],
        ] {
            let ran = replica.run(history).expect_code(5);
            let said = ran.stdout + &ran.stderr;
            assert!(said.contains("s/0000000003"), "{history:?}: {said}");
        }
    }
    assert_eq!(
        a.ok(&["state", "todo", "--gen", "3", "--path", "/n3"]),
        "3\n"
    );
}

/// What is stored of an update may be the last that is left of it.
#[test]
fn nothing_is_pruned_while_a_segment_is_missing() {
    let (place, a) = three_generations();
    fs::remove_file(place.object("spaces/todo/0001/segments/0000000002")).unwrap();
    let said = a.fails(5, &["prune", "todo", "--retention", "0s"]);
    assert!(
        said.contains("segments/0000000002") && said.contains("restore"),
        "{said}"
    );
    assert_eq!(place.objects("spaces/todo/0001/updates").len(), 3);
    assert!(a.fails(5, &["log", "todo"]).contains("segments/0000000002"));
}

#[test]
fn a_store_json_that_is_lost_is_made_again_with_the_same_id() {
    let (place, a) = three_generations();
    let store_json = place.object("store.json");
    let id = |text: String| {
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["store"].clone()
    };
    let text = fs::read_to_string(&store_json).unwrap();
    let newer = text.replacen("\"v\":1", "\"v\":99", 1);
    fs::write(&store_json, newer).unwrap();
    for command in ["rollup", "prune", "verify"] {
        let said = a.fails(2, &[command, "todo"]);
        assert!(said.contains("update this program"), "{command}: {said}");
    }
    fs::remove_file(&store_json).unwrap();
    assert!(a.fails(1, &["verify"]).contains("icecore init"));
    a.ok(&["init"]);
    assert_eq!(id(fs::read_to_string(&store_json).unwrap()), id(text));
    a.ok(&["verify"]);
}

/// Whoever may write to the folder can put anything there.
#[test]
fn a_pipe_in_the_place_of_an_object_blocks_nobody() {
    let (place, a) = three_generations();
    let pipe = place.object("spaces/todo/0001/updates/1700000000000");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let fresh = place.replica("fresh");
    assert_eq!(fresh.ok(&["state", "todo"]), a.ok(&["state", "todo"]));
    a.ok(&["rollup", "todo", "--now", "--full"]);
    a.ok(&["verify", "todo"]);
}

#[test]
fn a_broken_space_json_comes_with_what_to_do() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    let path = place.object("spaces/todo/space.json");
    let whole = fs::read(&path).unwrap();
    for broken in [&b"{"[..], b"", b"{\"v\":1}"] {
        fs::write(&path, broken).unwrap();
        let said = a.fails(5, &["sync"]);
        assert!(
            said.contains("spaces/todo/space.json") && said.contains("backup"),
            "{said}"
        );
    }
    fs::write(&path, whole).unwrap();
    a.ok(&["sync"]);
}

/// Acknowledged updates were hidden in conflict copies (taskwarrior#3695; `DecSyncCC`#33), and `verify` said "move it elsewhere".
#[test]
fn row_24_conflict_copies_of_a_synchronised_folder_are_named_and_kept() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    let object = place.objects("spaces/todo/0001/updates").remove(0);
    let key = object.rsplit('/').next().unwrap();
    let copies = [
        format!("{key}.sync-conflict-20261120-120000-ABCDEFG"),
        format!("{key} (Ada's conflicted copy 2026-11-20)"),
        format!("{key} (1)"),
    ];
    for copy in &copies {
        fs::copy(
            place.object(&object),
            place.object("spaces/todo/0001/updates").join(copy),
        )
        .unwrap();
    }
    let said = a.run(&["verify", "todo"]).expect_code(5).stdout;
    for copy in &copies {
        assert!(said.contains(copy.as_str()), "{copy}: {said}");
    }
    assert_eq!(
        said.matches("conflict copy of a program").count(),
        3,
        "{said}"
    );
    assert!(
        said.contains("keep it") && !said.contains("move it"),
        "{said}"
    );
}

/// What lay in such a copy was acknowledged to its author, and nobody else had it.
#[test]
fn row_24_what_conflict_copies_hold_is_taken_in() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"a":1}"#);
    b.merge("todo", r#"{"b":1}"#);
    let updates = place.object("spaces/todo/0001/updates");
    let of = |part: &str| {
        let objects = place.objects("spaces/todo/0001/updates");
        let holds = |key: &&String| {
            let text = fs::read_to_string(place.object(key)).unwrap();
            text.contains(part)
        };
        objects.iter().find(holds).unwrap().clone()
    };
    // Two devices took one key: the program kept b's under another name.
    let (kept, moved) = (of("{\"a\":1}"), of("{\"b\":1}"));
    let key = kept.rsplit('/').next().unwrap();
    let copy = format!("{key}.sync-conflict-20261120-120000-ABCDEFG");
    fs::rename(place.object(&moved), updates.join(&copy)).unwrap();
    // One that is stored twice, and one that is none.
    fs::copy(place.object(&kept), updates.join(format!("{key} (1)"))).unwrap();
    let broken = updates.join(format!("{key} (2)"));
    fs::write(&broken, "{").unwrap();
    assert_eq!(place.replica("c").ok(&["state", "todo"]), "{\"a\":1}\n");

    let ran = a.run(&["adopt", "todo", "--json"]).expect_code(3);
    let report = &ran.values()[0];
    assert_eq!(report["copies"], 3, "{report}");
    assert_eq!(report["published"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["deleted"], 2, "{report}");
    assert!(ran.stderr.contains("(2)"), "{}", ran.stderr);
    fs::remove_file(broken).unwrap();
    let again = &a.json(&["adopt", "todo"])[0];
    assert_eq!(again["copies"], 0, "{again}");
    for replica in [&a, &b, &place.replica("c")] {
        replica.ok(&["sync", "todo"]);
        assert_eq!(replica.ok(&["state", "todo"]), "{\"a\":1,\"b\":1}\n");
    }
    a.ok(&["rollup", "todo", "--now", "--full"]);
    a.ok(&["verify", "todo"]);
    assert_eq!(a.json(&["log", "todo"]).len(), 2);
}
