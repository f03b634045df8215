//! A store that does not answer: nothing is lost, and the exit code says to try again.

use crate::support::command::{Place, Replica};

/// A replica whose bucket is at a port where nobody listens.
fn nowhere(place: &Place) -> Replica {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    place
        .replica("a")
        .on("s3://bucket/prefix")
        .with("AWS_ENDPOINT_URL", &endpoint)
        .with("AWS_ACCESS_KEY_ID", "x")
        .with("AWS_SECRET_ACCESS_KEY", "y")
}

#[test]
fn an_update_stays_queued_and_the_exit_code_is_4() {
    let place = Place::empty();
    let a = nowhere(&place);
    let ran = a
        .run(&["update", "todo", r#"{"kind":"merge","data":{"a":1}}"#])
        .expect_code(4);
    assert!(ran.stdout.starts_with("queued "), "{ran:?}");
    assert!(
        ran.stderr.contains("queued on this replica") && ran.stderr.contains("icecore sync todo"),
        "{ran:?}"
    );
    let status = &a.json(&["status", "todo", "--offline"])[0];
    assert_eq!(status["queued"], 1);
    assert!(
        status["problem"].as_str().unwrap().contains("cannot"),
        "{status}"
    );
    let table = a.ok(&["status"]);
    assert!(
        table.contains("unavailable:") && table.contains("the last sync failed"),
        "{table}"
    );
}

#[test]
fn the_state_that_was_seen_is_there_offline() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    std::fs::rename(place.object(""), place.folder().join("unplugged")).unwrap();
    let error = a.run(&["state", "todo"]);
    assert_ne!(error.code, Some(0));
    a.ok(&[
        "update",
        "todo",
        "--offline",
        r#"{"kind":"merge","data":{"b":2}}"#,
    ]);
    assert_eq!(a.ok(&["state", "todo", "--offline"]), "{\"a\":1,\"b\":2}\n");
    std::fs::rename(place.folder().join("unplugged"), place.object("")).unwrap();
    a.ok(&["sync"]);
    assert_eq!(
        place.replica("b").ok(&["state", "todo"]),
        "{\"a\":1,\"b\":2}\n"
    );
    let unreachable = nowhere(&place).fails(4, &["state", "todo"]);
    assert!(unreachable.contains("--offline"), "{unreachable}");
}

#[test]
fn another_store_under_the_same_address_is_refused() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    std::fs::rename(place.object(""), place.folder().join("elsewhere")).unwrap();
    let b = place.replica("b");
    b.ok(&["init"]);
    b.ok(&["space", "create", "todo"]);
    let error = a.fails(3, &["state", "todo"]);
    assert!(error.contains("this is another store"), "{error}");
}

/// The disk of a store was not mounted. The first hint was to make another store there, the next to drop the queue.
#[test]
fn a_store_that_is_not_mounted_is_away_and_not_missing() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    let away = place.folder().join("unplugged");
    for leave_the_mount_point in [false, true] {
        std::fs::rename(place.object(""), &away).unwrap();
        if leave_the_mount_point {
            std::fs::create_dir(place.object("")).unwrap();
        }
        let update = r#"{"kind":"increment","data":{"/n":1}}"#;
        for command in [
            &["sync"][..],
            &["state", "todo"],
            &["update", "todo", update],
            &["status", "todo"],
        ] {
            let ran = a.run(command);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("has read it before"), "{said}");
            assert!(
                !said.contains("icecore init") && !said.contains("forget"),
                "{said}"
            );
            assert!(
                command[0] == "status" || said.contains("mount the disk"),
                "{said}"
            );
        }
        if leave_the_mount_point {
            std::fs::remove_dir(place.object("")).unwrap();
        }
        std::fs::rename(&away, place.object("")).unwrap();
        a.ok(&["sync"]);
    }
    assert_eq!(
        place.replica("b").ok(&["state", "todo"]),
        "{\"a\":1,\"n\":2}\n"
    );
    // Who never read it may have mistyped the address.
    let said = place
        .replica("c")
        .on(away.display().to_string())
        .fails(1, &["sync", "todo"]);
    assert!(said.contains("icecore init"), "{said}");
}

#[test]
fn a_proxy_that_is_dead_is_named() {
    let place = Place::empty();
    let a = nowhere(&place).with("NO_PROXY", "").with("no_proxy", "");
    let a = a
        .with("HTTP_PROXY", "http://user:secret@127.0.0.1:9")
        .with("ICECORE_PUBLISH_TIME_MAX_MS", "1");
    let ran = a.run(&["state", "todo", "--json"]).expect_code(4);
    for said in [&ran.stderr, &ran.stdout] {
        assert!(
            said.contains("HTTP_PROXY names the proxy 127.0.0.1:9") && !said.contains("secret"),
            "{said}"
        );
    }
    let folder = place.replica("b").with("HTTP_PROXY", "http://127.0.0.1:9");
    assert!(!folder.fails(1, &["state", "todo"]).contains("PROXY"));
}
