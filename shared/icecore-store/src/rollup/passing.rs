//! A roll-up in passing: by a replica that has just read a long tail which nobody else rolls up.

use super::{RollupOptions, RollupReport, Warm, roll_up_from};
use crate::bucket::Listed;
use crate::reader::Reader;
use crate::reader::base::list_layers;
use crate::reader::stamp::{is_continued, is_same_tag};
use crate::store::Store;
use icecore_core::plan::Loaded;
use icecore_core::rules::{self, Rule};
use icecore_core::{Generation, Key, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Update objects that a replica has read, and the tags that they had.
#[derive(Debug, Clone)]
pub(super) struct Known {
    read: BTreeMap<Key, (String, Loaded)>,
    /// Of these, what the last listing shows under the same tags.
    listed: BTreeSet<Key>,
}

impl Known {
    fn of(reader: &Reader) -> Self {
        let read = reader.tagged();
        let read = read.map(|(tag, loaded)| (loaded.key, (tag.to_owned(), loaded.clone())));
        Self {
            read: read.collect(),
            listed: BTreeSet::new(),
        }
    }

    /// Takes a part of a listing, and notes what in it is as it was read.
    pub(super) fn note(&mut self, listed: Vec<(Listed<Key>, Option<String>)>) -> Vec<Listed<Key>> {
        let part = listed.into_iter().map(|(listed, tag)| {
            let read = self.read.get(&listed.key).map(|(tag, _)| tag.as_str());
            if is_same_tag(read, tag.as_deref()) {
                self.listed.insert(listed.key);
            } else {
                self.listed.remove(&listed.key);
            }
            listed
        });
        part.collect()
    }

    pub(super) fn is_read(&self, listed: &Listed<Key>) -> bool {
        self.listed.contains(&listed.key)
    }

    /// What was listed as it was read. A copied bucket has the same bytes with other times.
    pub(super) fn get(&self, listed: &Listed<Key>) -> Option<Loaded> {
        let (_, loaded) = self
            .read
            .get(&listed.key)
            .filter(|_| self.is_read(listed))?;
        Some(Loaded {
            last_modified: listed.last_modified,
            ..loaded.clone()
        })
    }
}

/// One run for the space of a reader that is up to date, beside any number of others: what the reader has in its tail is
/// not read again. `None` when there is nothing to do for it: somebody else was faster, the space has entered another
/// epoch, or the bucket was put back to an older state. The reader stays as it is, and finds with its next poll what
/// was written.
///
/// # Errors
/// As [`super::roll_up`]; nothing is left half-done.
pub async fn roll_up_in_passing(store: &Store, reader: &Reader) -> Result<Option<RollupReport>> {
    let start = store.clock.monotonic();
    let info = store.space(&reader.info.space).await?.info;
    let Some(mut warm) = warm(store, reader).await? else {
        return Ok(None);
    };
    if !warm.fits(&info) {
        return Ok(None);
    }
    warm.passing = Some(Known::of(reader));
    let options = RollupOptions {
        time_max: Some(store.settings.tail_time_max),
        ..RollupOptions::default()
    };
    let report = roll_up_from(store, &info, &options, start, &mut warm).await?;
    Ok(Some(report))
}

/// The reader's base, if the store still ends with it, and what lies behind its newest snapshot.
async fn warm(store: &Store, reader: &Reader) -> Result<Option<Warm>> {
    let (info, base) = (&reader.info, &reader.base);
    let own = base.generation;
    let known = own.min(reader.snapshot);
    let mut layers = list_layers(store, info, known.saturating_sub(1)).await?;
    if own > Generation::ZERO && layers.snapshots.range(..=own).next().is_none() {
        // A reader that was restored does not know which generation has one.
        layers = list_layers(store, info, Generation::ZERO).await?;
    }
    let mut stamp = reader.stamp.clone();
    // Writing on from a history that is not there any more would leave a gap that nobody can read over.
    if rules::is_on(Rule::FreshBase) {
        let is_newest = layers
            .segments
            .range(own.saturating_add(1)..)
            .next()
            .is_none();
        if !is_newest || !is_continued(store, info, base, &layers, &mut stamp).await? {
            return Ok(None);
        }
    }
    let mut warm = Warm::of(base.clone());
    warm.stamp = stamp;
    let newest = layers.snapshots.range(..=own).next_back();
    warm.snapshot = newest.map(|(generation, bytes)| (*generation, *bytes));
    let since = warm.snapshot.map_or(Generation::ZERO, |s| s.0);
    let after = layers.segments.range(since.saturating_add(1)..);
    warm.bytes_since = after.map(|(_, bytes)| bytes).sum();
    Ok(Some(warm))
}
