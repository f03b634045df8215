//! The command of the pomodoro example.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a command does"
)]

use clap::Parser;
use icecore::{Error, exit};
use icecore_example_pomodoro::args::Cli;
use icecore_example_pomodoro::command::{Output, run};
use std::error::Error as _;
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut stdout = std::io::stdout();
    match run(cli, &mut stdout).await {
        Ok(Output { text, notes }) => {
            // Nobody reads the output any more, as in `pomodoro log | head`: no reason to complain.
            drop(
                stdout
                    .write_all(text.as_bytes())
                    .and_then(|()| stdout.flush()),
            );
            for note in notes {
                eprintln!("note: {note}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            report(&error);
            ExitCode::from(exit::code(error.kind()))
        }
    }
}

fn report(error: &Error) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
}
