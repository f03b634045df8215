//! Telling the gateway beforehand what is about to be needed.

use super::Gateway;
use crate::broker::{Broker, Reservation};
use async_trait::async_trait;
use icecore_core::wire::{BodyInfo, Look, Op, SyncRequest, WriteRequest};
use icecore_core::{Author, Error, Key, ObjectKey, Result, SpaceInfo, SpaceName};
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

/// Keys that are signed beside the first: three collisions in a row are rare even among many writers.
const SPARE: u8 = 3;

#[async_trait]
impl Broker for Gateway {
    async fn prepare(&self, space: &SpaceName, look: Look) -> Result<()> {
        let request = SyncRequest {
            look: Some(look),
            write: None,
        };
        // From before it was answered: what is kept never expires later than it says.
        let now = self.inner.clock.monotonic();
        let writes = self.desk().writes();
        let answer = self.sync(space, &request).await?;
        if let Some(found) = answer.found {
            let mut desk = self.desk();
            // Its reader will complain of what does not parse, naming the object.
            if let Ok(info) = SpaceInfo::from_json(found.space.body.as_bytes())
                && desk.writes() == writes
            {
                desk.prepare(space, info.epoch, found, now);
            }
        }
        Ok(())
    }

    async fn want(&self, keys: &[ObjectKey]) -> Result<()> {
        let now = self.inner.clock.monotonic();
        let mut missing: BTreeMap<Option<SpaceName>, Vec<Op>> = BTreeMap::new();
        {
            let desk = self.desk();
            for key in keys {
                let path = key.to_string();
                let op = Op::Get { path: path.clone() };
                if desk.find(&op, now).is_none() && !desk.has_body(&path, now) {
                    missing
                        .entry(key.space_name().cloned())
                        .or_default()
                        .push(op);
                }
            }
        }
        for (space, ops) in missing {
            self.sign_and_keep(space.as_ref(), ops).await?;
        }
        Ok(())
    }

    async fn reserve(&self, reservation: Reservation) -> Result<Vec<Key>> {
        let body = BodyInfo::of(&reservation.body);
        let Reservation { space, epoch, .. } = reservation;
        let request = SyncRequest {
            look: None,
            write: Some(WriteRequest {
                epoch,
                author: reservation.author,
                keys: reservation.keys,
                objects: vec![body],
                spare: SPARE,
            }),
        };
        let now = self.inner.clock.monotonic();
        let answer = self.sync(&space, &request).await?;
        let slots = answer.slots.into_iter().next().unwrap_or_default();
        if slots.is_empty() {
            return Err(Error::corrupt("the gateway gave no slot")
                .with_hint("this program and the gateway may be of different versions"));
        }
        let keys = slots.iter().map(|slot| slot.key).collect();
        self.desk()
            .keep_slots((&space, epoch), body.sha256, slots, now);
        Ok(keys)
    }

    fn author(&self) -> Option<Author> {
        *self.author_lock()
    }
}

impl Gateway {
    pub(super) fn author_lock(&self) -> MutexGuard<'_, Option<Author>> {
        self.inner
            .author
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has requests signed and keeps them at hand; returns them in order.
    pub(super) async fn sign_and_keep(
        &self,
        space: Option<&SpaceName>,
        ops: Vec<Op>,
    ) -> Result<Vec<icecore_core::wire::Signed>> {
        let now = self.inner.clock.monotonic();
        let signed = self.sign(space, ops.clone()).await?;
        let mut desk = self.desk();
        for (op, signed) in ops.into_iter().zip(&signed) {
            desk.keep(op, signed.clone(), now);
        }
        Ok(signed)
    }
}
