//! One poll: a conditional GET of the head, and only when that or the time asks for it, listings.

use super::listing::{Body, list_tagged_updates, list_updates};
use super::stamp::{is_continued, lost};
use super::{Layer, Reader, base, read_head};
use icecore_core::wire::{Have, Look};
use icecore_core::{Base, Covered, Error, Generation, Head, Key, Result, UpdateId};
use std::ops::Bound;
use std::time::Duration;

/// What a poll brought; a replica saves it in one transaction.
#[derive(Debug, Default)]
pub struct Polled {
    /// Whether anything but the head was looked at.
    pub looked: bool,
    /// The space has entered another epoch: base and tail are new.
    pub new_epoch: bool,
    /// Segments and snapshots that were read, in the order in which they were folded.
    pub layers: Vec<Layer>,
    /// Update objects that were read.
    pub bodies: Vec<Body>,
    /// Tail objects that the base covers now.
    pub covered: Vec<Key>,
    /// Segments, and all updates that are not rolled up, were listed.
    pub checked: bool,
    /// The store holds another history than the one that was read, or less of it, for it was put back to an older state:
    /// what had been read and is stored no more.
    pub lost: Option<Covered>,
    /// Tail objects that are stored no more, or of which another one has the key now, which is among the bodies then.
    pub gone: Vec<Key>,
    /// Tail objects whose tags became known.
    pub retagged: Vec<(Key, String)>,
}

impl Polled {
    /// Whether the state may have changed.
    pub fn changed(&self) -> bool {
        self.new_epoch
            || !self.layers.is_empty()
            || !self.bodies.is_empty()
            || !self.gone.is_empty()
    }
}

/// Why a poll looked further than the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// Only as the head and the intervals say.
    AsDue,
    /// Look at everything now: `space.json`, segments, updates.
    Not,
}

impl Reader {
    /// Looks for what is new: one conditional GET while nothing changed and nothing is due.
    ///
    /// # Errors
    /// As [`Reader::open`]; what was read before the error is kept and is read from memory next time, but was
    /// not returned: a replica whose poll failed opens its reader again from what it saved.
    pub async fn poll(&mut self, waited: Waited) -> Result<Polled> {
        let store = self.store.clone();
        let now = waited == Waited::Not;
        if now {
            let look = self.look(true, None);
            store.prepare(&self.info.space, look).await?;
        }
        let (mut head, mut version) =
            read_head(&store, &self.info.space, self.head_version.as_ref()).await?;
        let changed = head.is_some() || version != self.head_version;
        let back = changed && self.is_back(head.as_ref());
        let check = now || back || self.is_due(self.last_check, self.check_every());
        let list = now || changed || check || self.is_due(self.last_list, self.list_every());
        if !list {
            return Ok(Polled::default());
        }
        if changed && !now {
            let look = self.look(check, head.as_ref());
            store.prepare(&self.info.space, look).await?;
            if store.broker().is_some() {
                // It came along, maybe newer: left for later, it would answer the next poll.
                (head, version) = read_head(&store, &self.info.space, None).await?;
            }
        }
        let polled = self.look_further(check, head.as_ref()).await?;
        if check {
            self.last_check = Some(store.clock.monotonic());
        }
        self.quiet = if now || changed || polled.changed() {
            0
        } else {
            self.quiet.saturating_add(1)
        };
        // Only now: a poll that failed half-way must not find the head unchanged next time.
        self.head_version = version;
        self.head_key = self.head_key.max(head.map_or(Key::MIN, |head| head.key));
        Ok(polled)
    }

    /// Whether a changed head says less than one before: then the bucket may have been put back to an older state.
    fn is_back(&self, head: Option<&Head>) -> bool {
        match head {
            Some(head) => head.generation <= self.base.generation && head.key < self.head_key,
            None => self.head_version.is_some(),
        }
    }

