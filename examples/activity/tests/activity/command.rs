//! The command, in processes of its own.

use crate::support::{Site, event};
use icecore_example_activity::What;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

fn command(site: &Site, device: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_activity"));
    command
        .env_clear()
        .arg("--store")
        .arg(site.path("store"))
        .arg("--replica")
        .arg(site.path(device));
    command
}

fn run(site: &Site, device: &str, arguments: &[&str]) -> Output {
    command(site, device).args(arguments).output().unwrap()
}

fn ok(site: &Site, device: &str, arguments: &[&str]) -> String {
    let output = run(site, device, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{}", text(output.stderr));
    text(output.stdout)
}

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
    assert_eq!(shown["title"], "Park");
    assert_eq!(shown["duration_ms"], 330_000);
    assert_eq!(shown["odd"][0]["why"], "not_running");
    let page = ok(&site, "phone", &["show", "run-1"]);
    assert!(page.contains("ignored: it did not run"), "{page}");
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
    for arguments in [
        &["start", "a/b"][..],
        &["start", "a", "--at", "noon"],
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

/// A server process, ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn post(address: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /sync HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn a_client_that_knows_nothing_of_icecore_syncs_by_http() {
    let site = Site::new();
    ok(&site, "phone", &["start", "run-1"]);
    ok(&site, "phone", &["sync"]);
    let mut child = command(&site, "server")
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let _serving = Serving(child);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");

    let events = [event("run-1", 3, What::Score { points: 10 })];
    let answer = post(address, &json!({ "events": events }).to_string());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["newEvents"].as_array().unwrap().len(), 2);
    ok(&site, "phone", &["sync"]);
    assert!(ok(&site, "phone", &["show"]).contains("10 points"));
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
