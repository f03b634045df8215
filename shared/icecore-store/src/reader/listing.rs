//! From a listing of `updates/` to the tail: what is new is read, what is covered is left out, a gap asks for
//! everything.

use super::stamp::is_same_tag;
use super::{Polled, Reader};
use crate::bucket::{Got, LIST_OBJECTS_MAX, Listed};
use crate::settings::millis;
use crate::store::Store;
use bytes::Bytes;
use icecore_core::plan::Loaded;
use icecore_core::plan::key::vouched;
use icecore_core::update::OBJECT_BYTES_MAX;
use icecore_core::{
    Covered, Error, Key, ObjectKey, Order, Result, SpaceInfo, UpdateId, UpdateObject, order,
};
use std::collections::BTreeSet;
use std::ops::Bound;

/// How many unknown objects are read before it is looked whether a gap is filled.
const GAP_BATCH: usize = 64;

/// Lists the update objects after a key.
pub(crate) async fn list_updates(
    store: &Store,
    info: &SpaceInfo,
    after: Option<Key>,
) -> Result<Vec<Listed<Key>>> {
    let folder = ObjectKey::updates(&info.space, info.epoch);
    store
        .bucket
        .list(&folder, after.map(|key| format!("{key:#}")), parse_key)
        .await
}

/// The same, with their tags.
pub(super) async fn list_tagged_updates(
    store: &Store,
    info: &SpaceInfo,
    after: Option<Key>,
) -> Result<Vec<(Listed<Key>, Option<String>)>> {
    let folder = ObjectKey::updates(&info.space, info.epoch);
    let (after, most) = (after.map(|key| format!("{key:#}")), LIST_OBJECTS_MAX);
    let listed = store
        .bucket
        .list_tagged(&folder, after, most, parse_key)
        .await?;
    listed.ok_or_else(|| {
        Error::invalid(format!("more than {most} objects in a folder"))
            .with_object(folder)
            .with_hint("run `icecore prune`")
    })
}

/// The same, but no more than `enough`; and whether there may be more after them.
pub(crate) async fn list_some_updates(
    store: &Store,
    info: &SpaceInfo,
    after: Option<Key>,
    enough: usize,
) -> Result<(Vec<Listed<Key>>, bool)> {
    let folder = ObjectKey::updates(&info.space, info.epoch);
    let after = after.map(|key| format!("{key:#}"));
    store
        .bucket
        .list_some(&folder, after, enough, parse_key)
        .await
}

/// As [`list_some_updates`], with their tags.
pub(crate) async fn list_some_tagged_updates(
    store: &Store,
    info: &SpaceInfo,
    after: Option<Key>,
    enough: usize,
) -> Result<(Vec<(Listed<Key>, Option<String>)>, bool)> {
    let folder = ObjectKey::updates(&info.space, info.epoch);
    let after = after.map(|key| format!("{key:#}"));
    store
        .bucket
        .list_some_tagged(&folder, after, enough, parse_key)
        .await
}

pub(super) fn parse_key(name: &str) -> Option<Key> {
    name.parse()
        .ok()
        .filter(|key: &Key| format!("{key:#}") == name)
}

/// A body that was read: as stored, for a replica to keep.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its key.
    pub key: Key,
    /// When it was stored, by the server.
    pub last_modified: i64,
    /// Its tag, where the server gives one.
    pub e_tag: Option<String>,
    /// The body as stored.
    pub bytes: Bytes,
}

/// A listed update object that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// What it says; without an object when it cannot be read.
    pub(crate) loaded: Loaded,
    /// The body as stored, or why it cannot be read.
    pub(crate) body: Result<Bytes, Unread>,
    /// Its tag, where the server gives one.
    pub(crate) e_tag: Option<String>,
}

/// Why an object cannot be read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) error: Error,
    /// The body as stored; `None` for one that is too large to be read.
    pub(crate) bytes: Option<Bytes>,
}

