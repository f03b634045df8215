//! Reading segments and snapshots: from what one has to the newest generation.

use crate::bucket::{LIST_OBJECTS_MAX, Listed};
use crate::reader::stamp::Stamp;
use crate::store::Store;
use bytes::Bytes;
use futures::{StreamExt, stream};
use icecore_core::base::Misfit;
use icecore_core::layers::UnpacksToMore;
use icecore_core::plan::{CatchUp, plan_catch_up};
use icecore_core::{
    Base, Covered, Error, ErrorKind, Generation, Head, Newer, ObjectKey, Result, Segment, Snapshot,
    SpaceInfo,
};
use std::collections::{BTreeMap, BTreeSet};

/// How often everything is listed again when a listing does not fit what is found: the two listings of one look
/// are not of one moment.
const RELISTS_MAX: u32 = 3;

/// The segments and snapshots of an epoch, as listed.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Bytes of each segment.
    pub segments: BTreeMap<Generation, u64>,
    /// Bytes of each snapshot.
    pub snapshots: BTreeMap<Generation, u64>,
    /// What tells each segment from another one of the same generation.
    pub(crate) stamps: BTreeMap<Generation, Stamp>,
}

/// An immutable object that was read on the way, as stored: a replica keeps it.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its generation.
    pub generation: Generation,
    /// A snapshot, or else a segment.
    pub snapshot: bool,
    /// The body as stored.
    pub bytes: Bytes,
}

/// Lists the segments and snapshots after `after`.
pub(crate) async fn list_layers(
    store: &Store,
    info: &SpaceInfo,
    after: Generation,
) -> Result<Layers> {
    let after = (after > Generation::ZERO).then(|| format!("{after:#}"));
    let list = |folder: String| {
        let after = after.clone();
        async move {
            let most = LIST_OBJECTS_MAX;
            let bucket = &store.bucket;
            let listed = bucket.list_tagged(&folder, after, most, parse_generation);
            listed.await?.ok_or_else(|| {
                Error::invalid(format!("more than {most} objects in a folder")).with_object(folder)
            })
        }
    };
    let (snapshots, segments) = futures::future::try_join(
        list(ObjectKey::snapshots(&info.space, info.epoch)),
        list(ObjectKey::segments(&info.space, info.epoch)),
    )
    .await?;
    let sizes = |listed: &[(Listed<Generation>, _)]| {
        let sizes = listed.iter().map(|(l, _)| (l.key, l.bytes));
        sizes.collect()
    };
    Ok(Layers {
        snapshots: sizes(&snapshots),
        segments: sizes(&segments),
        stamps: segments
            .into_iter()
            .map(|(l, e_tag)| {
                let bytes = l.bytes;
                (l.key, Stamp { bytes, e_tag })
            })
            .collect(),
    })
}

/// The one spelling of a generation in a path: a stray `segments/1` is no segment.
pub(crate) fn parse_generation(name: &str) -> Option<Generation> {
    let generation: Generation = name.parse().ok()?;
    (format!("{generation:#}") == name).then_some(generation)
}

/// Where to start listing for a reader that has nothing: just before the snapshot that the head names. The
/// hint is not trusted: when nothing is found there, everything is listed.
pub(crate) async fn list_layers_by_hint(
    store: &Store,
    info: &SpaceInfo,
    head: Option<&Head>,
) -> Result<Layers> {
    let hint = head
        .filter(|h| h.epoch == info.epoch)
        .map_or(Generation::ZERO, |h| h.snapshot);
    let layers = list_layers(store, info, hint.saturating_sub(1)).await?;
    let is_there = layers.snapshots.contains_key(&hint) && layers.segments.contains_key(&hint);
    if hint > Generation::ZERO && !is_there {
        return list_layers(store, info, Generation::ZERO).await;
    }
    Ok(layers)
}

