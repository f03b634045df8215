//! The command, by hand.

use crate::process::{Serving, ok, run};
use crate::support::{Site, event};
use icecore_example_activity::What;
use serde_json::{Value, json};
use std::process::Command;

#[tokio::test]
async fn two_devices_by_hand() {
    let site = Site::new();
    let at = |time: &'static str| ["--at", time];
    ok(&site, "phone", &["create", "run-1", "--title", "Park"]);
    ok(
        &site,
        "phone",
        &[&["start", "run-1"][..], &at("2026-11-21T10:00:00Z")].concat(),
    );
    ok(&site, "phone", &["sync"]);
    ok(&site, "watch", &["sync"]);
    ok(&site, "watch", &["score", "run-1", "-3"]);
    ok(&site, "watch", &["score", "run-1", "10"]);
    ok(
        &site,
        "watch",
        &[&["pause", "run-1"][..], &at("2026-11-21T10:05:30Z")].concat(),
    );
    let line = ok(&site, "watch", &["show"]);
    assert_eq!(line, "run-1  paused  0:05:30  7 points  (3 not synced)\n");
    ok(&site, "watch", &["sync"]);
    ok(&site, "phone", &["sync"]);
    ok(
        &site,
        "phone",
        &[&["pause", "run-1"][..], &at("2026-11-21T10:06:00Z")].concat(),
    );
    let shown: Value =
        serde_json::from_str(&ok(&site, "phone", &["show", "run-1", "--json"])).unwrap();
    assert_eq!(
        (&shown["attemptId"], &shown["title"]),
        (&json!("run-1"), &json!("Park"))
    );
    assert_eq!(
        (&shown["status"], &shown["pointsEarned"]),
        (&json!("paused"), &json!(7))
    );
    assert_eq!(shown["duration"], 330_000);
    assert_eq!(shown["odd"][0]["why"], "notRunning");
    let page = ok(&site, "phone", &["show", "run-1"]);
    assert!(page.contains("ignored: it did not run"), "{page}");
    ok(&site, "phone", &["sync"]);
    ok(&site, "watch", &["sync"]);
    let state = ok(&site, "phone", &["state"]);
    assert!(state.starts_with(r#"{"run-1":[{"createdAt":"#), "{state}");
    assert_eq!(state, ok(&site, "watch", &["state"]));
    site.verify().await;
}

#[test]
fn what_cannot_be_has_its_exit_code_and_a_hint() {
    let site = Site::new();
    let unknown = run(&site, "phone", &["show", "none", "--json"]);
    assert_eq!(unknown.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&unknown.stdout).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
    let stderr = String::from_utf8(unknown.stderr).unwrap();
    assert!(stderr.contains("hint: "), "{stderr}");
    let (long, title) = ("x".repeat(201), "x".repeat(201));
    for arguments in [
        &["start", ""][..],
        &["start", &long],
        &["create", "a", "--title", &title],
        &["start", "a", "--at", "noon"],
        &["start", "a", "--at", "1969-12-31T23:59:59Z"],
        &["score", "a", "1000001"],
        &["bench", "--events", "0"],
        &["--space", "UPPER", "show"],
    ] {
        assert_eq!(
            run(&site, "phone", arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    let mut without = Command::new(env!("CARGO_BIN_EXE_activity"));
    let output = without
        .env_clear()
        .args(["--store", "memory://", "show"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let mut away = Command::new(env!("CARGO_BIN_EXE_activity"));
    away.env_clear()
        .args(["--store", "http://127.0.0.1:9", "--replica"]);
    let output = away.arg(site.path("away")).arg("sync").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
}

#[tokio::test]
async fn a_client_that_knows_nothing_of_icecore_syncs_by_http() {
    let site = Site::new();
    ok(&site, "phone", &["start", "run-1"]);
    ok(&site, "phone", &["sync"]);
    let serving = Serving::start(&site, "server");
    assert!(
        serving.address.starts_with("127.0.0.1:"),
        "{}",
        serving.address
    );

    let events = [event("run-1", 3, What::Score { points: 10 })];
    let answer = serving.call(&json!({ "events": events }));
    let given = answer["newEvents"].as_array().unwrap();
    assert_eq!((given.len(), &given[0]["source"]), (1, &json!("user")));
    ok(&site, "phone", &["sync"]);
    assert!(ok(&site, "phone", &["show"]).contains("10 points"));
    site.verify().await;
}

#[tokio::test]
async fn an_attempt_before_its_create_and_what_is_unknown_are_shown() {
    let site = Site::new();
    let at = |time: &'static str| ["--at", time];
    let start = [&["start", "run-1"][..], &at("2026-11-21T10:00:00Z")].concat();
    assert!(ok(&site, "phone", &start).ends_with("(no CREATE yet)  (1 not synced)\n"));
    let serving = Serving::start(&site, "server");
    // A type of an app that is newer, with what would do harm on a terminal.
    let mut lap = json!(event("run-1", 0, What::Start));
    (lap["type"], lap["id"]) = (json!("LAP\u{1b}[2J"), json!("lap 1\n"));
    serving.call(&json!({ "events": [lap] }));
    serving.kill();
    ok(&site, "phone", &["sync"]);
    let page = ok(&site, "phone", &["show", "run-1"]);
    assert!(
        page.contains("(no CREATE yet)  (1 of unknown type)\n"),
        "{page}"
    );
    assert!(page.contains("  events   2\n"), "{page}");
    assert!(page.contains("  odd      no CREATE yet"), "{page}");
    let odd = r#"  odd      "lap 1\n" "LAP\u{1b}[2J" ignored: unknown type"#;
    assert!(page.contains(odd), "{page}");
    // Its CREATE comes from another device, later.
    ok(&site, "watch", &["create", "run-1", "--title", "Park"]);
    ok(&site, "watch", &["sync"]);
    ok(&site, "phone", &["sync"]);
    let page = ok(&site, "phone", &["show", "run-1"]);
    assert!(!page.contains("no CREATE yet"), "{page}");
    assert!(page.contains("  title    Park\n"), "{page}");
    site.verify().await;
}

#[test]
fn the_bench_measures() {
    let site = Site::new();
    let measured: Value =
        serde_json::from_str(&ok(&site, "phone", &["bench", "--events", "50", "--json"])).unwrap();
    assert_eq!(measured["events"], 50);
    assert!(measured["fold_to_serde"].as_f64().unwrap() > 0.0);
}
