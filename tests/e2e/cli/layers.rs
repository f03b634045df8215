//! `rollup`, `prune` and `verify`.

use crate::support::command::{Place, updates_in_segment};

#[test]
fn a_rollup_says_what_it_did() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    a.merge("todo", r#"{"b":1}"#);
    let waits = a.ok(&["rollup"]);
    assert!(
        waits.contains("nothing to roll up, 2 wait for the next run"),
        "{waits}"
    );
    let report = &a.json(&["rollup", "todo", "--now"])[0];
    assert_eq!(
        (&report["space"], &report["segments"], &report["updates"]),
        (&"todo".into(), &1.into(), &2.into())
    );
    assert_eq!(updates_in_segment(&place, "todo", 1), 2);
    let idle = a.ok(&["rollup", "todo", "--full"]);
    assert_eq!(idle, "todo: generation 1: nothing to roll up\n");
    let verified = a.ok(&["verify"]);
    assert!(
        verified.starts_with("todo: ok: 1 segment with 2 updates, 1 snapshot equal"),
        "{verified}"
    );
}

#[test]
fn a_full_rollup_finds_what_lies_far_back() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    a.ok(&["rollup", "todo", "--now"]);
    // A write of long ago that lands now: its key is far below what was rolled up.
    let late = r#"{"v":1,"author":"018bcfe5-6800-7fff-bfff-ffffffffffff","seq":1,"updates":[{"at":"2023-11-14T22:13:20.000Z","kind":"merge","data":{"late":true}}]}"#;
    std::fs::write(place.object("spaces/todo/0001/updates/1700000000000"), late).unwrap();
    a.ok(&["rollup", "todo", "--now"]);
    assert!(!place.replica("b").ok(&["state", "todo"]).contains("late"));
    let report = &a.json(&["rollup", "todo", "--now", "--full"])[0];
    assert_eq!(
        (&report["updates"], &report["late"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        place.replica("c").ok(&["state", "todo"]),
        "{\"a\":1,\"late\":true}\n"
    );
    a.ok(&["verify"]);
}

#[test]
fn pruning_deletes_only_what_is_covered_and_old() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    a.ok(&["rollup", "--now"]);
    a.merge("todo", r#"{"b":1}"#);
    assert_eq!(a.ok(&["prune"]), "todo: nothing to delete\n");
    let pruned = &a.json(&["prune", "todo", "--retention", "0s"])[0];
    assert_eq!(
        (&pruned["updates"], &pruned["uncovered"]),
        (&1.into(), &1.into())
    );
    assert_eq!(place.objects("spaces/todo/0001/updates").len(), 1);
    assert_eq!(
        place.replica("b").ok(&["state", "todo"]),
        "{\"a\":1,\"b\":1}\n"
    );
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":1,\"b\":1}\n");
    a.ok(&["verify"]);
}

#[test]
fn without_a_name_every_space_is_served_and_erased_ones_are_left_out() {
    let place = Place::with_todo();
    let a = place.replica("a");
    for name in ["one", "two"] {
        a.ok(&["space", "create", name]);
        a.merge(name, "{}");
    }
    a.ok(&["erase", "one", "--yes"]);
    let spaces = |command: &[&str]| -> Vec<String> {
        a.json(command)
            .iter()
            .map(|r| r["space"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(spaces(&["rollup", "--now"]), ["todo", "two"]);
    assert_eq!(spaces(&["verify"]), ["todo", "two"]);
    assert_eq!(spaces(&["prune"]), ["todo", "two"]);
}
