//! Faults that are made on purpose, in a copy of the workspace: a test has to find each of them.
//!
//! `named` makes those that the protocol's safety rests on, one by one. Without it `cargo-mutants` makes all that it knows
//! in the core, the store and the replica, or a part of them: all takes days.

mod named;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{Failure, Outcome, cargo, cargo_tool, output_of, outside_of_cargo, workspace};
use named::{NAMED, Named};

/// What is asked in turn whether it finds a fault, the quickest first.
const TESTS: [&[&str]; 6] = [
    &["-p", "icecore-core", "--lib"],
    &["-p", "icecore-sim", "--test", "field"],
    &["-p", "icecore-store", "--test", "protocol"],
    &["-p", "icecore-sim", "--test", "copied_replica"],
    &["-p", "icecore-sim", "--test", "simulation"],
    &["-p", "icecore-sim", "--test", "rules"],
];

/// The packages whose code is changed by `cargo-mutants`.
const PACKAGES: [&str; 3] = ["icecore-core", "icecore-store", "icecore-replica"];

/// Makes each named fault, or those with this in their names, and asks the tests.
///
/// # Errors
/// When one cannot be made, for the code has changed, or does not compile.
pub(crate) fn run_named(only: &str) -> Outcome<bool> {
    let tree = copy_of_workspace()?;
    let mut survived = Vec::new();
    for named in NAMED.iter().filter(|named| named.name.contains(only)) {
        if let Some(test) = found_by(&tree, named)? {
            println!("found     {}: by {test}", named.name);
        } else {
            println!("SURVIVED  {}", named.name);
            survived.push(named.name);
        }
    }
    println!(
        "\n{} of {} survived",
        survived.len(),
        NAMED.iter().filter(|n| n.name.contains(only)).count()
    );
    Ok(survived.is_empty())
}

/// The first test that fails with this fault.
fn found_by(tree: &Path, named: &Named) -> Outcome<Option<String>> {
    let path = tree.join(named.file);
    let text = fs::read_to_string(&path).map_err(Failure::while_doing(path.display()))?;
    if text.matches(named.from).count() != 1 {
        return Err(Failure::new(format!(
            "{}: what it changes does not stand once in {}: the code has changed, and so must the fault",
            named.name, named.file
        )));
    }
    let write = |text: &str| fs::write(&path, text).map_err(Failure::while_doing(path.display()));
    write(&text.replace(named.from, named.to))?;
    let found = ask(tree, named);
    write(&text)?;
    found
}

fn ask(tree: &Path, named: &Named) -> Outcome<Option<String>> {
    for test in TESTS {
        let built = cargo_in(tree, test).arg("--no-run").output();
        let built = built.map_err(Failure::while_doing("cargo test --no-run"))?;
        if !built.status.success() {
            let said = String::from_utf8_lossy(&built.stderr);
            return Err(Failure::new(format!(
                "{} does not compile:\n{said}",
                named.name
            )));
        }
        let ran = cargo_in(tree, test).output();
        let ran = ran.map_err(Failure::while_doing("cargo test"))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stdout);
            let failed = said.lines().find(|line| line.ends_with("... FAILED"));
            let failed = failed.unwrap_or("a test").trim_end_matches(" ... FAILED");
            return Ok(Some(failed.trim_start_matches("test ").to_owned()));
        }
    }
    Ok(None)
}

fn cargo_in(tree: &Path, test: &[&str]) -> Command {
    let mut command = cargo("test");
    command
        .args(test)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target())
        .env("RUST_BACKTRACE", "0");
    command
}

fn folder() -> PathBuf {
    workspace().join("target").join("mutants")
}

fn target() -> PathBuf {
    folder().join("target")
}

/// The files that git knows or would take in, as they are now. What has not changed since the last time is not written
/// again, so that it is not built again.
fn copy_of_workspace() -> Outcome<PathBuf> {
    let tree = folder().join("tree");
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace());
    let files = output_of(&mut list).ok_or_else(|| Failure::new("git cannot list the files"))?;
    for file in files.lines() {
        let (from, to) = (workspace().join(file), tree.join(file));
        let Ok(bytes) = fs::read(&from) else {
            continue; // Deleted, and not committed yet.
        };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        let above = to.parent().unwrap_or(&tree);
        fs::create_dir_all(above).map_err(Failure::while_doing(above.display()))?;
        fs::write(&to, bytes).map_err(Failure::while_doing(to.display()))?;
    }
    Ok(tree)
}

/// Lets `cargo-mutants` make its changes, all of them or one part of so many, as in `3/100`: every hundredth, so that a part is
/// a fair sample.
///
/// # Errors
/// When `cargo-mutants` cannot be installed. What survives is no error: it is listed.
pub(crate) fn run_all(shard: Option<&str>) -> Outcome {
    let program = cargo_tool("cargo-mutants")?;
    let tree = copy_of_workspace()?;
    let mut command = Command::new(program);
    command
        .arg("mutants")
        .arg("--in-place")
        .arg("--output")
        .arg(folder());
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    // What the packages' own tests do not see, the simulation's stories may.
    command.args([
        "--test-package",
        "icecore-core,icecore-store,icecore-replica,icecore-sim",
    ]);
    if let Some(shard) = shard {
        command.args(["--shard", shard, "--sharding", "round-robin"]);
    }
    command
        .args([
            "--timeout",
            "300",
            "--baseline",
            "skip",
            "--no-shuffle",
            "--colors",
            "never",
        ])
        .args([
            "--",
            "--lib",
            "--test",
            "protocol",
            "--test",
            "field",
            "--test",
            "copied_replica",
        ])
        .args([
            "--test", "document", "--test", "vectors", "--test", "covered", "--test", "fold",
        ])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target())
        .stdin(Stdio::null());
    outside_of_cargo(&mut command);
    let status = command.status();
    let status = status.map_err(Failure::while_doing("cargo mutants"))?;
    println!(
        "what survived: {}",
        folder().join("mutants.out/missed.txt").display()
    );
    match status.code() {
        // 2: some survived; 3: some ran too long.
        Some(0 | 2 | 3) => Ok(()),
        _ => Err(Failure::new(format!("cargo-mutants ended with {status}"))),
    }
}
