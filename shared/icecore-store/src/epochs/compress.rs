//! `compress`: a new history with the exact same final state. `reset`: a new history with an empty one.

use super::{NewEpoch, Settled, flip, next_epoch, settle};
use crate::rollup::{Warm, write_first};
use crate::store::Store;
use icecore_core::segment::BaseHeader;
use icecore_core::{
    Base, Epoch, Error, Folded, Generation, Result, SegmentHeader, SpaceInfo, SpaceName,
};

/// Begins an epoch whose history is the present state alone. It is read back and compared, byte for byte,
/// before it replaces the old one.
///
/// # Errors
/// `Conflict` when the space was changed meanwhile; otherwise as a roll-up. The old history stays then.
pub async fn compress(store: &Store, space: &SpaceName) -> Result<NewEpoch> {
    let settled = settle(store, space).await?;
    let base = &settled.warm.base;
    base.folded.check_consistent()?;
    begin(store, &settled, &base.folded, base.count).await
}

/// Begins an epoch with an empty state. Everything seen so far stays covered, so none of it comes back; what
/// replicas have pending is published into the new history.
///
/// # Errors
/// As [`compress`].
pub async fn reset(store: &Store, space: &SpaceName) -> Result<NewEpoch> {
    let settled = settle(store, space).await?;
    let empty = Folded::initial(settled.warm.base.folded.content().clone());
    begin(store, &settled, &empty, 0).await
}

async fn begin(store: &Store, settled: &Settled, folded: &Folded, count: u64) -> Result<NewEpoch> {
    let (info, old) = (&settled.open.info, &settled.warm.base);
    let (base, state) = BaseHeader::of(folded, count, info.epoch, store.salt(folded.content()))?;
    let epoch = next_epoch(store, info)?;
    let new_info = SpaceInfo {
        epoch,
        ..info.clone()
    };
    let mut header =
        SegmentHeader::new(&info.space, epoch, Generation::MIN.saturating_add(1), None);
    header.rolled_at = store.now();
    header.model_version = base.model_version;
    header.carried = old.covered.clone();
    header.base = Some(Box::new(base));
    write_first(store, &new_info, header, &state).await?;
    check(store, &new_info, folded, old).await?;
    let carried = old.covered.len();
    let swept = flip(store, settled, epoch).await?;
    Ok(NewEpoch {
        epoch,
        from: info.epoch,
        updates: 0,
        carried,
        swept,
    })
}

/// Reads the new epoch as a stranger would and compares it with what it must be.
async fn check(store: &Store, info: &SpaceInfo, folded: &Folded, old: &Base) -> Result<()> {
    let base = Warm::load(store, info).await?.base;
    let same = base.folded.state_json()? == folded.state_json()? && base.covered == old.covered;
    if same {
        Ok(())
    } else {
        Err(wrong_state(info.epoch))
    }
}

fn wrong_state(epoch: Epoch) -> Error {
    Error::internal(format!(
        "BUG: the new epoch {epoch} does not hold the state it must; the old one stays"
    ))
}
