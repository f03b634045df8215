//! What a token does not allow is refused, says so, and loses nothing.

use crate::support::serving::Serving;

#[test]
fn a_token_reaches_no_further_than_it_says() {
    let serving = Serving::start();
    let admins = serving.behind(&serving.admin());
    let admin = admins.replica("admin");
    admin.ok(&["space", "create", "mine"]);
    admin.ok(&["space", "create", "theirs"]);
    admin.merge("theirs", r#"{"secret":1}"#);

    let members = serving.behind(&serving.token(&["--space", "mine"]));
    let member = members.replica("member");
    member.merge("mine", r#"{"a":1}"#);
    assert_eq!(member.ok(&["state", "mine"]), "{\"a\":1}\n");
    let names = member.json(&["space", "list"]);
    assert_eq!(names.len(), 1, "{names:?}");
    let error = member.fails(1, &["state", "theirs"]);
    assert!(error.contains("the token is not for this space"), "{error}");
    let error = member.fails(1, &["rollup", "mine", "--now"]);
    assert!(error.contains("admin"), "{error}");
    assert!(
        member
            .fails(1, &["space", "create", "more"])
            .contains("not for this space")
    );

    let token = serving.token(&["--space", "mine", "--right", "read"]);
    let readers = serving.behind(&token);
    let reader = readers.replica("reader");
    assert_eq!(reader.ok(&["state", "mine"]), "{\"a\":1}\n");
    let update = r#"{"kind":"merge","data":{"b":2}}"#;
    let error = reader.fails(1, &["update", "mine", update]);
    assert!(error.contains("write"), "{error}");
    // The update waits for a better token.
    assert_eq!(reader.json(&["status", "mine"])[0]["queued"], 1);
    let better = serving.token(&["--space", "mine"]);
    reader.with("ICECORE_TOKEN", &better).ok(&["sync", "mine"]);
    assert_eq!(member.ok(&["state", "mine"]), "{\"a\":1,\"b\":2}\n");
}

#[test]
fn row_09_a_refused_token_never_drops_the_queue() {
    // A 401 made clients of other systems throw their queue away. Here an update waits, whatever is wrong with the
    // token, and is sent by the first sync with a good one.
    let serving = Serving::start();
    let good = serving.admin();
    let place = serving.behind(&good);
    place.replica("admin").ok(&["space", "create", "todo"]);
    let phone = place.replica("phone");
    phone.ok(&["sync", "todo"]);
    let mut tampered = good.clone();
    tampered.replace_range(good.len() - 6..good.len() - 4, "AA");
    let expired = serving.token(&["--space", "*", "--expires", "1s"]);
    let wait_over = std::process::Command::new("sleep").arg("2").status();
    assert!(wait_over.unwrap().success());
    let cases = [
        (tampered.as_str(), "signature"),
        (expired.as_str(), "expired"),
        ("", "token"),
        ("garbage", "token"),
    ];
    for (n, (token, says)) in cases.iter().enumerate() {
        let update = format!(r#"{{"kind":"merge","data":{{"n{n}":{n}}}}}"#);
        let bad = phone.clone().with("ICECORE_TOKEN", token);
        let error = bad.fails(1, &["update", "todo", &update]);
        assert!(error.contains(says), "{says}: {error}");
        assert!(!error.contains(&good[20..60]), "{error}");
    }
    assert_eq!(phone.json(&["status", "todo"])[0]["queued"], 4);
    phone.ok(&["sync", "todo"]);
    assert_eq!(
        place.replica("other").ok(&["state", "todo"]),
        "{\"n0\":0,\"n1\":1,\"n2\":2,\"n3\":3}\n"
    );
}

#[test]
fn a_token_in_a_file_is_read_again_when_it_is_refused() {
    let serving = Serving::start();
    let place = serving.behind(&serving.admin());
    place.replica("admin").ok(&["space", "create", "todo"]);
    let file = place.folder().join("token");
    std::fs::write(&file, serving.token(&["--space", "todo"])).unwrap();
    let replica = place
        .replica("a")
        .with("ICECORE_TOKEN", "")
        .with("ICECORE_TOKEN_FILE", &file.display().to_string());
    replica.merge("todo", r#"{"a":1}"#);
    assert_eq!(replica.ok(&["state", "todo"]), "{\"a\":1}\n");
    std::fs::write(&file, "broken").unwrap();
    replica.fails(1, &["sync", "todo"]);
}

#[test]
fn a_clock_an_hour_off_neither_loses_nor_misplaces_anything() {
    let serving = Serving::start_with(&["--rollup-every", "1"]);
    let place = serving.behind(&serving.admin());
    let right = place.replica("right");
    right.ok(&["space", "create", "todo"]);
    let ahead = place
        .replica("ahead")
        .with("ICECORE_CLOCK_OFFSET_MS", "3600000");
    let behind = place
        .replica("behind")
        .with("ICECORE_CLOCK_OFFSET_MS", "-3600000");
    for n in 0..3 {
        ahead.merge("todo", &format!(r#"{{"last":"ahead{n}"}}"#));
        behind.merge("todo", &format!(r#"{{"last":"behind{n}"}}"#));
        right.merge("todo", &format!(r#"{{"last":"right{n}"}}"#));
        let expected = format!("{{\"last\":\"right{n}\"}}\n");
        for replica in [&right, &ahead, &behind] {
            assert_eq!(replica.ok(&["state", "todo"]), expected);
        }
    }
    right.ok(&["verify"]);
}

#[test]
fn a_replica_takes_the_author_that_its_token_is_bound_to() {
    const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";
    const OTHER: &str = "018bcfe5-6800-7fff-bfff-fffffffffffe";
    let serving = Serving::start();
    let admins = serving.behind(&serving.admin());
    admins.replica("admin").ok(&["space", "create", "todo"]);
    let bound = serving.behind(&serving.token(&["--space", "todo", "--author", AUTHOR]));
    let phone = bound.replica("phone");
    assert_eq!(phone.merge("todo", r#"{"a":1}"#), format!("{AUTHOR}:1"));
    assert_eq!(phone.merge("todo", r#"{"b":2}"#), format!("{AUTHOR}:2"));
    // A second replica with the same token would hide its updates behind those of the first.
    let update = r#"{"kind":"merge","data":{"c":3}}"#;
    let copy = bound.replica("copy");
    let error = copy.fails(3, &["update", "todo", update]);
    assert!(error.contains("a token of its own"), "{error}");
    // It can read; what it queued waits for a token of its own.
    assert_eq!(copy.ok(&["state", "todo"]), "{\"a\":1,\"b\":2,\"c\":3}\n");
    assert_eq!(copy.json(&["status", "todo"])[0]["queued"], 1);
    assert_eq!(phone.merge("todo", r#"{"d":4}"#), format!("{AUTHOR}:3"));
    let own = serving.token(&["--space", "todo", "--author", OTHER]);
    copy.with("ICECORE_TOKEN", &own).ok(&["sync", "todo"]);
    assert_eq!(
        admins.replica("admin").ok(&["state", "todo"]),
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}\n"
    );
}
