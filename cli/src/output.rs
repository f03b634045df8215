//! What goes to stdout (results) and to stderr (everything else).

use crate::exit::{ErrorJson, Outcome, Stop, causes};
use crate::progress::Progress;
use icecore_core::Error;
use serde::Serialize;
use serde_json::json;
use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};
use std::sync::{Mutex, PoisonError};

/// Writes results for a person or, with `--json`, for a program.
#[derive(Debug)]
pub(crate) struct Output {
    /// One JSON value per line instead of text.
    pub(crate) json: bool,
    /// A person reads stdout.
    pub(crate) terminal: bool,
    stdout: Mutex<BufWriter<Stdout>>,
    stderr: Stderr,
    proxy: Option<String>,
    /// What is shown until there is something to print.
    waiting: Mutex<Option<Progress>>,
}

impl Output {
    /// Output to this process's stdout. `proxy` says through what requests may go.
    pub(crate) fn new(json: bool, proxy: Option<String>) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self {
            json,
            terminal,
            stdout: Mutex::new(BufWriter::new(stdout)),
            stderr: io::stderr(),
            proxy,
            waiting: Mutex::new(None),
        }
    }

    /// Shows this until something is printed or flushed: for output whose first line comes late, and which a pager
    /// may be reading from then on.
    pub(crate) fn until_printed(&self, progress: Progress) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    fn stop_waiting(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        drop(waiting.take());
    }

    /// Prints a line at once.
    pub(crate) fn line(&self, line: impl AsRef<[u8]>) -> Outcome {
        self.buffer(line)?;
        self.flush()
    }

    /// Prints a line, maybe only with the next flush.
    pub(crate) fn buffer(&self, line: impl AsRef<[u8]>) -> Outcome {
        self.stop_waiting();
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        let written = stdout
            .write_all(line.as_ref())
            .and_then(|()| stdout.write_all(b"\n"));
        written.map_err(cannot_write)
    }

    /// Prints what is buffered.
    pub(crate) fn flush(&self) -> Outcome {
        self.stop_waiting();
        self.stdout
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
            .map_err(cannot_write)
    }

    /// Prints a result: as JSON with `--json`, else as the text of `human`.
    pub(crate) fn result<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Outcome {
        if self.json {
            self.line(json_line(value)?)
        } else {
            self.line(human())
        }
    }

    /// Tells a person something that is no result: progress, warnings, what to do next.
    pub(crate) fn note(&self, text: &str) {
        self.stop_waiting();
        // That stderr is closed is no reason to stop.
        drop(writeln!(self.stderr.lock(), "{text}"));
    }

    /// Names the proxy that requests may go through, where one could not be answered.
    fn with_proxy(&self, error: &Error) -> Option<String> {
        let proxy = self.proxy.as_ref().filter(|_| error.is_unavailable())?;
        let own = format!("{proxy}: if it is dead, unset that, or name the server in NO_PROXY");
        Some(match error.hint() {
            Some(hint) => format!("{hint}; {own}"),
            None => own,
        })
    }

    /// Reports an error: for people on stderr and, with `--json`, for programs on stdout too.
    pub(crate) fn error(&self, error: &Error) {
        let mut lines = vec![format!("error: {error}")];
        lines.extend(
            causes(error)
                .iter()
                .map(|cause| format!("  caused by: {cause}")),
        );
        let hint = self.with_proxy(error);
        let hint = hint.as_deref().or(error.hint());
        lines.extend(hint.map(|hint| format!("  hint: {hint}")));
        self.note(&lines.join("\n"));
        if self.json {
            let value = json!({ "error": ErrorJson::from(error).with_hint(hint) });
            // If nobody reads, the exit code and stderr still tell.
            drop(self.line(value.to_string()));
        }
    }
}

/// A value as one line of JSON.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Outcome<Vec<u8>> {
    Ok(serde_json::to_vec(value)
        .map_err(|e| Error::internal("BUG: a result has no JSON form").with_source(e))?)
}

fn cannot_write(error: io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::OutputClosed;
    }
    Error::denied("cannot write the output")
        .with_hint("check where stdout goes: a full disk, maybe")
        .with_source(error)
        .into()
}
