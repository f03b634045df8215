//! From an update object to an acknowledged key (docs/protocol.md, Write).

use crate::backend::is_full;
use crate::broker::Reservation;
use crate::bucket::{Content, PutNew, Swapped, Version};
use crate::reader::listing::read_own;
use crate::reader::read_head;
use crate::settings::millis;
use crate::store::Store;
use bytes::Bytes;
use icecore_core::plan::{KeyClock, KeyHints};
use icecore_core::rules::{self, Rule};
use icecore_core::wire::KeyWish;
use icecore_core::{Error, ErrorKind, Head, Key, ObjectKey, Result, Seq, SpaceInfo, UpdateObject};
use std::collections::VecDeque;
use std::time::Duration;

/// An acknowledged write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The key under which the updates are stored.
    pub key: Key,
    /// The seq after the last acknowledged update. Less than the object's own end when an earlier attempt with
    /// a shorter queue turned out to have been stored.
    pub end: Seq,
    /// PUTs that it took.
    pub puts: u32,
    /// Of these, collisions with another writer.
    pub bumps: u32,
    /// The tag of the object, where the server gives one.
    pub e_tag: Option<String>,
    /// What lies under the key, where that is more than was sent: another copy of this replica has sent the same, and
    /// something after it. Who writes on has to look first.
    pub occupant: Option<UpdateObject>,
}

/// The most collisions in a row: the stride has long been at its widest by then.
const BUMPS_MAX: u32 = 1_000;

/// How often a gateway is asked for keys, where it gives some that the base remembers.
const RESERVATIONS_MAX: u32 = 2;

/// What is stored under a key.
struct Stored {
    /// The seq after the last acknowledged update.
    end: Seq,
    version: Option<Version>,
    /// See [`Published::occupant`].
    occupant: Option<UpdateObject>,
}

/// What came of one attempt at one key.
enum Attempt {
    Acknowledged(Box<Stored>),
    Foreign,
    Unknown(Error),
}

/// Writes one update object under the first free key, and returns once it is stored.
///
/// An attempt whose outcome is unknown is repeated at the same key while that is young, then at a new one: the
/// same `(author, seq)` stored twice counts once. One author must not run two of these at once.
///
/// # Errors
/// `Unavailable` when the bucket did not answer for `settings.publish_time_max`, or at once when its disk is full; the object may be stored or
/// appear later, and publishing it again is safe. `Conflict` in a sequenced space when another writer took the
/// next key, or when another writer uses this author. `Denied`, `Invalid` or `NotFound` as the bucket says.
pub async fn publish(
    store: &Store,
    info: &SpaceInfo,
    object: &UpdateObject,
    keys: &mut KeyClock,
) -> Result<Published> {
    publish_counting(store, info, object, keys).await.0
}

/// As [`publish`], with the PUTs that were begun also where it failed: after none, the object is nowhere.
pub async fn publish_counting(
    store: &Store,
    info: &SpaceInfo,
    object: &UpdateObject,
    keys: &mut KeyClock,
) -> (Result<Published>, u32) {
    if let Err(error) = info.check_writable() {
        return (Err(error), 0);
    }
    let mut publishing = Publishing::new(store, info, object);
    let result = publishing.run(keys).await;
    (result, publishing.puts)
}

/// Writes one update object as the next of a sequenced space: `key` must be the one after the last.
///
/// # Errors
/// As [`publish`]; `Conflict` when the key is taken by another writer.
pub async fn publish_at(
    store: &Store,
    info: &SpaceInfo,
    object: &UpdateObject,
    key: Key,
) -> Result<Published> {
    publish_at_counting(store, info, object, key).await.0
}

/// As [`publish_at`], with the PUTs that were begun, as [`publish_counting`].
pub async fn publish_at_counting(
    store: &Store,
    info: &SpaceInfo,
    object: &UpdateObject,
    key: Key,
) -> (Result<Published>, u32) {
    if let Err(error) = info.check_writable() {
        return (Err(error), 0);
    }
    let mut publishing = Publishing::new(store, info, object);
    let result = publishing.run_at(key).await;
    (result, publishing.puts)
}

struct Publishing<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    object: &'a UpdateObject,
    body: Bytes,
    puts: u32,
    bumps: u32,
    /// Keys that a gateway chose and that were not tried yet.
    reserved: VecDeque<Key>,
}

