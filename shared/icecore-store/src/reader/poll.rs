//! One poll: a conditional GET of the head, and only when that or the time asks for it, listings.

use super::listing::{Body, list_updates};
use super::{Layer, Reader, base, read_head};
use icecore_core::wire::{Have, Look};
use icecore_core::{Generation, Head, Key, Result, UpdateId};
use std::ops::Bound;

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
}

impl Polled {
    /// Whether the state may have changed.
    pub fn changed(&self) -> bool {
        self.new_epoch || !self.layers.is_empty() || !self.bodies.is_empty()
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
        let check = now || self.is_due(self.last_check, self.check_every());
        let list = now || changed || check || self.is_due(self.last_list, store.settings.safety);
        let mut polled = Polled {
            looked: list,
            ..Polled::default()
        };
        if !list {
            return Ok(polled);
        }
        if changed && !now {
            let look = self.look(check, head.as_ref());
            store.prepare(&self.info.space, look).await?;
            if store.broker().is_some() {
                // It came along, maybe newer: left for later, it would answer the next poll.
                (head, version) = read_head(&store, &self.info.space, None).await?;
            }
        }
        // With every listing: what another store or epoch holds in the same place is never taken for this one's.
        if self.check_space().await? {
            polled.new_epoch = true;
            polled.layers = self.enter_epoch(head.as_ref()).await?;
            polled.bodies = self.bodies();
            self.head_version = version;
            return Ok(polled);
        }
        let head_is_ahead = head
            .as_ref()
            .is_some_and(|h| h.generation > self.base.generation);
        if check || head_is_ahead {
            polled.layers = self.catch_up().await?;
        }
        // The segments may be newer than the keyring: then what they hold is read anew.
        if self.has_newer_keys().await? {
            polled.new_epoch = true;
            polled.layers = self.enter_epoch(head.as_ref()).await?;
            polled.bodies = self.bodies();
            self.head_version = version;
            return Ok(polled);
        }
        if let Some(head) = &head {
            self.snapshot = self.snapshot.max(head.snapshot.min(self.base.generation));
        }
        let began = store.now();
        let listed = list_updates(&store, &self.info, self.overlap_start()).await?;
        polled.bodies = self.take(listed, began).await?;
        polled.covered = self.drop_covered();
        if check {
            self.last_check = Some(store.clock.monotonic());
        }
        // Only now: a poll that failed half-way must not find the head unchanged next time.
        self.head_version = version;
        Ok(polled)
    }

    /// What this look will ask.
    fn look(&self, check: bool, head: Option<&Head>) -> Look {
        /// More than a minute's worth in most spaces; what is left out is only sent once more.
        const KNOWN_MAX: usize = 1_000;
        let updates_after = self.overlap_start();
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

    async fn catch_up(&mut self) -> Result<Vec<Layer>> {
        let store = self.store.clone();
        // From one before: that the own generation is still there shows that the store was not put back.
        let from = self.base.generation.saturating_sub(1);
        let layers = base::list_layers(&store, &self.info, from).await?;
        // The newest segment is never removed. Where it is lost and its snapshot is not, the state still stands.
        let own = self.base.generation;
        if own > Generation::ZERO
            && layers.segments.is_empty()
            && !layers.snapshots.contains_key(&own)
        {
            return Err(self.went_back());
        }
        let mut ahead = layers;
        ahead.segments.remove(&self.base.generation);
        let way = way_of_a_running_reader(&ahead, own);
        let read = base::catch_up(&store, &self.info, &mut self.base, &way).await?;
        let upto = ahead.snapshots.range(..=self.base.generation);
        let newest = upto.last().map(|(generation, _)| *generation);
        self.snapshot = self.snapshot.max(newest.unwrap_or_default());
        Ok(read)
    }

    fn went_back(&self) -> icecore_core::Error {
        let key = icecore_core::ObjectKey::Segment(
            self.info.space.clone(),
            self.info.epoch,
            self.base.generation,
        );
        icecore_core::Error::corrupt("a segment that this replica has folded is gone from the store")
            .with_object(key.to_string())
            .with_hint("the bucket was put back to an older state: restore the newer objects, or start from a fresh --replica folder after exporting this one")
    }

    /// Whether `space.json` and the segments were looked at too long ago to trust a listing of updates.
    pub fn is_check_due(&self) -> bool {
        self.is_due(self.last_check, self.check_every())
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
        base::catch_up(&store, &self.info, &mut ahead, &layers).await?;
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
