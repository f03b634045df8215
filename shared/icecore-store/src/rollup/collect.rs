//! Which update objects a roll-up reads.

use super::Warm;
use crate::bucket::Listed;
use crate::history;
use crate::publish::listing_start;
use crate::reader::listing::{Read, list_some_tagged_updates, list_some_updates, read_updates};
use crate::store::Store;
use icecore_core::{Base, Key, Order, Result, SpaceInfo};
use std::collections::VecDeque;

/// Up to here, reading the objects themselves costs less than reading segments to learn which are covered.
const UNKNOWN_READ_DIRECTLY: usize = 256;

/// Names that are listed at once: more are only listed when these are dealt with, so that a long backlog gets on however
/// little time each run has.
const PART: usize = 50_000;

pub(super) struct Collector<'a> {
    pub(super) store: &'a Store,
    pub(super) info: &'a SpaceInfo,
    pub(super) order: Order,
}

/// A listing that is under way.
#[derive(Debug)]
pub(super) struct Listing {
    /// Where its next part begins.
    pub(super) after: Option<Key>,
    /// Whether there may be more.
    pub(super) more: bool,
    /// It goes on from where an earlier run stopped.
    pub(super) resumed: bool,
}

impl Collector<'_> {
    /// A listing of all, or of what an earlier roll-up may not have seen.
    pub(super) fn begin(&self, base: &Base, full: bool, resume: Option<Key>) -> Listing {
        let after = match self.order {
            Order::Sequence => (base.through > Key::MIN).then_some(base.through),
            Order::Timestamp if resume.is_some() => resume,
            Order::Timestamp if full => None,
            Order::Timestamp => {
                let through = i64::try_from(base.through.get()).unwrap_or(i64::MAX);
                listing_start(through.min(self.store.now()), self.store.settings.look_back)
            }
        };
        Listing {
            after,
            more: true,
            resumed: resume.is_some(),
        }
    }

    /// The next part of a listing: the objects that are not known to be covered, in order of their keys.
    pub(super) async fn list(
        &self,
        warm: &mut Warm,
        listing: &mut Listing,
    ) -> Result<VecDeque<Listed<Key>>> {
        let (store, info, after) = (self.store, self.info, listing.after);
        let (mut listed, more) = match &mut warm.passing {
            None => list_some_updates(store, info, after, PART).await?,
            Some(known) => {
                let (tagged, more) = list_some_tagged_updates(store, info, after, PART).await?;
                (known.note(tagged), more)
            }
        };
        let base = &warm.base;
        listing.more = more;
        listing.after = listed.last().map(|l| l.key).or(listing.after);
        listed.retain(|l| !base.knows(l.key, l.last_modified));
        // In a sequenced space the listing begins after all that is covered, and so does one that goes on.
        let may_be_covered = self.order == Order::Timestamp && !listing.resumed;
        let is_read = |l: &&Listed<Key>| warm.passing.as_ref().is_some_and(|k| k.is_read(l));
        let unknown = listed.len() - listed.iter().filter(is_read).count();
        if may_be_covered && unknown > UNKNOWN_READ_DIRECTLY {
            history::drop_covered_keys(self.store, self.info, base.generation, &mut listed).await?;
        }
        Ok(listed.into())
    }

    /// The next part of the listing, as much as one segment may hold.
    pub(super) fn next_chunk(&self, listed: &mut VecDeque<Listed<Key>>) -> Vec<Listed<Key>> {
        let settings = &self.store.settings;
        let mut chunk = Vec::new();
        let mut bytes = 0;
        while let Some(next) = listed.front() {
            bytes += next.bytes;
            if !chunk.is_empty()
                && (bytes > settings.chunk_bytes_max || chunk.len() >= settings.chunk_objects_max)
            {
                break;
            }
            chunk.extend(listed.pop_front());
        }
        chunk
    }

    pub(super) async fn read(&self, chunk: &[Listed<Key>]) -> Result<Vec<Read>> {
        read_updates(self.store, self.info, chunk).await
    }
}
