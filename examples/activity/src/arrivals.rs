//! When this server first saw each event: what a watermark means.
//!
//! A watermark that is a client's time, or the greatest server time of what it was given, skips for ever what becomes
//! visible late with a lower one: a phone that was offline, an upload that took a minute. Here it is a time of this log's
//! own. Each entry has a later one than all before it, whatever the clock says: a tie is raised by a millisecond, and a
//! clock that goes back lowers nothing. An event gets its entry when it is first seen, so what comes late comes after all
//! that a client was given before, and no two entries share a time at which an answer could be cut.

use crate::attempts::Attempts;
use crate::event::EventId;
use crate::event::parts::{SAFE_INTEGER_MAX, whole};
use icecore::{Error, Key, Result};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The most entries of the log that one answer goes through.
pub const PAGE_MAX: usize = 5_000;
/// After how many bytes of events an answer is cut.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a client holds: the time of the last entry that it was given, in milliseconds since 1970 UTC. 0 is before all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Number", into = "u64")]
pub struct Watermark(u64);

impl Watermark {
    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The next entry's: the clock's time, or later.
    fn after(self, now: i64) -> Option<Self> {
        let now = u64::try_from(now).unwrap_or(0).min(SAFE_INTEGER_MAX);
        let next = now.max(self.0 + 1);
        (next <= SAFE_INTEGER_MAX).then_some(Self(next))
    }
}

impl TryFrom<Number> for Watermark {
    type Error = Error;

    fn try_from(number: Number) -> Result<Self> {
        let millis = whole(&number).and_then(|n| u64::try_from(n).ok());
        millis.map(Self).ok_or_else(|| {
            Error::invalid(format!(
                "not a whole number of milliseconds from 0 to {SAFE_INTEGER_MAX}"
            ))
        })
    }
}

impl From<Watermark> for u64 {
    fn from(watermark: Watermark) -> Self {
        watermark.0
    }
}

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    v: u32,
}

/// Any other line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arrival {
    /// Later than that of the line before.
    seen: Watermark,
    id: EventId,
    /// The server time with which it was given out. Should an earlier copy of the event turn up, it is given out again.
    server_time: Key,
}

/// The log, in a file: watermarks outlive the server.
#[derive(Debug)]
pub struct Arrivals {
    path: PathBuf,
    file: File,
    /// How much of the file is whole lines; what follows is left of a write that failed.
    len: u64,
    entries: Vec<Arrival>,
    given: BTreeMap<EventId, Key>,
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
        for line in lines {
            let arrival: Arrival = parse(&self.path, line)?;
            if arrival.seen <= self.last() {
                return Err(unreadable(&self.path));
            }
            self.take(arrival);
        }
        self.len = text.len() as u64;
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.write(&line_of(&Header { v: 1 })?)?;
        // The name is to outlive a power cut too.
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|e| failed(&self.path, e))
    }

    /// Appends what the state holds and the log does not, at this time by the server's clock or later: durable when this
    /// returns. What waits on this device is left out: it has no server time yet.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written; then nothing was appended.
    pub fn append_new(&mut self, state: &Attempts, now: i64) -> Result<usize> {
        let (mut news, mut lines, mut last) = (Vec::new(), Vec::new(), self.last());
        let events = state.iter().flat_map(|(_, timeline)| timeline.events());
        for event in events.filter(|e| e.is_confirmed()) {
            if self.given.get(&event.id) == Some(&event.server_time) {
                continue;
            }
            last = last.after(now).ok_or_else(|| unreadable(&self.path))?;
            let arrival = Arrival {
                seen: last,
                id: event.id.clone(),
                server_time: event.server_time,
            };
            lines.extend(line_of(&arrival)?);
            news.push(arrival);
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
        self.given.insert(arrival.id.clone(), arrival.server_time);
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

    /// The time of the last entry; 0 before the first.
    fn last(&self) -> Watermark {
        self.entries
            .last()
            .map_or_else(Watermark::default, |e| e.seen)
    }

    /// What arrived after a watermark, each event once: at most [`PAGE_MAX`] entries, and as many as weigh
    /// [`PAGE_BYTES_MAX`] bytes; the watermark after them, and whether there are more.
    ///
    /// A watermark that is no entry's time was not given out by this log: it is of another server, of a log that was lost or
    /// put back, or of a client's own clock. It counts as none. The client gets everything anew, and is never told that it
    /// has what it has not.
    pub fn after(&self, watermark: Watermark, weigh: impl Fn(&EventId) -> usize) -> Page {
        let found = self.entries.binary_search_by_key(&watermark, |e| e.seen);
        let from = found.map_or(0, |at| at + 1);
        let (mut ids, mut to, mut bytes) = (BTreeSet::new(), from, 0_usize);
        for arrival in self.entries[from..].iter().take(PAGE_MAX) {
            if !ids.contains(&arrival.id) {
                bytes = bytes.saturating_add(weigh(&arrival.id));
            }
            // The first is given whatever it weighs, so that each answer gets further.
            if to > from && bytes > PAGE_BYTES_MAX {
                break;
            }
            ids.insert(arrival.id.clone());
            to += 1;
        }
        let last = to.checked_sub(1).and_then(|at| self.entries.get(at));
        Page {
            ids,
            watermark: last.map_or_else(Watermark::default, |e| e.seen),
            has_more: to < self.entries.len(),
        }
    }
}

/// A part of the log.
#[derive(Debug)]
pub struct Page {
    /// Which events.
    pub ids: BTreeSet<EventId>,
    /// The client has everything up to here now.
    pub watermark: Watermark,
    /// Whether there are later ones.
    pub has_more: bool,
}

fn line_of(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)
        .map_err(|e| Error::internal("an arrival has no JSON form").with_source(e))?;
    line.push(b'\n');
    Ok(line)
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, line: &'a [u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| unreadable(path).with_source(e))
}

fn unreadable(path: &Path) -> Error {
    Error::corrupt("the log of arrivals cannot be read")
        .with_object(path.display().to_string())
        .with_hint("delete it: no event is lost, and clients get everything once more")
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::denied("the log of arrivals cannot be read or written")
        .with_object(path.display().to_string())
        .with_hint("check the folder's owner and permissions, and the space on its disk")
        .with_source(error)
}

#[cfg(test)]
mod tests;
