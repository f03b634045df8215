//! The newest state of a space, and what changed since (docs/protocol.md, Read).

pub mod base;
pub mod listing;
pub mod look;
mod poll;
pub(crate) mod stamp;
pub mod view;

pub use base::{Layer, Layers};
pub use listing::Body;
pub use poll::{Polled, Waited};
pub use stamp::Stamp;

use crate::bucket::Version;
use crate::keyring::{check_same_space, check_same_store};
use crate::publish::{Hinted, hint};
use crate::store::{OpenSpace, Store, erased};
use bytes::Bytes;
use icecore_core::plan::Loaded;
use icecore_core::plan::key::{clamp, is_ahead};
use icecore_core::plan::pace::grown;
use icecore_core::wire::Look;
use icecore_core::{
    Base, Generation, Head, Key, ObjectKey, Result, SpaceInfo, SpaceName, UpdateId, UpdateObject,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A reader of one space: base, tail, and how far it has looked.
///
/// It keeps no promise to a disk: a replica saves what [`Polled`] returns.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    /// `space.json` as last read.
    pub info: SpaceInfo,
    /// The state after the newest known segment.
    pub base: Base,
    /// Visible update objects that the base does not cover, by key; unreadable ones too.
    pub tail: BTreeMap<Key, Loaded>,
    /// Objects that were read and are covered although no segment names their key.
    known: BTreeSet<Key>,
    /// When the last complete listing of updates began, by the server's time as far as it was known.
    pub listed_at: Option<i64>,
    /// The server's time up to which listings have shown everything but what is late: the next one starts from here.
    /// Where no server tells its time it stays as it is, and listings start from what is rolled up: neither the local
    /// clock nor the time of a file says what others have written.
    pub listed_to: Option<i64>,
    /// Updates that must exist and were not found in a listing of everything.
    pub gaps: BTreeSet<UpdateId>,
    /// What could not be read, by key, and why.
    pub unreadable: BTreeMap<Key, String>,
    /// Of these, what a newer program wrote, as stored: it is kept until this one can read it.
    held: BTreeMap<Key, Bytes>,
    /// The tags of the tail's objects, as far as they are known.
    tags: BTreeMap<Key, String>,
    /// Objects of the tail of which it was not looked yet whether a newer version of the model wrote them.
    unchecked: BTreeSet<Key>,
    /// Counts the objects of the tail that were dropped though nothing covers them: another one may get the key.
    replaced: u64,
    head_version: Option<Version>,
    /// The largest key that a head has named.
    head_key: Key,
    space_version: Option<Version>,
    /// What listings have said of the segment that the base ends with.
    pub stamp: Option<Stamp>,
    /// The newest snapshot that was seen.
    pub snapshot: Generation,
    last_list: Option<Duration>,
    last_check: Option<Duration>,
    /// Listings in a row that nothing called for but the time, and that showed nothing new.
    quiet: u32,
}

/// What a replica saved of a reader.
#[derive(Debug)]
pub struct Saved {
    /// `space.json`.
    pub info: SpaceInfo,
    /// The base, from saved layers.
    pub base: Base,
    /// The tail: key, time of storing and body of each object.
    pub tail: Vec<Body>,
    /// See [`Reader::listed_at`].
    pub listed_at: Option<i64>,
    /// See [`Reader::listed_to`].
    pub listed_to: Option<i64>,
    /// See [`Reader::stamp`].
    pub stamp: Option<Stamp>,
}

impl Reader {
    /// Reads the newest state from nothing: at most 6 requests and the segments since the newest snapshot, in
    /// three round trips, when nothing waits to be rolled up.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Denied`, `Corrupt` or `Invalid`, naming the object.
    pub async fn open(store: &Store, space: &SpaceName) -> Result<Self> {
        Ok(Self::open_with_layers(store, space).await?.0)
    }

