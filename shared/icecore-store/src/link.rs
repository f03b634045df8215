//! Linking: the history of one space joins that of another, a guest's that of a user.
//!
//! The updates keep their `(author, seq)`, so that they count once however often they are forwarded, and whichever of the
//! two spaces a device writes to. The guest's space says in its `space.json` where its history goes too, and the other one
//! holds an object that takes it in and says how far its segments were forwarded; every roll-up of the guest's space goes
//! on from there. So what a device sends that was offline meanwhile arrives too. No model is needed: nothing is folded.

use crate::bucket::{Content, PutNew, Version};
use crate::epochs::again::Again;
use crate::epochs::change_space;
use crate::held::Held;
use crate::history::Segments;
use crate::publish::{rewrite_head, write_head};
use crate::reader::base::{list_layers, read_segment};
use crate::store::Store;
use bytes::Bytes;
use icecore_core::plan::KeyClock;
use icecore_core::space::FORMAT_VERSION;
use icecore_core::{
    Covered, Error, Generation, Head, Joined, Key, Linked, ObjectKey, Order, Result, Seq,
    SpaceInfo, SpaceName, Update, UpdateId, time,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often somebody else may change the same object in between before linking gives way.
const TRIES_MAX: u32 = 10;
/// What is forwarded at once: bounds the memory, and what a cut costs.
const BATCH_UPDATES: usize = 20_000;
const BATCH_BYTES: usize = 16 << 20;
const BATCH_SEGMENTS: usize = 64;

/// Two spaces are linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The space that joined.
    pub from: SpaceName,
    /// The space that it joined.
    pub into: SpaceName,
    /// Updates forwarded by this call.
    pub updates: u64,
    /// When they were first linked, RFC 3339.
    pub linked_at: String,
}

/// Lets the history of `from` join that of `into`, now and from now on. It can be repeated, and cut anywhere.
///
/// # Errors
/// As [`join`] and [`forward_all`].
pub async fn link(store: &Store, from: &SpaceName, into: &SpaceName) -> Result<Link> {
    let linked = join(store, from, into).await?;
    Ok(Link {
        from: from.clone(),
        into: into.clone(),
        updates: forward_all(store, from).await?,
        linked_at: linked.at,
    })
}

