//! Publishing again what lies elsewhere, under the same `(author, seq)`.

use crate::publish::{publish, publish_at};
use crate::store::Store;
use icecore_core::plan::KeyClock;
use icecore_core::{Key, Order, Result, Seq, SpaceInfo, Update, UpdateId, UpdateObject};
use std::collections::BTreeMap;

/// Publishes to one space.
pub(crate) struct Again<'a> {
    pub(crate) store: &'a Store,
    pub(crate) info: &'a SpaceInfo,
    pub(crate) keys: KeyClock,
    /// The last place of a sequenced space.
    pub(crate) end: Key,
}

impl Again<'_> {
    /// Publishes all of them, each author's in the author's order. What was published stays where this fails.
    pub(crate) async fn publish_all(&mut self, missing: BTreeMap<UpdateId, Update>) -> Result<()> {
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