/// Which key is wanted.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    First,
    /// This one was taken.
    After(Key),
    /// Nobody knows whether this one is taken, and it has become too old to be tried on.
    InsteadOf(Key),
}

impl<'a> Publishing<'a> {
    fn new(store: &'a Store, info: &'a SpaceInfo, object: &'a UpdateObject) -> Self {
        Self {
            store,
            info,
            object,
            body: Bytes::from(object.to_json()),
            puts: 0,
            bumps: 0,
            reserved: VecDeque::new(),
        }
    }

    async fn run(&mut self, keys: &mut KeyClock) -> Result<Published> {
        let store = self.store;
        let start = store.clock.monotonic();
        let mut failures = 0;
        let mut wanted = Wanted::First;
        loop {
            let key = match self.choose(keys, wanted).await {
                Ok(key) => key,
                Err(error) => {
                    self.wait(start, &mut failures, retried(error)?).await?;
                    continue;
                }
            };
            let chosen = store.clock.monotonic();
            wanted = loop {
                match self.attempt(key).await? {
                    Attempt::Acknowledged(stored) => {
                        keys.wrote(key, self.puts == 1);
                        return Ok(self.published(key, *stored));
                    }
                    Attempt::Foreign => {
                        self.bumps += 1;
                        self.check_bumps(key)?;
                        break Wanted::After(key);
                    }
                    Attempt::Unknown(error) => {
                        self.wait(start, &mut failures, error).await?;
                        let tried = store.clock.monotonic().saturating_sub(chosen);
                        if tried > store.settings.write_window {
                            break Wanted::InsteadOf(key);
                        }
                    }
                }
            };
        }
    }

    async fn run_at(&mut self, key: Key) -> Result<Published> {
        let start = self.store.clock.monotonic();
        let mut failures = 0;
        loop {
            if let Some(broker) = self.store.broker() {
                let reservation = self.reservation(KeyWish::At { key });
                if let Err(error) = broker.reserve(reservation).await {
                    self.wait(start, &mut failures, retried(error)?).await?;
                    continue;
                }
            }
            match self.attempt(key).await? {
                Attempt::Acknowledged(stored) => {
                    return Ok(self.published(key, *stored));
                }
                Attempt::Foreign => {
                    return Err(Error::conflict(format!(
                        "another writer took the key {key} of the sequenced space {}",
                        self.info.space
                    ))
                    .with_object(self.object_key(key).to_string())
                    .with_hint("pull, check the update against the new state, and send it again"));
                }
                Attempt::Unknown(error) => self.wait(start, &mut failures, error).await?,
            }
        }
    }

    fn reservation(&self, keys: KeyWish) -> Reservation {
        Reservation {
            space: self.info.space.clone(),
            epoch: self.info.epoch,
            author: self.object.author,
            body: self.body.clone(),
            keys,
        }
    }

    /// The next key to try: by the own clock, or as the gateway says.
    async fn choose(&mut self, keys: &mut KeyClock, wanted: Wanted) -> Result<Key> {
        let store = self.store;
        let own = match wanted {
            Wanted::First => keys.first(store.now(), |min, max| store.random(min, max)),
            Wanted::After(taken) => keys.bump(taken, |min, max| store.random(min, max)),
            Wanted::InsteadOf(key) => keys
                .first(store.now(), |min, max| store.random(min, max))
                .max(key.saturating_add(1)),
        };
        let Some(broker) = store.broker() else {
            return Ok(own);
        };
        if let Wanted::After(_) = wanted
            && let Some(spare) = self.next_reserved(keys)
        {
            return Ok(spare);
        }
        let mut hints = KeyHints::from(&*keys);
        if let Wanted::After(tried) | Wanted::InsteadOf(tried) = wanted {
            hints.seen = hints.seen.max(tried);
        }
        for _ in 0..RESERVATIONS_MAX {
            let reserved = broker.reserve(self.reservation(KeyWish::After(hints)));
            self.reserved = reserved.await?.into();
            if let Some(key) = self.next_reserved(keys) {
                return Ok(key);
            }
            // The gateway does not know what the base remembers.
            let known = keys.last_known(store.now()).unwrap_or_default();
            hints.seen = hints.seen.max(known);
        }
        Err(Error::unavailable("the gateway gave no key").with_hint("it is tried again"))
    }