    async fn look_further(&mut self, check: bool, head: Option<&Head>) -> Result<Polled> {
        let store = self.store.clone();
        // With every listing: what another store or epoch holds in the same place is never taken for this one's.
        if self.check_space().await? {
            return self.enter(head).await;
        }
        let mut polled = Polled {
            looked: true,
            checked: check,
            ..Polled::default()
        };
        if check || head.is_some_and(|h| h.generation > self.base.generation) {
            let Some(caught) = self.catch_up().await? else {
                return self.enter_restored(head).await;
            };
            (polled.layers, polled.lost) = caught;
        }
        // The segments may be newer than the keyring: then what they hold is read anew.
        if self.has_newer_keys().await? {
            return self.enter(head).await;
        }
        if let Some(head) = head {
            self.snapshot = self.snapshot.max(head.snapshot.min(self.base.generation));
        }
        let began = store.now();
        let after = self.list_from(check);
        let (listed, gone) = if check {
            let tagged = list_tagged_updates(&store, &self.info, after).await?;
            let doubtful = self.doubtful(&tagged);
            let listed: Vec<_> = tagged.into_iter().map(|(listed, _)| listed).collect();
            let mut gone = self.gone_among(doubtful, &mut polled).await?;
            let missing = self.not_listed(&listed, None);
            gone.extend(self.gone_among(missing, &mut polled).await?);
            (listed, gone)
        } else {
            let listed = list_updates(&store, &self.info, after).await?;
            if !self.not_listed(&listed, after).is_empty() {
                // Rolled up and pruned, or the bucket was put back: the next poll looks at everything.
                self.last_check = None;
            }
            (listed, Vec::new())
        };
        let mut ids = Covered::default();
        if !gone.is_empty() {
            // What was rolled up and pruned just now is covered by a segment that was there before it went.
            let Some((layers, lost)) = self.catch_up().await? else {
                return self.enter_restored(head).await;
            };
            polled.layers.extend(layers);
            polled.lost = polled.lost.or(lost);
            polled.covered = self.drop_covered();
            ids = self.drop_gone(&gone, &mut polled);
        }
        polled.bodies = self.take(listed, began).await?;
        polled.covered.extend(self.drop_covered());
        // What another object holds too is not lost.
        let lost = self.lacking(&ids);
        if !lost.is_empty() {
            polled.lost.get_or_insert_default().extend(&lost);
        }
        Ok(polled)
    }

    /// The store holds another history: it is read from nothing.
    async fn enter_restored(&mut self, head: Option<&Head>) -> Result<Polled> {
        tracing::warn!(space = %self.info.space, "the store was put back to an older state, or holds another history");
        let tail = self.tail_ids();
        let mut polled = self.enter(head).await?;
        let gone = self.lacking(&tail);
        polled.lost.get_or_insert_default().extend(&gone);
        Ok(polled)
    }

