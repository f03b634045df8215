//! The command, in processes of its own.

use crate::support::holding;
use serde_json::Value;
use std::process::{Command, Output};
use tempfile::TempDir;

fn run(folder: &TempDir, device: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_steps"))
        .env_clear()
        .current_dir(folder.path())
        .args(["--replica", device])
        .args(arguments)
        .output()
        .unwrap()
}

fn ok(folder: &TempDir, device: &str, arguments: &[&str]) -> String {
    let output = run(folder, device, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{}", text(output.stderr));
    text(output.stdout)
}

fn json(folder: &TempDir, device: &str, arguments: &[&str]) -> Value {
    let text = ok(folder, device, &[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_day_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let begun = ok(&folder, "phone", &["guest", "--store", "store"]);
    assert!(begun.starts_with("this device writes as guest-"), "{begun}");
    ok(&folder, "phone", &["add", "10"]);
    ok(&folder, "phone", &["goal", "8000"]);
    ok(&folder, "phone", &["activity", "run", "30"]);
    let today = ok(&folder, "phone", &["today"]);
    assert!(
        today.contains("10 of 8000 steps today (10 not sent yet), 10 in all"),
        "{today}"
    );
    assert!(today.contains("not sent yet: run 30 min at"), "{today}");
    ok(&folder, "phone", &["sync"]);
    // Sent: only the sums are left here.
    let today = ok(&folder, "phone", &["today"]);
    assert!(
        today.contains("run   30 min") && !today.contains("not sent"),
        "{today}"
    );
    ok(
        &folder,
        "phone",
        &["add", "100", "--at", "2026-01-01T12:00:00Z"],
    );
    ok(&folder, "phone", &["name", "Ada"]);
    assert_eq!(json(&folder, "phone", &["today"])["total"], 110);

    let linked = json(&folder, "phone", &["link", "--into", "ada"]);
    assert_eq!(
        (&linked["into"], &linked["complete"]),
        (&"ada".into(), &true.into())
    );
    assert_eq!(
        json(&folder, "phone", &["link", "--into", "ada"])["updates"],
        0
    );
    let shown = ok(&folder, "phone", &["show"]);
    assert!(shown.starts_with("Ada, in ada: 110 steps\n"), "{shown}");
    assert_eq!(
        json(&folder, "phone", &["show"])["days"]["2026-01-01"]["steps"],
        100
    );

    assert_eq!(run(&folder, "phone", &["forget"]).status.code(), Some(2));
    assert_eq!(ok(&folder, "phone", &["forget", "--yes"]), "erased\n");
    let gone = run(&folder, "phone", &["add", "1", "--json"]);
    assert_eq!(gone.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&gone.stdout).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
    assert_eq!(
        holding(folder.path(), "2026-01-01"),
        [] as [std::path::PathBuf; 0]
    );
}

#[test]
fn what_cannot_be_has_its_exit_code_and_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(&folder, "phone", &["add", "1"]).status.code(), Some(1));
    ok(&folder, "phone", &["guest", "--store", "store"]);
    let again = run(&folder, "phone", &["guest", "--store", "store"]);
    assert_eq!(again.status.code(), Some(3));
    let stderr = String::from_utf8(again.stderr).unwrap();
    assert!(stderr.contains("hint: "), "{stderr}");
    for arguments in [
        &["add", "0"][..],
        &["add", "-5"],
        &["add", "1", "--at", "noon"],
        &["activity", "chess", "5"],
        &["activity", "run", "0"],
        &["name", ""],
        &["end"],
        // A folder needs no token.
        &["renew", "--token", "x"],
        &["renew"],
    ] {
        assert_eq!(
            run(&folder, "phone", arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    let away = run(
        &folder,
        "away",
        &["guest", "--gateway", "http://127.0.0.1:9"],
    );
    assert_eq!(away.status.code(), Some(4));
    assert_eq!(json(&folder, "phone", &["today"])["total"], 0);
}
