//! Wrong input is refused with a typed error and a hint, before anything is changed.

use crate::support::command::{Place, Ran};
use std::fs;

fn refused(ran: Ran, code: i32, expected: &str) {
    let ran = ran.expect_code(code);
    assert!(
        ran.stderr.contains(expected),
        "{expected:?} is not in:\n{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("hint") || ran.stderr.contains("--help"),
        "no hint in:\n{}",
        ran.stderr
    );
    assert_eq!(ran.stdout, "");
}

#[test]
fn bad_updates_are_refused_and_nothing_is_queued() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let large = format!(
        r#"{{"kind":"merge","data":{{"a":"{}"}}}}"#,
        "x".repeat(2 * 1024 * 1024)
    );
    let deep = format!(
        r#"{{"kind":"merge","data":{{"a":{}1{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let good = r#"{"kind":"merge","data":{"a":1}}"#;
    for (update, expected) in [
        ("{", "this is not JSON"),
        (r#"{"kind":"merge"}"#, "this is no update"),
        (r#"{"kind":"replace","data":{}}"#, "does not know the kind"),
        (r#"{"kind":"merge","data":[1]}"#, "merge"),
        (r#"{"kind":"increment","data":{"/a":"1"}}"#, "increment"),
        (r#"{"kind":"increment","data":{"a":1}}"#, "increment"),
        (r#"{"kind":"merge","data":{"a":NaN}}"#, "not JSON"),
        (r#"{"kind":"merge","data":{"a":1e999}}"#, "too large"),
        (r#"{"kind":"merge","data":{"a":"\ud800"}}"#, "surrogate"),
        (r#"{"kind":"merge","data":{"a":1,"a":2}}"#, "stands twice"),
        (r#"{"kind":"merge","data":{},"at":"tomorrow"}"#, "RFC 3339"),
        (large.as_str(), "bytes"),
        (deep.as_str(), "nested"),
    ] {
        // By stdin, for an argument of a process cannot be that large; a good one before it is not queued.
        let ran = a.run_with(&["update", "todo", "-"], format!("{good}\n\n{update}\n"));
        refused(ran, 2, expected);
        assert!(
            a.run_with(&["update", "todo", "-"], format!("{good}\n\n{update}\n"))
                .stderr
                .contains("line 3")
        );
    }
    refused(
        a.run_with(&["update", "todo", "-"], b"\xff\xfe\n"),
        2,
        "not UTF-8",
    );
    refused(
        a.run_with(&["update", "todo", "-"], "\n"),
        2,
        "no update on stdin",
    );
    refused(a.run(&["update", "todo", good, "{"]), 2, "argument 2");
    refused(a.run(&["update", "todo"]), 2, "required");
    assert!(place.objects("spaces/todo/0001").is_empty());
    assert_eq!(a.json(&["status", "todo"])[0]["queued"], 0);
    assert_eq!(
        a.merge("todo", "{}").split(':').nth(1),
        Some("1"),
        "no seq was used up"
    );
}

#[test]
fn an_unseen_space_is_taken_for_a_document_while_offline() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.ok(&["space", "create", "chat", "--model", "log"]);
    let said = r#"{"kind":"said","data":"hello"}"#;
    refused(
        a.run(&["update", "chat", "--offline", said]),
        2,
        "has not seen the space yet",
    );
    a.ok(&["update", "chat", said]);
    a.ok(&["update", "chat", "--offline", said]);
    refused(
        a.run(&["update", "chat", r#"{"kind":"said","data":{"a":1,"a":1}}"#]),
        2,
        "stands twice",
    );
}

#[test]
fn bad_names_pointers_and_durations_are_refused() {
    let place = Place::with_todo();
    let a = place.replica("a");
    for name in [
        "",
        "a/b",
        "../x",
        ".hidden",
        "..",
        "line\nbreak",
        "UPPER",
        "a b",
        "ä",
        &"x".repeat(65),
    ] {
        refused(a.run(&["space", "create", name]), 2, "space name");
        refused(a.run(&["state", name]), 2, "space name");
    }
    refused(
        a.run(&["state", "todo", "--path", "no-slash"]),
        2,
        "JSON pointer",
    );
    refused(
        a.run(&["state", "todo", "--path", "/a~2"]),
        2,
        "JSON pointer",
    );
    refused(
        a.run(&["state", "todo", "--at", "yesterday"]),
        2,
        "RFC 3339",
    );
    refused(
        a.run(&["state", "todo", "--gen", "-1"]),
        2,
        "not a generation",
    );
    refused(a.run(&["state", "todo", "--gen", "x"]), 2, "generation");
    refused(
        a.run(&["prune", "todo", "--retention", "1week"]),
        2,
        "duration",
    );
    refused(
        a.run(&["log", "todo", "--after", "then"]),
        2,
        "place in a history",
    );
    refused(
        a.run(&["redact", "todo", "--update", "x:1", "--yes"]),
        2,
        "author",
    );
    refused(a.run(&["redact", "todo", "--yes"]), 2, "required");
    refused(
        a.run(&["space", "create", "x", "--rule", "sometimes:/a"]),
        2,
        "rule",
    );
    refused(
        a.run(&["space", "create", "x", "--model", "spreadsheet"]),
        2,
        "spreadsheet",
    );
    refused(
        a.run(&["space", "create", "x", "--order", "random"]),
        2,
        "random",
    );
    assert_eq!(a.json(&["space", "list"]).len(), 1);
}

#[test]
fn a_missing_path_says_what_is_there() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":{"b":1}}"#);
    let error = a.fails(1, &["state", "todo", "--path", "/a/c"]);
    assert!(
        error.contains("(/a/c)") && error.contains("`/a` has b"),
        "{error}"
    );
}

#[test]
fn a_missing_store_and_a_missing_space_lead_to_the_next_command() {
    let place = Place::empty();
    let a = place.replica("a");
    for command in [
        &["state", "todo"][..],
        &["space", "list"],
        &["rollup"],
        &["log", "todo"],
        &["space", "create", "x"],
    ] {
        let error = a.fails(1, command);
        assert!(error.contains("icecore init"), "{command:?}: {error}");
    }
    a.ok(&["init"]);
    for command in [
        &["state", "todo"][..],
        &["update", "todo", "{}"],
        &["erase", "todo", "--yes"],
        &["verify", "todo"],
    ] {
        let error = a.fails(1, command);
        assert!(
            error.contains("no space todo") && error.contains("space list"),
            "{command:?}: {error}"
        );
    }
    assert!(
        a.ok(&["sync"]).is_empty(),
        "what was only asked for is not synced"
    );
    let error = a.clone().on("").fails(2, &["space", "list"]);
    assert!(error.contains("hint"), "{error}");
    let error = a.on("ftp://host/dir").fails(2, &["space", "list"]);
    assert!(error.contains("s3://bucket/prefix"), "{error}");
}

#[test]
fn a_store_of_a_newer_format_is_left_alone() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    let newer = |key: &str| {
        let text = fs::read_to_string(place.object(key)).unwrap();
        fs::write(place.object(key), text.replace("\"v\":1", "\"v\":2")).unwrap();
    };
    newer("spaces/todo/space.json");
    for command in [
        &["sync", "todo"][..],
        &["rollup", "todo"],
        &["verify", "todo"],
        &["update", "todo", r#"{"kind":"merge","data":{}}"#],
    ] {
        let error = a.run(command).expect_code(2).stderr;
        assert!(
            error.contains("format version 2") && error.contains("update this program"),
            "{command:?}: {error}"
        );
    }
    newer("store.json");
    let error = a.fails(2, &["init"]);
    assert!(error.contains("format version 2"), "{error}");
}

#[test]
fn a_file_in_place_of_a_folder_is_named() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let file = place.folder().join("file");
    fs::write(&file, "x").unwrap();
    let inside = file.join("store").display().to_string();
    let error = a.clone().on(&inside).fails(1, &["init"]);
    assert!(
        error.contains(&inside) && error.contains("check the path in --store"),
        "{error}"
    );
    let error = a
        .with("ICECORE_REPLICA", &inside)
        .fails(1, &["state", "todo"]);
    assert!(
        error.contains("replica folder") && error.contains("--replica"),
        "{error}"
    );
}

#[test]
fn errors_in_json_are_on_stdout_too() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let ran = a.run(&["state", "nothing", "--json"]).expect_code(1);
    let error = &ran.values()[0]["error"];
    assert_eq!(error["code"], "not_found");
    assert_eq!(error["object"], "spaces/nothing/space.json");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("no space nothing")
    );
    assert!(error["hint"].as_str().unwrap().contains("space list"));
    let ran = a.run(&["state", "--json"]).expect_code(2);
    assert_eq!(ran.values()[0]["error"]["code"], "invalid");
    let ran = a.run(&["update", "todo", "{", "--json"]).expect_code(2);
    assert_eq!(ran.values()[0]["error"]["object"], "argument 1");
}

/// The seq after the greatest one does not exist, so no object can end with that.
#[test]
fn the_greatest_seq_and_a_list_are_refused() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let line = r#"{"author":"018bcfe5-6800-7fff-bfff-ffffffffffff","seq":9007199254740991,"at":"2026-01-01T00:00:00.000Z","kind":"merge","data":{"m":1}}"#;
    let ran = a.run_with(&["import", "todo", "-"], line).expect_code(2);
    assert!(ran.stderr.contains("greatest"), "{}", ran.stderr);
    let said = a.fails(2, &["update", "todo", r#"["merge",{"a":1}]"#]);
    assert!(said.contains("not a list"), "{said}");
    assert_eq!(place.objects("spaces/todo/0001/updates").len(), 0);
}
