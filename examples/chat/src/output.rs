//! What is printed.

use icecore::{Error, Result};
use serde::Serialize;
use std::error::Error as _;
use std::fmt;
use std::io::{self, Write};

/// Where results go: as text for people, or as JSON, one value per line.
pub struct Output<'a> {
    json: bool,
    to: &'a mut (dyn Write + Send),
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

impl<'a> Output<'a> {
    /// Results go there.
    pub fn new(json: bool, to: &'a mut (dyn Write + Send)) -> Self {
        Self { json, to }
    }

    /// Prints a result: its JSON, or the text of `human`.
    ///
    /// # Errors
    /// `Denied` when nobody takes it.
    pub fn result(&mut self, value: &impl Serialize, human: impl FnOnce() -> String) -> Result<()> {
        let line = if self.json {
            serde_json::to_string(value)
                .map_err(|e| Error::internal("BUG: a result has no JSON form").with_source(e))?
        } else {
            human()
        };
        writeln!(self.to, "{line}")
            .and_then(|()| self.to.flush())
            .map_err(cannot_write)
    }
}

fn cannot_write(error: io::Error) -> Error {
    Error::denied("cannot write the output")
        .with_hint("check where stdout goes: a full disk, maybe")
        .with_source(error)
}

/// Whether nobody reads the output any more, as in `chat log | head`: no reason to complain.
pub fn is_closed(error: &Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
