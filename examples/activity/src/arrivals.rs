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
use icecore::line_log::{LineLog, line_of};
use icecore::{Error, Key, Result};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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
    log: LineLog,
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
        let (log, text) = LineLog::open(path, "the log of arrivals")?;
        let mut arrivals = Self {
            log,
            entries: Vec::new(),
            given: BTreeMap::new(),
        };
        arrivals.read(&text)?;
        Ok(arrivals)
    }

    fn read(&mut self, text: &[u8]) -> Result<()> {
        let mut lines = text.split_inclusive(|b| *b == b'\n');
        let Some(first) = lines.next() else {
            return self.log.append(&line_of(&Header { v: 1 })?);
        };
        let header: Header = self.log.parse(first)?;
        self.log.check_version(header.v)?;
        for line in lines {
            let arrival: Arrival = self.log.parse(line)?;
            if arrival.seen <= self.last() {
                return Err(self.log.unreadable());
            }
            self.take(arrival);
        }
        Ok(())
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
            last = last.after(now).ok_or_else(|| self.log.unreadable())?;
            let arrival = Arrival {
                seen: last,
                id: event.id.clone(),
                server_time: event.server_time,
            };
            lines.extend(line_of(&arrival)?);
            news.push(arrival);
        }
        if !lines.is_empty() {
            self.log.append(&lines)?;
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

#[cfg(test)]
mod tests;
