//! Sweeping old epochs: what landed there after the new one began is published again in the new one, under the
//! same `(author, seq)`.

use super::again::Again;
use crate::bucket::Listed;
use crate::history::Segments;
use crate::reader::Reader;
use crate::reader::base::{list_layers, read_segment};
use crate::reader::listing::{Read, Unread, list_updates, read_updates};
use crate::rollup::{Warm, quarantine};
use crate::settings::millis;
use crate::store::Store;
use icecore_core::space::OldEpoch;
use icecore_core::{
    Covered, Epoch, Error, Generation, Key, ObjectKey, Result, SpaceInfo, Update, UpdateId,
    UpdateObject,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Server and client may disagree on when a write landed by less than this.
const MARGIN: Duration = Duration::from_mins(10);
/// Update objects that are read before the next are: bounds the memory of a sweep.
const CHUNK: usize = 1_024;

/// How deep a sweep looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// At what landed since the new epoch was made: cheap enough for every roll-up.
    Recent,
    /// At everything, whatever any clock says: before an epoch is removed.
    Everything,
}

/// Publishes in the current epoch what the old ones hold and it neither covers nor shows. Returns how many
/// updates that were. `covered` is what the current epoch covers.
///
/// # Errors
/// As a roll-up; what was published so far stays and is not published again.
pub async fn sweep(
    store: &Store,
    info: &SpaceInfo,
    covered: &Covered,
    depth: Depth,
) -> Result<u64> {
    let mut missing = BTreeMap::new();
    for old in &info.old_epochs {
        let found = match landed(store, info, old, covered, depth).await {
            // Whoever removed it has swept it before it was named no more.
            Err(_) if !is_named(store, info, old.epoch).await? => continue,
            found => found?,
        };
        for (id, update) in found {
            missing.entry(id).or_insert(update);
        }
    }
    publish_missing(store, info, missing).await
}

/// Whether the space still names an old epoch.
async fn is_named(store: &Store, info: &SpaceInfo, epoch: Epoch) -> Result<bool> {
    let present = store.space(&info.space).await?.info;
    Ok(present.old_epochs.iter().any(|old| old.epoch == epoch))
}

/// Publishes what the current epoch neither covers nor shows.
async fn publish_missing(
    store: &Store,
    info: &SpaceInfo,
    mut missing: BTreeMap<UpdateId, Update>,
) -> Result<u64> {
    if missing.is_empty() {
        return Ok(0);
    }
    let reader = Reader::open(store, &info.space).await?;
    if reader.info.epoch != info.epoch {
        return Ok(0); // Another epoch has begun meanwhile: the next run sweeps into that.
    }
    // Everything visible counts, at whatever key: a partial view would publish twice what is there already.
    let listed = list_updates(store, info, None).await?;
    for chunk in listed.chunks(CHUNK) {
        for Read { loaded, .. } in read_updates(store, info, chunk).await? {
            for (id, _) in loaded.object.iter().flat_map(UpdateObject::entries) {
                missing.remove(&id);
            }
        }
    }
    missing.retain(|id, _| !reader.base.covered.contains(*id));
    let count = missing.len() as u64;
    Again::after(&reader).publish_all(missing).await?;
    Ok(count)
}

