//! Calls on their way from one running instance to another: recorded as lines of JSON, and replayed.

use crate::call::Call;
use crate::model::NotesModel;
use crate::update::{Encoded, Replay, Update};
use icecore::{Error, ErrorKind, Recorded, Replica, Result, UpdateId, time};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The longest line of a recording, in bytes: an update has at most one MiB, and the rest of the line less.
pub const LINE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A call in a recording, which has one on each line: `{"id": "AUTHOR:SEQ", "at": …, "kind": "rename", "data": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// The id of the update that the call was where it was made. A line that somebody wrote by hand may have none.
    pub id: Option<UpdateId>,
    /// When it was made, in milliseconds since 1970 UTC; where the line does not say, now.
    pub at: Option<i64>,
    /// The call.
    pub call: Call,
}

impl RecordedCall {
    /// A call of the history, under the id that counts.
    ///
    /// # Errors
    /// `Invalid` when the update cannot be read.
    pub fn of(recorded: Recorded<Update>) -> Result<Self> {
        let update = recorded.update.map_err(|rejected| {
            Error::invalid(rejected.to_string()).with_object(recorded.id.to_string())
        })?;
        let (id, call) = update.into_call(recorded.id);
        let at = time::from_rfc3339(&recorded.at).ok();
        let id = Some(id);
        Ok(Self { id, at, call })
    }

    /// Reads a line.
    ///
    /// # Errors
    /// `Invalid` when it is no call, with what is wrong.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let hint = r#"a line is {"kind": METHOD, "data": ARGUMENT}, with "id" and "at" where they are known, as `notes --record FILE` writes it"#;
        let encoded: Encoded = serde_json::from_slice(line).map_err(|e| {
            Error::invalid("the line is no call")
                .with_hint(hint)
                .with_source(e)
        })?;
        let call = Call::from_update(&encoded.kind, &encoded.data)
            .map_err(|rejected| Error::invalid(rejected.to_string()).with_hint(hint))?;
        let id = encoded.id.map(|id| id.parse()).transpose()?;
        let at = encoded.at.map(|at| time::from_rfc3339(&at)).transpose()?;
        Ok(Self { id, at, call })
    }

    /// The line, without its end.
    ///
    /// # Errors
    /// `Invalid` when the call holds what JSON has no form for.
    pub fn to_line(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            at: Option<String>,
            #[serde(flatten)]
            call: &'a Call,
        }
        let line = Line {
            id: self.id.map(|id| id.to_string()),
            at: self.at.map(time::to_rfc3339),
            call: &self.call,
        };
        serde_json::to_string(&line)
            .map_err(|e| Error::invalid("the call has no JSON form").with_source(e))
    }

    /// The update that replays it: under its id, where it has one.
    pub fn into_update(self) -> Update {
        match self.id {
            Some(id) => Update::Replay(Replay {
                id,
                call: self.call,
            }),
            None => Update::Call(self.call),
        }
    }
}

/// Writes calls down as they are made. The app owns it, and tells it of each call that it has made.
#[derive(Debug)]
pub struct Recorder<W>(W);

impl Recorder<File> {
    /// A recorder that appends to a file, which is made where it is missing.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written.
    pub fn append_to(path: &Path) -> Result<Self> {
        let denied = |e| {
            Error::denied("the recording cannot be written")
                .with_object(path.display().to_string())
                .with_hint("name a file in a folder that is there and may be written")
                .with_source(e)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(denied)?;
        // Whoever was killed while writing left half a line. It stays one bad line, and the next one is whole.
        if !ends_a_line(&mut file).map_err(denied)? {
            file.write_all(b"\n").map_err(denied)?;
        }
        Ok(Self(file))
    }
}

fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

impl<W: Write> Recorder<W> {
    /// A recorder that writes to anything.
    pub fn new(to: W) -> Self {
        Self(to)
    }

    /// Writes a call down, in one piece.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written: the call was made, and the recording lacks it.
    pub fn record(&mut self, call: &RecordedCall) -> Result<()> {
        let line = call.to_line()? + "\n";
        let written = self.0.write_all(line.as_bytes());
        written.and_then(|()| self.0.flush()).map_err(|e| {
            Error::unavailable("the call was made, and could not be recorded")
                .with_hint("free some space; `notes calls --json` prints all calls as a recording")
                .with_source(e)
        })
    }
}

/// What became of a call that was replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It was made here, as this update of this instance, which syncs like any other.
    Made(UpdateId),
    /// This very call is part of the notebook already, whichever way it came. Nothing was done.
    Known,
    /// The notebook does not allow it now. Nothing was done, and it can be tried again.
    Refused(String),
}

/// Replays a call into a running instance.
///
/// # Errors
/// Errors of the local folder.
pub async fn replay(replica: &Replica<NotesModel>, recorded: RecordedCall) -> Result<Replayed> {
    if recorded
        .id
        .is_some_and(|id| replica.state().calls.contains(id))
    {
        return Ok(Replayed::Known);
    }
    let at = recorded.at.unwrap_or_else(|| replica.now());
    match replica.update_at(at, recorded.into_update()).await {
        Ok(id) => Ok(Replayed::Made(id)),
        Err(error) if error.kind() == ErrorKind::Invalid => {
            Ok(Replayed::Refused(error.to_string()))
        }
        Err(error) => Err(error),
    }
}
