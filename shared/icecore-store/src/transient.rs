//! Transient events: written once, seen for seconds, in no history, and deleted by age.
//!
//! They lie under `transient/` of the space's epoch. How long one lives counts from when the server stored it, so no
//! client's clock can make one stay. The daily upkeep deletes those that are over.

use crate::bucket::{Content, PutNew};
use crate::publish::listing_start;
use crate::settings::millis;
use crate::store::Store;
use bytes::Bytes;
use futures::{StreamExt, stream};
use icecore_core::content::locked;
use icecore_core::due::is_old;
use icecore_core::transient::{TRANSIENT_BYTES_MAX, TRANSIENT_TTL_MAX, TransientEvent};
use icecore_core::{Author, Error, Key, ObjectKey, Result, Seal, SpaceInfo};
use icecore_seal::Sealed;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most events that are read at once: the newest.
const SEEN_MAX: usize = 500;
/// Of these, of one author.
const OF_AUTHOR_MAX: usize = 50;
/// Clocks of writers may differ from the server's by this much and their events still be seen.
const SKEW: Duration = Duration::from_mins(5);
/// The kind of an event in an encrypted space: what it says stands in its data, sealed.
const SEALED_KIND: &str = "sealed";
/// Deletions between two looks at the time.
const REMOVED_AT_ONCE: usize = 512;
const MILLISECOND: Duration = Duration::from_millis(1);
/// Events of one author in one millisecond.
const KEYS_MAX: u64 = 16;

/// A transient event that lives.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its key: about when it was sent.
    pub key: Key,
    /// Who sent it.
    pub author: Author,
    /// When it ends, by the server's clock, milliseconds since 1970 UTC.
    pub expires_at: i64,
    /// What it says.
    pub event: TransientEvent,
}

/// Sends a transient event. It is sent once: one that fails is too old to be repeated.
///
/// # Errors
/// `Unavailable` or `Denied`; `Conflict` when the author sends more of them than there are milliseconds.
pub async fn send(
    store: &Store,
    info: &SpaceInfo,
    author: Author,
    event: &TransientEvent,
) -> Result<Key> {
    info.check_writable()?;
    let event = &sealed(store, info, author, event)?;
    let now = u64::try_from(store.now()).unwrap_or(0);
    for n in 0..KEYS_MAX {
        let key = Key::new(now + n)?;
        let object = ObjectKey::Transient(info.space.clone(), info.epoch, key, author);
        let body = Bytes::from(event.to_json());
        let content = if store.settings.tag_transient {
            Content::Transient
        } else {
            Content::Json
        };
        match store.bucket.put_new(&object, body, content).await? {
            PutNew::Stored(_) => return Ok(key),
            PutNew::Taken => {}
        }
    }
    Err(Error::conflict(format!(
        "the author sent {KEYS_MAX} transient events in one millisecond"
    ))
    .with_object(author.to_string())
    .with_hint("send fewer: one says for its whole life what it says"))
}

