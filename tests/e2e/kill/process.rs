//! Starting `icecore` and killing it.

use crate::support::command::{Replica, id_of};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a process had printed when it was killed, or had ended.
#[derive(Debug)]
pub(super) struct Killed {
    stdout: String,
    /// Whether it was still running.
    pub(super) running: bool,
}

impl Killed {
    /// The ids of the updates that it had told to be stored.
    pub(super) fn acknowledged(&self) -> Vec<String> {
        // The last line may be cut.
        let whole = self.stdout.split_inclusive('\n');
        let whole = whole.filter(|line| line.ends_with('\n'));
        let values = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let acknowledged = values.filter(|value| value["key"].is_u64() && value["seq"].is_u64());
        acknowledged.map(|value| id_of(&value)).collect()
    }
}

/// Runs a command until it reaches a named point between two requests, and kills it there.
pub(super) fn kill_at(replica: &Replica, point: &str, arguments: &[&str], stdin: &str) -> Killed {
    let mut command = replica.command(&[arguments, &["--json"]].concat());
    command.env("ICECORE_CRASH_AT", point);
    let mut running = Running::start(command, stdin);
    let stderr = BufReader::new(running.child.stderr.take().unwrap());
    let mut said = String::new();
    for line in stderr.lines() {
        said += &line.unwrap();
        if said.contains("crash-point ") {
            return running.kill();
        }
    }
    panic!("icecore {arguments:?} never came to {point}: {said}");
}

/// A process that runs beside the test.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    ended: Receiver<()>,
}

impl Running {
    pub(super) fn start(mut command: Command, stdin: &str) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = stdin.to_owned();
        // A process that is killed does not read its input to the end.
        std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
        let mut output = child.stdout.take().unwrap();
        let (tell, ended) = channel::<()>();
        let stdout = std::thread::spawn(move || {
            let _until_the_end = tell;
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            child,
            stdout,
            ended,
        }
    }

    /// Lets it run for so long, or to its end.
    pub(super) fn wait_at_most(&self, time: Duration) {
        // Nothing is ever sent: the channel closes when the process does.
        self.ended.recv_timeout(time).unwrap_or_default();
    }

    /// Lets it run to its end, which must be a good one.
    pub(super) fn end(mut self) -> Killed {
        assert!(self.child.wait().unwrap().success());
        self.kill()
    }

    pub(super) fn kill(mut self) -> Killed {
        self.child.kill().unwrap();
        // A process that ended by itself has an exit code.
        let running = self.child.wait().unwrap().code().is_none();
        Killed {
            stdout: self.stdout.join().unwrap(),
            running,
        }
    }
}