impl Unread {
    /// A newer program wrote it: it is not broken, this program is old.
    pub(crate) fn is_newer(&self) -> bool {
        !self.error.is_corrupt()
    }
}

/// Reads listed update objects, at most `reads_max` under way; one that is gone does not come back.
pub(crate) async fn read_updates(
    store: &Store,
    info: &SpaceInfo,
    listed: &[Listed<Key>],
) -> Result<Vec<Read>> {
    let key = |key: Key| ObjectKey::Update(info.space.clone(), info.epoch, key);
    let (fitting, oversize): (Vec<_>, Vec<_>) = listed
        .iter()
        .partition(|l| l.bytes <= OBJECT_BYTES_MAX as u64);
    let bodies = store
        .get_all(fitting.iter().map(|l| key(l.key)).collect())
        .await?;
    let mut read = Vec::with_capacity(listed.len());
    for (l, got) in fitting.iter().zip(bodies) {
        let Some(got) = got else { continue };
        let path = || key(l.key).to_string();
        let e_tag = got.version.e_tag().map(str::to_owned);
        read.push(match read_own(&got) {
            Ok(object) => Read {
                e_tag,
                loaded: loaded(l, Some(object)),
                body: Ok(got.bytes),
            },
            Err(error) => Read {
                e_tag,
                loaded: loaded(l, None),
                body: Err(Unread {
                    error: error.with_object(path()),
                    bytes: Some(got.bytes),
                }),
            },
        });
    }
    for l in oversize {
        let error = Error::corrupt(format!("the update object has {} bytes", l.bytes));
        read.push(Read {
            e_tag: None,
            loaded: loaded(l, None),
            body: Err(Unread {
                error: error.with_object(key(l.key).to_string()),
                bytes: None,
            }),
        });
    }
    Ok(read)
}

/// Reads an update object, unless somebody wrote it in another author's name: whoever a gateway bound to one author must
/// not hide the update of another one behind a forged one of the same id.
pub(crate) fn read_own(got: &Got) -> Result<UpdateObject> {
    let object = UpdateObject::from_json(&got.bytes)?;
    match &got.author {
        Some(author) if *author != object.author.to_string() => Err(Error::corrupt(format!(
            "the update object names the author {}, and somebody else wrote it",
            object.author
        ))),
        _ => Ok(object),
    }
}

fn loaded(listed: &Listed<Key>, object: Option<UpdateObject>) -> Loaded {
    Loaded {
        key: listed.key,
        last_modified: listed.last_modified,
        object,
    }
}

impl Reader {
    /// Takes a complete listing that began at `began` (server's time); returns the bodies that were new.
    pub(super) async fn take(&mut self, listed: Vec<Listed<Key>>, began: i64) -> Result<Vec<Body>> {
        let unknown: Vec<Listed<Key>> = listed.into_iter().filter(|l| self.is_unknown(l)).collect();
        let mut bodies = self.read(&unknown).await?;
        bodies.extend(self.close_gaps().await?);
        // The listing point moves only after everything that it showed is in the tail.
        if self.store.knows_server_time() {
            self.listed_to = Some(began);
        }
        self.listed_at = Some(began);
        self.last_list = Some(self.store.clock.monotonic());
        Ok(bodies)
    }

    fn is_unknown(&self, listed: &Listed<Key>) -> bool {
        let key = listed.key;
        !self.tail.contains_key(&key)
            && !self.known.contains(&key)
            && !self.base.knows(key, listed.last_modified)
    }

