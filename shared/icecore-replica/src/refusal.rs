//! What a sequenced space refused, and what happened in between.

use icecore_core::{Entry, Error, Key, Order, Result, Segment, UpdateId};
use icecore_store::Reader;
use icecore_store::history::read_back;
use std::error::Error as StdError;
use std::fmt;

/// The most updates that a refusal names: the newest.
pub const SINCE_MAX: usize = 1_000;

/// An own update that a sequenced space's new state does not allow: it was set aside and not sent.
///
/// It is the source of the `Conflict` error that a sync ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The id that the update had; the next one takes it.
    pub id: UpdateId,
    /// Why the state does not allow it.
    pub reason: String,
    /// What others wrote since the update was made, in order; at most the newest [`SINCE_MAX`].
    pub since: Vec<Entry>,
}

impl Refusal {
    /// The refusal that an error of a sync is about, if it is one.
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// The error that tells of it.
    pub(crate) fn into_error(self) -> Error {
        Error::conflict(format!("the new state refuses an update: {}", self.reason))
            .with_object(self.id.to_string())
            .with_hint("it was set aside and not sent; `icecore conflicts` shows it, `icecore resolve` settles it")
            .with_source(self)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.since.len();
        write!(f, "{others} updates of others came since it was made")?;
        if let Some(last) = self.since.last() {
            write!(f, ", the last {} at key {}", last.id, last.key)?;
        }
        Ok(())
    }
}

impl StdError for Refusal {}

/// What others wrote after `key`, as far as it is known.
pub(crate) async fn since(reader: &Reader, own: UpdateId, key: Key) -> Result<Vec<Entry>> {
    let (store, info) = (reader.store(), &reader.info);
    let wanted = |e: &Entry| e.key > key && e.id.author != own.author;
    let mut found: Vec<Entry> = reader.tail_entries();
    found.retain(wanted);
    let mut generation = reader.base.generation;
    let mut through = reader.base.through;
    while info.order == Order::Sequence && through > key && found.len() < SINCE_MAX {
        let Some(Segment {
            header, entries, ..
        }) = read_back(store, info, &mut generation).await?
        else {
            break;
        };
        through = entries
            .first()
            .map_or(header.through, |e| e.key.saturating_sub(1));
        let older: Vec<Entry> = entries.into_iter().filter(wanted).collect();
        found.splice(0..0, older);
    }
    found.drain(..found.len().saturating_sub(SINCE_MAX));
    for entry in &mut found {
        reader.open_entry(entry);
    }
    Ok(found)
}