    /// The next key that the gateway has given and that would not count as rolled up.
    fn next_reserved(&mut self, keys: &KeyClock) -> Option<Key> {
        let mut reserved = std::iter::from_fn(|| self.reserved.pop_front());
        reserved.find(|key| !keys.is_known(*key))
    }

    fn check_bumps(&self, key: Key) -> Result<()> {
        if self.bumps <= BUMPS_MAX {
            return Ok(());
        }
        Err(
            Error::unavailable(format!("{BUMPS_MAX} keys in a row were taken"))
                .with_object(self.object_key(key).to_string())
                .with_hint(if key.saturating_add(u64::from(BUMPS_MAX)) >= Key::MAX {
                    "set the clock: it is at the end of all times that a key can hold; nothing is lost"
                } else {
                    "fewer writers at once; nothing is lost, it is tried again"
                }),
        )
    }

    fn published(&self, key: Key, stored: Stored) -> Published {
        let version = stored.version.as_ref();
        Published {
            key,
            end: stored.end,
            puts: self.puts,
            bumps: self.bumps,
            e_tag: version.and_then(Version::e_tag).map(str::to_owned),
            occupant: stored.occupant,
        }
    }

    /// All of it is stored, just so.
    fn all_stored(&self, version: Option<Version>) -> Attempt {
        Attempt::Acknowledged(Box::new(Stored {
            end: self.object.end(),
            version,
            occupant: None,
        }))
    }

    fn object_key(&self, key: Key) -> ObjectKey {
        ObjectKey::Update(self.info.space.clone(), self.info.epoch, key)
    }

    async fn attempt(&mut self, key: Key) -> Result<Attempt> {
        let object_key = self.object_key(key);
        self.puts += 1;
        self.store.crash_point("publish.before_put");
        let put = self
            .store
            .bucket
            .put_new(&object_key, self.body.clone(), Content::Json)
            .await;
        self.store.crash_point("publish.after_put");
        match put {
            Ok(PutNew::Stored(version)) => Ok(self.all_stored(version)),
            Ok(PutNew::Taken) => self.look_at_occupant(&object_key).await,
            Err(error) => unknown_or(error),
        }
    }

    /// The key is taken: by our own write, whose response was lost or which was retried inside the HTTP
    /// client, or by somebody else's.
    async fn look_at_occupant(&self, key: &ObjectKey) -> Result<Attempt> {
        if !rules::is_on(Rule::OwnWriteRecognition) {
            return Ok(Attempt::Foreign);
        }
        let got = match self.store.bucket.get(key).await {
            Ok(Some(got)) => got,
            // Pruned or moved aside in between: the next attempt decides.
            Ok(None) => return Ok(Attempt::Foreign),
            // Larger than any of ours.
            Err(error) if error.is_corrupt() => return Ok(Attempt::Foreign),
            Err(error) => return unknown_or(error),
        };
        let Ok(occupant) = read_own(&got) else {
            return Ok(Attempt::Foreign);
        };
        if got.bytes == self.body {
            return Ok(self.all_stored(Some(got.version)));
        }
        if occupant.author != self.object.author || occupant.seq != self.object.seq {
            return Ok(Attempt::Foreign);
        }
        let common = occupant.updates.len().min(self.object.updates.len());
        if occupant.updates[..common] == self.object.updates[..common] {
            let is_more = occupant.updates.len() > common;
            return Ok(Attempt::Acknowledged(Box::new(Stored {
                end: self.object.seq.saturating_add(common as u64),
                version: Some(got.version),
                occupant: is_more.then_some(occupant),
            })));
        }
        Err(another_writer(self.object).with_object(key.to_string()))
    }

    async fn wait(&self, start: Duration, failures: &mut u32, error: Error) -> Result<()> {
        let spent = self.store.clock.monotonic().saturating_sub(start);
        if spent > self.store.settings.publish_time_max || is_full(&error) {
            return Err(error);
        }
        self.store.back_off(*failures).await;
        *failures += 1;
        Ok(())
    }
}

/// The error for an author that two writers use: one of them is a copy of the other's replica folder.
pub fn another_writer(object: &UpdateObject) -> Error {
    Error::conflict(format!(
        "another writer uses the author {}: it wrote a different update {}",
        object.author, object.seq
    ))
    .with_hint("a replica's folder was copied or restored; run `icecore sync`, which continues under a new author")
}

