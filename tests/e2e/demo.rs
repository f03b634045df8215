//! The main job on real input: `icecore demo` on its sample, and on logs of a busy IRC channel where they lie
//! beside the repository.
//!
//! The demo compares everything itself. What it leaves behind is checked here once more, from the outside and in
//! another way: the lines of the log are made again from the state of the fresh replica.

use crate::support::azure;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The two logs that every run takes; `ICECORE_TEST_ALL_CHATS=1` takes all of them.
const LOGS: [&str; 2] = ["2005-06-20.txt", "2006-11-01.txt"];

fn demo(arguments: &[&str]) -> Output {
    demo_in(arguments, &[])
}

fn demo_in(arguments: &[&str], environment: &[(String, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icecore"));
    command
        .arg("demo")
        .args(arguments)
        .envs(environment.iter().cloned())
        .env_remove("ICECORE_STORE");
    command.output().expect("icecore can be started")
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    serde_json::from_slice(&output.stdout).expect("one JSON value on stdout")
}

/// Runs the demo and checks what it says and what it leaves.
fn replay(log: &Path, arguments: &[&str]) -> Value {
    replay_on(log, arguments, &[])
}

/// Likewise on a store that needs these variables.
fn replay_on(log: &Path, arguments: &[&str], environment: &[(String, String)]) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keep = folder.path().join("demo");
    let mut all = vec!["--json", "--keep", keep.to_str().expect("a plain path")];
    all.extend(arguments);
    let report = json(&demo_in(&all, environment));

    let text = std::fs::read(log).expect("the log can be read");
    let said: Vec<String> = String::from_utf8(text)
        .expect("UTF-8")
        .lines()
        .map(str::to_owned)
        .collect();
    let states = keep.join("states");
    let fresh = std::fs::read(states.join("fresh.json")).expect("the fresh replica left its state");
    for replica in 1..=report["replicas"].as_array().expect("replicas").len() {
        let state = std::fs::read(states.join(format!("replica-{replica}.json")))
            .expect("it left its state");
        assert!(state == fresh, "replica {replica} differs");
    }
    let state: Value = serde_json::from_slice(&fresh).expect("JSON");
    let mut again: BTreeMap<u64, String> = BTreeMap::new();
    for line in state["lines"].as_array().expect("lines") {
        let text = |name: &str| line[name].as_str().expect("text").to_owned();
        let whole = match line.get("note") {
            Some(note) => note.as_str().expect("text").to_owned(),
            None => format!("[{}] <{}> {}", text("time"), text("from"), text("text")),
        };
        let twice = again.insert(line["line"].as_u64().expect("a number"), whole);
        assert_eq!(twice, None, "a line is there twice");
    }
    assert!(
        again.keys().copied().eq(1..=said.len() as u64),
        "lines are missing"
    );
    assert!(again.into_values().eq(said), "a line has changed");
    assert_eq!(report["verified"]["problems"], serde_json::json!([]));
    assert!(
        report["seconds"].as_f64().expect("seconds") < 60.0,
        "{report}"
    );
    report
}

fn total(report: &Value, name: &str) -> u64 {
    let replicas = report["replicas"].as_array().expect("replicas");
    replicas
        .iter()
        .map(|replica| replica[name].as_u64().expect("a count"))
        .sum()
}

#[test]
fn the_sample_is_replayed_by_four_replicas() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/conversation.txt");
    let report = replay(&sample, &[]);
    // One replica's clock is three minutes behind: the store is a folder, which corrects no clock.
    assert!(report["late"].as_u64().expect("a count") > 0, "{report}");
    assert!(
        total(&report, "updates") > total(&report, "objects"),
        "a queue goes out in few objects: {report}"
    );
    assert!(report["rollups"]["runs"].as_u64() > Some(5), "{report}");
}

#[test]
fn the_sample_is_replayed_on_azures_emulator() {
    let Some(place) = azure::place() else {
        return;
    };
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/conversation.txt");
    replay_on(&sample, &["--store", place.url()], place.environment());
}

#[test]
fn one_replica_alone_is_enough() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/conversation.txt");
    let report = replay(&sample, &["--replicas", "1", "--seconds", "2"]);
    assert_eq!(total(&report, "bumps"), 0);
}

#[test]
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn real_logs_are_replayed_by_eight_replicas() {
    let Some(folder) = logs() else {
        println!(
            "skipped: no logs in ../shared/data/chat; ICECORE_TEST_CHATS names another folder"
        );
        return;
    };
    let mut logs: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    logs.sort();
    if !is_set("ICECORE_TEST_ALL_CHATS") {
        let chosen = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| LOGS.iter().any(|log| name == *log))
        };
        logs.retain(chosen);
    }
    assert!(!logs.is_empty(), "no logs in {}", folder.display());
    for log in logs {
        let path = log.to_str().expect("a plain path");
        let report = replay(&log, &["--chat", path, "--replicas", "8", "--seconds", "6"]);
        assert!(
            report["late"].as_u64().expect("a count") > 0,
            "{path}: {report}"
        );
    }
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("mine.txt"), "mine").expect("a file");
    let output = demo(&["--keep", folder.path().to_str().expect("a plain path")]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("not empty") && stderr.contains("hint:"),
        "{stderr}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("it is there")
            .count(),
        1
    );
}

#[test]
fn a_log_that_does_not_exist_is_named() {
    let output = demo(&["--chat", "no-such-log.txt"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("no-such-log.txt"), "{stderr}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where its input lies"
)]
fn logs() -> Option<PathBuf> {
    let folder = match std::env::var("ICECORE_TEST_CHATS") {
        Ok(folder) => PathBuf::from(folder),
        Err(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/chat"),
    };
    folder.is_dir().then_some(folder)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment how much it shall do"
)]
fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty())
}