/// Writes down that the one is linked to the other, unless it says so already. From then on each roll-up of the one
/// forwards what it holds.
///
/// # Errors
/// `NotFound` when there is no such space; `Invalid` for two that do not fit together; `Conflict` when `from` is linked to
/// another one, or when both hold other updates under the same id.
pub async fn join(store: &Store, from: &SpaceName, into: &SpaceName) -> Result<Linked> {
    for tries in 0..TRIES_MAX {
        let target = store.space(into).await?.info;
        let open = store.space(from).await?;
        check_source(store, &open.info, into).await?;
        check_fit(&open.info, &target)?;
        let linked = match &open.info.linked {
            Some(linked) => linked.clone(),
            None => Linked {
                into: into.clone(),
                at: time::to_rfc3339(store.now()),
            },
        };
        // First the one that takes in: without it the link of the other counts for nothing.
        take_in(store, &target, &open.info, &linked).await?;
        if open.info.linked.is_none() {
            let mut info = open.info.clone();
            info.linked = Some(linked.clone());
            match change_space(store, &open, info).await {
                Ok(_) => {}
                // Somebody else changed it: look again.
                Err(error) if error.is_conflict() => {
                    store.back_off(tries).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        call_for_roll_up(store, &open.info).await;
        return Ok(linked);
    }
    Err(
        Error::conflict(format!("the space {from} was changed again and again"))
            .with_hint("repeat the command; nothing was forwarded yet"),
    )
}

/// Lets the target take in the source, unless it does already.
async fn take_in(
    store: &Store,
    target: &SpaceInfo,
    from: &SpaceInfo,
    linked: &Linked,
) -> Result<()> {
    target.check_writable()?;
    let key = ObjectKey::Joined(target.space.clone(), from.space.clone());
    if store.bucket.exists(&key).await? {
        return Ok(());
    }
    let mut tail = BTreeMap::new();
    let held = Held::of(store, target, &mut tail).await?;
    held.check_apart(&Held::of(store, from, &mut tail).await?, from)?;
    let joined = Joined {
        v: FORMAT_VERSION,
        from: from.space.clone(),
        at: linked.at.clone(),
        epoch: from.epoch,
        forwarded: Generation::ZERO,
        other: BTreeMap::new(),
    };
    let body = Bytes::from(joined.to_json());
    match store.bucket.put_new(&key, body, Content::Json).await? {
        PutNew::Stored(_) | PutNew::Taken => Ok(()),
    }
}

/// A scheduled roll-up looks where a head says that there is something beyond `through`.
async fn call_for_roll_up(store: &Store, info: &SpaceInfo) {
    let beyond = |head: &Head| head.key.max(head.through.saturating_add(1));
    if let Err(error) = rewrite_head(store, info, beyond).await {
        tracing::warn!(%error, "no roll-up was called for; the daily upkeep forwards what is left");
    }
}

/// Whether the history of a space can join another one's.
///
/// # Errors
/// `Conflict` when it joined another one; `Invalid` when it is not whole, or sequenced.
pub async fn check_source(store: &Store, info: &SpaceInfo, into: &SpaceName) -> Result<()> {
    if let Some(linked) = info.linked.as_ref().filter(|linked| linked.into != *into) {
        return Err(Error::conflict(format!(
            "the space {} was linked to {} at {}",
            info.space, linked.into, linked.at
        ))
        .with_object(info.space.to_string())
        .with_hint("a space joins one other; export and import what is to be in a second one"));
    }
    if info.order != Order::Timestamp {
        return Err(sequenced(info));
    }
    check_whole(store, info).await
}

fn sequenced(info: &SpaceInfo) -> Error {
    Error::invalid(
        "a sequenced space cannot be linked: somebody has to settle where its updates go",
    )
    .with_object(info.space.to_string())
    .with_hint("export it, and `icecore import --replay` it into the other")
}

fn check_fit(from: &SpaceInfo, into: &SpaceInfo) -> Result<()> {
    // What is sealed for one space opens in no other.
    if let Some(encrypted) = [from, into].into_iter().find(|info| info.keyring.is_some()) {
        return Err(Error::invalid(
            "an encrypted space cannot be linked: its updates open nowhere else",
        )
        .with_object(encrypted.space.to_string())
        .with_hint(
            "export the one with its secret, and `icecore import --replay` it into the other",
        ));
    }
    if from.space == into.space {
        return Err(Error::invalid("a space cannot be linked to itself")
            .with_object(from.space.to_string())
            .with_hint("name the space that it is to join"));
    }
    if let Some(linked) = &into.linked {
        return Err(Error::invalid(format!(
            "the space {} is linked to {} itself",
            into.space, linked.into
        ))
        .with_object(into.space.to_string())
        .with_hint("name that one"));
    }
    match (from.order, into.order) {
        (Order::Sequence, _) => return Err(sequenced(from)),
        (_, Order::Sequence) => return Err(sequenced(into)),
        (Order::Timestamp, Order::Timestamp) => {}
    }
    if from.model.name != into.model.name {
        return Err(Error::invalid(format!(
            "the model of {} is `{}`, that of {} is `{}`",
            from.space, from.model.name, into.space, into.model.name
        ))
        .with_object(from.space.to_string())
        .with_hint("link spaces of one model"));
    }
    Ok(())
}

/// What was compressed or redacted away cannot be forwarded: the rest would mean something else without it. Only the
/// first segment of an epoch says so.
async fn check_whole(store: &Store, info: &SpaceInfo) -> Result<()> {
    let layers = list_layers(store, info, Generation::ZERO).await?;
    let Some(first) = layers.segments.keys().next() else {
        return Ok(());
    };
    let header = read_segment(store, info, *first).await?.0.header;
    let is_first = *first == Generation::ZERO.saturating_add(1);
    if is_first && header.base.is_none() && header.carried.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the history of {} is not whole: it was compressed, redacted or reset",
        info.space
    ))
    .with_object(info.space.to_string())
    .with_hint("export it, and `icecore import --replay` it into the other space"))
}

/// Forwards all that a linked space holds, also what no segment holds yet. Returns how many updates the other one did not
/// have.
///
/// # Errors
/// As reading the one, and as publishing to the other; what was forwarded so far stays. `Unavailable` where the author of
/// an update writes on faster than it can be listed.
pub async fn forward_all(store: &Store, from: &SpaceName) -> Result<u64> {
    let mut updates = 0;
    let mut seen = Covered::default();
    for _ in 0..TRIES_MAX {
        let info = store.space(from).await?.info;
        // Once these are forwarded they are in the other space, if only in an epoch of it that is yet to be swept.
        let forwarded = Held::in_layers(store, &info).await?.ids;
        updates += forward(store, &info, None).await?.updates;
        let Some((mut forwarding, _)) = Forwarding::begin(store, &info).await? else {
            return Ok(updates);
        };
        let mut tail = BTreeMap::new();
        let source = Held::of(store, &info, &mut tail).await?;
        let before = Before {
            target: &forwarding.held().await?.ids,
            forwarded: &forwarded,
            source: &source.ids,
            seen: &seen,
        };
        let waits = before.set_aside(&mut tail);
        updates += forwarding.put_over(tail).await?;
        if waits.is_empty() {
            return Ok(updates);
        }
        seen.extend(&waits);
    }
    Err(Error::unavailable(format!(
        "some of {from} waits for earlier updates of its authors"
    ))
    .with_object(from.to_string())
    .with_hint("repeat it; each roll-up forwards what it can, too"))
}

