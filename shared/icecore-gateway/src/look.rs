//! All that a client lacks, in one answer.

use crate::api::Gateway;
use crate::limits::Limits;
use crate::ops;
use crate::token::Access;
use futures::{StreamExt, stream};
use icecore_core::plan::plan_catch_up;
use icecore_core::wire::{
    KnownLayers, KnownUpdate, KnownUpdates, LayerItem, Look, Op, Prepared, SignedOp, Stored,
};
use icecore_core::{Generation, Key, ObjectKey, Order, Result, SpaceName};
use icecore_store::bucket::{Got, Listed};
use icecore_store::reader::base::plan_keys;
use icecore_store::reader::look::{Found, FoundLayers, Most, Tagged, TaggedUpdate, look};
use std::collections::BTreeSet;

/// How far back a client lists when it polls: twice the overlap, so that the start of its listings may move on.
const POLL_BACK_MS: u64 = 120_000;

/// Takes a look at a space for a client that reached this gateway at `own`.
///
/// # Errors
/// As opening the space.
pub(crate) async fn prepare(
    gateway: &Gateway,
    space: &SpaceName,
    wish: &Look,
    (access, own): (&Access, &str),
) -> Result<Prepared> {
    let most = Most {
        updates: gateway.limits.updates_max,
        layers: gateway.limits.layers_max,
    };
    let found = look(&gateway.store, space, wish, most).await?;
    let known = wish.have.iter().flat_map(|have| have.known.iter().copied());
    let updates = match &found.updates {
        Some(listed) => Some(with_bodies(gateway, &found, listed, &known.collect()).await?),
        None => None,
    };
    let mut wanted = Vec::new();
    wanted.extend(layers_to_read(wish, &found));
    let unsent = updates.iter().flat_map(|updates| &updates.unsent);
    wanted.extend(unsent.cloned());
    let gets = wanted.into_iter().map(|key| Op::Get {
        path: key.to_string(),
    });
    let ops = polls(wish, &found, gateway.store.now())
        .into_iter()
        .chain(gets)
        .take(gateway.limits.urls_max);
    let sign = |op: Op| {
        let unsigned = ops::unsigned(&gateway.presigner, &gateway.limits, &op)?;
        let signed = gateway.sign_for(access, unsigned, own, gateway.store.now())?;
        Ok(SignedOp {
            request: op,
            signed,
        })
    };
    let urls = ops.map(sign).collect::<Result<_>>()?;
    Ok(Prepared {
        urls,
        space: stored(&found.space)
            .ok_or_else(|| icecore_core::Error::corrupt("space.json is no text"))?,
        head: found.head.as_ref().and_then(stored),
        layers: found.layers.as_ref().map(layers),
        updates: updates.map(|updates| updates.known),
    })
}

fn stored(got: &Got) -> Option<Stored> {
    Some(Stored {
        body: std::str::from_utf8(&got.bytes).ok()?.to_owned(),
        e_tag: got.version.e_tag().map(str::to_owned),
        last_modified: got.last_modified,
    })
}

fn layers(found: &FoundLayers) -> KnownLayers {
    let items = |listed: &[Tagged]| {
        let item = |(l, e_tag): &Tagged| LayerItem {
            generation: l.key,
            bytes: l.bytes,
            last_modified: l.last_modified,
            e_tag: e_tag.clone(),
        };
        listed.iter().map(item).collect()
    };
    KnownLayers {
        after: found.after,
        segments: items(&found.segments),
        snapshots: items(&found.snapshots),
    }
}

/// The layers that the client will choose to read, from what it has and what is listed.
fn layers_to_read(wish: &Look, found: &Found) -> Vec<ObjectKey> {
    let Some(layers) = &found.layers else {
        return Vec::new();
    };
    let have = wish
        .have
        .as_ref()
        .filter(|have| have.epoch == found.info.epoch);
    let have = have.map_or(Generation::ZERO, |have| have.generation);
    let sizes = |listed: &[Tagged]| listed.iter().map(|(l, _)| (l.key, l.bytes)).collect();
    let (snapshots, mut segments): (_, std::collections::BTreeMap<_, _>) =
        (sizes(&layers.snapshots), sizes(&layers.segments));
    segments.remove(&have);
    // What does not fit together is the client's matter: it lists again and complains.
    plan_catch_up(have, &snapshots, &segments)
        .map(|plan| plan_keys(&found.info, &plan))
        .unwrap_or_default()
}

