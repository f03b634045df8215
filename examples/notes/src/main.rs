//! The command `notes`.

use clap::Parser;
use icecore_example_notes::command::{Notes, run};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let notes = Notes::parse();
    let json = notes.json;
    icecore::exit::report(run(notes).await, json)
}
