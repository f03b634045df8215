//! Calls on their way from one running instance to another: recorded as lines of JSON, and replayed.

use crate::call::Call;
use crate::calls::Content;
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
pub struct Recorder<W> {
    to: W,
    /// What it is in errors: the file, where it is one.
    name: String,
}

impl Recorder<File> {
    /// A recorder that appends to a file, which is made where it is missing.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written.
    pub fn append_to(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let denied = |e| {
            Error::denied("the recording cannot be written")
                .with_object(&name)
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
        Ok(Self { to: file, name })
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
        let name = "the recording".to_owned();
        Self { to, name }
    }

    /// Writes a call down, in one piece.
    ///
    /// # Errors
    /// `Denied` when it cannot be written: the call was made and is stored on this device, and the recording lacks it.
    /// To make it again would be wrong.
    pub fn record(&mut self, call: &RecordedCall) -> Result<()> {
        let line = call.to_line()? + "\n";
        let written = self.to.write_all(line.as_bytes());
        written.and_then(|()| self.to.flush()).map_err(|e| {
            let id = call.id.map_or_else(String::new, |id| format!(" as {id}"));
            Error::denied(format!(
                "the call was made and is stored{id}, but the recording cannot be written"
            ))
            .with_object(&self.name)
            .with_hint(
                "do not make it again; free some space where the recording lies, and complete it: \
                 `notes calls --json` prints all calls that the store has as a recording",
            )
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
    /// Another call is part of the notebook under its id. Nothing was done, and trying again changes nothing: one of the two
    /// was made on a device that had been put back from a backup, or copied.
    Conflict(String),
}

/// Replays a call into a running instance.
///
/// # Errors
/// Errors of the local folder.
pub async fn replay(replica: &Replica<NotesModel>, recorded: RecordedCall) -> Result<Replayed> {
    let content = match Content::of(&recorded.call) {
        Ok(content) => content,
        Err(too_large) => return Ok(Replayed::Refused(too_large.to_string())),
    };
    if let Some(id) = recorded.id {
        match replica.state().calls.contains(id, content) {
            Ok(true) => return Ok(Replayed::Known),
            Ok(false) => {}
            Err(another) => return Ok(Replayed::Conflict(another.to_string())),
        }
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
