//! Folders that may be read but not written.

use crate::support::command::{Place, Ran, Replica};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whom root becomes: permissions do not stop root.
const NOBODY: u32 = 65_534;

/// A copy of the command, where anybody may run it.
fn command_for_all(place: &Place) -> PathBuf {
    let copy = place.folder().join("icecore");
    // Not in this process: a file that is open for writing cannot be run, and other tests fork.
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_icecore"))
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    fs::set_permissions(place.folder(), Permissions::from_mode(0o755)).unwrap();
    copy
}

/// Runs the command as a user whom permissions stop.
fn run(replica: &Replica, program: &Path, arguments: &[&str]) -> Ran {
    let mut command = replica.command_of(program, arguments);
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    Ran::of(command, "")
}

fn allow(path: &Path, mode: u32) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            allow(&entry.unwrap().path(), mode);
        }
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_that_is_read_only_can_be_read_and_says_so_when_written() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    a.ok(&["rollup", "--now"]);
    let program = command_for_all(&place);
    allow(&place.object(""), 0o555);
    allow(a.folder(), 0o777);
    assert_eq!(run(&a, &program, &["state", "todo"]).ok(), "{\"a\":1}\n");
    run(&a, &program, &["verify"]).ok();
    for command in [
        &["rollup", "--now"][..],
        &["log", "todo"],
        &["space", "list"],
    ] {
        run(&a, &program, command).ok();
    }
    for command in [
        &["init"][..],
        &["space", "create", "more"],
        &["prune", "todo"],
        &["compress", "todo", "--yes"],
        &["erase", "todo", "--yes"],
    ] {
        let ran = run(&a, &program, command).expect_code(1);
        assert!(
            ran.stderr
                .contains("check the owner and the permissions of the folder"),
            "{ran:?}"
        );
    }
    let ran = run(
        &a,
        &program,
        &["update", "todo", r#"{"kind":"merge","data":{"b":2}}"#],
    )
    .expect_code(1);
    assert!(
        ran.stdout.starts_with("queued ") && ran.stderr.contains("permissions"),
        "{ran:?}"
    );
    allow(&place.object(""), 0o777);
    run(&a, &program, &["sync"]).ok();
    assert_eq!(
        run(&a, &program, &["state", "todo"]).ok(),
        "{\"a\":1,\"b\":2}\n"
    );
}

#[test]
fn a_replica_folder_that_is_read_only_is_named() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"a":1}"#);
    let program = command_for_all(&place);
    allow(&place.object(""), 0o777);
    allow(a.folder(), 0o555);
    let ran = run(
        &a,
        &program,
        &["update", "todo", r#"{"kind":"merge","data":{"b":2}}"#],
    )
    .expect_code(1);
    assert!(ran.stderr.contains("--replica"), "{ran:?}");
    let nowhere = a.with("ICECORE_REPLICA", "/nowhere/replica");
    let ran = run(&nowhere, &program, &["state", "todo"]).expect_code(1);
    assert!(
        ran.stderr.contains("replica folder") && ran.stderr.contains("/nowhere/replica"),
        "{ran:?}"
    );
}
