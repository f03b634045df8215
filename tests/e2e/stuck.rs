//! Why a sync is stuck, as a person and as a script learn it: from `status`, and from exit codes.

use crate::support::command::Place;
use crate::support::stuck::{is_stuck, status};
use icecore_sim::s3_server;
use object_store::memory::InMemory;
use serde_json::{Value, json};
use std::sync::Arc;

fn update(data: &str) -> String {
    format!(r#"{{"kind":"merge","data":{data}}}"#)
}

/// Nobody could tell why nothing came through: sync had stopped without a word, an import had ended with exit code 0 and
/// imported nothing (actual#3786; libsql#2001, #2095; taskwarrior#4123). Here each reason has its exit code, is kept for
/// `status` with what to do, and is gone after the next good sync.
#[tokio::test(flavor = "multi_thread")]
async fn row_17_a_stuck_sync_says_why_and_exit_codes_mean_it() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let gone = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let nobody = gone.endpoint().to_owned();
    drop(gone);
    let place = Place::at(server.url("a"), server.environment());
    let check = move || {
        let a = place.replica("a").with("ICECORE_PUBLISH_TIME_MAX_MS", "1");
        a.ok(&["init"]);
        a.ok(&["space", "create", "todo"]);
        a.ok(&["update", "todo", &update(r#"{"a":1}"#)]);
        a.ok(&["update", "todo", "--offline", &update(r#"{"b":1}"#)]);
        let away = a.clone().with("AWS_ENDPOINT_URL", &nobody);
        is_stuck(&away, 4, "check the network");
        let denied = a.clone().with("AWS_SECRET_ACCESS_KEY", "expired");
        is_stuck(&denied, 1, "check AWS_SECRET_ACCESS_KEY");
        // A command that wants to write says so too, and keeps what it was given.
        let said = away.fails(4, &["update", "todo", &update(r#"{"c":1}"#)]);
        assert!(said.contains("queued"), "{said}");

        a.ok(&["sync", "todo"]);
        let json = status(&a);
        assert_eq!(
            (&json["problem"], &json["queued"]),
            (&Value::Null, &json!(0))
        );
        let seen = place.replica("b").ok(&["state", "todo"]);
        assert_eq!(seen, "{\"a\":1,\"b\":1,\"c\":1}\n");
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}

/// What does not stop a sync but hides something is named as well: an update that must exist and was not found, and an
/// object that cannot be read. Other processes, hours later, say it too.
#[test]
fn row_17_status_names_what_is_missing_and_what_cannot_be_read() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let key = a.json(&["update", "todo", &update(r#"{"a":1}"#)])[0]["key"]
        .as_u64()
        .unwrap();
    let author = "018bcfe5-6800-7fff-bfff-ffffffffffff";
    let third = format!(
        r#"{{"v":1,"author":"{author}","seq":3,"updates":[{{"at":"2023-11-14T22:13:20.000Z","kind":"merge","data":{{"c":3}}}}]}}"#
    );
    let updates = place.object("spaces/todo/0001/updates");
    std::fs::write(updates.join((key + 1).to_string()), third).unwrap();
    std::fs::write(updates.join((key + 2).to_string()), "garbage").unwrap();
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":1,\"c\":3}\n");
    for replica in [&a, &place.replica("b"), &a] {
        replica.ok(&["sync", "todo"]);
        let json = status(replica);
        assert_eq!(json["gaps"], json!([format!("{author}:2")]), "{json}");
        let unreadable = json["unreadable"].to_string();
        assert!(unreadable.contains(&(key + 2).to_string()), "{json}");
        assert_eq!(json["warnings"].as_array().unwrap().len(), 2, "{json}");
        let text = replica.ok(&["status", "todo"]);
        assert_eq!(text.matches("warning").count(), 2, "{text}");
    }
    // `verify` is asked whether all is well, so it says no.
    let said = a.run(&["verify", "todo"]).expect_code(5).stdout;
    assert!(said.contains(&format!("{author}:2")), "{said}");
    assert!(said.contains(&(key + 2).to_string()), "{said}");
}

/// "Exit 0 and nothing imported": an import of which nothing can be used fails and changes nothing, whatever is wrong.
#[test]
fn row_17_an_import_that_imports_nothing_is_a_failure() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let lines = [
        ("empty.ndjson", "", 2),
        ("text.ndjson", "hello\n", 2),
        (
            "half.ndjson",
            "{\"kind\":\"merge\",\"data\":{\"a\":1}}\n{\"kind\":\n",
            2,
        ),
    ];
    for (name, content, code) in lines {
        std::fs::write(place.folder().join(name), content).unwrap();
        let ran = a.run(&["import", "todo", name, "--replay"]);
        assert_eq!(ran.code, Some(code), "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("error:"), "{name}: {}", ran.stderr);
    }
    let missing = a.fails(1, &["import", "todo", "missing.ndjson"]);
    assert!(missing.contains("missing.ndjson"), "{missing}");
    assert_eq!(a.ok(&["state", "todo"]), "{}\n");
    assert_eq!(status(&a)["queued"], 0);
}
