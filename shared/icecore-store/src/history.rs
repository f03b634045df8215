//! The history of a space: its segments one after the other, and any past state.

use crate::bucket::Listed;
use crate::reader::Reader;
use crate::reader::base::{Layers, catch_up, list_layers, missing, read_segment};
use crate::settings::millis;
use crate::store::Store;
use icecore_core::fold::Step;
use icecore_core::order::Until;
use icecore_core::{
    Base, Error, Folded, Generation, Key, ObjectKey, Result, Segment, SpaceInfo, Update, UpdateId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Reads the segments of a space one after the other.
#[derive(Debug)]
pub struct Segments<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    next: Generation,
    last: Generation,
}

impl<'a> Segments<'a> {
    /// From the segment after `after` to the newest.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn after(store: &'a Store, info: &'a SpaceInfo, after: Generation) -> Result<Self> {
        let layers = list_layers(store, info, after).await?;
        let last = layers.segments.keys().next_back().copied().unwrap_or(after);
        Ok(Self {
            store,
            info,
            next: after.saturating_add(1),
            last,
        })
    }

    /// The same, no further than this segment.
    #[must_use]
    pub fn until(mut self, last: Generation) -> Self {
        self.last = self.last.min(last);
        self
    }

    /// The next one.
    ///
    /// # Errors
    /// `Corrupt`, naming the segment, when it is missing or cannot be read.
    pub async fn next(&mut self) -> Result<Option<Segment>> {
        if self.next > self.last {
            return Ok(None);
        }
        let (segment, _) = read_segment(self.store, self.info, self.next)
            .await
            .map_err(|error| {
                if error.is_not_found() {
                    missing(&error)
                } else {
                    error
                }
            })?;
        self.next = self.next.saturating_add(1);
        Ok(Some(segment))
    }

    /// How many are left.
    pub fn remaining(&self) -> u64 {
        (self.last.get() + 1).saturating_sub(self.next.get())
    }
}

/// The state after a generation, from the nearest snapshot before it.
///
/// # Errors
/// `NotFound` for a generation that does not exist; `Corrupt` for what cannot be read.
pub async fn state_at(store: &Store, info: &SpaceInfo, generation: Generation) -> Result<Base> {
    let mut base = Base::initial(info, store.content(info)?);
    let layers = list_layers(store, info, Generation::ZERO).await?;
    let newest = layers
        .segments
        .keys()
        .next_back()
        .copied()
        .unwrap_or_default();
    if generation > newest && !layers.snapshots.contains_key(&generation) {
        return Err(Error::not_found(format!(
            "there is no generation {generation} of {}",
            info.space
        ))
        .with_hint(format!("the newest is {newest}")));
    }
    let until = |map: BTreeMap<Generation, u64>| {
        map.into_iter().filter(|(g, _)| *g <= generation).collect()
    };
    let layers = Layers {
        segments: until(layers.segments),
        snapshots: until(layers.snapshots),
        ..Layers::default()
    };
    catch_up(store, info, &mut base, &layers).await?;
    Ok(base)
}

/// The state after all updates up to a key (see [`Until`]), from the first segment to the tail of a reader. A late
/// update, folded late, is part of every moment after its key.
///
/// # Errors
/// `Corrupt` for what cannot be read.
pub async fn state_until(store: &Store, reader: &Reader, key: Key) -> Result<Folded> {
    let info = &reader.info;
    let mut base = Base::initial(info, store.content(info)?);
    let mut until = Until::new(info.order, key);
    let mut segments = Segments::after(store, info, Generation::ZERO).await?;
    while let Some(mut segment) = segments.next().await? {
        let taken = until.take(segment.entries.iter().map(|e| (e.key, e.id)));
        if taken.len() < segment.entries.len() as u64 {
            segment.entries.retain(|e| taken.contains(e.id));
            segment.header.count = taken.len();
            segment.header.covered = taken;
        }
        base.fold(&segment)?;
    }
    whole(info, base.generation, reader.base.generation)?;
    // What is not rolled up yet comes last in canonical order. The reader may have begun before the newest segment.
    let mut tail = reader.tail_entries();
    tail.retain(|e| !base.covered.contains(e.id));
    let taken = until.take(tail.iter().map(|e| (e.key, e.id)));
    let tail = tail.iter().filter(|e| taken.contains(e.id));
    Ok(base.folded.after(tail.map(Step::from)))
}

