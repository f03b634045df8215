//! The `activity` command's terminal: arguments, output, exit code.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints"
)]

use clap::Parser;
use icecore::{Error, exit};
use icecore_example_activity::command::{Cli, run};
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let as_json = cli.json;
    let tell = |address| print(&format!("listening on http://{address}\n"));
    let stop = async {
        // Without a handler Ctrl-C ends the process at once, which loses nothing either.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    match run(cli, tell, stop).await {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report(&error, as_json);
            ExitCode::from(exit::code(error.kind()))
        }
    }
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more, as in `activity show | head`: no reason to complain.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

fn report(error: &Error, as_json: bool) {
    eprintln!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprintln!("  caused by: {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        eprintln!("  hint: {hint}");
    }
    if as_json {
        let error = serde_json::json!({ "error": {
            "code": error.kind().code(), "message": error.to_string(), "hint": error.hint(),
        } });
        print(&format!("{error}\n"));
    }
}
