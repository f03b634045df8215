//! Publishing again, in the epoch that counts, what lies elsewhere under the same `(author, seq)`.

use super::sweep::CHUNK;
use crate::publish::{publish, publish_at};
use crate::reader::Reader;
use crate::reader::listing::{Read, list_updates, read_updates};
use crate::store::Store;
use icecore_core::plan::KeyClock;
use icecore_core::{Head, Key, Order, Result, Seq, SpaceInfo, Update, UpdateId, UpdateObject};
use std::collections::BTreeMap;

/// What was published again.
#[derive(Debug)]
pub(crate) struct Sent {
    /// How many updates.
    pub(crate) updates: u64,
    /// The hint that tells of them.
    pub(crate) head: Head,
}

/// Publishes what the space neither covers nor shows; `None` when another epoch of it has begun.
///
/// # Errors
/// As publishing; what was published so far stays and is not published again.
pub(crate) async fn publish_missing(
    store: &Store,
    info: &SpaceInfo,
    mut missing: BTreeMap<UpdateId, Update>,
) -> Result<Option<Sent>> {
    let reader = Reader::open(store, &info.space).await?;
    if reader.info.epoch != info.epoch {
        return Ok(None);
    }
    missing.retain(|id, _| !reader.base.covered.contains(*id));
    if !missing.is_empty() {
        // Everything visible counts, at whatever key: a partial view would publish twice what is there already.
        let listed = list_updates(store, info, None).await?;
        for chunk in listed.chunks(CHUNK) {
            for Read { loaded, .. } in read_updates(store, info, chunk).await? {
                for (id, _) in loaded.object.iter().flat_map(UpdateObject::entries) {
                    missing.remove(&id);
                }
            }
        }
    }
    let updates = missing.len() as u64;
    let mut keys = KeyClock::new(None, reader.largest_key());
    keys.reached(reader.base.reached());
    let end = reader.sequence_end();
    let mut again = Again {
        store,
        info,
        keys,
        end,
    };
    again.publish_all(missing).await?;
    let last = again.keys.own_last().unwrap_or(again.end);
    let head = reader.head(last);
    Ok(Some(Sent { updates, head }))
}

struct Again<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    keys: KeyClock,
    end: Key,
}

impl Again<'_> {
    async fn publish_all(&mut self, missing: BTreeMap<UpdateId, Update>) -> Result<()> {
        let mut run: Vec<(UpdateId, Update)> = Vec::new();
        for (id, update) in missing {
            let follows = run.last().is_some_and(|(last, _)| {
                last.author == id.author && last.seq.next() == Some(id.seq)
            });
            if !run.is_empty() && !follows {
                self.publish(std::mem::take(&mut run)).await?;
            }
            run.push((id, update));
        }
        self.publish(run).await
    }

    async fn publish(&mut self, mut run: Vec<(UpdateId, Update)>) -> Result<()> {
        while let Some((first, _)) = run.first().cloned() {
            let fitting =
                UpdateObject::fitting(run.iter().map(|(_, update)| update)).min(run.len());
            let rest = run.split_off(fitting);
            let updates = run.into_iter().map(|(_, update)| update).collect();
            self.store.crash_point("sweep.before_publish");
            let object = UpdateObject::new(first.author, first.seq, updates);
            let end = self.put(&object).await?;
            // An earlier attempt may have stored fewer of them.
            let missing = object.entries().filter(|(id, _)| id.seq >= end);
            run = missing
                .map(|(id, update)| (id, update.clone()))
                .chain(rest)
                .collect();
        }
        Ok(())
    }

    /// Returns the seq after the last one that is stored.
    async fn put(&mut self, object: &UpdateObject) -> Result<Seq> {
        match self.info.order {
            Order::Timestamp => publish(self.store, self.info, object, &mut self.keys)
                .await
                .map(|published| published.end),
            // It only appends: a taken key means that the next one is free or taken in turn.
            Order::Sequence => loop {
                self.end = self.end.saturating_add(1);
                match publish_at(self.store, self.info, object, self.end).await {
                    Ok(published) => return Ok(published.end),
                    Err(error) if error.is_conflict() => {}
                    Err(error) => return Err(error),
                }
            },
        }
    }
}