/// Brings a base to the newest listed generation by the cheaper way, and returns what was read.
///
/// A snapshot that cannot be read is passed over for an older one, or for the segments: one bad object does
/// not stop a reader. One that a newer program wrote does: folding on without it would show another state.
pub(crate) async fn catch_up(
    store: &Store,
    info: &SpaceInfo,
    base: &mut Base,
    layers: &Layers,
) -> Result<Vec<Layer>> {
    let mut layers = layers.clone();
    let mut unusable = BTreeSet::new();
    let mut read = Vec::new();
    let mut looks = 0;
    let mut misfit = None;
    let was_pure = base.impure.is_none();
    let mut start = (base.generation == Generation::ZERO).then(|| base.clone());
    loop {
        let outcome = match plan_catch_up(base.generation, &layers.snapshots, &layers.segments) {
            // On the heap: everything that reads would carry its two layers otherwise.
            Ok(plan) => Box::pin(follow(store, info, base, &plan, &mut read)).await,
            Err(error) => {
                let folder = ObjectKey::segments(&info.space, info.epoch);
                Err(Failed::Gone(error.with_object(folder)))
            }
        };
        match outcome {
            Ok(()) => {
                check_rejections(base, misfit)?;
                if let Some(impure) = base.impure.as_deref().filter(|_| was_pure) {
                    let (space, generation) = (&info.space, impure.generation);
                    tracing::warn!(%space, %generation, "the model makes different states of the same updates");
                }
                return Ok(read);
            }
            Err(Failed::Misfit(generation, covered, error)) => {
                tracing::warn!(%error, "a snapshot does not fit the model; folding the segments");
                misfit = Some((covered, error));
                unusable.insert(generation);
            }
            Err(Failed::Snapshot(generation, error)) => {
                tracing::warn!(%error, "a snapshot cannot be used; going on without it");
                unusable.insert(generation);
            }
            Err(Failed::Gone(error)) if looks >= RELISTS_MAX => {
                return Err(Box::pin(why_gone(store, info, error)).await);
            }
            Err(Failed::Gone(_)) => {}
            // Read in part before the store was put back, and in part after? Once more from nothing tells.
            Err(Failed::Final(error)) if error.is_corrupt() && start.is_some() => {
                tracing::warn!(%error, "reading once more from the first segment");
                *base = start.take().unwrap_or_else(|| base.clone());
                read.clear();
            }
            Err(Failed::Final(error)) => return Err(error),
        }
        if looks < RELISTS_MAX {
            layers = list_layers(store, info, Generation::ZERO).await?;
            looks += 1;
        }
        layers
            .snapshots
            .retain(|generation, _| !unusable.contains(generation));
    }
}

/// What is not there may have been removed with its epoch, while whoever reads slept: that is no broken history.
async fn why_gone(store: &Store, info: &SpaceInfo, error: Error) -> Error {
    match store.space(&info.space).await {
        Ok(open) if open.info.epoch == info.epoch => error,
        Ok(_) => Error::unavailable("the space has entered another epoch while it was read")
            .with_object(info.space.to_string())
            .with_hint("try again: it is read in the new one"),
        Err(other) => other,
    }
}

/// The same for who needs no state: where a newer version of the model wrote something, it goes on without one.
pub(crate) async fn catch_up_or_hold(
    store: &Store,
    info: &SpaceInfo,
    base: &mut Base,
    layers: &Layers,
) -> Result<Vec<Layer>> {
    let error = match catch_up(store, info, base, layers).await {
        Err(error) => error,
        read => return read,
    };
    let Some(newer) = Newer::of(&error) else {
        return Err(error);
    };
    base.hold(newer.clone());
    catch_up(store, info, base, layers).await
}