    /// As [`Reader::open`], with the segments and snapshots that were read.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub async fn open_with_layers(store: &Store, space: &SpaceName) -> Result<(Self, Vec<Layer>)> {
        store.prepare(space, Look::default()).await?;
        let (space, head) =
            futures::future::join(store.space(space), read_head(store, space, None)).await;
        let OpenSpace {
            info,
            version: space_version,
        } = space?;
        // The hint only saves requests: that it cannot be read stops nothing.
        let (head, version) = head.unwrap_or_default();
        let mut reader = Self::empty(store, info)?;
        reader.head_version = version;
        reader.space_version = Some(space_version);
        let mut read = reader.load(head.as_ref()).await?;
        if reader.has_newer_keys().await? {
            read = reader.enter(head.as_ref()).await?.layers;
        }
        Ok((reader, read))
    }

    /// Goes on from what a replica saved.
    ///
    /// # Errors
    /// `Corrupt` when an object of the tail cannot be read, unless a newer program wrote it: this one may be newer
    /// than the one that saved it, and then it can be read now.
    pub fn restore(store: &Store, saved: Saved) -> Result<Self> {
        let snapshot = saved.base.generation;
        let mut reader = Self {
            store: store.clone(),
            info: saved.info,
            base: saved.base,
            tail: BTreeMap::new(),
            known: BTreeSet::new(),
            listed_at: saved.listed_at,
            listed_to: saved.listed_to,
            gaps: BTreeSet::new(),
            unreadable: BTreeMap::new(),
            held: BTreeMap::new(),
            tags: BTreeMap::new(),
            unchecked: BTreeSet::new(),
            replaced: 0,
            head_version: None,
            head_key: Key::MIN,
            space_version: None,
            stamp: saved.stamp,
            snapshot,
            last_list: None,
            last_check: None,
            quiet: 0,
        };
        for body in saved.tail {
            reader.put_back(body)?;
        }
        Ok(reader)
    }

    fn put_back(&mut self, body: Body) -> Result<()> {
        let object = match UpdateObject::from_json(&body.bytes) {
            Ok(object) => Some(object),
            Err(error) if error.is_corrupt() => return Err(error),
            Err(error) => {
                let path = ObjectKey::Update(self.info.space.clone(), self.info.epoch, body.key);
                let error = error.with_object(path.to_string());
                self.unreadable.insert(body.key, view::with_hint(&error));
                self.held.insert(body.key, body.bytes);
                None
            }
        };
        self.tags.extend(body.e_tag.map(|tag| (body.key, tag)));
        let loaded = Loaded {
            key: body.key,
            last_modified: body.last_modified,
            object,
        };
        self.unchecked.insert(body.key);
        self.tail.insert(body.key, loaded);
        Ok(())
    }

    fn empty(store: &Store, info: SpaceInfo) -> Result<Self> {
        let base = Base::initial(&info, store.content(&info)?);
        Self::restore(
            store,
            Saved {
                info,
                base,
                tail: Vec::new(),
                listed_at: None,
                listed_to: None,
                stamp: None,
            },
        )
    }

    /// The first look at an epoch: layers and updates are listed together.
    async fn load(&mut self, head: Option<&Head>) -> Result<Vec<Layer>> {
        let store = self.store.clone();
        let began = store.now();
        let info = self.info.clone();
        let hint = head.filter(|h| h.epoch == info.epoch && h.snapshot > Generation::ZERO);
        let after = hint.and_then(|h| self.listing_after(h.through));
        let (layers, listed) = futures::future::try_join(
            base::list_layers_by_hint(&store, &info, head),
            listing::list_updates(&store, &info, after),
        )
        .await?;
        let read = base::catch_up(&store, &info, &mut self.base, &layers).await?;
        self.stamp = layers.stamp(self.base.generation);
        let upto = layers.snapshots.range(..=self.base.generation);
        self.snapshot = upto.last().map_or(Generation::ZERO, |(g, _)| *g);
        // A hint beyond the chain would have hidden updates: list again from what the chain says.
        let listed = if after > self.listing_after(self.base.through) {
            listing::list_updates(&store, &info, self.listing_after(self.base.through)).await?
        } else {
            listed
        };
        self.take(listed, began).await?;
        self.last_check = Some(store.clock.monotonic());
        Ok(read)
    }

    /// Where a first listing starts: what is below was looked at by the roll-up.
    fn listing_after(&self, through: Key) -> Option<Key> {
        if self.info.order == icecore_core::Order::Sequence {
            return (through > Key::MIN).then_some(through);
        }
        if is_ahead(through, self.store.now()) {
            return None;
        }
        let from = i64::try_from(through.get())
            .unwrap_or(i64::MAX)
            .min(self.store.now());
        crate::publish::listing_start(from, self.store.settings.overlap)
    }

    /// The largest key seen, for choosing the next one: from the tail, or from what the segments reach.
    pub fn largest_key(&self) -> Key {
        let horizon =
            clamp(self.store.now()).saturating_add(icecore_core::plan::key::AHEAD_MILLIS_MAX);
        let tail = self.tail.range(..=horizon).next_back().map(|(key, _)| *key);
        let recent = self.base.recent.range(..=horizon).next_back().copied();
        let through = Some(self.base.through).filter(|through| *through <= horizon);
        tail.max(recent).max(through).unwrap_or_default()
    }

    /// The hint that this reader can give others.
    pub fn head(&self, key: Key) -> Head {
        Head {
            v: icecore_core::space::FORMAT_VERSION,
            epoch: self.info.epoch,
            generation: self.base.generation,
            snapshot: self.snapshot,
            through: self.base.through,
            // Not the largest key seen: two hints with one text might have one tag, and the second would wake nobody.
            key: key.max(self.base.through.saturating_add(1)),
        }
    }

    /// Tells others of an own update that is stored under `key`. `true` when nobody else has written a hint since this
    /// reader looked last: then there is nothing to look at. Where it is not `certain` that what was sent is stored just
    /// there, it is to look all the same.
    ///
    /// # Errors
    /// As [`crate::publish::hint`].
    pub async fn hint(&mut self, key: Key, certain: bool) -> Result<bool> {
        self.quiet = 0;
        let head = self.head(key);
        match hint(&self.store, &self.info, &head, self.head_version.as_ref()).await? {
            Hinted::Alone(version) if certain => {
                self.head_version = Some(version);
                self.head_key = self.head_key.max(head.key);
                Ok(true)
            }
            // Unknown on purpose: the next poll finds the head changed, and looks.
            Hinted::Alone(_) | Hinted::Raced => Ok(false),
        }
    }

    /// The tail's objects that were read, and whose tags are known: where a listing shows one with the same tag, it need
    /// not be read again.
    pub(crate) fn tagged(&self) -> impl Iterator<Item = (&str, &Loaded)> {
        let read = self.tail.values().filter(|l| l.object.is_some());
        read.filter_map(|l| Some((self.tags.get(&l.key)?.as_str(), l)))
    }

    /// The store that it reads from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How long ago all segments were known, at most, before a listing of updates can be trusted.
    fn check_every(&self) -> Duration {
        self.store
            .settings
            .check
            .min(self.store.settings.retention / 2)
    }

    /// How long after a listing the next one is made, whatever the head says: longer each time that nothing came.
    fn list_every(&self) -> Duration {
        grown(self.store.settings.safety, self.check_every(), self.quiet)
    }

    fn is_due(&self, last: Option<Duration>, every: Duration) -> bool {
        last.is_none_or(|last| self.store.clock.monotonic().saturating_sub(last) >= every)
    }

    /// Looks whether `space.json` is as it was; `true` when all must be read anew: the space has entered another epoch, or
    /// can be read now and could not before.
    async fn check_space(&mut self) -> Result<bool> {
        let (space, version) = (&self.info.space, self.space_version.as_ref());
        let Some(open) = self.store.space_if_changed(space, version).await? else {
            return Ok(false);
        };
        check_same_store(&self.info, &open.info)?;
        if let Some(at) = &open.info.erased_at {
            return Err(erased(&self.info.space, at));
        }
        check_same_space(&self.info, &open.info)?;
        let content = self.store.content(&open.info)?;
        // What nothing was folded of is read anew once it can be.
        let unlocked = self.base.folded.content().is_blind() && !content.is_blind();
        let rekeyed = !self.base.folded.content().fits(&open.info);
        // What was sealed under a key that was not known yet was folded as unreadable.
        let readable_now = rekeyed && self.base.folded.unknown_key.is_some();
        if rekeyed {
            self.base.folded.set_content(content);
            // What could not be opened may say more now.
            self.unchecked.extend(self.tail.keys());
        }
        // By the base: a new epoch that could not be entered must be found again next time.
        let another = unlocked || readable_now || open.info.epoch != self.base.epoch;
        self.info = open.info;
        self.space_version = (!another).then_some(open.version);
        Ok(another)
    }

    /// Drops the base and the tail and reads what is there from nothing: a new epoch, or another history. What was pending
    /// stays with its replica.
    async fn enter(&mut self, head: Option<&Head>) -> Result<Polled> {
        let mut fresh = Self::empty(&self.store, self.info.clone())?;
        fresh.head_version.clone_from(&self.head_version);
        let layers = fresh.load(head).await?;
        // From one epoch to the next all that was covered is carried over; what a late roll-up has still added to an epoch
        // that is named as an old one is swept.
        let left = self.base.epoch;
        let is_next = fresh.info.old_epochs.iter().any(|old| old.epoch == left);
        let lost = stamp::lost(&self.base.covered, &fresh.base.covered).filter(|_| !is_next);
        *self = fresh;
        Ok(Polled {
            looked: true,
            checked: true,
            new_epoch: true,
            bodies: self.bodies(),
            lost: lost.map(|lost| lost.without(&self.tail_ids())),
            layers,
            ..Polled::default()
        })
    }

    /// Whether all must be read anew because an update was sealed under a key that the keyring did not have when it was
    /// read, and has now.
    async fn has_newer_keys(&mut self) -> Result<bool> {
        Ok(self.base.folded.unknown_key.is_some() && self.check_space().await?)
    }

    /// After which key updates are listed. What was read and is not rolled up is all listed again with the segments: it
    /// shows whether the store still holds it.
    fn list_from(&self, check: bool) -> Option<Key> {
        if check {
            return self
                .overlap_start()
                .min(self.listing_after(self.base.through));
        }
        self.overlap_start()
    }

    fn overlap_start(&self) -> Option<Key> {
        if self.info.order == icecore_core::Order::Sequence {
            return (self.base.through > Key::MIN).then_some(self.base.through);
        }
        // One in the future is a wrong clock's.
        match self.listed_to.filter(|at| *at <= self.store.now()) {
            Some(at) => crate::publish::listing_start(at, self.store.settings.overlap),
            None => self.listing_after(self.base.through),
        }
    }
}

pub(crate) async fn read_head(
    store: &Store,
    space: &SpaceName,
    version: Option<&Version>,
) -> Result<(Option<Head>, Option<Version>)> {
    use crate::bucket::Changed;
    let key = ObjectKey::Head(space.clone());
    match store.bucket.get_if_changed(&key, version).await {
        Ok(Changed::New(got)) => Ok((Head::from_json(&got.bytes).ok(), Some(got.version))),
        Ok(Changed::Missing) => Ok((None, None)),
        Ok(Changed::Same) => Ok((None, version.cloned())),
        // Something else lies there; the next flush overwrites it.
        Err(error) if error.is_corrupt() => Ok((None, None)),
        Err(error) => Err(error),
    }
}