    async fn read(&mut self, unknown: &[Listed<Key>]) -> Result<Vec<Body>> {
        let mut bodies = Vec::new();
        for Read {
            loaded,
            body,
            e_tag,
        } in read_updates(&self.store, &self.info, unknown).await?
        {
            let (key, last_modified) = (loaded.key, loaded.last_modified);
            let covered = loaded.object.as_ref().is_some_and(|o| self.is_covered(o));
            if covered {
                self.known.insert(key);
                continue;
            }
            let kept = match body {
                Ok(bytes) => Some(bytes),
                Err(unread) => {
                    let line = super::view::with_hint(&unread.error);
                    self.unreadable.insert(key, line);
                    let held = unread.bytes.clone().filter(|_| unread.is_newer());
                    self.held.extend(held.clone().map(|bytes| (key, bytes)));
                    held
                }
            };
            self.tags.extend(e_tag.clone().map(|tag| (key, tag)));
            bodies.extend(kept.map(|bytes| Body {
                key,
                last_modified,
                e_tag,
                bytes,
            }));
            self.unchecked.insert(key);
            self.tail.insert(key, loaded);
        }
        self.drop_old_known();
        Ok(bodies)
    }

    pub(super) fn is_covered(&self, object: &UpdateObject) -> bool {
        object
            .entries()
            .all(|(id, _)| self.base.covered.contains(id))
    }

    /// What lies below every listing to come need not be remembered.
    fn drop_old_known(&mut self) {
        const KNOWN_MAX: usize = 100_000;
        while self.known.len() > KNOWN_MAX {
            self.known.pop_first();
        }
    }

    /// A gap in an author's seqs means that the listing was not deep enough: everything is listed, and what is
    /// unknown is read from the newest key down until no gap is left. One that remains is reported and does
    /// not block.
    async fn close_gaps(&mut self) -> Result<Vec<Body>> {
        let mut bodies = Vec::new();
        let gaps = self.find_gaps();
        if gaps.is_subset(&self.gaps) {
            self.gaps = gaps;
            return Ok(bodies);
        }
        let listed = list_updates(&self.store, &self.info, None).await?;
        let mut unknown: Vec<Listed<Key>> =
            listed.into_iter().filter(|l| self.is_unknown(l)).collect();
        while !unknown.is_empty() && !self.find_gaps().is_empty() {
            let batch = unknown.split_off(unknown.len().saturating_sub(GAP_BATCH));
            bodies.extend(self.read(&batch).await?);
        }
        self.gaps = self.find_gaps();
        Ok(bodies)
    }

    fn find_gaps(&self) -> BTreeSet<UpdateId> {
        order::gaps(
            self.tail.values().filter_map(Loaded::visible),
            &self.base.covered,
        )
    }

    /// Drops from the tail what the base covers now; returns the dropped keys.
    pub(super) fn drop_covered(&mut self) -> Vec<Key> {
        // Broken objects below what is rolled up were moved aside; what a newer program wrote was not.
        let settled = vouched(self.base.through, self.store.now())
            .saturating_sub(u64::try_from(millis(self.store.settings.look_back)).unwrap_or(0));
        let is_dropped = |l: &Loaded| match &l.object {
            Some(object) => self.is_covered(object),
            None if self.held.contains_key(&l.key) => self.base.knows(l.key, l.last_modified),
            None => l.key <= settled,
        };
        let dropped: Vec<Key> = self
            .tail
            .values()
            .filter(|l| is_dropped(l))
            .map(|l| l.key)
            .collect();
        for key in &dropped {
            let gone = self.tail.remove(key);
            if gone.is_some_and(|l| l.object.is_some() && !self.base.knows(*key, l.last_modified)) {
                self.known.insert(*key);
            }
            self.held.remove(key);
            self.tags.remove(key);
        }
        self.unreadable.retain(|key, _| self.tail.contains_key(key));
        dropped
    }

