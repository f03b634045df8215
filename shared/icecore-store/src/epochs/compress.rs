//! `compress`: a new history with the exact same final state. `reset`: a new history with an empty one.

use super::{NewEpoch, Settled, flip, next_epoch, settle};
use crate::rollup::{Warm, write_first};
use crate::store::Store;
use icecore_core::fold::RejectedList;
use icecore_core::segment::BaseHeader;
use icecore_core::{Base, Epoch, Error, Generation, Result, SegmentHeader, SpaceInfo, SpaceName};
use std::collections::BTreeMap;

/// Begins an epoch whose history is the present state alone. It is read back and compared, byte for byte,
/// before it replaces the old one.
///
/// # Errors
/// `Conflict` when the space was changed meanwhile; otherwise as a roll-up. The old history stays then.
pub async fn compress(store: &Store, space: &SpaceName) -> Result<NewEpoch> {
    let settled = settle(store, space).await?;
    let (open, warm) = (&settled.open, &settled.warm);
    warm.base.folded.check_consistent()?;
    let state = warm.base.folded.state_json()?;
    let header = BaseHeader {
        model_version: warm.base.folded.model().version(),
        count: warm.base.count,
        epoch: open.info.epoch,
        rejected: warm.base.folded.rejected.clone(),
        touched: warm.base.folded.touched.clone(),
    };
    begin(store, &settled, header, &state).await
}

/// Begins an epoch with an empty state. Everything seen so far stays covered, so none of it comes back; what
/// replicas have pending is published into the new history.
///
/// # Errors
/// As [`compress`].
pub async fn reset(store: &Store, space: &SpaceName) -> Result<NewEpoch> {
    let settled = settle(store, space).await?;
    let open = &settled.open;
    let model = store.model(&open.info)?;
    let empty = Base::initial(&open.info, model);
    let header = BaseHeader {
        model_version: empty.folded.model().version(),
        count: 0,
        epoch: open.info.epoch,
        rejected: RejectedList::default(),
        touched: BTreeMap::new(),
    };
    let state = empty.folded.state_json()?;
    begin(store, &settled, header, &state).await
}

async fn begin(
    store: &Store,
    settled: &Settled,
    base: BaseHeader,
    state: &[u8],
) -> Result<NewEpoch> {
    let (info, old) = (&settled.open.info, &settled.warm.base);
    let epoch = next_epoch(store, info).await?;
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
    write_first(store, &new_info, header, state).await?;
    check(store, &new_info, state, old).await?;
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
async fn check(store: &Store, info: &SpaceInfo, state: &[u8], old: &Base) -> Result<()> {
    let warm = Warm::load(store, info).await?;
    let same = warm.base.folded.state_json()? == state && warm.base.covered == old.covered;
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
