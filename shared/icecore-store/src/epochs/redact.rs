//! `redact`: a new history without one update, or without all of one author's.

use super::{NewEpoch, flip, next_epoch, settle};
use crate::history::Segments;
use crate::rollup::{Warm, put_layer, write_snapshot};
use crate::store::Store;
use icecore_core::{
    Author, Base, Covered, Entry, Error, Generation, ObjectKey, Order, Result, Segment,
    SegmentHeader, SpaceInfo, SpaceName, UpdateId,
};

/// What a redaction leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redaction {
    /// One update.
    Update(UpdateId),
    /// Every update of one author up to now.
    Author(Author),
}

impl Redaction {
    fn hits(self, id: UpdateId) -> bool {
        match self {
            Self::Update(redacted) => id == redacted,
            Self::Author(author) => id.author == author,
        }
    }
}

/// Begins an epoch whose history lacks what is redacted, folded anew. The redacted updates stay covered, so
/// they never come back. The old epoch still holds them until pruning removes it after the retention time.
///
/// # Errors
/// `NotFound` when there is no such update; `Invalid` when it was compressed into a state; `Conflict` when the
/// space was changed meanwhile.
pub async fn redact(store: &Store, space: &SpaceName, redaction: Redaction) -> Result<NewEpoch> {
    let settled = settle(store, space).await?;
    let (info, warm) = (&settled.open.info, &settled.warm);
    let redacted = redacted_ids(&warm.base, redaction)?;
    let epoch = next_epoch(store, info)?;
    let new_info = SpaceInfo {
        epoch,
        ..info.clone()
    };
    let mut rewriting = Rewriting {
        store,
        info: &new_info,
        base: Base::initial(&new_info, store.content(info)?),
    };
    // What another roll-up adds meanwhile is swept after the flip.
    let segments = Segments::after(store, info, Generation::ZERO).await?;
    let mut segments = segments.until(warm.base.generation);
    let mut carried = redacted.clone();
    while let Some(segment) = segments.next().await? {
        if segment.header.base.is_some() && redaction_was_compressed(&segment, redaction) {
            return Err(Error::invalid("what is to be redacted was compressed into a state and cannot be taken out of it")
                .with_hint("`icecore reset` begins an empty history; or change the content with an update, then compress"));
        }
        carried.extend(&segment.header.carried);
        let entries = segment
            .entries
            .iter()
            .filter(|e| !redaction.hits(e.id))
            .cloned()
            .collect();
        rewriting.add(&segment, entries, &carried).await?;
    }
    let base = rewriting.finish(&warm.base).await?;
    let updates = base.count;
    let swept = flip(store, &settled, epoch).await?;
    Ok(NewEpoch {
        epoch,
        from: info.epoch,
        updates,
        carried: redacted.len(),
        swept,
    })
}

fn redacted_ids(base: &Base, redaction: Redaction) -> Result<Covered> {
    let redacted = match redaction {
        Redaction::Author(author) => base.covered.of_author(author),
        Redaction::Update(id) if base.covered.contains(id) => Covered::from_iter([id]),
        Redaction::Update(_) => Covered::default(),
    };
    if redacted.is_empty() {
        return Err(Error::not_found("there is no such update in this space")
            .with_hint("`icecore log` shows each update's author and seq"));
    }
    Ok(redacted)
}

fn redaction_was_compressed(first: &Segment, redaction: Redaction) -> bool {
    match redaction {
        Redaction::Update(id) => first.header.carried.contains(id),
        Redaction::Author(author) => !first.header.carried.of_author(author).is_empty(),
    }
}

struct Rewriting<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    base: Base,
}

impl Rewriting<'_> {
    /// Writes one old segment again without the redacted entries. The first carries what all of them leave out.
    async fn add(&mut self, old: &Segment, entries: Vec<Entry>, carried: &Covered) -> Result<()> {
        let first = self.base.generation == Generation::ZERO;
        if entries.is_empty() && !first {
            return Ok(());
        }
        let next = self.base.generation.saturating_add(1);
        let mut header =
            SegmentHeader::new(&self.info.space, self.info.epoch, next, self.base.digest);
        header.through = if self.info.order == Order::Sequence {
            icecore_core::Key::MIN
        } else {
            old.header.through
        };
        header.rolled_at = self.store.now();
        header.model_version = self.base.rolls_up_as(&entries);
        header.count = entries.len() as u64;
        header.covered = entries.iter().map(|e| e.id).collect();
        if first {
            header.carried = carried.clone();
            header.base.clone_from(&old.header.base);
        }
        let packed = Segment::pack(
            &header,
            if first {
                old.base_state.as_deref()
            } else {
                None
            },
            &entries,
        )?;
        let digest = packed.digest;
        let key = ObjectKey::Segment(self.info.space.clone(), self.info.epoch, next);
        if put_layer(self.store, &key, packed).await?.is_none() {
            return Err(
                Error::conflict("another new epoch is being written").with_object(key.to_string())
            );
        }
        let base_state = if first { old.base_state.clone() } else { None };
        self.base.fold(&Segment {
            header,
            base_state,
            entries,
            digest,
        })
    }

    /// Writes the snapshot and checks that the new history covers what the old one did.
    async fn finish(self, old: &Base) -> Result<Base> {
        if self.base.covered != old.covered {
            return Err(Error::internal(
                "BUG: the redacted history does not cover what the old one did; the old one stays",
            ));
        }
        self.base.folded.check_consistent()?;
        let warm = Warm::of(self.base);
        write_snapshot(self.store, self.info, &warm).await?;
        Ok(warm.base)
    }
}