/// Whether an error leaves the outcome open (it is tried again) or is final.
fn unknown_or(error: Error) -> Result<Attempt> {
    retried(error).map(Attempt::Unknown)
}

fn retried(error: Error) -> Result<Error> {
    match error.kind() {
        // 409: two conditional requests met; S3 asks to send the same one again.
        ErrorKind::Unavailable | ErrorKind::Conflict => Ok(error),
        _ => Err(error),
    }
}

/// Writes the head hint: "something changed", whatever was there. Failing to is harmless, so the error is only returned
/// to be counted.
///
/// # Errors
/// What the bucket reports.
pub async fn write_head(store: &Store, info: &SpaceInfo, head: &Head) -> Result<()> {
    store.crash_point("publish.before_head");
    store.bucket.put(&head_key(info), body_of(head)).await
}

/// Writes the head that is there once more, with the key that this gives: for a change that is no update. Without one of
/// this epoch it is the first.
///
/// # Errors
/// What the bucket reports when it is written.
pub(crate) async fn rewrite_head(
    store: &Store,
    info: &SpaceInfo,
    key: impl FnOnce(&Head) -> Key,
) -> Result<()> {
    let head = match read_head(store, &info.space, None).await {
        Ok((Some(head), _)) if head.epoch == info.epoch => head,
        _ => Head::first(info.epoch),
    };
    let key = key(&head);
    write_head(store, info, &Head { key, ..head }).await
}

/// What became of a hint that was written on the condition of the head that its writer knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hinted {
    /// Nobody has written the head since: it is this version now.
    Alone(Version),
    /// Somebody else has written it, or may have: there is something to look at. The hint is written all the same.
    Raced,
}

/// Writes the head hint on the condition of the head that is known, `None` standing for none.
///
/// Whoever loses the race writes once more, over the head that is there now, and so do all: an update counts as hinted
/// only when a head was stored after it. So nobody relies on what somebody else's hint may have been too early to tell.
/// Only the version that was looked at is worth remembering: one that was read here was not.
///
/// # Errors
/// What the bucket reports; then the hint may not be written, which is harmless. `NotFound` where the space is erased.
pub async fn hint(
    store: &Store,
    info: &SpaceInfo,
    head: &Head,
    known: Option<&Version>,
) -> Result<Hinted> {
    store.crash_point("publish.before_head");
    let key = head_key(info);
    match store.bucket.swap(&key, body_of(head), known).await {
        Ok(Swapped::Stored(Some(version))) if rules::is_on(Rule::OwnHint) => {
            return Ok(Hinted::Alone(version));
        }
        Ok(Swapped::Stored(_)) => return Ok(Hinted::Raced),
        Ok(Swapped::Lost) => {}
        // It knows no such condition.
        Err(error) if error.kind() == ErrorKind::Invalid => {}
        Err(error) => return Err(error),
    }
    let (theirs, version) = read_head(store, &info.space, None).await?;
    if version.is_none() && known.is_some() {
        // It was deleted. In an erased space nothing is written any more.
        store.space(&info.space).await?;
    }
    let head = theirs.map_or_else(|| head.clone(), |theirs| head.clone().over(&theirs));
    match store
        .bucket
        .swap(&key, body_of(&head), version.as_ref())
        .await
    {
        Ok(Swapped::Stored(_)) => return Ok(Hinted::Raced),
        Ok(Swapped::Lost) => {}
        Err(error) if error.kind() == ErrorKind::Invalid => {}
        Err(error) => return Err(error),
    }
    // Many write at once: another condition would be lost too. The newer of two segments it may hide for a moment.
    store.bucket.put(&key, body_of(&head)).await?;
    Ok(Hinted::Raced)
}

fn head_key(info: &SpaceInfo) -> ObjectKey {
    ObjectKey::Head(info.space.clone())
}

fn body_of(head: &Head) -> Bytes {
    Bytes::from(head.to_json())
}

/// The start of a listing that looks back `millis_back` from `from`, as the name of an object: listings start
/// after it.
pub(crate) fn listing_start(from: i64, back: Duration) -> Option<Key> {
    let start = from.saturating_sub(millis(back));
    u64::try_from(start)
        .ok()
        .filter(|&s| s > 0)
        .map(|s| Key::new(s).unwrap_or(Key::MAX))
}
