//! Servers that the tests run against: each on a free port of the loopback, with files of its own, for as long as its value lives.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::run::{Failure, Outcome, now, pause, tools, workspace};

const START_LIMIT: Duration = Duration::from_mins(2);
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How a server is started.
pub(crate) struct Launch<'a> {
    /// Its folder below `target/tools/`, and its name in messages.
    pub(crate) name: &'static str,
    /// The program that serves from a folder on a port until its standard input is closed.
    pub(crate) command: &'a dyn Fn(&Path, u16) -> Command,
    /// Whether it answers on the port as it should; it also sees what the server has said so far.
    pub(crate) is_ready: &'a dyn Fn(u16, &str) -> bool,
}

/// A running server. It ends with this value, and also if this process is killed: the pipe that it lives by closes then.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    port: u16,
    /// Its own files, gone when it ends, but for the log.
    files: PathBuf,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(launch: &Launch<'_>) -> Outcome<Self> {
        let mut server = Self::spawn(launch)?;
        let started = now();
        while started.elapsed() < START_LIMIT {
            if (launch.is_ready)(server.port, &server.log()) {
                return Ok(server);
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(server.failed(&format!("ended with {status}")));
            }
            pause(Duration::from_millis(100));
        }
        Err(server.failed(&format!("was not ready after {} s", START_LIMIT.as_secs())))
    }

    fn spawn(launch: &Launch<'_>) -> Outcome<Self> {
        let name = launch.name;
        let what = || Failure::while_doing(format!("starting {name}"));
        let port = free_port().map_err(what())?;
        let files = tools().join(name).join(format!("run-{port}"));
        if files.exists() {
            fs::remove_dir_all(&files).map_err(what())?;
        }
        fs::create_dir_all(files.join("tmp")).map_err(what())?;
        let log = File::create(files.join("server.log")).map_err(what())?;
        let child = (launch.command)(&files, port)
            .current_dir(&files)
            .stdin(Stdio::piped())
            .stderr(log.try_clone().map_err(what())?)
            .stdout(log)
            .spawn()
            .map_err(what())?;
        Ok(Self {
            name,
            child,
            port,
            files,
        })
    }

    /// The address to give to a client.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it ends, which is a failure. The pipe stays open, which `Child::wait` would close.
    pub(crate) fn wait(mut self) -> Outcome {
        let log = self.files.join("server.log");
        let shown = log.strip_prefix(workspace()).unwrap_or(&log).display();
        println!("log: {shown}");
        loop {
            let what = Failure::while_doing(format!("waiting for {}", self.name));
            if let Some(status) = self.child.try_wait().map_err(what)? {
                return Err(self.failed(&format!("ended with {status}")));
            }
            pause(Duration::from_millis(500));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.files.join("server.log")).unwrap_or_default()
    }

    fn failed(&self, how: &str) -> Failure {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        Failure::new(format!("{} {how}; the end of its log:\n{tail}", self.name))
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
        let last = self.files.with_file_name("last.log");
        drop(fs::rename(self.files.join("server.log"), last));
        self.stop();
        drop(fs::remove_dir_all(&self.files));
    }
}

/// A port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Sends one request, and returns all of the answer.
pub(crate) fn ask(port: u16, request: &str) -> std::io::Result<String> {
    let limit = Duration::from_secs(5);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = TcpStream::connect_timeout(&address, limit)?;
    connection.set_read_timeout(Some(limit))?;
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