    /// The objects of the tail after a key that a listing does not show.
    pub(super) fn not_listed(&self, listed: &[Listed<Key>], after: Option<Key>) -> Vec<Key> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed: BTreeSet<Key> = listed.iter().map(|l| l.key).collect();
        let known = self.tail.range((from, Bound::Unbounded));
        let known = known.map(|(key, _)| *key);
        known.filter(|key| !listed.contains(key)).collect()
    }

    /// The objects of the tail that a listing shows with another tag than theirs: where the bucket was put back, a key may be
    /// given anew.
    pub(super) fn doubtful(&self, listed: &[(Listed<Key>, Option<String>)]) -> Vec<Key> {
        let is_same = |key: &Key, tag: &Option<String>| {
            is_same_tag(tag.as_deref(), self.tags.get(key).map(String::as_str))
        };
        let known = listed.iter().map(|(l, tag)| (l.key, tag));
        let known = known.filter(|(key, _)| self.tail.contains_key(key));
        let doubtful = known.filter(|(key, tag)| !is_same(key, tag));
        doubtful.map(|(key, _)| key).collect()
    }

    /// Asks for objects of the tail; returns those that are not there, or of which another one has the key.
    pub(super) async fn gone_among(
        &mut self,
        keys: Vec<Key>,
        polled: &mut Polled,
    ) -> Result<Vec<Key>> {
        let (space, epoch) = (&self.info.space, self.info.epoch);
        let path = |key: &Key| ObjectKey::Update(space.clone(), epoch, *key);
        let stored = self.store.get_all(keys.iter().map(path).collect());
        let mut gone = Vec::new();
        for (key, got) in keys.into_iter().zip(stored.await?) {
            match got.filter(|got| self.is_as_stored(key, got)) {
                None => gone.push(key),
                Some(got) => {
                    if let Some(tag) = got.version.e_tag() {
                        self.tags.insert(key, tag.to_owned());
                        polled.retagged.push((key, tag.to_owned()));
                    }
                }
            }
        }
        Ok(gone)
    }

    /// Drops from the tail what is gone; returns the ids that it held. A broken object was moved aside, and one that lies void
    /// below what is rolled up of a sequence was pruned: they hold none.
    pub(super) fn drop_gone(&mut self, keys: &[Key], polled: &mut Polled) -> Covered {
        let mut ids = Covered::default();
        self.replaced += 1;
        for key in keys {
            let Some(loaded) = self.tail.remove(key) else {
                continue;
            };
            let is_void = self.info.order == Order::Sequence && *key <= self.base.through;
            for (id, _) in loaded.object.iter().flat_map(UpdateObject::entries) {
                if !is_void {
                    ids.insert(id);
                }
            }
            polled.gone.push(*key);
            self.held.remove(key);
            self.unreadable.remove(key);
            self.tags.remove(key);
        }
        ids
    }

    fn is_as_stored(&self, key: Key, got: &Got) -> bool {
        let known = self
            .tail
            .get(&key)
            .and_then(|loaded| loaded.object.as_ref());
        match (known, self.held.get(&key)) {
            (Some(known), _) => read_own(got).is_ok_and(|stored| stored == *known),
            (None, Some(bytes)) => got.bytes == *bytes,
            (None, None) => true, // Broken, and of no use whoever wrote it.
        }
    }

    /// The ids in the tail.
    pub(super) fn tail_ids(&self) -> Covered {
        let objects = self.tail.values().filter_map(|l| l.object.as_ref());
        let entries = objects.flat_map(UpdateObject::entries);
        entries.map(|(id, _)| id).collect()
    }

    /// Looks for update objects that no listing has shown and that must be there, by their keys; returns the bodies of
    /// those that are.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn look_for(&mut self, keys: &BTreeSet<Key>) -> Result<Vec<Body>> {
        let (space, epoch) = (&self.info.space, self.info.epoch);
        let paths = keys
            .iter()
            .map(|key| ObjectKey::Update(space.clone(), epoch, *key));
        let stored = self.store.get_all(paths.collect()).await?;
        let found = keys.iter().zip(stored).filter_map(|(key, got)| {
            got.map(|got| Listed {
                key: *key,
                bytes: got.bytes.len() as u64,
                last_modified: got.last_modified,
            })
        });
        let unknown: Vec<_> = found.filter(|l| !self.tail.contains_key(&l.key)).collect();
        self.read(&unknown).await
    }
}
