//! What could not be read is moved aside, reported, and never blocks the rest.

use super::Run;
use crate::reader::listing::Read;
use crate::store::Store;
use icecore_core::plan::Loaded;
use icecore_core::{Key, ObjectKey, Order, Result, SpaceInfo};

impl Run<'_> {
    /// Takes what was read and sets the rest aside. In a sequenced space nothing passes what a newer program wrote:
    /// its place is taken.
    pub(super) async fn take(&mut self, read: Vec<Read>, loaded: &mut Vec<Loaded>) -> Result<()> {
        let newer = self.set_aside(&read).await?;
        loaded.extend(read.into_iter().map(|read| read.loaded));
        if let (Order::Sequence, Some(newer)) = (self.info.order, newer) {
            loaded.retain(|l| l.key < newer);
        }
        Ok(())
    }

    /// Moves unreadable objects to `quarantine/`. One that a newer program wrote stays where it is: it is not
    /// broken, this program is old. Returns the least key of those.
    async fn set_aside(&mut self, read: &[Read]) -> Result<Option<Key>> {
        let mut newer = None;
        for Read { loaded, body } in read {
            let Err(unread) = body else { continue };
            let line = crate::reader::view::with_hint(&unread.error);
            if unread.is_newer() {
                newer = Some(newer.unwrap_or(loaded.key).min(loaded.key));
                if !self.report.newer.contains(&line) {
                    self.report.newer.push(line);
                }
            } else {
                quarantine(self.store, self.info, loaded.key).await?;
                tracing::warn!(error = %unread.error, "an update object was moved to quarantine");
                self.report.quarantined.push(line);
            }
        }
        Ok(newer)
    }
}

/// Moves one update object to `quarantine/`.
pub(crate) async fn quarantine(store: &Store, info: &SpaceInfo, key: Key) -> Result<()> {
    let from = ObjectKey::Update(info.space.clone(), info.epoch, key).to_string();
    let name = format!("updates/{key:#}");
    let to = ObjectKey::Quarantine(info.space.clone(), info.epoch, name).to_string();
    match store.bucket.copy(&from, &to).await {
        // Another run has moved it already.
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    }
    store.crash_point("rollup.after_quarantine_copy");
    // In a sequenced space its key is a place in the order: the object goes with pruning.
    if info.order == Order::Timestamp {
        store.bucket.delete(&from).await?;
    }
    Ok(())
}
