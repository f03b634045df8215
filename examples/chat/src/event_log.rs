//! The events of a chat in the order in which this server first saw them: what a client holds is a place in it.
//!
//! Events are sorted alike everywhere, but not in the order in which they become visible: a phone that was offline, or an
//! upload that took a minute, brings one that belongs before what clients were given already. A client that asks for what
//! stands after the last one it holds would never get it. In this log an event is appended when it is first seen, so what
//! comes late comes after all that was given out before.
//!
//! Each server that starts begins a new part of the log, with a name of its own, and a place is an event and the part in which
//! it was given. So a log that was put back from a backup needs no care: what was given out after the backup has places in a
//! part that this log has not, or that ends before them, and whoever holds one gets everything once more.

use crate::id::EventId;
use crate::wire::Event;
use icecore::line_log::{LineLog, line_of};
use icecore::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// The most events of one page, and about the most bytes: what one slow client makes the server hold.
const PAGE_EVENTS_MAX: usize = 500;
const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest line: a picture as base64, and what stands around it.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The last event that a client was given, and in which part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The event.
    pub event: EventId,
    /// The name of the part; a client that keeps events only does not know it.
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

/// The first line of a part.
#[derive(Debug, Serialize)]
struct Header<'a> {
    v: u32,
    /// Places in one part mean nothing in another.
    log: &'a str,
    /// How many events were there when the part was begun: see [`EventLog::position_after`].
    base: usize,
}

/// What is read of a line before somebody asks for it: an event's id, or the first line of a part.
#[derive(Deserialize)]
struct Line {
    uuid: Option<EventId>,
    v: Option<u32>,
    log: Option<String>,
    base: Option<usize>,
}

/// What one server appended, from its start on.
#[derive(Debug)]
struct Part {
    name: Arc<str>,
    /// The position of its first event.
    first: usize,
    /// How many events it began with.
    base: usize,
}

/// Where a line lies in the file.
#[derive(Debug, Clone, Copy)]
struct Span {
    event: EventId,
    offset: u64,
    /// Without its line feed.
    bytes: u64,
    /// Whether another copy says the same, without reading it again.
    digest: u64,
}

/// Where an event stands: once, unless what counts under its id changed after it was given out.
#[derive(Debug)]
struct Positions {
    first: usize,
    later: Vec<usize>,
}

impl Positions {
    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        [self.first].into_iter().chain(self.later.iter().copied())
    }

    /// That of what counts.
    fn last(&self) -> usize {
        self.later.last().copied().unwrap_or(self.first)
    }
}

/// An event as it is given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which, and where it stands.
    pub place: Place,
    /// Its JSON, on one line.
    pub json: String,
}

