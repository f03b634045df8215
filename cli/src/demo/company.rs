//! The processes of the demo: this very program, started once for each replica and each roll-up.

use super::script::Script;
use super::wire::{Command, Event, error_of};
use futures::future::{Either, select};
use icecore_core::{Error, Result};
use icecore_store::Clock;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;

/// The longest time that nobody says a word: far longer than any stretch offline.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// The processes, and what they tell. They end with this value.
#[derive(Debug)]
pub(super) struct Company {
    clock: Arc<dyn Clock>,
    members: Vec<Member>,
    sender: mpsc::UnboundedSender<(usize, Option<Event>)>,
    events: mpsc::UnboundedReceiver<(usize, Option<Event>)>,
}

#[derive(Debug)]
struct Member {
    name: String,
    stdin: ChildStdin,
    /// Killed when it is dropped.
    process: Child,
    /// It has said its last word.
    over: bool,
}

impl Company {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        Self {
            clock,
            members: Vec::new(),
            sender,
            events,
        }
    }

    /// Starts a process with its script; returns its number.
    pub(super) fn start(&mut self, script: &Script, folder: &Path) -> Result<usize> {
        let path = script.save(folder)?;
        let program = std::env::current_exe().map_err(|e| cannot_start(&script.name, e))?;
        let mut process = tokio::process::Command::new(program)
            .arg("demo-process")
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| cannot_start(&script.name, e))?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Error::internal("BUG: a process without its pipes"));
        };
        let number = self.members.len();
        tokio::spawn(listen(number, stdout, self.sender.clone()));
        self.members.push(Member {
            name: script.name.clone(),
            stdin,
            process,
            over: false,
        });
        Ok(number)
    }

    /// Tells something to some of the processes.
    pub(super) async fn tell(&mut self, members: &[usize], command: Command) -> Result<()> {
        let mut line = serde_json::to_vec(&command).map_err(super::internal)?;
        line.push(b'\n');
        for &number in members {
            let member = &mut self.members[number];
            let written = member.stdin.write_all(&line).await;
            written.map_err(|e| {
                Error::internal(format!("{} does not listen", member.name)).with_source(e)
            })?;
        }
        Ok(())
    }

    /// Listens until `is_last` has said `true` as often as there are `members`.
    pub(super) async fn hear(
        &mut self,
        members: &[usize],
        mut is_last: impl FnMut(usize, Event) -> bool,
    ) -> Result<()> {
        let mut missing = members.len();
        while missing > 0 {
            let (number, event) = self.next().await?;
            match event {
                Some(Event::Failed {
                    code,
                    message,
                    hint,
                }) => {
                    return Err(error_of(
                        &self.members[number].name,
                        &code,
                        &message,
                        hint.as_deref(),
                    ));
                }
                Some(event) => {
                    self.members[number].over |=
                        matches!(event, Event::Replica(_) | Event::Rollups(_));
                    missing -= usize::from(is_last(number, event));
                }
                None if self.members[number].over => {}
                None => return Err(self.gone(number).await),
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<(usize, Option<Event>)> {
        let event = pin!(self.events.recv());
        match select(event, self.clock.sleep(SILENCE_MAX)).await {
            Either::Left((Some(event), _)) => Ok(event),
            Either::Left((None, _)) => Err(Error::internal(
                "BUG: a channel closed that this value keeps open",
            )),
            Either::Right(_) => {
                let silence = SILENCE_MAX.as_secs();
                Err(Error::unavailable(format!(
                    "the processes of the demo have said nothing for {silence} s"
                ))
                .with_hint("is the machine very busy? Try fewer --replicas"))
            }
        }
    }

    async fn gone(&mut self, number: usize) -> Error {
        let member = &mut self.members[number];
        let status = member
            .process
            .wait()
            .await
            .map_or_else(|e| e.to_string(), |status| status.to_string());
        Error::internal(format!(
            "{} ended without its last word: {status}",
            member.name
        ))
        .with_hint("what it printed stands above")
    }
}

async fn listen(
    number: usize,
    stdout: ChildStdout,
    sender: mpsc::UnboundedSender<(usize, Option<Event>)>,
) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(event) = serde_json::from_str(&line) else {
            continue;
        };
        if sender.send((number, Some(event))).is_err() {
            return;
        }
    }
    // That nobody listens any more is fine: the demo is over.
    drop(sender.send((number, None)));
}

fn cannot_start(name: &str, error: std::io::Error) -> Error {
    Error::denied(format!("cannot start the process of {name}"))
        .with_hint("the demo starts its own program again, once for each replica")
        .with_source(error)
}
