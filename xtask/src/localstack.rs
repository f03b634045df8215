//! `LocalStack`: the independent S3 server that the tests run against, with the queues and the parameter store that
//! the functions need beside it.
//!
//! It shares no code with icecore and keeps the rules that icecore relies on: conditional writes hold, also in a
//! race. The contract tests and `icecore init` are run on it, so a release that does not is noticed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::run::{Failure, Outcome, now, pause, tools, workspace};
use crate::venv::Wanted;

const LOCALSTACK: Wanted = Wanted {
    name: "localstack",
    requirements: "xtask/localstack/requirements.txt",
    probe: "import localstack.constants, moto.sqs, moto.ssm",
};

/// Buckets, queues and parameters: by the names that it has for them.
const SERVICES: [&str; 3] = ["s3", "sqs", "ssm"];

const START_LIMIT: Duration = Duration::from_mins(2);
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A `LocalStack` that can be started.
#[derive(Debug)]
pub(crate) struct Installed {
    python: PathBuf,
}

/// Installs `LocalStack`, unless it is there.
pub(crate) fn install() -> Outcome<Installed> {
    let environment = LOCALSTACK.install()?;
    Ok(Installed {
        python: environment.program("python"),
    })
}

/// A running server. It ends with this value, and also if this process is killed: see `serve.py`.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// Its own files, gone when it ends, but for the log.
    files: PathBuf,
}

impl Server {
    /// Starts a server on a free port of the loopback and waits until it answers.
    pub(crate) fn start(installed: &Installed) -> Outcome<Self> {
        let mut server = Self::spawn(installed)?;
        let started = now();
        while started.elapsed() < START_LIMIT {
            if server.is_ready() {
                return Ok(server);
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(server.failed(&format!("ended with {status}")));
            }
            pause(Duration::from_millis(100));
        }
        Err(server.failed(&format!("was not ready after {} s", START_LIMIT.as_secs())))
    }

    fn spawn(installed: &Installed) -> Outcome<Self> {
        let what = || Failure::while_doing("starting LocalStack");
        let port = free_port().map_err(what())?;
        let files = folder().join(format!("run-{port}"));
        if files.exists() {
            fs::remove_dir_all(&files).map_err(what())?;
        }
        fs::create_dir_all(files.join("tmp")).map_err(what())?;
        let log = File::create(files.join("server.log")).map_err(what())?;
        let child = Command::new(&installed.python)
            .arg("-I")
            .arg(workspace().join("xtask/localstack/serve.py"))
            .arg(&files)
            .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
            .env("FILESYSTEM_ROOT", files.join("root"))
            .env("TMPDIR", files.join("tmp"))
            .env("SERVICES", SERVICES.join(","))
            .env("STRICT_SERVICE_LOADING", "1")
            .env("EAGER_SERVICE_LOADING", "1")
            .env("S3_SKIP_SIGNATURE_VALIDATION", "0")
            .env("DISABLE_EVENTS", "1")
            .env("SKIP_SSL_CERT_DOWNLOAD", "1")
            .env("DNS_ADDRESS", "0")
            .current_dir(&files)
            .stdin(Stdio::piped())
            .stderr(log.try_clone().map_err(what())?)
            .stdout(log)
            .spawn()
            .map_err(what())?;
        Ok(Self { child, port, files })
    }

    /// The address to give to an S3 client.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn is_ready(&self) -> bool {
        let request = format!(
            "GET /_localstack/health HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.port
        );
        let answer = ask(self.port, &request).unwrap_or_default();
        let runs = |service: &str| answer.contains(&format!(r#""{service}": "running""#));
        answer.starts_with("HTTP/1.1 200") && SERVICES.into_iter().all(runs)
    }

    fn failed(&self, how: &str) -> Failure {
        let log = fs::read_to_string(self.files.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        Failure::new(format!("LocalStack {how}; the end of its log:\n{tail}"))
    }

    /// Waits without closing the pipe, which `Child::wait` would do.
    fn wait(&mut self) -> Outcome<ExitStatus> {
        loop {
            let status = self.child.try_wait();
            if let Some(status) = status.map_err(Failure::while_doing("waiting for LocalStack"))? {
                return Ok(status);
            }
            pause(Duration::from_millis(500));
        }
    }

    /// Closes the pipe that the server lives by; kills it should that not do.
    fn stop(&mut self) {
        drop(self.child.stdin.take());
        let stopping = now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if stopping.elapsed() > STOP_LIMIT {
                drop(self.child.kill());
            }
            pause(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The log of the last server helps to see why a test failed. Files that stay do no harm.
        let log = self.files.join("server.log");
        drop(fs::rename(log, folder().join("last.log")));
        self.stop();
        drop(fs::remove_dir_all(&self.files));
    }
}

/// Runs a server until it or this command is stopped, and prints how to use it.
pub(crate) fn foreground() -> Outcome {
    let installed = install()?;
    let mut server = Server::start(&installed)?;
    println!("an S3 server, its state in memory, until Ctrl-C; for another terminal:\n");
    println!(
        "export ICECORE_TEST_S3_ENDPOINT={0}\nexport AWS_ENDPOINT_URL={0}",
        server.endpoint()
    );
    println!("export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1\n");
    println!("log: {}", shown(&server.files.join("server.log")));
    let status = server.wait()?;
    Err(server.failed(&format!("ended with {status}")))
}

fn folder() -> PathBuf {
    tools().join("localstack")
}

/// A path as seen from the top of the workspace.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Sends one request, and returns all of the answer.
fn ask(port: u16, request: &str) -> std::io::Result<String> {
    let limit = Duration::from_secs(5);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = TcpStream::connect_timeout(&address, limit)?;
    connection.set_read_timeout(Some(limit))?;
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
