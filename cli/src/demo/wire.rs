//! What the demo and its processes say to each other: a line of JSON at a time, over stdin and stdout.

use super::replica::ReplicaDone;
use super::rollups::RollupsDone;
use icecore_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write, stdin, stdout};
use tokio::sync::mpsc;

/// What a process tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// It waits for [`Command::Go`].
    Ready,
    /// So many more updates of its own are stored in the bucket.
    Acknowledged(u64),
    /// It has played its part, and waits for [`Command::Finish`].
    Played,
    /// A replica has left its state, and ends.
    Replica(ReplicaDone),
    /// A roll-up process ends.
    Rollups(RollupsDone),
    /// It cannot go on.
    Failed {
        code: String,
        message: String,
        hint: Option<String>,
    },
}

/// What a process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Command {
    /// Everybody is there: begin.
    Go,
    /// Everybody has played: show what you hold.
    Finish,
}

impl Event {
    /// The event for an error that ends a process.
    pub(super) fn failed(error: &Error) -> Self {
        let causes = crate::exit::causes(error);
        let message = causes
            .iter()
            .fold(error.to_string(), |message, cause| message + ": " + cause);
        Self::Failed {
            code: error.kind().code().to_owned(),
            message,
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// The error that a process named by the code of its kind.
pub(super) fn error_of(process: &str, code: &str, message: &str, hint: Option<&str>) -> Error {
    let kinds = [
        ErrorKind::Conflict,
        ErrorKind::Unavailable,
        ErrorKind::Invalid,
        ErrorKind::NotFound,
        ErrorKind::Denied,
        ErrorKind::Corrupt,
    ];
    let kind = kinds
        .into_iter()
        .find(|kind| kind.code() == code)
        .unwrap_or(ErrorKind::Internal);
    let error = Error::new(kind, format!("{process}: {message}"));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Tells the demo something.
pub(super) fn send(event: &Event) -> Result<()> {
    let mut line = serde_json::to_vec(event).map_err(super::internal)?;
    line.push(b'\n');
    let mut stdout = stdout().lock();
    stdout
        .write_all(&line)
        .and_then(|()| stdout.flush())
        .map_err(|e| alone().with_source(e))
}

/// The end of the wire in a process of the demo.
#[derive(Debug)]
pub(super) struct Wire {
    commands: mpsc::UnboundedReceiver<Command>,
}

impl Wire {
    /// Listens on stdin, with a thread of its own: a read from there cannot be cancelled.
    pub(super) fn new() -> Self {
        let (sender, commands) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in stdin().lock().lines() {
                let Some(command) = line.ok().and_then(|line| serde_json::from_str(&line).ok())
                else {
                    break;
                };
                if sender.send(command).is_err() {
                    break;
                }
            }
        });
        Self { commands }
    }

    /// The next command.
    pub(super) async fn command(&mut self) -> Result<Command> {
        self.commands.recv().await.ok_or_else(alone)
    }

    /// Waits for a certain command.
    pub(super) async fn wait_for(&mut self, expected: Command) -> Result<()> {
        let command = self.command().await?;
        if command == expected {
            Ok(())
        } else {
            Err(Error::internal(format!(
                "BUG: {command:?} before {expected:?}"
            )))
        }
    }
}

fn alone() -> Error {
    Error::unavailable("the demo that started this process is gone")
}
