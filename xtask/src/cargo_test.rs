//! `cargo test` over the whole workspace, with real servers beside it.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use crate::azurite;
use crate::localstack;
use crate::run::{Failure, Outcome, cargo, run, variable};
use crate::tools::Tools;
use crate::totals::Totals;

/// Compiles first, so that errors come early and the server runs only as long as the tests do.
pub(crate) fn build() -> Outcome {
    run(cargo("test").args(["--workspace", "--no-run"]))
}

/// Runs all tests and doc tests, prints what they print, and sums it up.
///
/// # Errors
/// When cargo or the server cannot be run; failed tests are in the totals.
pub(crate) fn run_all(tools: &Tools) -> Outcome<Totals> {
    let server = localstack::start(&tools.localstack)?;
    let azure = azurite::start(&tools.azurite)?;
    println!("S3 server at {}", server.address());
    println!("Azure's emulator at {}", azure.address());
    let mut command = cargo("test");
    command
        .args(["--workspace", "--no-fail-fast"])
        .env("ICECORE_TEST_S3_ENDPOINT", server.address())
        // The name that `object_store` has for it.
        .env("AZURITE_BLOB_STORAGE_URL", azure.address())
        .env("ICECORE_REQUIRE_TOOLS", "1")
        .envs(tools.variables());
    for name in ["NO_PROXY", "no_proxy"] {
        // Else a client behind a proxy would ask the proxy for the server on this machine.
        let others = variable(name)
            .map(|hosts| format!("{hosts},"))
            .unwrap_or_default();
        command.env(name, format!("{others}127.0.0.1,localhost"));
    }
    if io::stdout().is_terminal() && variable("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }

    // One pipe for both streams keeps cargo's "Running" lines in front of the results they belong to.
    let what = || Failure::while_doing("cargo test");
    let (reader, writer) = io::pipe().map_err(what())?;
    command
        .stderr(writer.try_clone().map_err(what())?)
        .stdout(writer);
    let mut child = command.spawn().map_err(what())?;
    drop(command);
    let totals = relay(reader, io::stdout());
    let status = child.wait().map_err(what())?;
    Ok(totals?.ended(status.success()))
}

/// Passes every line on as it comes, and counts.
fn relay(from: impl io::Read, mut to: impl Write) -> Outcome<Totals> {
    let mut from = BufReader::new(from);
    let mut totals = Totals::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = from.read_until(b'\n', &mut line);
        if read.map_err(Failure::while_doing("reading the output of cargo test"))? == 0 {
            return Ok(totals);
        }
        // A closed terminal is no reason to stop counting.
        drop(to.write_all(&line).and_then(|()| to.flush()));
        totals.read_line(&String::from_utf8_lossy(&line));
    }
}

/// Runs the simulation with the seeds that were asked for.
pub(crate) fn simulate(seeds: &str) -> Outcome {
    run(cargo("test")
        .args([
            "--package",
            "icecore-sim",
            "--test",
            "simulation",
            "--",
            "--nocapture",
        ])
        .env("ICECORE_SIM_SEEDS", seeds))
}
