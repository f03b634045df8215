//! Models kept in memory between rounds: the least recently used go first when there are too many.

use crate::rollup::Warm;
use icecore_core::{Generation, SpaceName};
use std::collections::BTreeMap;

/// What an id range or a remembered key takes.
const BYTES_PER_ENTRY: u64 = 64;

/// A model kept in memory, and what it takes.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) warm: Warm,
    pub(super) bytes: u64,
    generation: Generation,
}

impl Kept {
    /// Weighs a model, which takes less than the snapshot that has just been written. `None` for one whose state has no JSON
    /// form.
    pub(super) fn weigh(warm: Warm) -> Option<Self> {
        let state = warm.base.folded.weight().ok()?;
        let covered = &warm.base.covered;
        let ranges: usize = covered
            .authors()
            .map(|author| covered.ranges_of(author).len() + 1)
            .sum();
        let entries = ranges + warm.base.recent.len();
        Some(Self {
            bytes: state + entries as u64 * BYTES_PER_ENTRY,
            generation: warm.base.generation,
            warm,
        })
    }

    /// Weighs it anew, unless nothing was added.
    pub(super) fn weigh_again(self) -> Option<Self> {
        if self.warm.base.generation == self.generation {
            return Some(self);
        }
        Self::weigh(self.warm)
    }
}

/// The kept models, within bounds.
#[derive(Debug)]
pub(super) struct WarmModels {
    bytes_max: u64,
    spaces_max: usize,
    bytes: u64,
    /// Counts up with every use.
    uses: u64,
    models: BTreeMap<SpaceName, (u64, Kept)>,
    by_use: BTreeMap<u64, SpaceName>,
}

impl WarmModels {
    pub(super) fn new(bytes_max: u64, spaces_max: usize) -> Self {
        Self {
            bytes_max,
            spaces_max,
            bytes: 0,
            uses: 0,
            models: BTreeMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.models.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn take(&mut self, space: &SpaceName) -> Option<Kept> {
        let (used, kept) = self.models.remove(space)?;
        self.by_use.remove(&used);
        self.bytes = self.bytes.saturating_sub(kept.bytes);
        Some(kept)
    }

    /// Keeps a model, and drops the least recently used ones that do not fit beside it.
    pub(super) fn put(&mut self, space: SpaceName, kept: Kept) {
        drop(self.take(&space));
        if kept.bytes > self.bytes_max {
            return;
        }
        self.uses += 1;
        self.bytes = self.bytes.saturating_add(kept.bytes);
        self.by_use.insert(self.uses, space.clone());
        self.models.insert(space, (self.uses, kept));
        while self.bytes > self.bytes_max || self.models.len() > self.spaces_max {
            let Some((_, oldest)) = self.by_use.first_key_value() else {
                break;
            };
            let oldest = oldest.clone();
            drop(self.take(&oldest));
        }
    }
}