/// Updates with the bodies that are sent along, and the objects of those that are not.
struct Updates {
    known: KnownUpdates,
    unsent: Vec<ObjectKey>,
}

async fn with_bodies(
    gateway: &Gateway,
    found: &Found,
    listed: &[TaggedUpdate],
    known: &BTreeSet<Key>,
) -> Result<Updates> {
    let object = |key: Key| ObjectKey::Update(found.info.space.clone(), found.info.epoch, key);
    let small = choose_small(listed, known, &gateway.limits);
    let reads = small.into_iter().map(|key| {
        let object = object(key);
        async move { (key, gateway.store.bucket.get(&object).await) }
    });
    let mut reads = stream::iter(reads).buffered(gateway.store.settings.reads_max);
    let mut bodies = std::collections::BTreeMap::new();
    while let Some((key, got)) = reads.next().await {
        // One that is gone, or is no text, is the client's matter too.
        if let Ok(Some(got)) = got
            && let Ok(text) = std::str::from_utf8(&got.bytes)
        {
            bodies.insert(key, (text.to_owned(), got.author));
        }
    }
    let mut unsent = Vec::new();
    let objects = listed.iter().map(|(listed, e_tag)| {
        let (body, author) = bodies.remove(&listed.key).unzip();
        if body.is_none() && !known.contains(&listed.key) {
            unsent.push(object(listed.key));
        }
        KnownUpdate {
            key: listed.key,
            bytes: listed.bytes,
            last_modified: listed.last_modified,
            e_tag: e_tag.clone(),
            body,
            author: author.flatten(),
        }
    });
    let objects = objects.collect();
    Ok(Updates {
        known: KnownUpdates {
            after: found.updates_after,
            objects,
        },
        unsent,
    })
}

fn choose_small(listed: &[TaggedUpdate], known: &BTreeSet<Key>, limits: &Limits) -> Vec<Key> {
    let mut total = 0;
    let fits = |l: &&Listed<Key>| {
        if known.contains(&l.key) || l.bytes > limits.inline_bytes_max {
            return false;
        }
        total += l.bytes;
        total <= limits.inline_total_max
    };
    let listed = listed.iter().map(|(listed, _)| listed);
    listed.filter(fits).map(|l| l.key).collect()
}

/// What the client polls until it comes back.
fn polls(wish: &Look, found: &Found, now: i64) -> Vec<Op> {
    let (space, epoch) = (&found.info.space, found.info.epoch);
    let get = |key: ObjectKey| Op::Get {
        path: key.to_string(),
    };
    let list = |folder: String, after: Option<String>| Op::List {
        folder,
        after,
        flat: false,
    };
    let updates_after = match found.info.order {
        Order::Sequence => found.updates_after,
        Order::Timestamp => {
            let back = u64::try_from(now).unwrap_or(0).saturating_sub(POLL_BACK_MS);
            Key::new(back).ok()
        }
    };
    let newest = found.layers.iter().flat_map(|layers| &layers.segments);
    let newest = newest.map(|(l, _)| l.key).max();
    let have = wish.have.as_ref().map(|have| have.generation);
    let from = newest.or(have).unwrap_or_default().saturating_sub(1);
    let layers_after = (from > Generation::ZERO).then(|| format!("{from:#}"));
    let updates = |after: Option<Key>| {
        let after = after.map(|key| format!("{key:#}"));
        list(ObjectKey::updates(space, epoch), after)
    };
    vec![
        get(ObjectKey::Head(space.clone())),
        get(ObjectKey::Space(space.clone())),
        updates(updates_after),
        // Now and then it looks whether all that is not rolled up is still stored.
        updates(found.updates_after.min(updates_after)),
        list(ObjectKey::segments(space, epoch), layers_after.clone()),
        list(ObjectKey::snapshots(space, epoch), layers_after),
    ]
}
