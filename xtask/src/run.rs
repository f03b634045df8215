//! Starting programs, and the only places that touch the clock and the environment.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why a step ended early: one sentence for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What every step returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: what was being done, then what the system said.
    pub(crate) fn while_doing(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The top folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask/ lies in the workspace")
}

/// Where everything that a test needs is installed.
pub(crate) fn tools() -> PathBuf {
    workspace().join("target").join("tools")
}

/// A `cargo` command at the top of the workspace, as if it had been started from a shell.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .arg(subcommand)
        .current_dir(workspace())
        .stdin(Stdio::null());
    outside_of_cargo(&mut cargo);
    if variable("CARGO_NET_RETRY").is_none() {
        cargo.env("CARGO_NET_RETRY", "10");
    }
    cargo
}

/// A program that extends cargo, installed where it is not yet.
pub(crate) fn cargo_tool(name: &str) -> Outcome<PathBuf> {
    let root = tools().join(name);
    let program = root.join("bin").join(name);
    if !program.is_file() {
        run(cargo("install")
            .args([name, "--locked", "--root"])
            .arg(&root))?;
    }
    Ok(program)
}

/// Takes what is only meant for xtask out of the environment of a command that runs cargo.
///
/// `cargo run` describes xtask's own package there. Build scripts that watch those variables (ring's does) would be run
/// again at every change between this and a plain `cargo test`.
pub(crate) fn outside_of_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let own = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if own {
            command.env_remove(name);
        }
    }
}

/// Runs a program to its end, its output going where this command's goes.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(Failure::while_doing(shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`{}` ended with {status}",
        shown(command)
    )))
}

/// The trimmed standard output of a program, if it can be run and succeeds.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Tries again, a few times and with growing pauses, what the network may spoil.
pub(crate) fn retried(mut attempt: impl FnMut() -> Outcome) -> Outcome {
    for seconds in [2, 8, 20] {
        let Err(failure) = attempt() else {
            return Ok(());
        };
        eprintln!("{failure}; once more in {seconds} s");
        pause(Duration::from_secs(seconds));
    }
    attempt()
}

/// The program and its arguments, for messages.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// An environment variable that is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "a command of the developer may read the environment"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The clock, for durations only.
#[expect(
    clippy::disallowed_methods,
    reason = "the durations of steps are of the real clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What the processors have spent on the programs that this one started and that ended, and on those that they started;
/// `None` where the system has no `/proc`.
pub(crate) fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    children_time(&stat)
}

/// Fields 16 and 17 of proc(5)'s `stat`, in hundredths of a second. The second field is a name, which may hold blanks.
fn children_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        user.saturating_add(system).saturating_mul(10),
    ))
}

/// Waits for something outside of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "another process is waited for in real time"
)]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::children_time;
    use std::time::Duration;

    #[test]
    fn the_time_of_children_is_found_behind_any_name() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 1100 1200 345 55 20 0 1 0";
        assert_eq!(children_time(stat), Some(Duration::from_secs(4)));
        assert_eq!(children_time("7 (short) S 1 2"), None);
    }
}