/// What stands before an update that is to be forwarded. The other space must not show an update before its author's
/// earlier one, and nobody who rolls up the other one could know that there is an earlier one.
struct Before<'a> {
    /// What the other space holds.
    target: &'a Covered,
    /// What was forwarded to it, segment by segment.
    forwarded: &'a Covered,
    /// What this one holds.
    source: &'a Covered,
    /// What an earlier listing showed. Its author's earlier update was stored before it, and is shown by now if ever.
    seen: &'a Covered,
}

impl Before<'_> {
    /// Takes out of `tail`, and returns, what has to wait for an earlier update of its author.
    fn set_aside(&self, tail: &mut BTreeMap<UpdateId, Update>) -> Covered {
        let mut waits = Covered::default();
        let mut last: Option<UpdateId> = None;
        tail.retain(|&id, _| {
            let goes = Seq::new(id.seq.get() - 1).map_or(true, |seq| {
                let before = UpdateId { seq, ..id };
                let is_lost = || !self.source.contains(before) && self.seen.contains(id);
                last == Some(before)
                    || self.target.contains(before)
                    || self.forwarded.contains(before)
                    || is_lost()
            });
            if goes {
                last = Some(id);
            } else {
                waits.insert(id);
            }
            goes
        });
        waits
    }
}

/// What was forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// Updates that the other space did not have.
    pub(crate) updates: u64,
    /// The time was up.
    pub(crate) unfinished: bool,
}

/// Forwards what the segments of a linked space hold since it was last done; begins no further batch from the monotonic
/// time `until` on.
///
/// # Errors
/// As publishing to the other space; what was forwarded so far stays and counts once.
pub(crate) async fn forward(
    store: &Store,
    info: &SpaceInfo,
    until: Option<Duration>,
) -> Result<Forwarded> {
    let mut forwarded = Forwarded::default();
    let Some((mut forwarding, after)) = Forwarding::begin(store, info).await? else {
        return Ok(forwarded);
    };
    let mut segments = Segments::after(store, info, after).await?;
    let mut batch: BTreeMap<UpdateId, Update> = BTreeMap::new();
    let (mut bytes, mut count) = (0, 0);
    while let Some(segment) = segments.next().await? {
        for entry in segment.entries {
            bytes += entry.update.as_text().len();
            batch.insert(entry.id, entry.update);
        }
        count += 1;
        let full = batch.len() >= BATCH_UPDATES || bytes >= BATCH_BYTES || count >= BATCH_SEGMENTS;
        if !full && segments.remaining() > 0 {
            continue;
        }
        forwarded.updates += forwarding.put_over(std::mem::take(&mut batch)).await?;
        forwarding.remember(segment.header.segment).await?;
        (bytes, count) = (0, 0);
        let is_over = until.is_some_and(|until| store.clock.monotonic() >= until);
        if is_over && segments.remaining() > 0 {
            forwarded.unfinished = true;
            break;
        }
    }
    Ok(forwarded)
}

/// From one space to another.
struct Forwarding<'a> {
    store: &'a Store,
    from: &'a SpaceInfo,
    target: SpaceInfo,
    /// What the target holds; read when there is something for it.
    held: Option<Held>,
}

impl<'a> Forwarding<'a> {
    /// Begins after the segment that was last forwarded; `None` where nothing is linked, or the other space does not take
    /// it in.
    async fn begin(store: &'a Store, from: &'a SpaceInfo) -> Result<Option<(Self, Generation)>> {
        let Some(linked) = &from.linked else {
            return Ok(None);
        };
        let target = store.space(&linked.into).await?.info;
        let forwarding = Self {
            store,
            from,
            target,
            held: None,
        };
        let Some((joined, _)) = forwarding.joined().await? else {
            tracing::warn!(space = %from.space, into = %linked.into, "the space is linked, and the other does not take it in");
            return Ok(None);
        };
        let after = if joined.epoch == from.epoch {
            joined.forwarded
        } else {
            Generation::ZERO
        };
        Ok(Some((forwarding, after)))
    }

    fn key(&self) -> ObjectKey {
        ObjectKey::Joined(self.target.space.clone(), self.from.space.clone())
    }

