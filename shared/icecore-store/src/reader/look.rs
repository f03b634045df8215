//! One look at a space on behalf of somebody else: the requests of an open or a poll, and what they returned.
//!
//! A gateway takes it for its clients, so that what would be several round trips for them is one.

use super::base::parse_generation;
use super::listing::parse_key;
use crate::bucket::{Got, Listed};
use crate::publish::listing_start;
use crate::settings::millis;
use crate::store::{Store, erased, parse_space};
use icecore_core::wire::Look;
use icecore_core::{Generation, Head, Key, ObjectKey, Order, Result, SpaceInfo, SpaceName};

/// What a look found.
#[derive(Debug)]
pub struct Found {
    /// `space.json`, as stored.
    pub space: Got,
    /// The same, parsed.
    pub info: SpaceInfo,
    /// The head hint, as stored.
    pub head: Option<Got>,
    /// Segments and snapshots, if they were to be listed and are not too many.
    pub layers: Option<FoundLayers>,
    /// The updates come after this key.
    pub updates_after: Option<Key>,
    /// All update objects after that key; nothing if there are too many.
    pub updates: Option<Vec<TaggedUpdate>>,
}

/// A listed update object, with its tag where the server gives one.
pub type TaggedUpdate = (Listed<Key>, Option<String>);

/// A listed segment or snapshot, with its tag where the server gives one.
pub type Tagged = (Listed<Generation>, Option<String>);

/// A complete listing of segments and snapshots.
#[derive(Debug, Default)]
pub struct FoundLayers {
    /// They come after this generation.
    pub after: Generation,
    /// The segments, and their tags.
    pub segments: Vec<Tagged>,
    /// The snapshots, and their tags.
    pub snapshots: Vec<Tagged>,
}

/// More objects of a kind than this are not listed for somebody else: it can list them itself.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Of update objects.
    pub updates: usize,
    /// Of segments, and of snapshots.
    pub layers: usize,
}

/// Takes a look: `space.json`, the head, and the listings that somebody who has `look.have` needs, in the order in
/// which a reader asks for them.
///
/// # Errors
/// As [`super::Reader::open`].
pub async fn look(store: &Store, space: &SpaceName, look: &Look, most: Most) -> Result<Found> {
    let space_key = ObjectKey::Space(space.clone());
    let head_key = ObjectKey::Head(space.clone());
    let (got, head) =
        futures::future::join(store.bucket.get(&space_key), store.bucket.get(&head_key)).await;
    let Some(got) = got? else {
        return Err(store.no_space(space).await);
    };
    let info = parse_space(space, &got)?.info;
    if let Some(at) = &info.erased_at {
        return Err(erased(space, at));
    }
    // The hint only saves requests: that it cannot be read stops nothing.
    let head = head.unwrap_or_default();
    let hint = head
        .as_ref()
        .and_then(|got| Head::from_json(&got.bytes).ok());
    let have = look.have.as_ref().filter(|have| have.epoch == info.epoch);
    let (layers_after, updates_after) = match have {
        Some(have) => {
            let ahead = hint
                .as_ref()
                .is_some_and(|h| h.generation > have.generation);
            let listed = (look.check || ahead).then(|| have.generation.saturating_sub(1));
            (listed, have.updates_after)
        }
        None => from_nothing(store, &info, hint.as_ref()),
    };
    let (layers, updates) = futures::future::try_join(
        list_layers(store, &info, layers_after, most.layers),
        list_updates(store, &info, updates_after, most.updates),
    )
    .await?;
    Ok(Found {
        space: got,
        info,
        head,
        layers,
        updates_after,
        updates,
    })
}

/// Where the listings of somebody who has nothing start, as in a reader's first look.
fn from_nothing(
    store: &Store,
    info: &SpaceInfo,
    hint: Option<&Head>,
) -> (Option<Generation>, Option<Key>) {
    let hint = hint.filter(|h| h.epoch == info.epoch && h.snapshot > Generation::ZERO);
    let layers = hint.map_or(Generation::ZERO, |h| h.snapshot.saturating_sub(1));
    let updates = hint.and_then(|h| match info.order {
        Order::Sequence => (h.through > Key::MIN).then_some(h.through),
        Order::Timestamp => {
            let through = i64::try_from(h.through.get()).unwrap_or(i64::MAX);
            // A client's clock may be a little behind this one: start early enough for both.
            let slack = millis(store.settings.overlap);
            let from = through.min(store.now()).saturating_sub(slack);
            listing_start(from, store.settings.overlap)
        }
    });
    (Some(layers), updates)
}

async fn list_layers(
    store: &Store,
    info: &SpaceInfo,
    after: Option<Generation>,
    most: usize,
) -> Result<Option<FoundLayers>> {
    let Some(after) = after else {
        return Ok(None);
    };
    let start = (after > Generation::ZERO).then(|| format!("{after:#}"));
    let list = |folder: String| {
        let start = start.clone();
        async move {
            let bucket = &store.bucket;
            let listed = bucket.list_tagged(&folder, start, most, parse_generation);
            listed.await
        }
    };
    let (snapshots, segments) = futures::future::try_join(
        list(ObjectKey::snapshots(&info.space, info.epoch)),
        list(ObjectKey::segments(&info.space, info.epoch)),
    )
    .await?;
    let (Some(segments), Some(snapshots)) = (segments, snapshots) else {
        return Ok(None);
    };
    Ok(Some(FoundLayers {
        after,
        segments,
        snapshots,
    }))
}

async fn list_updates(
    store: &Store,
    info: &SpaceInfo,
    after: Option<Key>,
    most: usize,
) -> Result<Option<Vec<TaggedUpdate>>> {
    let folder = ObjectKey::updates(&info.space, info.epoch);
    let after = after.map(|key| format!("{key:#}"));
    store
        .bucket
        .list_tagged(&folder, after, most, parse_key)
        .await
}
