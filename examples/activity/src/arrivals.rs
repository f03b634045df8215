//! In which order events became visible to this server: what a watermark counts.
//!
//! A watermark that is a time, or the greatest key seen, skips for ever what becomes visible late with a lower one: a phone
//! that was offline, an upload that took a minute. Here it is a position in this log, and an event is appended when it is
//! first seen, whatever its times say. So what comes late comes after all that a client was given before.

use crate::attempts::Attempts;
use crate::event::{AttemptId, EventId};
use icecore::{Error, Key, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use uuid::Uuid;

/// What a client holds: which log, and how many of its entries the client was given. Opaque to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    log: Uuid,
    position: usize,
}

impl fmt::Display for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.log.simple(), self.position)
    }
}

impl FromStr for Watermark {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('.').and_then(|(log, position)| {
            let log = Uuid::try_parse(log).ok()?;
            let position = position.parse().ok()?;
            Some(Self { log, position })
        });
        parsed.ok_or_else(|| {
            Error::invalid("this is no watermark")
                .with_object("lastSyncTimestamp")
                .with_hint("send the newSyncTimestamp of the last answer as it was, or leave it out to get everything")
        })
    }
}

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    v: u32,
    /// Random: positions of one log mean nothing in another.
    log: Uuid,
}

/// Any other line.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Arrival {
    attempt: AttemptId,
    id: EventId,
    /// The server time with which it was given out. Should an earlier copy of the event turn up, it is given out again.
    server: Key,
}

/// The log, in a file: watermarks outlive the server.
#[derive(Debug)]
pub struct Arrivals {
    path: PathBuf,
    file: File,
    /// How much of the file is whole lines; what follows is left of a write that failed.
    len: u64,
    log: Uuid,
    entries: Vec<Arrival>,
    given: BTreeMap<(AttemptId, EventId), Key>,
}

impl Arrivals {
    /// Opens the log, or begins one.
    ///
    /// # Errors
    /// `Denied` when the file cannot be used, `Unavailable` while another server uses it, `Corrupt` when it is not such a
    /// log.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(|e| failed(path, e))?;
        // Two servers that append to one log would write into each other's lines.
        file.try_lock().map_err(|e| {
            Error::unavailable("another server uses this log")
                .with_object(path.display().to_string())
                .with_hint("end it, or give this one a --replica folder of its own")
                .with_source(e)
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|e| failed(path, e))?;
        let mut arrivals = Self {
            path: path.to_owned(),
            file,
            len: 0,
            log: Uuid::nil(),
            entries: Vec::new(),
            given: BTreeMap::new(),
        };
        // A line without an end was cut by a crash: nobody was told of it, for that happens after it is on disk.
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        arrivals.read(&text[..whole])?;
        Ok(arrivals)
    }

    fn read(&mut self, text: &[u8]) -> Result<()> {
        let mut lines = text.split_inclusive(|b| *b == b'\n');
        let Some(first) = lines.next() else {
            return self.begin();
        };
        let header: Header = parse(&self.path, first)?;
        if header.v != 1 {
            return Err(Error::invalid("a newer program wrote this log")
                .with_object(self.path.display().to_string())
                .with_hint("update this program; nothing was changed"));
        }
        self.log = header.log;
        for line in lines {
            let arrival = parse(&self.path, line)?;
            self.take(arrival);
        }
        self.len = text.len() as u64;
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.log = new_id();
        let header = Header {
            v: 1,
            log: self.log,
        };
        self.write(&line_of(&header)?)?;
        // The name is to outlive a power cut too.
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|e| failed(&self.path, e))
    }

    /// Appends what the state holds and the log does not: durable when this returns. What waits on this device is left
    /// out: it has no server time yet.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written; then nothing was appended.
    pub fn append_new(&mut self, state: &Attempts) -> Result<usize> {
        let mut news = Vec::new();
        let mut lines = Vec::new();
        for (attempt, timeline) in state.iter() {
            for event in timeline.events().iter().filter(|e| e.is_confirmed()) {
                let name = (attempt.clone(), event.id);
                if self.given.get(&name) == Some(&event.server) {
                    continue;
                }
                let (attempt, id) = name;
                let server = event.server;
                let arrival = Arrival {
                    attempt,
                    id,
                    server,
                };
                lines.extend(line_of(&arrival)?);
                news.push(arrival);
            }
        }
        if !lines.is_empty() {
            self.write(&lines)?;
        }
        let count = news.len();
        for arrival in news {
            self.take(arrival);
        }
        Ok(count)
    }

    fn take(&mut self, arrival: Arrival) {
        let name = (arrival.attempt.clone(), arrival.id);
        self.given.insert(name, arrival.server);
        self.entries.push(arrival);
    }

    fn write(&mut self, lines: &[u8]) -> Result<()> {
        let file = &mut self.file;
        let written = file
            .set_len(self.len)
            .and_then(|()| file.seek(SeekFrom::Start(self.len)))
            .and_then(|_| file.write_all(lines))
            .and_then(|()| file.sync_all());
        written.map_err(|e| failed(&self.path, e))?;
        self.len += lines.len() as u64;
        Ok(())
    }

    /// What arrived after a watermark, each event once, at most `limit` entries of the log; the watermark after them, and
    /// whether there are more. A watermark of another log, or from beyond the end of this one, counts as none: the client
    /// gets everything anew, and is never told that it has what it has not.
    pub fn after(&self, watermark: Option<Watermark>, limit: usize) -> Page {
        let from = match watermark {
            Some(w) if w.log == self.log && w.position <= self.entries.len() => w.position,
            _ => 0,
        };
        let to = self.entries.len().min(from.saturating_add(limit));
        let events: BTreeSet<(AttemptId, EventId)> = self.entries[from..to]
            .iter()
            .map(|arrival| (arrival.attempt.clone(), arrival.id))
            .collect();
        Page {
            events: events.into_iter().collect(),
            watermark: Watermark {
                log: self.log,
                position: to,
            },
            has_more: to < self.entries.len(),
        }
    }
}

/// A part of the log.
#[derive(Debug)]
pub struct Page {
    /// Which events.
    pub events: Vec<(AttemptId, EventId)>,
    /// The client has everything up to here now.
    pub watermark: Watermark,
    /// Whether there are later ones.
    pub has_more: bool,
}

/// A new random id, for an event or a log.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where an app's ids come from; nothing is replayed from a seed"
)]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

fn line_of(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)
        .map_err(|e| Error::internal("an arrival has no JSON form").with_source(e))?;
    line.push(b'\n');
    Ok(line)
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, line: &'a [u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| {
        Error::corrupt("the log of arrivals cannot be read")
            .with_object(path.display().to_string())
            .with_hint("delete it: no event is lost, and clients get everything once more")
            .with_source(e)
    })
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::denied("the log of arrivals cannot be read or written")
        .with_object(path.display().to_string())
        .with_hint("check the folder's owner and permissions, and the space on its disk")
        .with_source(error)
}