/// A history that ends before what a snapshot stands for is not whole.
///
/// # Errors
/// `Corrupt`, naming the first segment that is missing.
pub fn whole(info: &SpaceInfo, read: Generation, known: Generation) -> Result<()> {
    if read >= known {
        return Ok(());
    }
    let path = segment_path(info, read.saturating_add(1));
    Err(missing(
        &Error::not_found("a segment is missing").with_object(path),
    ))
}

/// Drops from a listing the objects that some segment holds, so that nobody reads an object only to learn that
/// it is covered. Reads segments from the newest back, as long as they can hold what is left.
///
/// An object stored after its segment was rolled up is another one under a key that was pruned: it stays.
pub(crate) async fn drop_covered_keys(
    store: &Store,
    info: &SpaceInfo,
    newest: Generation,
    listed: &mut Vec<Listed<Key>>,
) -> Result<()> {
    /// Clocks of server and roll-up differ by less than this.
    const MARGIN: Duration = Duration::from_mins(10);
    let mut unknown: BTreeMap<Key, i64> = listed.iter().map(|l| (l.key, l.last_modified)).collect();
    let mut generation = newest;
    while generation > Generation::ZERO && !unknown.is_empty() {
        let oldest = unknown.values().min().copied().unwrap_or(i64::MAX);
        let (segment, _) = read_segment(store, info, generation).await?;
        let rolled_at = segment.header.rolled_at;
        // Of a wrong clock's word nothing follows: the objects are read.
        if rolled_at > store.now() {
            generation = generation.saturating_sub(1);
            continue;
        }
        if rolled_at.saturating_add(millis(MARGIN)) < oldest {
            break;
        }
        for entry in &segment.entries {
            if unknown
                .get(&entry.key)
                .is_some_and(|stored| *stored <= rolled_at.saturating_add(millis(MARGIN)))
            {
                unknown.remove(&entry.key);
            }
        }
        generation = generation.saturating_sub(1);
    }
    listed.retain(|l| unknown.contains_key(&l.key));
    Ok(())
}

/// Finds covered updates in the segments, from the newest back; what was compressed or redacted is not found.
///
/// # Errors
/// As reading segments.
pub async fn find_updates(
    store: &Store,
    info: &SpaceInfo,
    newest: Generation,
    ids: &BTreeSet<UpdateId>,
) -> Result<BTreeMap<UpdateId, Update>> {
    let mut found = BTreeMap::new();
    let mut generation = newest;
    while generation > Generation::ZERO && found.len() < ids.len() {
        let (segment, _) = read_segment(store, info, generation).await?;
        let wanted = segment.entries.into_iter().filter(|e| ids.contains(&e.id));
        found.extend(wanted.map(|e| (e.id, e.update)));
        generation = generation.saturating_sub(1);
    }
    Ok(found)
}

/// Reads the segment of a generation, and steps to the one before it; `None` before the first.
///
/// # Errors
/// As [`Segments::next`].
pub async fn read_back(
    store: &Store,
    info: &SpaceInfo,
    generation: &mut Generation,
) -> Result<Option<Segment>> {
    if *generation == Generation::ZERO {
        return Ok(None);
    }
    let (segment, _) = read_segment(store, info, *generation).await?;
    *generation = generation.saturating_sub(1);
    Ok(Some(segment))
}

/// The path of a segment, for messages.
pub fn segment_path(info: &SpaceInfo, generation: Generation) -> String {
    ObjectKey::Segment(info.space.clone(), info.epoch, generation).to_string()
}