/// Why a plan was not followed to its end.
enum Failed {
    /// This snapshot is of no use: another way may lead there.
    Snapshot(Generation, Error),
    /// The state of this one, which covers these, does not fit the model.
    Misfit(Generation, Box<Covered>, Error),
    /// Something listed is not there (any more): another listing may tell why.
    Gone(Error),
    /// Nothing else can be tried.
    Final(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

async fn follow(
    store: &Store,
    info: &SpaceInfo,
    base: &mut Base,
    plan: &CatchUp,
    read: &mut Vec<Layer>,
) -> Result<(), Failed> {
    store.want(&plan_keys(info, plan)).await?;
    let snapshot = async {
        match plan.snapshot {
            Some(generation) => read_snapshot(store, info, generation).await,
            None => Err(Error::internal("BUG: no snapshot was planned")),
        }
    };
    let mut segments = stream::iter(plan.segments.clone())
        .map(|generation| read_segment(store, info, generation))
        .buffered(store.settings.segments_ahead.max(1));
    // The first segments travel together with the snapshot: one round trip.
    let (snapshot, mut next) = futures::future::join(snapshot, segments.next()).await;
    if let Some(generation) = plan.snapshot {
        let (unpacked, bytes) = snapshot.map_err(|e| of_snapshot(generation, e))?;
        // Who has met a newer version of the model goes on without a state.
        let content = match base.folded.content() {
            held if held.newer().is_some() => held.clone(),
            _ => store.content(info)?,
        };
        let object = ObjectKey::Snapshot(info.space.clone(), info.epoch, generation).to_string();
        let impure = base.impure.clone();
        *base = Base::from_snapshot(&unpacked, info, content)
            .map_err(|e| match Misfit::of(&e) {
                Some(_) => {
                    let covered = Box::new(unpacked.header.covered.clone());
                    Failed::Misfit(generation, covered, e.with_object(object))
                }
                None => of_snapshot(generation, e.with_object(object)),
            })?
            .ok_or_else(|| Failed::Snapshot(generation, of_another_model()))?;
        base.impure = impure;
        read.push(Layer {
            generation,
            snapshot: true,
            bytes,
        });
    }
    while let Some(segment) = next {
        let (unpacked, bytes) = segment.map_err(|e| match e.kind() {
            ErrorKind::NotFound => Failed::Gone(missing(&e)),
            _ => Failed::Final(e),
        })?;
        fold(info, base, &unpacked)?;
        read.push(Layer {
            generation: unpacked.header.segment,
            snapshot: false,
            bytes,
        });
        next = segments.next().await;
    }
    Ok(())
}

/// Where a snapshot did not fit the model and its history was folded anew: a model that rejects more of it than the one
/// that wrote the snapshot is another one, whatever its version says.
fn check_rejections(base: &Base, misfit: Option<(Box<Covered>, Error)>) -> Result<()> {
    let Some((covered, error)) = misfit else {
        return Ok(());
    };
    let listed = base.folded.rejected.list.iter();
    let rejected = listed.filter(|r| covered.contains(r.id)).count() as u64;
    match Misfit::of(&error) {
        Some(misfit) if rejected > misfit.rejected => Err(error),
        _ => Ok(()),
    }
}

/// The objects that a plan reads.
pub fn plan_keys(info: &SpaceInfo, plan: &CatchUp) -> Vec<ObjectKey> {
    let (space, epoch) = (&info.space, info.epoch);
    let snapshot = plan.snapshot.iter();
    let snapshot = snapshot.map(|g| ObjectKey::Snapshot(space.clone(), epoch, *g));
    let segments = plan.segments.iter();
    let segments = segments.map(|g| ObjectKey::Segment(space.clone(), epoch, *g));
    snapshot.chain(segments).collect()
}

fn of_snapshot(generation: Generation, error: Error) -> Failed {
    match error.kind() {
        // The segments say the same, and need less memory where nothing is folded.
        _ if UnpacksToMore::is(&error) => Failed::Snapshot(generation, error),
        ErrorKind::Corrupt => Failed::Snapshot(generation, error),
        ErrorKind::NotFound => Failed::Gone(error),
        _ => Failed::Final(error),
    }
}

fn of_another_model() -> Error {
    Error::invalid("the snapshot is of an older version of the model, which cannot be upgraded")
}

/// A segment that stays away although later ones are listed.
pub(crate) fn missing(error: &Error) -> Error {
    hinted(Error::corrupt("a segment is missing").with_object(error.object().unwrap_or_default()))
}

pub(crate) fn fold(info: &SpaceInfo, base: &mut Base, segment: &Segment) -> Result<()> {
    let object =
        || ObjectKey::Segment(info.space.clone(), info.epoch, segment.header.segment).to_string();
    base.fold(segment).map_err(|e| e.with_object(object()))
}

fn gone(info: &SpaceInfo, generation: Generation) -> Error {
    Error::not_found("a listed snapshot is gone")
        .with_object(ObjectKey::Snapshot(info.space.clone(), info.epoch, generation).to_string())
}

pub(crate) async fn read_snapshot(
    store: &Store,
    info: &SpaceInfo,
    generation: Generation,
) -> Result<(Snapshot, Bytes)> {
    let key = ObjectKey::Snapshot(info.space.clone(), info.epoch, generation);
    let got = store
        .bucket
        .get(&key)
        .await?
        .ok_or_else(|| gone(info, generation))?;
    let snapshot = Snapshot::unpack_at_most(&got.bytes, store.settings.unpacked_max)
        .map_err(|e| hinted(e).with_object(key.to_string()))?;
    if snapshot.header.snapshot != generation {
        return Err(Error::corrupt(format!(
            "the snapshot says it is number {}",
            snapshot.header.snapshot
        ))
        .with_object(key.to_string()));
    }
    Ok((snapshot, got.bytes))
}

/// Reads one segment and checks it in itself.
pub(crate) async fn read_segment(
    store: &Store,
    info: &SpaceInfo,
    generation: Generation,
) -> Result<(Segment, Bytes)> {
    let key = ObjectKey::Segment(info.space.clone(), info.epoch, generation);
    let got = store.bucket.get(&key).await?.ok_or_else(|| {
        hinted(Error::not_found("a segment is missing")).with_object(key.to_string())
    })?;
    let segment = Segment::unpack_at_most(&got.bytes, store.settings.unpacked_max)
        .map_err(|e| hinted(e).with_object(key.to_string()))?;
    if segment.header.segment != generation {
        return Err(hinted(Error::corrupt(format!(
            "the segment says it is number {}",
            segment.header.segment
        )))
        .with_object(key.to_string()));
    }
    Ok((segment, got.bytes))
}

fn hinted(error: Error) -> Error {
    if error.hint().is_some() {
        return error;
    }
    error.with_hint("restore the object from a backup or a versioned bucket; `icecore verify` names all that is off")
}
