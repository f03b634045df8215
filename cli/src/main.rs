//! The `icecore` command: offline-first sync on nothing but a bucket.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a command does"
)]

mod args;
mod bench;
mod commands;
mod context;
mod demo;
mod exit;
mod home;
mod human;
mod lines;
mod output;
mod progress;
mod secrets;
mod system;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    system::block_on(commands::run(cli))
}