    async fn joined(&self) -> Result<Option<(Joined, Version)>> {
        let key = self.key();
        let Some(got) = self.store.bucket.get(&key).await? else {
            return Ok(None);
        };
        let joined = Joined::from_json(&got.bytes).map_err(|e| e.with_object(key.to_string()))?;
        // Somebody moved it here from elsewhere.
        let is_ours = joined.from == self.from.space;
        Ok(is_ours.then_some((joined, got.version)))
    }

    /// What the target holds, as far as it was looked at, and with what was put there since.
    async fn held(&mut self) -> Result<&Held> {
        match &mut self.held {
            Some(held) => Ok(held),
            none => {
                let mut tail = BTreeMap::new();
                let held = Held::of(self.store, &self.target, &mut tail).await?;
                Ok(none.insert(held))
            }
        }
    }

    /// Publishes what the target does not hold. One that began a new epoch meanwhile sweeps it in.
    async fn put_over(&mut self, mut batch: BTreeMap<UpdateId, Update>) -> Result<u64> {
        if batch.is_empty() {
            return Ok(0);
        }
        self.held().await?;
        let Some(held) = &mut self.held else {
            return Err(Error::internal(
                "BUG: what the other space holds was just looked at",
            ));
        };
        batch.retain(|id, _| !held.ids.contains(*id));
        if batch.is_empty() {
            return Ok(0);
        }
        let ids: Vec<UpdateId> = batch.keys().copied().collect();
        let mut keys = KeyClock::new(None, held.largest);
        keys.reached(held.through);
        keys.remember((self.target.epoch, held.generation()), held.known());
        let mut again = Again {
            store: self.store,
            info: &self.target,
            keys,
            end: Key::MIN,
        };
        again.publish_all(batch).await?;
        held.largest = again
            .keys
            .own_last()
            .unwrap_or(held.largest)
            .max(held.largest);
        let head = held.head(&self.target, held.largest);
        if let Err(error) = write_head(self.store, &self.target, &head).await {
            tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
        }
        let updates = ids.len() as u64;
        for id in ids {
            held.ids.insert(id);
        }
        Ok(updates)
    }

    /// Remembers how far it was forwarded. Who else does it at the same time forwards the same.
    async fn remember(&self, reached: Generation) -> Result<()> {
        for tries in 0..TRIES_MAX {
            let Some((joined, version)) = self.joined().await? else {
                return Ok(());
            };
            if joined.epoch == self.from.epoch && joined.forwarded >= reached {
                return Ok(());
            }
            let joined = Joined {
                epoch: self.from.epoch,
                forwarded: reached,
                ..joined
            };
            let body = Bytes::from(joined.to_json());
            let key = self.key();
            if self.store.bucket.put_if_match(&key, body, &version).await? {
                return Ok(());
            }
            self.store.back_off(tries).await;
        }
        // The next roll-up forwards it once more, and finds that all of it is there.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::Author;
    use serde_json::value::RawValue;

    fn id(seq: u64) -> UpdateId {
        let (author, seq) = (Author::from_parts(1, 1), Seq::new(seq).unwrap());
        UpdateId { author, seq }
    }

    fn ids(seqs: &[u64]) -> Covered {
        seqs.iter().map(|seq| id(*seq)).collect()
    }

    fn left(tail: &[u64], target: &[u64], source: &[u64], seen: &[u64]) -> (Covered, Covered) {
        let data = RawValue::from_string("1".into()).unwrap();
        let update = Update::new(0, "note", &data, None).unwrap();
        let mut tail: BTreeMap<_, _> = tail.iter().map(|n| (id(*n), update.clone())).collect();
        let before = Before {
            target: &ids(target),
            forwarded: &Covered::default(),
            source: &ids(source),
            seen: &ids(seen),
        };
        let waits = before.set_aside(&mut tail);
        (tail.into_keys().collect(), waits)
    }

    /// A listing that missed a guest's update 20 and showed 23 once put 23 into the user's space alone; it was rolled up
    /// there, and 20 came after it for good.
    #[test]
    fn none_is_forwarded_before_its_authors_earlier_one() {
        assert_eq!(left(&[1, 2], &[], &[1, 2], &[]), (ids(&[1, 2]), ids(&[])));
        assert_eq!(
            left(&[3, 5, 6], &[2], &[3, 5, 6], &[]),
            (ids(&[3]), ids(&[5, 6]))
        );
        // A second listing does not show the fourth either: it is lost.
        assert_eq!(
            left(&[3, 5, 6], &[2], &[3, 5, 6], &[5]),
            (ids(&[3, 5, 6]), ids(&[]))
        );
        // It is there, in a segment that was not forwarded yet.
        assert_eq!(left(&[5], &[2], &[3, 4, 5], &[5]), (ids(&[]), ids(&[5])));
    }
}
