//! A store that was put back from a backup, as its users see it.

use crate::support::command::Place;
use std::fs;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Acknowledged updates were gone, syncs ended with 0, `status` and `verify` were clean, and the hint for the one case that
/// was noticed lost the rest: the page "After a bucket was restored", step by step, on a folder.
#[test]
fn row_21_a_store_that_was_put_back_gets_everything_again() {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.merge("todo", r#"{"old":1}"#);
    a.ok(&["rollup", "todo", "--now"]);
    b.ok(&["sync", "todo"]);
    let (store, backup) = (Path::new(place.url()), place.folder().join("backup"));
    copy(store, &backup);

    a.merge("todo", r#"{"by a":1}"#);
    b.merge("todo", r#"{"by b":1}"#);
    a.ok(&["sync", "todo"]);
    fs::remove_dir_all(store).unwrap();
    copy(&backup, store);

    // Another device has gone on meanwhile, and the same generation is written anew.
    let c = place.replica("c");
    c.merge("todo", r#"{"by c":1}"#);
    c.ok(&["rollup", "todo", "--now"]);

    let ran = a.run(&["sync", "todo"]).expect_code(5);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("put back to an older state"), "{said}");
    assert!(said.contains("published again"), "{said}");
    let status = &a.json(&["status", "todo"])[0];
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("1 update of 1 author"), "{warnings}");
    let lost = a.json(&["export", "todo", "--lost"]);
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!(lost[0]["data"]["by b"], 1);
    a.ok(&["sync", "todo"]);

    let said = b.run(&["sync", "todo", "--json"]).expect_code(5);
    let result = said.values().pop().unwrap();
    assert_eq!(result["pulled"]["requeued"], 1, "{result}");
    let expected = "{\"by a\":1,\"by b\":1,\"by c\":1,\"old\":1}\n";
    for replica in [&a, &b, &c] {
        replica.ok(&["sync", "todo"]);
        assert_eq!(replica.ok(&["state", "todo"]), expected);
        let status = replica.json(&["status", "todo"]).remove(0);
        assert_eq!(status["restored"], serde_json::Value::Null, "{status}");
        assert_eq!(replica.json(&["export", "todo", "--lost"]).len(), 0);
    }
    c.ok(&["rollup", "todo", "--now", "--full"]);
    c.ok(&["verify", "todo"]);
    assert_eq!(a.json(&["log", "todo"]).len(), 4, "each once");
}
