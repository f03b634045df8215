//! What could not be read is put aside, reported, and never blocks the rest.

use super::{Run, Warm};
use crate::reader::listing::Read;
use crate::settings::millis;
use crate::store::Store;
use icecore_core::plan::Loaded;
use icecore_core::plan::key::vouched;
use icecore_core::{Key, ObjectKey, Order, Result, SpaceInfo};

/// So many are remembered: then they are told again.
const ASIDE_MAX: usize = 10_000;

impl Run<'_> {
    /// Takes what was read and sets the rest aside. In a sequenced space nothing passes what a newer program wrote:
    /// its place is taken.
    pub(super) async fn take(
        &mut self,
        read: Vec<Read>,
        warm: &mut Warm,
        loaded: &mut Vec<Loaded>,
    ) -> Result<()> {
        let newer = self.set_aside(&read, warm).await?;
        loaded.extend(read.into_iter().map(|read| read.loaded));
        if let (Order::Sequence, Some(newer)) = (self.info.order, newer) {
            loaded.retain(|l| l.key < newer);
        }
        Ok(())
    }

    /// Moves unreadable objects to `quarantine/`, at first only a copy. One that a newer program wrote stays where it
    /// is: it is not broken, this program is old. Returns the least key of those.
    async fn set_aside(&mut self, read: &[Read], warm: &mut Warm) -> Result<Option<Key>> {
        let look_back = u64::try_from(millis(self.store.settings.look_back)).unwrap_or(0);
        let passed = vouched(warm.base.through, self.store.now()).saturating_sub(look_back);
        let mut newer = None;
        for Read { loaded, body, .. } in read {
            let Err(unread) = body else { continue };
            let line = crate::reader::view::with_hint(&unread.error);
            if unread.is_newer() {
                newer = Some(newer.unwrap_or(loaded.key).min(loaded.key));
                if !self.report.newer.contains(&line) {
                    self.report.newer.push(line);
                }
            } else {
                let copied = quarantine(self.store, self.info, loaded.key).await?;
                // Else a slow run could delete what a writer put there after another run had moved the object.
                if copied && self.info.order == Order::Timestamp && loaded.key < passed {
                    let from =
                        ObjectKey::Update(self.info.space.clone(), self.info.epoch, loaded.key);
                    self.store.bucket.delete(&from.to_string()).await?;
                }
                // A young one is met again by each run, until it may go.
                if warm.aside.len() >= ASIDE_MAX {
                    warm.aside.clear();
                }
                if warm.aside.insert(loaded.key) {
                    tracing::warn!(error = %unread.error, "an update object is in quarantine");
                    self.report.quarantined.push(line);
                }
            }
        }
        Ok(newer)
    }
}

fn place(info: &SpaceInfo, key: Key) -> ObjectKey {
    let name = format!("updates/{key:#}");
    ObjectKey::Quarantine(info.space.clone(), info.epoch, name)
}

/// Does a copy of the update object lie in `quarantine/`?
pub(crate) async fn is_quarantined(store: &Store, info: &SpaceInfo, key: Key) -> Result<bool> {
    store.bucket.exists(&place(info, key)).await
}

/// Copies one update object to `quarantine/`. The object goes once no writer uses its key any more: with a roll-up
/// well after it or with pruning. `false` when it is not there any more.
pub(crate) async fn quarantine(store: &Store, info: &SpaceInfo, key: Key) -> Result<bool> {
    let from = ObjectKey::Update(info.space.clone(), info.epoch, key).to_string();
    let to = place(info, key).to_string();
    match store.bucket.copy(&from, &to).await {
        // Another run has moved it already.
        Err(error) if error.is_not_found() => return Ok(false),
        other => other?,
    }
    store.crash_point("rollup.after_quarantine_copy");
    Ok(true)
}
