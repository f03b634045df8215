//! What a space holds, by author and seq, without folding anything: the model need not be known.

use crate::reader::base::{list_layers, list_layers_by_hint, read_segment, read_snapshot};
use crate::reader::listing::{Read, list_updates, read_updates};
use crate::reader::read_head;
use crate::store::Store;
use icecore_core::plan::key::{AHEAD_MILLIS_MAX, clamp};
use icecore_core::plan::plan_catch_up;
use icecore_core::snapshot::SnapshotHeader;
use icecore_core::{
    Covered, Error, Generation, Head, Key, ObjectKey, Result, SpaceInfo, Update, UpdateId,
    UpdateObject,
};
use std::collections::{BTreeMap, BTreeSet};

/// Update objects that are read before the next are: bounds the memory.
const CHUNK: usize = 1_024;

/// What a space holds.
#[derive(Debug)]
pub(crate) struct Held {
    /// What is covered or visible.
    pub(crate) ids: Covered,
    /// How far the newest segment reaches.
    pub(crate) through: Key,
    /// The largest key seen, but for those of wrong clocks.
    pub(crate) largest: Key,
    generation: Generation,
    snapshot: Generation,
    /// Keys whose objects are covered.
    known: BTreeSet<Key>,
}

impl Held {
    /// Looks at all of a space; what is visible and in no segment goes to `tail`.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`; `Corrupt` for a segment that cannot be read.
    pub(crate) async fn of(
        store: &Store,
        info: &SpaceInfo,
        tail: &mut BTreeMap<UpdateId, Update>,
    ) -> Result<Self> {
        let mut held = Self::in_layers(store, info).await?;
        let covered = held.ids.clone();
        let mut listed = list_updates(store, info, None).await?;
        let horizon = clamp(store.now()).saturating_add(AHEAD_MILLIS_MAX);
        let near = listed.iter().map(|l| l.key).filter(|key| *key <= horizon);
        held.largest = near.max().unwrap_or_default().max(held.through);
        // One that took a key again that was pruned is passed over: it is in no tail then, and published once more,
        // which counts once.
        listed.retain(|l| !held.known.contains(&l.key));
        for chunk in listed.chunks(CHUNK) {
            for Read { loaded, .. } in read_updates(store, info, chunk).await? {
                for (id, update) in loaded.object.iter().flat_map(UpdateObject::entries) {
                    held.ids.insert(id);
                    if !covered.contains(id) {
                        tail.entry(id).or_insert_with(|| update.clone());
                    }
                }
            }
        }
        Ok(held)
    }

    /// What the segments of a space hold.
    ///
    /// # Errors
    /// As [`Held::of`].
    pub(crate) async fn in_layers(store: &Store, info: &SpaceInfo) -> Result<Self> {
        let (head, _) = read_head(store, &info.space, None)
            .await
            .unwrap_or_default();
        let mut layers = list_layers_by_hint(store, info, head.as_ref()).await?;
        loop {
            let plan = plan_catch_up(Generation::ZERO, &layers.snapshots, &layers.segments)
                .map_err(|e| e.with_object(ObjectKey::segments(&info.space, info.epoch)))?;
            let mut held = Self {
                ids: Covered::default(),
                through: Key::MIN,
                largest: Key::MIN,
                generation: plan.snapshot.unwrap_or_default(),
                snapshot: plan.snapshot.unwrap_or_default(),
                known: BTreeSet::new(),
            };
            if let Some(generation) = plan.snapshot {
                let read = read_snapshot(store, info, generation).await;
                match read.and_then(|(snapshot, _)| held.begin(&snapshot.header)) {
                    Ok(()) => {}
                    // An older one will do, or the segments.
                    Err(error) if error.is_corrupt() => {
                        layers = list_layers(store, info, Generation::ZERO).await?;
                        layers.snapshots.retain(|other, _| *other < generation);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            for generation in plan.segments {
                let (segment, _) = read_segment(store, info, generation).await?;
                held.ids.extend(&segment.header.covered);
                held.ids.extend(&segment.header.carried);
                held.known.extend(segment.entries.iter().map(|e| e.key));
                held.through = held.through.max(segment.header.through);
                held.generation = generation;
            }
            return Ok(held);
        }
    }

    fn begin(&mut self, header: &SnapshotHeader) -> Result<()> {
        self.ids = header.covered.clone();
        self.through = header.through;
        self.known = header.recent_keys()?;
        Ok(())
    }

    /// Keys whose objects count as rolled up.
    pub(crate) fn known(&self) -> &BTreeSet<Key> {
        &self.known
    }

    /// The newest segment.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// The hint that tells others of `key`.
    pub(crate) fn head(&self, info: &SpaceInfo, key: Key) -> Head {
        Head {
            generation: self.generation,
            snapshot: self.snapshot,
            through: self.through,
            key,
            ..Head::first(info.epoch)
        }
    }

    /// What two spaces both hold would be taken for one.
    pub(crate) fn check_apart(&self, other: &Self, space: &SpaceInfo) -> Result<()> {
        if !self.ids.overlaps(&other.ids) {
            return Ok(());
        }
        Err(
            Error::conflict("both spaces hold updates of one author with the same seq")
                .with_object(space.space.to_string())
                .with_hint("export it, and `icecore import --replay` it into the other space"),
        )
    }
}
