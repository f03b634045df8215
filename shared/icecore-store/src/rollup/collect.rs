//! Which update objects a roll-up reads.

use crate::bucket::Listed;
use crate::history;
use crate::publish::listing_start;
use crate::reader::listing::{Read, list_updates, read_updates};
use crate::store::Store;
use icecore_core::{Base, Key, Order, Result, SpaceInfo};
use std::collections::VecDeque;

/// Up to here, reading the objects themselves costs less than reading segments to learn which are covered.
const UNKNOWN_READ_DIRECTLY: usize = 256;

pub(super) struct Collector<'a> {
    pub(super) store: &'a Store,
    pub(super) info: &'a SpaceInfo,
    pub(super) order: Order,
}

impl Collector<'_> {
    /// The listed objects that are not known to be covered, in order of their keys.
    pub(super) async fn list(&self, base: &Base, full: bool) -> Result<VecDeque<Listed<Key>>> {
        let after = match self.order {
            Order::Sequence => (base.through > Key::MIN).then_some(base.through),
            Order::Timestamp if full => None,
            Order::Timestamp => {
                let through = i64::try_from(base.through.get()).unwrap_or(i64::MAX);
                listing_start(through.min(self.store.now()), self.store.settings.look_back)
            }
        };
        let mut listed = list_updates(self.store, self.info, after).await?;
        listed.retain(|l| !base.knows(l.key, l.last_modified));
        // In a sequenced space the listing begins after all that is covered.
        if self.order == Order::Timestamp && listed.len() > UNKNOWN_READ_DIRECTLY {
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