/// As [`sweep`], for the folder of an epoch that `space.json` does not name: something landed there after it was removed,
/// its making was never finished, or `space.json` was put back to an older state. Its chain may have holes, so each segment
/// is read by itself.
///
/// # Errors
/// As [`sweep`]; besides, where something in it cannot be read, or stands in no other form than a state.
pub async fn sweep_unnamed(
    store: &Store,
    info: &SpaceInfo,
    epoch: Epoch,
    covered: &Covered,
) -> Result<u64> {
    let old = SpaceInfo {
        epoch,
        ..info.clone()
    };
    let mut missing = BTreeMap::new();
    for generation in list_layers(store, &old, Generation::ZERO)
        .await?
        .segments
        .into_keys()
    {
        let segment = read_segment(store, &old, generation).await?.0;
        let mut carried = segment.header.carried.clone();
        carried.extend(covered);
        if carried.len() > covered.len() {
            let key = ObjectKey::Segment(old.space.clone(), epoch, generation);
            return Err(Error::invalid(
                "an epoch that the space does not name holds a state of updates that the present one lacks",
            )
            .with_object(key.to_string())
            .with_hint("space.json was put back to an older state: restore the newer one, which names this epoch"));
        }
        let entries = segment.entries.into_iter();
        let lacking = entries.filter(|e| !covered.contains(e.id));
        missing.extend(lacking.map(|e| (e.id, e.update)));
    }
    let listed = list_updates(store, &old, None).await?;
    read_landed(
        store,
        &old,
        &listed,
        (covered, Depth::Everything),
        &mut missing,
    )
    .await?;
    publish_missing(store, info, missing).await
}

/// What one old epoch holds and `covered` does not, by author and seq, so that order is kept.
async fn landed(
    store: &Store,
    info: &SpaceInfo,
    old: &OldEpoch,
    covered: &Covered,
    depth: Depth,
) -> Result<BTreeMap<UpdateId, Update>> {
    let mut missing = BTreeMap::new();
    let old_info = SpaceInfo {
        epoch: old.epoch,
        ..info.clone()
    };
    let everything = depth == Depth::Everything;
    let after = if everything {
        Generation::ZERO
    } else {
        old.generation
    };
    if !everything || !is_covered(store, &old_info, covered).await? {
        let mut segments = Segments::after(store, &old_info, after).await?;
        while let Some(segment) = segments.next().await? {
            let entries = segment
                .entries
                .into_iter()
                .filter(|e| !covered.contains(e.id));
            missing.extend(entries.map(|e| (e.id, e.update)));
        }
    }
    // Listed in full, for a late one may have any key; read are those that landed since.
    let since = if everything || old.settled_at > store.now() {
        i64::MIN // Or a wrong clock wrote when that was.
    } else {
        old.settled_at.saturating_sub(millis(MARGIN))
    };
    let mut listed = list_updates(store, &old_info, None).await?;
    listed.retain(|l| l.last_modified >= since);
    read_landed(store, &old_info, &listed, (covered, depth), &mut missing).await?;
    Ok(missing)
}

/// Adds what these objects of an old epoch hold and `covered` does not.
async fn read_landed(
    store: &Store,
    old: &SpaceInfo,
    listed: &[Listed<Key>],
    (covered, depth): (&Covered, Depth),
    missing: &mut BTreeMap<UpdateId, Update>,
) -> Result<()> {
    for chunk in listed.chunks(CHUNK) {
        for Read { loaded, body, .. } in read_updates(store, old, chunk).await? {
            if let Err(unread) = body {
                unreadable(store, old, loaded.key, unread, depth).await?;
            }
            for (id, update) in loaded.object.iter().flat_map(UpdateObject::entries) {
                if !covered.contains(id) {
                    missing.entry(id).or_insert_with(|| update.clone());
                }
            }
        }
    }
    Ok(())
}

/// What cannot be read goes to quarantine before its epoch is removed; what a newer program wrote keeps the
/// epoch where it is.
async fn unreadable(
    store: &Store,
    old: &SpaceInfo,
    key: Key,
    unread: Unread,
    depth: Depth,
) -> Result<()> {
    match (unread.is_newer(), depth) {
        (false, _) => quarantine(store, old, key).await.map(drop),
        (true, Depth::Everything) => Err(unread.error),
        (true, Depth::Recent) => Ok(()),
    }
}

/// Does the new epoch cover all that the old one's segments hold?
async fn is_covered(store: &Store, old: &SpaceInfo, covered: &Covered) -> Result<bool> {
    let mut all = Warm::load(store, old).await?.base.covered;
    all.extend(covered);
    Ok(all.len() == covered.len())
}
