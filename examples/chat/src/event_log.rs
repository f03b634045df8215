//! The events of a chat in the order in which this server first saw them: what a client holds is a place in it.
//!
//! Events are sorted alike everywhere, but not in the order in which they become visible: a phone that was offline, or an
//! upload that took a minute, brings one that belongs before what clients were given already. A client that asks for what
//! stands after the last one it holds would never get it. In this log an event is appended when it is first seen, so what
//! comes late comes after all that was given out before.

use crate::id::EventId;
use crate::wire::Event;
use icecore::line_log::{LineLog, line_of};
use icecore::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The most events of one page, and about the most bytes: what one slow client makes the server hold.
const PAGE_EVENTS_MAX: usize = 500;
const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest line: a picture as base64, and what stands around it.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The last event that a client was given, and in which log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The event.
    pub event: EventId,
    /// The log; a client that keeps events only does not know it.
    pub log: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.event.fmt(f)?;
        self.log.iter().try_for_each(|log| write!(f, ".{log}"))
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (event, log) = match text.split_once('.') {
            Some((event, log)) => (event, Some(log.to_owned())),
            None => (text, None),
        };
        let event = event.parse().map_err(|e: Error| {
            e.with_object("after")
                .with_hint("send the id of the last event of the stream as it was, or leave it out to get everything")
        })?;
        Ok(Self { event, log })
    }
}

/// The first line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header {
    v: u32,
    /// Places in one log mean nothing in another.
    log: String,
    /// How many events were there when the log was begun: see [`EventLog::position_after`].
    base: usize,
}

/// What is read of any other line before somebody asks for it.
#[derive(Deserialize)]
struct Line {
    uuid: EventId,
}

/// Where a line lies in the file.
#[derive(Debug, Clone, Copy)]
struct Span {
    event: EventId,
    offset: u64,
    /// Without its line feed.
    bytes: u64,
}

/// An event as it is given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub event: EventId,
    /// Its JSON, on one line.
    pub json: String,
}

/// The log, in a file: places outlive the server. The events themselves stand in it; where each one lies is in memory.
#[derive(Debug)]
pub struct EventLog {
    log: LineLog,
    /// `None` until the first events, also if they are none.
    header: Option<Header>,
    spans: Vec<Span>,
    positions: BTreeMap<EventId, usize>,
}

impl EventLog {
    /// Opens the log, or an empty one.
    ///
    /// # Errors
    /// `Denied` when the file cannot be used, `Unavailable` while another server uses it, `Corrupt` when it is not such a
    /// log, `Invalid` when a newer program wrote it.
    pub fn open(path: &Path) -> Result<Self> {
        let (log, text) = LineLog::open(path, "the log of events")?;
        let mut log = Self {
            log,
            header: None,
            spans: Vec::new(),
            positions: BTreeMap::new(),
        };
        let mut offset = 0;
        for line in text.split_inclusive(|b| *b == b'\n') {
            log.read_line(line, offset)?;
            offset += line.len() as u64;
        }
        Ok(log)
    }

    fn read_line(&mut self, line: &[u8], offset: u64) -> Result<()> {
        if self.header.is_none() {
            let header: Header = self.log.parse(line)?;
            self.log.check_version(header.v)?;
            self.header = Some(header);
            return Ok(());
        }
        let Line { uuid } = self.log.parse(line)?;
        self.take(uuid, offset, line.len() as u64);
        Ok(())
    }

    fn take(&mut self, event: EventId, offset: u64, bytes_with_feed: u64) {
        self.positions.insert(event, self.spans.len());
        self.spans.push(Span {
            event,
            offset,
            bytes: bytes_with_feed - 1,
        });
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// What the log is called, once it is begun.
    pub fn name(&self) -> Option<&str> {
        self.header.as_ref().map(|header| header.log.as_str())
    }

    /// Appends the events that are not in it, in this order: durable when it returns. The first time begins the log under
    /// this name, also without any.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written; then nothing was appended.
    pub fn append(&mut self, events: &[Event], name: &str) -> Result<usize> {
        let mut seen = BTreeSet::new();
        let mut new: Vec<(EventId, u64)> = Vec::new();
        let mut lines = Vec::new();
        for event in events {
            let id = event.id()?;
            if !self.positions.contains_key(&id) && seen.insert(id) {
                let line = line_of(event)?;
                new.push((id, line.len() as u64));
                lines.extend(line);
            }
        }
        let begun = match self.header {
            Some(_) => None,
            None => Some(Header {
                v: 1,
                log: name.to_owned(),
                base: new.len(),
            }),
        };
        if new.is_empty() && begun.is_none() {
            return Ok(0);
        }
        let first = begun.as_ref().map(line_of).transpose()?.unwrap_or_default();
        let mut offset = self.log.len() + first.len() as u64;
        self.log.append(&[first.as_slice(), &lines].concat())?;
        self.header = self.header.take().or(begun);
        for (id, bytes) in &new {
            self.take(*id, offset, *bytes);
            offset += bytes;
        }
        Ok(new.len())
    }

    /// One event, if it is there.
    ///
    /// # Errors
    /// `Denied` when the file cannot be read, `Corrupt` when the line is no event any more.
    pub fn get(&mut self, event: EventId) -> Result<Option<Event>> {
        let Some(&position) = self.positions.get(&event) else {
            return Ok(None);
        };
        let json = self.read_at(position)?;
        self.log.parse(json.as_bytes()).map(Some)
    }

    /// The position after the last event that a client holds.
    ///
    /// A place in another log says nothing here: the client gets everything once more, and knows what it has by its uuid.
    /// So does one that keeps no log's name and holds an event that was there when this log was begun: in the log that was
    /// before, others may have come after it that stand before it here.
    pub fn position_after(&self, place: Option<&Place>) -> usize {
        let (Some(place), Some(header)) = (place, &self.header) else {
            return 0;
        };
        let position = self.positions.get(&place.event).copied();
        let is_sure = |position: &usize| match &place.log {
            Some(log) => *log == header.log,
            None => *position >= header.base,
        };
        position.filter(is_sure).map_or(0, |position| position + 1)
    }

    /// Some events from a position on; none only at the end.
    ///
    /// # Errors
    /// `Denied` when the file cannot be read, `Corrupt` when a line is no text any more.
    pub fn page(&mut self, from: usize) -> Result<Vec<Given>> {
        let mut page = Vec::new();
        let mut bytes = 0;
        while let Some(span) = self.spans.get(from + page.len()).copied() {
            bytes += span.bytes;
            if page.len() == PAGE_EVENTS_MAX || (bytes > PAGE_BYTES_MAX && !page.is_empty()) {
                break;
            }
            page.push(Given {
                event: span.event,
                json: self.read_at(from + page.len())?,
            });
        }
        Ok(page)
    }

    fn read_at(&mut self, position: usize) -> Result<String> {
        let Span { offset, bytes, .. } = self.spans[position];
        let line = self.log.read(offset, bytes.min(LINE_BYTES_MAX))?;
        String::from_utf8(line).map_err(|e| self.log.unreadable().with_source(e))
    }
}

#[cfg(test)]
mod tests;
