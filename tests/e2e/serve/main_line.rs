//! Everything that the command does with a bucket it also does through the gateway.

use crate::support::command::Place;
use crate::support::serving::Serving;
use std::fs;

fn count(serving: &Serving, folder: &str) -> usize {
    fs::read_dir(serving.object(folder)).map_or(0, Iterator::count)
}

#[test]
fn the_main_line_through_the_gateway() {
    let serving = Serving::start_with(&["--rollup-every", "3600"]);
    let place = serving.behind(&serving.admin());
    let (a, b) = (place.replica("a"), place.replica("b"));
    assert!(a.ok(&["init"]).contains("is there already"));
    a.ok(&["space", "create", "todo"]);
    assert_eq!(a.json(&["space", "list"])[0]["space"], "todo");
    a.merge("todo", r#"{"a":1}"#);
    b.merge("todo", r#"{"b":2}"#);
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    assert_eq!(count(&serving, "spaces/todo/0001/updates"), 2);
    let report = &b.json(&["rollup", "todo", "--now"])[0];
    assert_eq!(report["updates"], 2);
    let fresh = place.replica("fresh");
    assert_eq!(fresh.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    a.ok(&["verify"]);
    a.wait_a_second("todo");
    let pruned = &a.json(&["prune", "--retention", "0s"])[0];
    assert_eq!(pruned["updates"], 2);
    assert_eq!(b.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    a.ok(&["compress", "todo", "--yes"]);
    assert_eq!(b.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    a.merge("todo", r#"{"c":3}"#);
    assert_eq!(b.ok(&["state", "todo"]), "{\"a\":1,\"b\":2,\"c\":3}\n");
    // The folder is a store like any other: nothing is known to the gateway alone.
    let beside = Place::at(serving.objects().display().to_string(), Vec::new());
    assert_eq!(
        beside.replica("direct").ok(&["state", "todo"]),
        "{\"a\":1,\"b\":2,\"c\":3}\n"
    );
    assert!(a.ok(&["erase", "todo", "--yes"]).contains("erased"));
    assert!(b.fails(1, &["state", "todo"]).contains("was erased"));
}

#[test]
fn a_sequenced_space_through_the_gateway() {
    let serving = Serving::start_with(&["--rollup-every", "3600"]);
    let place = serving.behind(&serving.admin());
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["space", "create", "steps", "--order", "sequence"]);
    for n in 0..3 {
        a.merge("steps", &format!(r#"{{"a{n}":{n}}}"#));
        b.merge("steps", &format!(r#"{{"b{n}":{n}}}"#));
    }
    let state = a.ok(&["state", "steps"]);
    assert_eq!(state, b.ok(&["state", "steps"]));
    let keys: Vec<u64> = a
        .json(&["log", "steps"])
        .iter()
        .map(|line| line["key"].as_u64().unwrap())
        .collect();
    assert_eq!(keys, [1, 2, 3, 4, 5, 6]);
    a.ok(&["rollup", "--now"]);
    b.merge("steps", r#"{"last":true}"#);
    assert_eq!(a.json(&["log", "steps"]).len(), 7);
    a.ok(&["verify"]);
}

#[test]
fn it_rolls_up_by_itself_and_stops_in_good_order() {
    let mut serving = Serving::start_with(&["--rollup-every", "1"]);
    let place = serving.behind(&serving.admin());
    let a = place.replica("a");
    a.ok(&["space", "create", "todo"]);
    a.merge("todo", r#"{"a":1}"#);
    // It waits until the update has settled, five seconds.
    while count(&serving, "spaces/todo/0001/segments") == 0 {
        a.ok(&["sync", "todo"]);
    }
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":1}\n");
    a.ok(&["verify"]);
    assert_eq!(serving.stop(), Some(0));
    assert!(a.fails(4, &["sync", "todo"]).contains("no answer"));
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let mut serving = Serving::start_with(&["--rollup-every", "1"]);
    let place = serving.behind(&serving.admin());
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["space", "create", "todo"]);
    for n in 0..4 {
        let acknowledged = a.merge("todo", &format!(r#"{{"a{n}":{n}}}"#));
        assert!(acknowledged.contains(':'));
        if n == 1 {
            serving.kill();
            let update = r#"{"kind":"merge","data":{"offline":true}}"#;
            let error = b.fails(4, &["update", "todo", update]);
            assert!(
                error.contains("stays queued") || error.contains("is queued"),
                "{error}"
            );
        }
        serving.kill_and_restart(&["--rollup-every", "1"]);
    }
    b.ok(&["sync", "todo"]);
    let expected = "{\"a0\":0,\"a1\":1,\"a2\":2,\"a3\":3,\"offline\":true}\n";
    assert_eq!(a.ok(&["state", "todo"]), expected);
    assert_eq!(b.ok(&["state", "todo"]), expected);
    a.ok(&["verify"]);
}
