//! The commands in processes of their own: `pomodoro`, and the `icecore serve` that is built beside it.

use serde_json::Value;
use std::fmt::Debug;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Within this what one does is seen by another that looks every second, on a machine with much else to do.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// A program that runs; it is killed when this is dropped.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The lines of a program as they come.
fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        for line in lines {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// One device, with its own folder.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Client {
    pub(crate) fn new(folder: &TempDir, device: &str, store: &str) -> Self {
        let replica = folder.path().join(device).display().to_string();
        Self {
            folder: folder.path().to_owned(),
            variables: vec![
                ("ICECORE_STORE", store.to_owned()),
                ("ICECORE_REPLICA", replica),
            ],
        }
    }

    pub(crate) fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pomodoro"));
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// `watch`, which looks every second.
    pub(crate) fn watch(&self) -> Watch {
        let mut child = self
            .command(&["watch"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Watch {
            lines,
            running: Running(child),
        }
    }
}

/// A client that watches.
#[derive(Debug)]
pub(crate) struct Watch {
    lines: Receiver<String>,
    running: Running,
}

impl Watch {
    /// The lines up to the first one with this text, which comes soon.
    pub(crate) fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(SEEN_WITHIN) {
                Ok(line) => lines.push(line),
                Err(e) => panic!("{wanted:?} was not printed ({e}): {lines:#?}"),
            }
            if lines.last().unwrap().contains(wanted) {
                return lines;
            }
        }
    }

    /// Its exit code, once it ends by itself.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.running.0.wait().unwrap().code()
    }
}

/// A running `icecore serve` over a folder. It knows nothing of pomodoros.
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    url: String,
    running: Option<Running>,
}

impl Server {
    pub(crate) fn start(folder: &TempDir) -> Self {
        let folder = folder.path().join("served");
        let mut server = Self {
            folder,
            url: String::new(),
            running: None,
        };
        server.run("127.0.0.1:0");
        server
    }

    fn program() -> PathBuf {
        let program = Path::new(env!("CARGO_BIN_EXE_pomodoro")).with_file_name("icecore");
        assert!(
            program.exists(),
            "the server is not built: run the tests with --workspace"
        );
        program
    }

    fn run(&mut self, listen: &str) {
        let mut child = Command::new(Self::program())
            .env_clear()
            .args(["serve", "--json", "--listen", listen, "--rollup-every", "1"])
            .arg("--dir")
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        self.running = Some(Running(child));
        let line = lines.recv_timeout(SEEN_WITHIN).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        line["listening"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.url);
    }

    pub(crate) fn kill(&mut self) {
        drop(self.running.take());
    }

    /// At the same address.
    pub(crate) fn start_again(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.run(&address);
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self, space: &str) -> String {
        let output = Command::new(Self::program())
            .env_clear()
            .args(["token", "--space", space, "--right", "admin", "--dir"])
            .arg(&self.folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A device of somebody who has the passphrase.
    pub(crate) fn client(&self, folder: &TempDir, device: &str) -> Client {
        Client::new(folder, device, &self.url)
            .with("ICECORE_TOKEN", &self.token("*"))
            .with("ICECORE_PASSPHRASE", "twenty-five minutes")
    }
}
