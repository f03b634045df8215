//! Who opens a space, and how that changes.

use super::{WORDS, diary, joined, public, rejected, update_objects, with_identity};
use crate::support::command::Running;
use std::collections::BTreeSet;

#[test]
fn a_keyring_is_shown_to_anybody_and_its_fingerprint_to_who_opens_it() {
    let (place, a) = diary();
    let b = joined(&place, &a, "b");
    let shown = &place.replica("nobody").json(&["keyring", "show", "diary"])[0];
    assert_eq!(
        (&shown["version"], shown["keys"].as_array().unwrap().len()),
        (&2.into(), 1)
    );
    let holders = shown["holders"].as_array().unwrap();
    let names: Vec<&str> = holders
        .iter()
        .map(|h| h["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["owner", "b"]);
    assert_eq!(
        (&holders[1]["kind"], &holders[1]["public"]),
        (&"member".into(), &public(&b, "b").into())
    );
    assert!(shown["fingerprint"].is_null() && holders[0]["added_at"].is_string());
    assert!(shown["keys"][0]["made_at"].is_string());
    let fingerprints: BTreeSet<String> = [&a, &b]
        .iter()
        .map(|replica| replica.json(&["keyring", "show", "diary"])[0]["fingerprint"].to_string())
        .collect();
    assert_eq!(fingerprints.len(), 1, "{fingerprints:?}");
    let text = a.ok(&["keyring", "show", "diary"]);
    assert!(
        text.contains("fingerprint ") && text.contains("holder owner"),
        "{text}"
    );
    let stranger = with_identity(&place, "stranger");
    let ran = stranger.run(&["keyring", "show", "diary"]).expect_code(0);
    assert!(ran.stderr.contains("none that opens the space"), "{ran:?}");
    a.ok(&["space", "create", "clear"]);
    assert!(
        a.fails(2, &["keyring", "show", "clear"])
            .contains("is not encrypted")
    );
    assert!(
        a.fails(2, &["keyring", "rotate", "clear"])
            .contains("is not encrypted")
    );
}

#[test]
fn what_cannot_be_is_refused_and_nothing_changes() {
    let (place, a) = diary();
    let b = with_identity(&place, "b");
    let key = public(&b, "b");
    let table: [(i32, &[&str]); 7] = [
        (3, &["add", "diary", "owner", &key]),
        (2, &["add", "diary", "b", "nonsense"]),
        (2, &["add", "diary", " ", &key]),
        (1, &["remove", "diary", "b"]),
        (2, &["remove", "diary", "owner"]),
        (1, &["passphrase", "diary"]),
        (2, &["add", "diary", "us", "--passphrase"]),
    ];
    for (code, arguments) in table {
        let said = a.fails(code, &[&["keyring"], arguments].concat());
        assert!(said.contains("hint:"), "{said}");
        let said = b.run(&[&["keyring"], arguments].concat());
        assert_ne!(said.code, Some(0), "{said:?}");
    }
    assert_eq!(a.json(&["keyring", "show", "diary"])[0]["version"], 1);
    let said = place
        .replica("nobody")
        .fails(1, &["keyring", "rotate", "diary"]);
    assert!(said.contains("no secret was given"), "{said}");
    let said = b.fails(1, &["keyring", "rotate", "diary"]);
    assert!(said.contains("none that opens the space"), "{said}");
}

#[test]
fn of_two_who_rotate_at_once_one_is_told() {
    let (_place, a) = diary();
    let mut won = 0;
    let mut told = 0;
    for _round in 0..20 {
        let start = |_| Running::of(a.command(&["keyring", "rotate", "diary"]));
        let racing: Vec<Running> = (0..6).map(start).collect();
        for running in racing {
            match running.end() {
                Some(0) => won += 1,
                Some(3) => told += 1,
                code => panic!("a rotation ended with {code:?}"),
            }
        }
        if told > 0 {
            break;
        }
    }
    assert!(told > 0, "no two of {won} rotations were made at once");
    let keyring = &a.json(&["keyring", "show", "diary"])[0];
    assert_eq!(keyring["version"], won + 1);
    assert_eq!(keyring["keys"].as_array().unwrap().len(), won + 1);
}

#[test]
fn a_removed_member_is_told_and_loses_nothing() {
    let (place, a) = diary();
    let b = joined(&place, &a, "b");
    a.merge("diary", r#"{"n":1}"#);
    b.ok(&["sync", "diary"]);
    b.ok(&[
        "update",
        "diary",
        "--offline",
        &format!(r#"{{"kind":"merge","data":{{"b":"{WORDS}"}}}}"#),
    ]);
    let removed = a.run(&["keyring", "remove", "diary", "b"]).expect_code(0);
    assert!(removed.stdout.contains("made a new key"), "{removed:?}");
    assert!(
        removed.stderr.contains("access to the bucket"),
        "{removed:?}"
    );
    a.merge("diary", r#"{"n":2}"#);
    for command in [&["sync", "diary"][..], &["state", "diary"]] {
        let said = b.fails(1, command);
        assert!(said.contains("was removed from it"), "{said}");
    }
    let said = b.fails(
        1,
        &["update", "diary", r#"{"kind":"merge","data":{"c":1}}"#],
    );
    assert!(
        said.contains("2 updates queued on this replica, not lost"),
        "{said}"
    );
    let status = &b.json(&["status", "diary"])[0];
    assert_eq!(status["queued"], 2);
    assert_eq!(status["encrypted"]["readable"], false);
    assert!(
        status["encrypted"]["problem"]
            .as_str()
            .unwrap()
            .contains("removed")
    );
    assert_eq!(update_objects(&place).len(), 2);
    // What b had read stays with b.
    let own = b.ok(&["state", "diary", "--offline"]);
    assert!(own.contains("\"n\":1") && own.contains(WORDS), "{own}");
    // Added again, b goes on.
    a.ok(&["keyring", "add", "diary", "b", &public(&b, "b")]);
    b.ok(&["sync", "diary"]);
    let state = a.ok(&["state", "diary"]);
    assert_eq!(state, format!("{{\"b\":\"{WORDS}\",\"c\":1,\"n\":2}}\n"));
    assert_eq!(b.ok(&["state", "diary"]), state);
    assert!(rejected(&a).is_empty());
}

#[test]
fn somebody_elses_identity_opens_nothing_and_a_broken_one_is_named() {
    let (place, a) = diary();
    a.merge("diary", r#"{"n":1}"#);
    let stranger = with_identity(&place, "stranger");
    for command in ["state", "sync", "export"] {
        let said = stranger.fails(1, &[command, "diary"]);
        assert!(said.contains("none that opens the space"), "{said}");
    }
    // What needs no content goes on, and says so.
    for command in ["rollup", "verify"] {
        let ran = stranger.run(&[command, "diary"]).expect_code(0);
        assert!(
            ran.stderr.contains("going on without its content"),
            "{ran:?}"
        );
    }
    for arguments in [&["prune"][..], &["space", "list"]] {
        stranger.ok(arguments);
    }
    stranger.ok(&["status", "diary"]);
    std::fs::write(place.folder().join("broken"), "icecore-secret-?").unwrap();
    let said = a.fails(2, &["state", "diary", "--identity", "broken"]);
    assert!(
        said.contains("no identity") && !said.contains("secret-?"),
        "{said}"
    );
    let said = a.fails(1, &["state", "diary", "--identity", "missing"]);
    assert!(said.contains("missing") && said.contains("hint:"), "{said}");
}

#[test]
fn what_was_written_under_old_keys_stays_readable() {
    let (place, a) = diary();
    let b = joined(&place, &a, "b");
    for n in 1..=4 {
        a.merge("diary", &format!(r#"{{"n{n}":{n}}}"#));
        if n == 2 {
            a.ok(&["rollup", "diary", "--now"]);
        }
        a.ok(&["keyring", "rotate", "diary"]);
    }
    // b has an old keyring in its copy, and looks again when it meets a newer key.
    let state = "{\"n1\":1,\"n2\":2,\"n3\":3,\"n4\":4}\n";
    for replica in [
        &b,
        &place
            .replica("fresh")
            .with("ICECORE_IDENTITY", "b.identity"),
    ] {
        assert_eq!(replica.ok(&["state", "diary"]), state);
        assert!(rejected(replica).is_empty());
    }
    place.replica("nobody").ok(&["rollup", "diary", "--now"]);
    b.ok(&["sync", "diary"]);
    b.ok(&["verify", "diary"]);
    assert_eq!(a.ok(&["state", "diary"]), state);
    assert_eq!(
        a.ok(&["state", "diary", "--gen", "1"]),
        "{\"n1\":1,\"n2\":2}\n"
    );
    assert_eq!(a.ok(&["diff", "diary", "1"]), "+ /n3 3\n+ /n4 4\n");
    a.ok(&["update", "diary", r#"{"kind":"delete","data":["/n1"]}"#]);
    a.ok(&["restore", "diary", "/n1", "--at", "1"]);
    assert_eq!(b.ok(&["state", "diary"]), state);
}
