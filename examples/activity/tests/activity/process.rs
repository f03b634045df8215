//! The command, in processes of its own.

use crate::support::Site;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

pub(crate) fn command(site: &Site, device: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_activity"));
    command
        .env_clear()
        .arg("--store")
        .arg(site.path("store"))
        .arg("--replica")
        .arg(site.path(device));
    command
}

pub(crate) fn run(site: &Site, device: &str, arguments: &[&str]) -> Output {
    command(site, device).args(arguments).output().unwrap()
}

/// What a command prints that succeeds.
pub(crate) fn ok(site: &Site, device: &str, arguments: &[&str]) -> String {
    let output = run(site, device, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{}", text(output.stderr));
    text(output.stdout)
}

/// A server process, killed with the test.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
}

impl Serving {
    pub(crate) fn start(site: &Site, device: &str) -> Self {
        let mut child = command(site, device)
            .args(["serve", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut serving = Self {
            child,
            address: String::new(),
        };
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        address.unwrap().clone_into(&mut serving.address);
        serving
    }

    /// Sends a request and does not wait for its answer.
    pub(crate) fn begin(&self, body: &str) -> TcpStream {
        let address = &self.address;
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /api/sync/activity HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream
    }

    /// The body of an answer to a call that succeeds, as it came.
    pub(crate) fn post(&self, body: &str) -> String {
        let mut answer = String::new();
        self.begin(body).read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    pub(crate) fn call(&self, body: &Value) -> Value {
        serde_json::from_str(&self.post(&body.to_string())).unwrap()
    }

    /// Ends it as a crash does: it gets no time for anything.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
