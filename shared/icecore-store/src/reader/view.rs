//! What a reader shows: base, tail in effective order, and the pending updates of its replica on top.

use super::Reader;
use icecore_core::fold::Step;
use icecore_core::order::{self, Place};
use icecore_core::plan::Loaded;
use icecore_core::tip::At;
use icecore_core::{
    Author, Covered, Entry, Error, Folded, Key, Order, Result, Seq, Update, UpdateId, UpdateObject,
};
use std::borrow::Cow;

impl Reader {
    /// The places of the tail's updates in canonical order. In a sequenced space only up to the first hole: what
    /// lies behind it has no place yet.
    pub fn tail_places(&self) -> Vec<Place> {
        match self.info.order {
            Order::Timestamp => order::sort(
                Order::Timestamp,
                self.tail.values().filter_map(Loaded::visible),
                &self.base.covered,
            ),
            Order::Sequence => {
                let end = self.sequence_end();
                let run = self
                    .tail
                    .range(..=end)
                    .filter(|(key, _)| **key > self.base.through);
                order::sort(
                    Order::Sequence,
                    run.filter_map(|(_, l)| l.visible()),
                    &self.base.covered,
                )
            }
        }
    }

    /// The last key of a sequenced space before the first hole. An object of which every update is covered is none: two
    /// sweeps may have published the same.
    pub fn sequence_end(&self) -> Key {
        let is_next = |key: &Key| {
            self.known.contains(key)
                || (self.tail.contains_key(key) && !self.held.contains_key(key))
        };
        let mut end = self.base.through;
        while let Some(next) = end.next().filter(is_next) {
            end = next;
        }
        end
    }

    /// Why nothing may be written under a key of a sequenced space: a newer program's update has that place, and what
    /// it did to the state is not known here.
    ///
    /// # Errors
    /// `Invalid`, with what the object's reading reported.
    pub fn check_place(&self, key: Key) -> Result<()> {
        match self
            .unreadable
            .get(&key)
            .filter(|_| self.held.contains_key(&key))
        {
            Some(why) => Err(Error::invalid(why.clone())),
            None => Ok(()),
        }
    }

    /// The tail's updates in canonical order.
    pub fn tail_entries(&self) -> Vec<Entry> {
        self.tail_steps().into_iter().map(Entry::from).collect()
    }

    /// What is to be folded of the tail, in canonical order.
    pub fn tail_steps(&self) -> Vec<Step<'_>> {
        let step = |place: Place| {
            let object = self.tail.get(&place.key)?.object.as_ref()?;
            let index = usize::try_from(place.id.seq.get().checked_sub(object.seq.get())?).ok()?;
            Some(Step {
                id: place.id,
                key: place.key,
                update: object.updates.get(index)?,
                opened: false,
            })
        };
        self.tail_places().into_iter().filter_map(step).collect()
    }

    /// Whether the tail holds what a newer version of the model wrote, which this program must hold at.
    ///
    /// # Errors
    /// `Invalid`, with a [`icecore_core::Newer`].
    pub fn check_version(&mut self) -> Result<()> {
        let content = self.base.folded.content();
        let objects = self.unchecked.iter().filter_map(|key| self.tail.get(key));
        let objects = objects.filter_map(|l| l.object.as_ref());
        for (id, update) in objects.flat_map(UpdateObject::entries) {
            // Who holds no key of an encrypted space must not be able to stop those who do.
            if let Some(newer) = content.is_newer(update.model_version())
                && content.open(id, update).is_ok()
            {
                return Err(newer.error("an update").with_object(id.to_string()));
            }
        }
        self.unchecked.clear();
        Ok(())
    }

    /// What the state stands for beside what is covered: in a sequenced space not what lies behind a hole, or under a key
    /// that a roll-up had passed.
    pub fn shown(&self) -> Covered {
        self.tail_places()
            .into_iter()
            .map(|place| place.id)
            .collect()
    }

    /// Which of these ids are neither covered nor in the tail: as [`Reader::has`], for many.
    pub fn lacking(&self, ids: &Covered) -> Covered {
        ids.without(&self.base.covered).without(&self.tail_ids())
    }

    /// Is the update covered or in the tail?
    pub fn has(&self, id: UpdateId) -> bool {
        self.base.covered.contains(id) || self.carrier(id).is_some()
    }

    /// The tail's update of this id.
    pub fn tail_update(&self, id: UpdateId) -> Option<&Update> {
        let (_, object) = self.carrier(id)?;
        let index = usize::try_from(id.seq.get() - object.seq.get()).ok()?;
        object.updates.get(index)
    }

    /// The key of the tail's object that carries this id.
    pub fn key_of(&self, id: UpdateId) -> Option<Key> {
        self.carrier(id).map(|(key, _)| key)
    }

    /// The greatest seq of an author, covered or in the tail.
    pub fn last_seq_of(&self, author: Author) -> Option<Seq> {
        let in_tail = self
            .tail
            .values()
            .filter_map(|l| l.object.as_ref())
            .filter(|o| o.author == author);
        let last = in_tail.map(|o| o.end().saturating_sub(1)).max();
        last.max(self.base.covered.last_of(author))
    }

    fn carrier(&self, id: UpdateId) -> Option<(Key, &UpdateObject)> {
        self.tail.values().find_map(|l| {
            let object = l.object.as_ref()?;
            let carries =
                object.author == id.author && object.seq <= id.seq && id.seq < object.end();
            carries.then_some((l.key, object))
        })
    }

    /// Takes an own object that was just stored into the tail: there is no need to read it.
    pub fn note_own(
        &mut self,
        key: Key,
        (last_modified, e_tag): (i64, Option<String>),
        object: UpdateObject,
    ) {
        self.tags.extend(e_tag.map(|tag| (key, tag)));
        let loaded = Loaded {
            key,
            last_modified,
            object: Some(object),
        };
        self.unchecked.insert(key);
        if self.tail.insert(key, loaded).is_some() {
            self.replaced += 1;
        }
    }

    /// Makes an entry readable, where the space is encrypted and its keys open it; else it stays as it is stored.
    pub fn open_entry(&self, entry: &mut Entry) {
        let opened = self.base.folded.content().open(entry.id, &entry.update);
        if let Ok(Cow::Owned(update)) = opened {
            entry.update = update;
        }
    }

    /// The state with the tail: what every replica that has seen the same objects shows.
    pub fn state(&self) -> Folded {
        self.state_with(&[])
    }

    /// The same with updates on top that are this device's own.
    pub fn state_with(&self, pending: &[Step<'_>]) -> Folded {
        let steps = self.tail_steps().into_iter();
        self.base.folded.after(steps.chain(pending.iter().copied()))
    }

    /// Which base it is whose state and tail this reader shows.
    pub fn at(&self) -> At {
        At {
            epoch: self.base.epoch,
            generation: self.base.generation,
            replaced: self.replaced,
        }
    }
}

/// An error as one line for a person, with its hint.
pub fn with_hint(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
