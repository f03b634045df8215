//! The one test command of the workspace, and the smaller commands that it is made of.
//!
//! `cargo xtask test` is what a contributor and CI run: it installs what the tests need into
//! `target/tools/`, then runs every check, the quick ones first. It uses the standard library only, so
//! that it compiles in seconds and before anything else does.
//!
//! # Layout
//! - `run`: starting programs, and the places that touch the clock and the environment
//! - `steps`: named steps with their durations
//! - `checks`: formatting, lints, docs and licences
//! - `cargo_test`, `totals`: `cargo test`, and the sums of what it printed
//! - `infra`: the template's lints, and the functions built from it
//! - `tools`, `venv`, `python`: installing programs
//! - `localstack`: the S3 server to test against
//! - `node`, `web`: Node.js and its packages, and the browser client
//! - `fuzz`: the fuzz targets
//! - `mutants`: faults made on purpose

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a command: it prints"
)]

mod azurite;
mod cargo_test;
mod checks;
mod fuzz;
mod infra;
mod localstack;
mod mutants;
mod node;
mod python;
mod run;
mod server;
mod steps;
mod tools;
mod totals;
mod venv;
mod web;

use std::process::ExitCode;

use node::Node;
use run::Outcome;
use steps::{Steps, Verdict as _};
use tools::Tools;
use web::Browsers;

const HELP: &str = "\
Usage: cargo xtask <command>

  test          install what the tests need, then run every check and every test
  check         formatting, lints, docs and licences only
  tools         only install what the tests need, into target/tools/
  infra         lint the template and build both functions from it, quickly and not for use
  s3            run the server of the tests (S3, SQS, SSM) in the foreground, to try things on
  azure         run Azure's emulator in the foreground, likewise
  fuzz [SECS]   fuzz every parser for so long, 60 seconds unless said otherwise
  mutants [K/N] make changes in core, store and replica, or a part of them, and list which no test finds
  mutants named [TEXT]
                make each fault that has a name, or those with this in it: a test has to find it
  web           check and test the browser client only
  oracle [RUNS] let the Rust core judge it over so many histories, 1,000,000 unless said otherwise
  sim <SEEDS>   run the simulation with these seeds: 7, 1,2,3 or 1..200
  help          this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["test"] => test(),
        ["check"] => check(),
        ["tools"] => install(),
        ["infra"] => infra(),
        ["s3"] => localstack::foreground().map(|()| true),
        ["azure"] => azurite::foreground().map(|()| true),
        ["fuzz"] => fuzz::run_all(60).map(|()| true),
        ["fuzz", seconds] if seconds.parse::<u32>().is_ok() => {
            fuzz::run_all(seconds.parse().unwrap_or(60)).map(|()| true)
        }
        ["mutants"] => mutants::run_all(None).map(|()| true),
        ["mutants", "named"] => mutants::run_named(""),
        ["mutants", "named", only] => mutants::run_named(only),
        ["mutants", shard] => mutants::run_all(Some(shard)).map(|()| true),
        ["web"] => web_only(),
        ["oracle"] => oracle("1000000"),
        ["oracle", runs] if runs.parse::<u32>().is_ok() => oracle(runs),
        ["sim", seeds] => cargo_test::simulate(seeds).map(|()| true),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(true)
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything; `false` if a test failed, which the last lines then say.
fn test() -> Outcome<bool> {
    let mut steps = Steps::start();
    steps.run("fmt", checks::fmt)?;
    steps.run("licences", checks::licences)?;
    // Installing waits for the network, and each build for its largest crates.
    let ((), tools) = steps.run_both(("clippy", checks::clippy), ("tools", Tools::install))?;
    steps.run("template", || infra::lint(&tools.infra))?;
    steps.run("doc", checks::doc)?;
    let sam = || infra::build(&tools.infra);
    let builds = || {
        cargo_test::build()?;
        web::build_oracle()
    };
    steps.run_both(("build tests", builds), ("sam build", sam))?;
    steps.run("web check", || web::check(&tools.web))?;
    // The tests of the servers wait much: the browser client's fill the time, and come after them where both want to work.
    let tests = || cargo_test::run_all(&tools);
    let web = || web::test(&tools.web, Browsers::One);
    let (mut totals, web) = steps.run_both(("test", tests), ("web test", web))?;
    totals.add("browser client", web.counts, &web.failed);
    steps.summary();
    println!("\n{totals}");
    Ok(totals.all_passed())
}

fn check() -> Outcome<bool> {
    let mut steps = Steps::start();
    steps.run("fmt", checks::fmt)?;
    steps.run("licences", checks::licences)?;
    steps.run("clippy", checks::clippy)?;
    steps.run("doc", checks::doc)?;
    steps.summary();
    Ok(true)
}

fn infra() -> Outcome<bool> {
    let mut steps = Steps::start();
    let tools = steps.run("tools", Tools::install)?;
    steps.run("template", || infra::lint(&tools.infra))?;
    steps.run("sam build", || infra::build(&tools.infra))?;
    steps.summary();
    Ok(true)
}

/// The browser client alone; `false` if a test failed.
fn web_only() -> Outcome<bool> {
    let mut steps = Steps::start();
    let installed = steps.run("tools", || web::install(&Node::install()?))?;
    steps.run("build", || {
        run::run(run::cargo("build").args(["--package", "icecore-cli"]))?;
        web::build_oracle()
    })?;
    steps.run("web check", || web::check(&installed))?;
    let done = steps.run("web test", || web::test(&installed, Browsers::All))?;
    steps.summary();
    for test in &done.failed {
        println!("FAILED {test}");
    }
    Ok(done.passed())
}

fn oracle(runs: &str) -> Outcome<bool> {
    let installed = web::install(&Node::install()?)?;
    web::build_oracle()?;
    web::judge(&installed, runs)?;
    Ok(true)
}

fn install() -> Outcome<bool> {
    let mut steps = Steps::start();
    let tools = steps.run("tools", Tools::install)?;
    steps.summary();
    println!("\nfor a plain `cargo test`:\n");
    for (name, path) in tools.variables() {
        println!("export {name}={}", path.display());
    }
    Ok(true)
}