    /// What this look will ask.
    fn look(&self, check: bool, head: Option<&Head>) -> Look {
        /// More than a minute's worth in most spaces; what is left out is only sent once more.
        const KNOWN_MAX: usize = 1_000;
        let updates_after = self.list_from(check);
        let from = (
            updates_after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        let in_tail = self.tail.range(from).map(|(key, _)| *key);
        let known = self.known.range(from).copied();
        let recent = self.base.recent.range(from).copied();
        Look {
            check: check || head.is_some_and(|h| h.generation > self.base.generation),
            have: Some(Have {
                epoch: self.base.epoch,
                generation: self.base.generation,
                updates_after,
                known: in_tail.chain(known).chain(recent).take(KNOWN_MAX).collect(),
            }),
        }
    }

    /// Folds what is new; returns what was read, and what a snapshot that was taken instead does not cover any more. `None`
    /// when the store does not hold what was folded: then nothing was changed.
    async fn catch_up(&mut self) -> Result<Option<(Vec<Layer>, Option<Covered>)>> {
        let store = self.store.clone();
        // From one before: that the own segment is still there, and the same, shows that the store was not put back.
        let own = self.base.generation;
        let layers = base::list_layers(&store, &self.info, own.saturating_sub(1)).await?;
        if !is_continued(&store, &self.info, &self.base, &layers, &mut self.stamp).await? {
            return Ok(None);
        }
        let mut ahead = layers.clone();
        ahead.segments.remove(&own);
        let way = way_of_a_running_reader(&ahead, own);
        let before = (!way.snapshots.is_empty()).then(|| self.base.covered.clone());
        let read = match base::catch_up(&store, &self.info, &mut self.base, &way).await {
            Ok(read) => read,
            // Of another chain? Where no server tells two versions apart, or the store was put back just now, only now it
            // shows.
            Err(error) if error.is_corrupt() => {
                self.unless_put_back(&self.base, error).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if self.base.generation > own {
            self.stamp = layers.stamp(self.base.generation);
        }
        let upto = ahead.snapshots.range(..=self.base.generation);
        let newest = upto.last().map(|(generation, _)| *generation);
        self.snapshot = self.snapshot.max(newest.unwrap_or_default());
        let lost = before.and_then(|before| lost(&before, &self.base.covered));
        Ok(Some((read, lost)))
    }

    /// Whether what is corrupt is so because the store does not hold any more what was folded: then there is another history to
    /// read, and nothing is broken.
    ///
    /// # Errors
    /// The error, where that is not why.
    async fn unless_put_back(&self, base: &Base, error: Error) -> Result<()> {
        let from = base.generation.saturating_sub(1);
        let layers = base::list_layers(&self.store, &self.info, from).await?;
        if is_continued(&self.store, &self.info, base, &layers, &mut None).await? {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// Whether `space.json` and the segments were looked at too long ago to trust a listing of updates.
    pub fn is_check_due(&self) -> bool {
        self.is_due(self.last_check, self.check_every())
    }

    /// When they have to be looked at again, by the monotonic clock; `None` where they were not looked at.
    pub fn checked_until(&self) -> Option<Duration> {
        let last = self.last_check?;
        Some(last.saturating_add(self.check_every()))
    }

    /// Lists all of `updates/`, however old, and reads what is unknown.
    ///
    /// # Errors
    /// As [`Reader::poll`].
    pub async fn look_at_all(&mut self) -> Result<Polled> {
        let store = self.store.clone();
        let began = store.now();
        let listed = list_updates(&store, &self.info, None).await?;
        let bodies = self.take(listed, began).await?;
        Ok(Polled {
            looked: true,
            bodies,
            covered: self.drop_covered(),
            ..Polled::default()
        })
    }

    /// Whether an own write at `key` of a sequenced space counts: it does unless a roll-up had passed the key
    /// before, which only pruning makes look free.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub async fn is_valid_in_sequence(&mut self, key: Key, id: UpdateId) -> Result<bool> {
        let store = self.store.clone();
        let layers = base::list_layers(&store, &self.info, self.base.generation).await?;
        if layers.segments.is_empty() {
            return Ok(key > self.base.through);
        }
        let mut ahead = self.base.clone();
        match base::catch_up(&store, &self.info, &mut ahead, &layers).await {
            // The next pull finds what the store holds now, this write among it.
            Err(error) if error.is_corrupt() => {
                self.unless_put_back(&ahead, error).await?;
                return Ok(false);
            }
            read => drop(read?),
        }
        Ok(ahead.covered.contains(id) || key > ahead.through)
    }

    /// The bodies of the whole tail, as a replica saves them after a first look.
    pub fn bodies(&self) -> Vec<Body> {
        self.tail
            .values()
            .filter_map(|l| {
                let bytes = match &l.object {
                    Some(object) => object.to_json().into(),
                    None => self.held.get(&l.key)?.clone(),
                };
                Some(Body {
                    key: l.key,
                    last_modified: l.last_modified,
                    e_tag: self.tags.get(&l.key).cloned(),
                    bytes,
                })
            })
            .collect()
    }
}

/// Who has read a space already, if only its tail, knows by what it folded whether the model fits, and need not take the
/// first snapshot for that: where the segments are no larger, they tell update by update what is new.
fn way_of_a_running_reader(ahead: &base::Layers, own: Generation) -> base::Layers {
    let mut way = ahead.clone();
    let newest = way.snapshots.values().next_back().copied().unwrap_or(0);
    if own == Generation::ZERO && way.segments.values().sum::<u64>() <= newest {
        way.snapshots.clear();
    }
    way
}
