//! The `chat` command.

use clap::Parser;
use icecore::exit;
use icecore_example_chat::args::Cli;
use icecore_example_chat::command;
use icecore_example_chat::output::{Output, is_closed};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut stdout = std::io::stdout();
    match command::run(&cli, &mut Output::new(cli.json, &mut stdout)).await {
        Ok(code) => code,
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => exit::report(Err(error), cli.json),
    }
}
