//! `LocalStack`: the independent S3 server that the tests run against, with the queues and the parameter store that
//! the functions need beside it.
//!
//! It shares no code with icecore and keeps the rules that icecore relies on: conditional writes hold, also in a
//! race. The contract tests and `icecore init` are run on it, so a release that does not is noticed.

use std::path::Path;
use std::process::Command;

use crate::run::{Outcome, workspace};
use crate::server::{Launch, Server, ask};
use crate::venv::{Environment, Wanted};

const LOCALSTACK: Wanted = Wanted {
    name: "localstack",
    requirements: "xtask/localstack/requirements.txt",
    probe: "import localstack.constants, moto.sqs, moto.ssm",
};

/// Buckets, queues and parameters: by the names that it has for them.
const SERVICES: [&str; 3] = ["s3", "sqs", "ssm"];

/// Installs `LocalStack`, unless it is there.
pub(crate) fn install() -> Outcome<Environment> {
    LOCALSTACK.install()
}

/// Starts a server, its state in memory.
pub(crate) fn start(installed: &Environment) -> Outcome<Server> {
    Server::start(&Launch {
        name: LOCALSTACK.name,
        command: &|folder, port| command(installed, folder, port),
        is_ready: &is_ready,
    })
}

fn command(installed: &Environment, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(installed.program("python"));
    command
        .arg("-I")
        .arg(workspace().join("xtask/localstack/serve.py"))
        .arg(folder)
        .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
        .env("FILESYSTEM_ROOT", folder.join("root"))
        .env("TMPDIR", folder.join("tmp"))
        .env("SERVICES", SERVICES.join(","))
        .env("STRICT_SERVICE_LOADING", "1")
        .env("EAGER_SERVICE_LOADING", "1")
        .env("S3_SKIP_SIGNATURE_VALIDATION", "0")
        .env("DISABLE_EVENTS", "1")
        .env("SKIP_SSL_CERT_DOWNLOAD", "1")
        .env("DNS_ADDRESS", "0");
    command
}

fn is_ready(port: u16, _log: &str) -> bool {
    let request = format!(
        "GET /_localstack/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    );
    let answer = ask(port, &request).unwrap_or_default();
    let runs = |service: &str| answer.contains(&format!(r#""{service}": "running""#));
    answer.starts_with("HTTP/1.1 200") && SERVICES.into_iter().all(runs)
}

/// Runs a server until it or this command is stopped, and prints how to use it.
pub(crate) fn foreground() -> Outcome {
    let installed = install()?;
    let server = start(&installed)?;
    println!("an S3 server, its state in memory, until Ctrl-C; for another terminal:\n");
    println!(
        "export ICECORE_TEST_S3_ENDPOINT={0}\nexport AWS_ENDPOINT_URL={0}",
        server.address()
    );
    println!("export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1\n");
    server.wait()
}