/// The transient events that live, in order of their keys. What cannot be read is passed over.
///
/// # Errors
/// `Unavailable` or `Denied`.
pub async fn live(store: &Store, info: &SpaceInfo) -> Result<Vec<Seen>> {
    let start = listing_start(store.now(), TRANSIENT_TTL_MAX + SKEW);
    let after = start.map(|key| format!("{key:#}"));
    let folder = folder(info);
    let parse = |name: &str| match format!("{folder}/{name}").parse() {
        Ok(ObjectKey::Transient(_, _, key, author)) => Some((key, author)),
        _ => None,
    };
    let mut listed = store.bucket.list(&folder, after, parse).await?;
    let oldest = store.now().saturating_sub(millis(TRANSIENT_TTL_MAX + SKEW));
    let newest = store.now().saturating_add(millis(SKEW));
    listed.retain(|l| {
        (oldest..=newest).contains(&l.last_modified) && l.bytes <= TRANSIENT_BYTES_MAX as u64
    });
    // The newest by the server's word: a writer chooses its keys.
    listed.sort_unstable_by_key(|l| std::cmp::Reverse(l.last_modified));
    let mut of_author: BTreeMap<Author, usize> = BTreeMap::new();
    listed.retain(|l| {
        let count = of_author.entry(l.key.1).or_default();
        *count += 1;
        *count <= OF_AUTHOR_MAX
    });
    listed.truncate(SEEN_MAX);
    listed.sort_unstable_by_key(|l| l.key);
    let object = |(key, author)| ObjectKey::Transient(info.space.clone(), info.epoch, key, author);
    let objects = listed.iter().map(|l| object(l.key)).collect();
    let got = store.get_all(objects).await?;
    let now = store.now();
    let seal = store.seal(info)?;
    let seen = listed.iter().zip(got).filter_map(|(l, got)| {
        let (got, (key, author)) = (got?, l.key);
        let event = TransientEvent::from_json(&got.bytes).ok()?;
        let event = opened(&seal, info, author, event)?;
        let expires_at = got.last_modified.saturating_add(millis(event.ttl()));
        let own = got.author.is_none_or(|named| named == author.to_string());
        (own && expires_at > now).then_some(Seen {
            key,
            author,
            expires_at,
            event,
        })
    });
    Ok(seen.collect())
}

/// Deletes the transient events that are over for certain, as long as `goes_on` says so. Returns how many.
///
/// # Errors
/// `Unavailable` or `Denied`.
pub async fn remove_expired(
    store: &Store,
    info: &SpaceInfo,
    goes_on: impl Fn() -> bool,
) -> Result<u64> {
    let folder = folder(info);
    let all = |name: &str| Some(name.to_owned());
    let mut listed = store.bucket.list(&folder, None, all).await?;
    let now = store.now();
    listed.retain(|l| is_old(now, l.last_modified, TRANSIENT_TTL_MAX + MILLISECOND));
    let mut removed = 0;
    let folder = &folder;
    for chunk in listed.chunks(REMOVED_AT_ONCE) {
        if !goes_on() {
            break;
        }
        let deletes = chunk.iter().map(|old| async move {
            let path = format!("{folder}/{}", old.key);
            store.bucket.delete(&path).await
        });
        let mut deletes = stream::iter(deletes).buffer_unordered(store.settings.reads_max);
        while let Some(deleted) = deletes.next().await {
            deleted?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The event as an encrypted space has it: what it says is sealed for its author.
fn sealed(
    store: &Store,
    info: &SpaceInfo,
    author: Author,
    event: &TransientEvent,
) -> Result<TransientEvent> {
    let seal = match store.seal(info)? {
        Seal::Clear => return Ok(event.clone()),
        Seal::Locked => return Err(locked()),
        Seal::Open(seal) => seal,
    };
    let said = serde_json::to_vec(&(&event.kind, &event.data))
        .map_err(|e| Error::internal("BUG: an event has no JSON form").with_source(e))?;
    let sealed = seal.keys().seal(
        &seal.transient_context(author),
        &said,
        store.ids.random().to_be_bytes(),
    );
    let data = serde_json::to_value(&sealed)
        .map_err(|e| Error::internal("BUG: an event has no JSON form").with_source(e))?;
    TransientEvent::new(SEALED_KIND, data, event.ttl())
}

/// What an event says; `None` when it cannot be read: as others are, it is passed over.
fn opened(
    seal: &Seal,
    info: &SpaceInfo,
    author: Author,
    event: TransientEvent,
) -> Option<TransientEvent> {
    let seal = match (seal, &info.keyring) {
        (_, None) => return Some(event),
        (Seal::Open(seal), Some(_)) if event.kind == SEALED_KIND => seal,
        _ => return None,
    };
    let sealed: Sealed = serde_json::from_value(event.data).ok()?;
    let said = seal
        .keys()
        .open(&seal.transient_context(author), &sealed)
        .ok()?;
    let (kind, data) = serde_json::from_slice(&said).ok()?;
    Some(TransientEvent {
        kind,
        data,
        ..event
    })
}

fn folder(info: &SpaceInfo) -> String {
    ObjectKey::transient(&info.space, info.epoch)
}
