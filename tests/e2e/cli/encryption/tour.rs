//! What a person does with an encrypted space, from beginning to end.

use super::{WORDS, diary, diary_with, joined, public, update_objects, with_identity};
use crate::support::command::Place;
use std::fs;

#[test]
fn two_members_write_and_read_and_the_rest_goes_without_a_secret() {
    let (place, a) = diary();
    let b = joined(&place, &a, "b");
    a.merge("diary", &format!(r#"{{"first":"{WORDS}"}}"#));
    b.merge("diary", r#"{"second":2}"#);
    let state = a.ok(&["state", "diary"]);
    assert_eq!(state, format!("{{\"first\":\"{WORDS}\",\"second\":2}}\n"));
    let nobody = place.replica("nobody");
    nobody.ok(&["sync", "diary"]);
    nobody.ok(&["rollup", "--now"]);
    nobody.ok(&["verify"]);
    let listed = nobody.ok(&["space", "list"]);
    assert!(listed.contains("ENCRYPTED") && listed.contains("yes"));
    assert_eq!(place.objects("spaces/diary/0001/snapshots").len(), 0);
    // Who holds the keys writes the snapshot when it meets the segment.
    b.ok(&["sync", "diary"]);
    assert_eq!(place.objects("spaces/diary/0001/snapshots").len(), 1);
    let text = nobody.ok(&["verify"]);
    assert!(text.contains("1 snapshot not read"), "{text}");
    let report = &a.json(&["verify", "diary"])[0];
    assert_eq!(
        (&report["snapshots"], &report["snapshots_unread"]),
        (&1.into(), &0.into())
    );
    nobody.wait_a_second("diary");
    nobody.ok(&["prune", "--retention", "0s"]);
    assert_eq!(update_objects(&place).len(), 0);
    for replica in [
        &a,
        &b,
        &place
            .replica("fresh")
            .with("ICECORE_IDENTITY", "b.identity"),
    ] {
        assert_eq!(replica.ok(&["state", "diary"]), state);
    }
    for now in ["compress", "reset"] {
        let refused = nobody.fails(1, &[now, "diary", "--yes"]);
        assert!(refused.contains("no secret was given"), "{refused}");
    }
    b.ok(&["compress", "diary", "--yes"]);
    assert_eq!(a.ok(&["state", "diary"]), state);
    a.ok(&["verify", "diary"]);
    nobody.ok(&["verify", "diary"]);
}

#[test]
fn who_gives_no_secret_sees_that_it_is_encrypted_and_nothing_else() {
    let (place, a) = diary();
    a.merge("diary", &format!(r#"{{"first":"{WORDS}"}}"#));
    let nobody = place.replica("nobody");
    for command in ["state", "export", "conflicts"] {
        let said = nobody.fails(1, &[command, "diary"]);
        assert!(
            said.contains("is encrypted") && said.contains("--identity"),
            "{said}"
        );
    }
    let log = nobody.run(&["log", "diary"]).expect_code(0);
    assert!(
        log.stderr.contains("the space is encrypted"),
        "{}",
        log.stderr
    );
    let line = &log.values()[0];
    assert_eq!(line["raw"]["key"], 1);
    assert!(line["seq"] == 1 && line["kind"].is_null(), "{line}");
    let status = &nobody.json(&["status", "diary"])[0];
    let encrypted = &status["encrypted"];
    assert_eq!(
        (&encrypted["keyring"], &encrypted["readable"]),
        (&1.into(), &false.into())
    );
    let text = nobody.ok(&["status", "diary", "--offline"]);
    assert!(text.contains("locked: no secret is given"), "{text}");
    let own = &a.json(&["status", "diary"])[0]["encrypted"];
    assert_eq!(own["readable"], true);
    let line = &a.json(&["log", "diary"])[0];
    assert_eq!(line["data"]["first"], WORDS);
    // What it writes stays with it.
    let update = r#"{"kind":"merge","data":{"mine":1}}"#;
    let said = nobody.fails(1, &["update", "diary", update]);
    assert!(said.contains("queued on this replica, not lost"), "{said}");
    assert_eq!(nobody.json(&["status", "diary"])[0]["queued"], 1);
    assert_eq!(update_objects(&place).len(), 1);
}

#[test]
fn what_is_queued_offline_is_sealed_when_it_is_sent() {
    let (place, a) = diary();
    let b = joined(&place, &a, "b");
    let update = format!(r#"{{"kind":"merge","data":{{"offline":"{WORDS}"}}}}"#);
    // The replica has never seen the space; no secret is read.
    let offline = place.replica("b").with("ICECORE_IDENTITY", "missing");
    offline.ok(&["update", "diary", "--offline", &update]);
    b.ok(&["sync", "diary"]);
    let stored = super::text_of(&place, &update_objects(&place)[0]);
    assert!(
        stored.contains("sealed") && !stored.contains(WORDS),
        "{stored}"
    );
    assert!(a.ok(&["state", "diary"]).contains(WORDS));
    // It has seen it now, and queues more in the same way.
    offline.ok(&[
        "update",
        "diary",
        "--offline",
        r#"{"kind":"merge","data":{"n":1}}"#,
    ]);
    b.ok(&["sync", "diary"]);
    assert!(a.ok(&["state", "diary"]).contains("\"n\":1"));
}

#[test]
fn a_history_moves_between_spaces_of_both_kinds() {
    let (place, a) = diary();
    for n in 1..=3 {
        let update = format!(
            r#"{{"kind":"merge","data":{{"n":{n},"said":"{WORDS}"}},"at":"2026-01-01T00:00:0{n}.000Z"}}"#
        );
        a.ok(&["update", "diary", &update]);
    }
    a.ok(&["rollup", "diary", "--now"]);
    let exported = a.ok(&["export", "diary"]);
    let file = place.folder().join("diary.ndjson");
    fs::write(&file, &exported).unwrap();
    let file = file.to_str().unwrap();
    a.ok(&["space", "create", "clear"]);
    a.ok(&["space", "create", "copy", "--encrypted"]);
    a.ok(&["space", "create", "replayed", "--encrypted"]);
    let state = a.ok(&["state", "diary"]);
    for (space, options) in [("clear", ""), ("copy", "--merge"), ("replayed", "--replay")] {
        let options: Vec<&str> = Some(options)
            .filter(|o| !o.is_empty())
            .into_iter()
            .collect();
        let imported = &a.json(&[&["import", space, file], options.as_slice()].concat())[0];
        assert_eq!(imported["imported"], 3, "{space}");
        assert_eq!(a.ok(&["state", space]), state, "{space}");
    }
    // Again, once as objects and once as segments: what is there is compared as it was written.
    for _ in 0..2 {
        let again = &a.json(&["import", "copy", file])[0];
        assert_eq!(
            (&again["imported"], &again["skipped"]),
            (&0.into(), &3.into())
        );
        a.ok(&["rollup", "copy", "--now"]);
    }
    assert_eq!(a.ok(&["export", "copy"]).lines().count(), 3);
    let changed = exported.replace(WORDS, "something else");
    let conflict = a.run_with(&["import", "copy", "-"], changed).expect_code(3);
    assert!(conflict.stderr.contains("another update"), "{conflict:?}");
    // What was printed without a secret is of no use elsewhere.
    let sealed = place.replica("nobody").ok(&["log", "diary"]);
    let refused = a.run_with(&["import", "clear", "-"], sealed).expect_code(2);
    assert!(refused.stderr.contains("the line is sealed"), "{refused:?}");
    let nobody = place.replica("nobody").run(&["import", "copy", file]);
    assert!(nobody.expect_code(1).stderr.contains("no secret was given"));
    for name in ["copy", "replayed"] {
        for key in place.objects(&format!("spaces/{name}/0001/updates")) {
            assert!(!super::text_of(&place, &key).contains(WORDS), "{key}");
        }
    }
}

#[test]
fn the_past_and_the_places_of_a_sequence_go_by_what_is_sealed() {
    let (_place, a) = diary_with(&["--order", "sequence"]);
    for n in 1..=4 {
        let update =
            format!(r#"{{"kind":"merge","data":{{"n":{n}}},"at":"2026-01-01T00:00:0{n}.000Z"}}"#);
        a.ok(&["update", "diary", &update]);
        if n == 2 {
            a.ok(&["rollup", "diary", "--now"]);
        }
    }
    for (at, n) in [("01", 1), ("02", 2), ("03", 3), ("09", 4)] {
        let at = format!("2026-01-01T00:00:{at}Z");
        let state = a.ok(&["state", "diary", "--at", &at]);
        assert_eq!(state, format!("{{\"n\":{n}}}\n"), "{at}");
    }
    let log = a.ok(&["log", "diary", "--after", "2026-01-01T00:00:02Z"]);
    assert_eq!(log.lines().count(), 2, "{log}");
    // An update of a file is checked against the state before it is sealed.
    let exported = a.ok(&["export", "diary"]);
    a.ok(&[
        "space",
        "create",
        "copy",
        "--encrypted",
        "--order",
        "sequence",
    ]);
    let refused = exported
        .replacen("\"merge\"", "\"increment\"", 1)
        .replace("\"n\":1", "\"/n/x\":1");
    a.ok(&["update", "copy", r#"{"kind":"merge","data":{"n":"text"}}"#]);
    let said = a.run_with(&["import", "copy", "-"], refused).expect_code(3);
    assert!(said.stderr.contains("the state refuses"), "{said:?}");
    let imported = a
        .run_with(&["import", "copy", "-"], exported)
        .expect_code(0);
    assert!(imported.stdout.contains("imported 4"), "{imported:?}");
    assert_eq!(a.ok(&["state", "copy"]), "{\"n\":4}\n");
}

#[test]
fn a_rule_is_broken_and_settled() {
    let (place, a) = diary_with(&["--rule", "unique:/tasks/*/slot"]);
    let b = joined(&place, &a, "b");
    a.merge("diary", r#"{"tasks":{"a":{"slot":1}}}"#);
    b.merge("diary", r#"{"tasks":{"b":{"slot":1}}}"#);
    let conflict = &a.json(&["conflicts", "diary"])[0];
    let id = conflict["id"].as_str().unwrap();
    a.ok(&[
        "resolve",
        "diary",
        id,
        r#"{"kind":"merge","data":{"tasks":{"b":{"slot":2}}}}"#,
    ]);
    let log = b.json(&["log", "diary"]);
    assert_eq!(log[2]["resolves"], id);
    assert!(b.json(&["conflicts", "diary"]).is_empty());
    a.ok(&["space", "create", "other"]);
    let said = a.fails(2, &["space", "link", "diary", "other"]);
    assert!(said.contains("cannot be linked"), "{said}");
}

#[test]
fn an_identity_is_made_once_and_shows_its_public_half_only() {
    let place = Place::empty();
    let a = with_identity(&place, "a");
    let file = place.folder().join("a.identity");
    let secret = fs::read_to_string(&file).unwrap();
    assert!(secret.starts_with("icecore-secret-"));
    let said = a.run(&["identity", "create", "a.identity"]).expect_code(3);
    assert!(said.stderr.contains("was not touched"), "{said:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let shown = a.json(&["identity", "show", "a.identity"]);
    assert_eq!(shown[0]["public"], public(&a, "a"));
    assert!(public(&a, "a").starts_with("icecore-public-"));
    let missing = a.fails(1, &["identity", "create", "no/such/folder"]);
    assert!(missing.contains("hint:"), "{missing}");
}
