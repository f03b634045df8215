//! A function in a process of its own, and an emulator of Lambda that feeds it.

use crate::support::http::Http;
use crate::support::tools::{Ended, pause, run_within};
use serde_json::Value;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The emulator reads what cargo knows of the workspace first, which may take a while on a busy machine.
const STARTING_TENTHS_MAX: u32 = 600;
/// Longer than any invocation here takes; the client of the tests waits no longer either.
const INVOCATION_SECONDS_MAX: u32 = 30;

/// Of each log, when a test fails.
const LINES_SHOWN: usize = 5;

/// A function and its emulator, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    port: u16,
    cargo_lambda: PathBuf,
    emulator: Child,
    program: Child,
    http: Http,
    /// What both say.
    logs: TempDir,
}

impl Function {
    /// Starts a program of this build with this environment and no other. An emulator serves this one alone: none that
    /// was killed can have taken its event.
    pub(super) fn start(
        cargo_lambda: &Path,
        name: &'static str,
        environment: &[(String, String)],
    ) -> Self {
        let logs = tempfile::tempdir().expect("a temporary folder");
        let (emulator, port) = emulator(cargo_lambda, logs.path());
        let program = Command::new(program(name))
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                format!("http://127.0.0.1:{port}/.rt/{name}"),
            )
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stdin(Stdio::null())
            .stdout(log(logs.path(), "program.out"))
            .stderr(log(logs.path(), "program.err"))
            .spawn()
            .expect("the function starts");
        Self {
            name,
            port,
            cargo_lambda: cargo_lambda.to_owned(),
            emulator,
            program,
            http: Http::new(),
            logs,
        }
    }

    /// Its function URL.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/lambda-url/{}", self.port, self.name)
    }

    /// One invocation: what the function answers, or what it reports as its error.
    pub(super) fn invoke(&self, event: &Value) -> Result<Value, Value> {
        let url = format!(
            "http://127.0.0.1:{}/2015-03-31/functions/{}/invocations",
            self.port, self.name
        );
        let answer = self.http.call("POST", &url, "", event);
        match answer.status {
            200 => Ok(answer.json()),
            500 => Err(answer.json()),
            status => panic!("{status}: {}\n{}", answer.body, self.said()),
        }
    }

    /// One invocation by `cargo lambda invoke`, with an event in a file of the workspace.
    pub(super) fn invoke_by_command(&self, event: &str) -> Ended {
        let mut command = Command::new(&self.cargo_lambda);
        command
            .args(["lambda", "invoke", self.name])
            .args(["--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &self.port.to_string()])
            .args(["--data-file", event])
            .current_dir(top());
        run_within(INVOCATION_SECONDS_MAX, &mut command)
    }

    /// The last that both said.
    fn said(&self) -> String {
        let files = ["emulator.err", "program.out", "program.err"];
        let last = |name: &&str| {
            let said = fs::read_to_string(self.logs.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n") + "\n"
        };
        files.iter().map(last).collect()
    }
}

impl Drop for Function {
    #[expect(clippy::print_stderr, reason = "a test that fails shows why")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.name, self.said());
        }
        for child in [&mut self.program, &mut self.emulator] {
            // It may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A program of this build. `cargo test --workspace` builds it; a plain `cargo test` finds the one that was built last.
fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_icecore")).with_file_name(name);
    assert!(path.is_file(), "{name}: `cargo build --workspace` makes it");
    path
}

/// Starts an emulator that starts no function itself, on a free port.
fn emulator(cargo_lambda: &Path, logs: &Path) -> (Child, u16) {
    // Somebody else may take the port before the emulator does.
    for _ in 0..3 {
        let port = free_port();
        let mut command = Command::new(cargo_lambda);
        command
            .args(["lambda", "watch", "--only-lambda-apis"])
            .args(["--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port.to_string()])
            .args(["--timeout", &INVOCATION_SECONDS_MAX.to_string()])
            .current_dir(top())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log(logs, "emulator.err"));
        let mut child = command.spawn().expect("cargo-lambda starts");
        if answers(&mut child, port) {
            return (child, port);
        }
        drop(child.kill());
        drop(child.wait());
    }
    let said = fs::read_to_string(logs.join("emulator.err")).unwrap_or_default();
    panic!("the emulator did not start: {said}");
}

/// Waits until somebody listens there; `false` when the process has ended.
fn answers(child: &mut Child, port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for _ in 0..STARTING_TENTHS_MAX {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return true;
        }
        pause(Duration::from_millis(100));
    }
    false
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn log(folder: &Path, name: &str) -> File {
    File::create(folder.join(name)).expect("a log")
}

/// The top of the workspace.
pub(super) fn top() -> &'static Path {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().expect("cli/ lies in the workspace")
}
