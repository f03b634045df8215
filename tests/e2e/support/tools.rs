//! Programs and servers that `cargo xtask test` installs and starts for the tests.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// What a variable names.
///
/// A plain `cargo test` has none of it: it prints that the test is skipped and returns `None`.
///
/// # Panics
/// When the variable is not set although `ICECORE_REQUIRE_TOOLS=1` says that nothing may be skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where its tools are"
)]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn named_by(variable: &str) -> Option<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let value = set(variable);
    if value.is_none() {
        assert!(
            set("ICECORE_REQUIRE_TOOLS").as_deref() != Some("1"),
            "ICECORE_REQUIRE_TOOLS=1, but {variable} is not set"
        );
        println!("skipped: {variable} is not set; `cargo xtask test` does that");
    }
    value
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program of others, which is killed after so many seconds.
///
/// # Panics
/// When it was killed.
pub(crate) fn run_within(seconds: u32, command: &mut Command) -> Ended {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in ["NO_PROXY", "no_proxy"] {
        command.env(name, "127.0.0.1,localhost");
    }
    let mut child = command.spawn().expect("the program starts");
    let stdout = child.stdout.take().map(in_background);
    let stderr = child.stderr.take().map(in_background);
    let status = wait(&mut child, seconds);
    let text = |reading: Option<std::thread::JoinHandle<String>>| {
        reading.map_or_else(String::new, |reading| reading.join().expect("it is read"))
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    let status = status.unwrap_or_else(|| panic!("killed after {seconds} s\n{stdout}\n{stderr}"));
    Ended {
        success: status.success(),
        stdout,
        stderr,
    }
}

fn in_background(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is shown.
        drop(from.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, seconds: u32) -> Option<ExitStatus> {
    for _ in 0..seconds.saturating_mul(10) {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        pause(Duration::from_millis(100));
    }
    // It may have ended just now.
    drop(child.kill());
    drop(child.wait());
    None
}

/// Waits for another process.
#[expect(
    clippy::disallowed_methods,
    reason = "another process is waited for in real time"
)]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
