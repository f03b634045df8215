//! The checks that need no test to run: formatting, lints, docs and licences.
//!
//! None of them sets `RUSTFLAGS`: that would make every later build compile everything again.

use crate::run::{Outcome, cargo, output_of, run};

pub(crate) fn fmt() -> Outcome {
    run(cargo("fmt").args(["--all", "--check"]))
}

pub(crate) fn clippy() -> Outcome {
    run(cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))
}

pub(crate) fn doc() -> Outcome {
    run(cargo("doc")
        .args(["--no-deps", "--workspace"])
        .env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// Checks `deny.toml` where cargo-deny is there: building it takes minutes, so it is not installed.
pub(crate) fn licences() -> Outcome {
    if output_of(cargo("deny").arg("--version")).is_none() {
        println!("skipped: cargo-deny is not installed (cargo install cargo-deny --locked)");
        return Ok(());
    }
    run(cargo("deny").args(["check", "licenses", "bans", "sources"]))
}