/// The log, in a file: places outlive the server. The events themselves stand in it; where each one lies is in memory.
#[derive(Debug)]
pub struct EventLog {
    log: LineLog,
    parts: Vec<Part>,
    /// Whether this server has begun its part: with its first events, also if they are none.
    is_begun: bool,
    spans: Vec<Span>,
    positions: BTreeMap<EventId, Positions>,
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
            parts: Vec::new(),
            is_begun: false,
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
        let read: Line = self.log.parse(line)?;
        read.v.map_or(Ok(()), |v| self.log.check_version(v))?;
        match (read.uuid, read.log, read.base) {
            (Some(event), None, None) if !self.parts.is_empty() => {
                let (bytes, digest) = (line.len() as u64 - 1, digest(line));
                self.take(Span {
                    event,
                    offset,
                    bytes,
                    digest,
                });
                Ok(())
            }
            (None, Some(name), Some(base)) if read.v.is_some() => {
                self.begin(&name, base);
                Ok(())
            }
            _ => Err(self.log.unreadable()),
        }
    }

    fn begin(&mut self, name: &str, base: usize) {
        let (name, first) = (name.into(), self.spans.len());
        self.parts.push(Part { name, first, base });
    }

    fn take(&mut self, span: Span) {
        let position = self.spans.len();
        let known = self.positions.get_mut(&span.event);
        if let Some(positions) = known {
            positions.later.push(position);
        } else {
            let (first, later) = (position, Vec::new());
            self.positions
                .insert(span.event, Positions { first, later });
        }
        self.spans.push(span);
    }

    /// The part in which a position lies.
    fn part_of(&self, position: usize) -> &Part {
        let after = self.parts.partition_point(|part| part.first <= position);
        // A part without events begins where the next one does.
        &self.parts[after - 1]
    }

    /// What stands under an id and counts.
    fn counts(&self, event: EventId) -> Option<&Span> {
        let positions = self.positions.get(&event)?;
        Some(&self.spans[positions.last()])
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether one of these events is there already, here or among them, and says something else: then somebody who knows
    /// the whole history has to say which one counts.
    ///
    /// # Errors
    /// `Invalid` for an event without an id.
    pub fn differs(&self, events: &[Event]) -> Result<bool> {
        let mut seen = BTreeMap::new();
        for event in events {
            let (id, digest) = (event.id()?, digest(&line_of(event)?));
            let there = self.counts(id).map(|span| span.digest);
            let before = seen.insert(id, digest);
            if [there, before].into_iter().flatten().any(|d| d != digest) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Appends the events that are not in it as they are here, in this order: durable when it returns. Of several of one id
    /// the first counts; one that is there and says something else is given out once more. The first time begins the
    /// server's part under this name, also without any.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written; then nothing was appended.
    pub fn append(&mut self, events: &[Event], name: &str) -> Result<usize> {
        let mut seen = BTreeSet::new();
        let mut new: Vec<Span> = Vec::new();
        let mut lines = Vec::new();
        for event in events {
            let id = event.id()?;
            if !seen.insert(id) {
                continue;
            }
            let line = line_of(event)?;
            let digest = digest(&line);
            if self.counts(id).is_none_or(|span| span.digest != digest) {
                new.push(Span {
                    event: id,
                    offset: lines.len() as u64,
                    bytes: line.len() as u64 - 1,
                    digest,
                });
                lines.extend(line);
            }
        }
        let header = (!self.is_begun).then_some(Header {
            v: 1,
            log: name,
            base: new.len(),
        });
        if new.is_empty() && header.is_none() {
            return Ok(0);
        }
        let first = header.map(|header| line_of(&header)).transpose()?;
        let first = first.unwrap_or_default();
        let offset = self.log.len() + first.len() as u64;
        self.log.append(&[first.as_slice(), &lines].concat())?;
        if !self.is_begun {
            self.is_begun = true;
            self.begin(name, new.len());
        }
        let count = new.len();
        for span in new {
            let offset = offset + span.offset;
            self.take(Span { offset, ..span });
        }
        Ok(count)
    }

    /// One event, if it is there.
    ///
    /// # Errors
    /// `Denied` when the file cannot be read, `Corrupt` when the line is no event any more.
    pub fn get(&mut self, event: EventId) -> Result<Option<Event>> {
        let Some(span) = self.counts(event).copied() else {
            return Ok(None);
        };
        let json = self.read(span)?;
        self.log.parse(json.as_bytes()).map(Some)
    }

    /// The position after the last event that a client holds.
    ///
    /// A place in a part that is not here, or in which the event does not stand, says nothing: the client gets everything
    /// once more, and knows what it has by its uuid. So does one that keeps no part's name and holds an event with which a
    /// part began: it may have been given before, by a log that was lost or put back, and others before it that stand after
    /// it here.
    pub fn position_after(&self, place: Option<&Place>) -> usize {
        let found = place.and_then(|place| {
            let positions = self.positions.get(&place.event)?;
            let Some(log) = &place.log else {
                let part = self.part_of(positions.first);
                let is_sure = positions.first >= part.first + part.base;
                return is_sure.then_some(positions.first);
            };
            let mut all = positions.all();
            all.find(|position| *self.part_of(*position).name == **log)
        });
        found.map_or(0, |position| position + 1)
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
            let part = self.part_of(from + page.len());
            let place = Place {
                event: span.event,
                log: Some(part.name.to_string()),
            };
            let json = self.read(span)?;
            page.push(Given { place, json });
        }
        Ok(page)
    }

    fn read(&mut self, Span { offset, bytes, .. }: Span) -> Result<String> {
        let line = self.log.read(offset, bytes.min(LINE_BYTES_MAX))?;
        String::from_utf8(line).map_err(|e| self.log.unreadable().with_source(e))
    }
}

/// Of a line, with or without its feed.
fn digest(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(line.trim_ascii_end());
    hasher.finish()
}

#[cfg(test)]
mod tests;
