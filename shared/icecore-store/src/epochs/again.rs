//! Publishing again what lies elsewhere, under the same `(author, seq)`.

use crate::publish::{publish, publish_at};
use crate::reader::Reader;
use crate::store::Store;
use icecore_core::plan::KeyClock;
use icecore_core::{Error, Key, Order, Result, Seq, SpaceInfo, Update, UpdateId, UpdateObject};
use std::collections::BTreeMap;

/// As often another writer may take the next key of a sequenced space before this gives way.
const SEQUENCE_TRIES_MAX: u32 = 1_000;

/// Publishes to one space.
#[derive(Debug)]
pub struct Again<'a> {
    /// The store.
    pub store: &'a Store,
    /// The space.
    pub info: &'a SpaceInfo,
    /// Above what was seen there.
    pub keys: KeyClock,
    /// The last place of a sequenced space.
    pub end: Key,
}

impl<'a> Again<'a> {
    /// After everything that a reader of the space has seen.
    pub fn after(reader: &'a Reader) -> Self {
        let mut keys = KeyClock::new(None, reader.largest_key());
        let base = &reader.base;
        keys.reached(base.reached());
        keys.remember((base.epoch, base.generation), &base.recent);
        Self {
            store: reader.store(),
            info: &reader.info,
            keys,
            end: reader.sequence_end(),
        }
    }

    /// The last key that was written.
    pub fn last(&self) -> Key {
        self.keys.own_last().unwrap_or(self.end)
    }

    /// Publishes all of them, each author's in the author's order. What was published stays where this fails.
    pub(crate) async fn publish_all(&mut self, missing: BTreeMap<UpdateId, Update>) -> Result<()> {
        self.publish_in_order(missing, &mut |_| {}).await
    }

    /// Publishes all of them in this order, in as few objects as that allows: one author's consecutive updates each. Tells
    /// how many more are stored, after each object. What was published stays where this fails.
    ///
    /// # Errors
    /// As [`publish`]; `Conflict` in a sequenced space when others are always faster.
    pub async fn publish_in_order(
        &mut self,
        updates: impl IntoIterator<Item = (UpdateId, Update)>,
        stored: &mut (dyn FnMut(u64) + Send),
    ) -> Result<()> {
        let mut run: Vec<(UpdateId, Update)> = Vec::new();
        for (id, update) in updates {
            let follows = run.last().is_some_and(|(last, _)| {
                last.author == id.author && last.seq.next() == Some(id.seq)
            });
            if !run.is_empty() && !follows {
                self.publish(std::mem::take(&mut run), stored).await?;
            }
            run.push((id, update));
        }
        self.publish(run, stored).await
    }

    async fn publish(
        &mut self,
        mut run: Vec<(UpdateId, Update)>,
        stored: &mut (dyn FnMut(u64) + Send),
    ) -> Result<()> {
        while let Some((first, _)) = run.first().cloned() {
            let fitting =
                UpdateObject::fitting(run.iter().map(|(_, update)| update)).min(run.len());
            let rest = run.split_off(fitting);
            let updates = run.into_iter().map(|(_, update)| update).collect();
            self.store.crash_point("sweep.before_publish");
            let object = UpdateObject::new(first.author, first.seq, updates);
            let end = self.put(&object).await?;
            stored(end.get().saturating_sub(first.seq.get()));
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
        if self.info.order == Order::Timestamp {
            let published = publish(self.store, self.info, object, &mut self.keys).await;
            return published.map(|published| published.end);
        }
        // It only appends: a taken key means that the next one is free or taken in turn.
        for _ in 0..SEQUENCE_TRIES_MAX {
            self.end = self.end.saturating_add(1);
            match publish_at(self.store, self.info, object, self.end).await {
                Ok(published) => return Ok(published.end),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Err(
            Error::conflict(format!("{SEQUENCE_TRIES_MAX} keys in a row were taken"))
                .with_object(self.info.space.to_string())
                .with_hint("repeat the command when fewer write at once; what is stored is not stored again"),
        )
    }
}
