//! Whether the history that was folded is the one that the store holds: a bucket may be put back to an older state, and
//! then another segment may get the same number.

use super::base::{Layers, read_segment, read_snapshot};
use crate::store::Store;
use icecore_core::{Base, Covered, Digest, Error, ErrorKind, Generation, Result, SpaceInfo};
use serde::{Deserialize, Serialize};

/// What a listing says of one version of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its size as stored.
    pub bytes: u64,
    /// Its tag, where the server gives one.
    pub e_tag: Option<String>,
}

impl Stamp {
    /// Whether both are of one version. Two of one size without a tag may be two.
    fn is_same(&self, other: &Self) -> bool {
        self.bytes == other.bytes && is_same_tag(self.e_tag.as_deref(), other.e_tag.as_deref())
    }
}

/// Whether both are known and name one version. Some servers quote tags in headers and not in listings.
pub(crate) fn is_same_tag(one: Option<&str>, other: Option<&str>) -> bool {
    let plain = |tag: &str| tag.trim_matches('"').to_owned();
    one.is_some() && one.map(plain) == other.map(plain)
}

impl Layers {
    /// The stamp of a segment, if it was listed.
    pub(crate) fn stamp(&self, generation: Generation) -> Option<Stamp> {
        self.stamps.get(&generation).cloned()
    }
}

/// Whether the store still holds the segment that a base ends with. `layers` are those from this one on; `known` is what
/// listings have said of it.
///
/// A copied bucket gives other tags to the same bytes, so where the stamps differ the segment is read: what counts is its
/// digest. One that cannot be read is damaged, and no other history; that is for `verify` to say.
///
/// # Errors
/// `Unavailable` or `Denied`.
pub(crate) async fn is_continued(
    store: &Store,
    info: &SpaceInfo,
    base: &Base,
    layers: &Layers,
    known: &mut Option<Stamp>,
) -> Result<bool> {
    let own = base.generation;
    if own == Generation::ZERO {
        return Ok(true);
    }
    let Some(stamp) = layers.stamp(own) else {
        if layers.snapshots.contains_key(&own) {
            let snapshot = read_snapshot(store, info, own).await;
            return is_of(base, snapshot.map(|(snapshot, _)| snapshot.header.segment));
        }
        // The newest segment is never removed; earlier ones may be, where a snapshot stands for them.
        return Ok(!layers.segments.is_empty());
    };
    if known.as_ref().is_some_and(|known| known.is_same(&stamp)) {
        return Ok(true);
    }
    let segment = read_segment(store, info, own).await;
    let same = is_of(base, segment.map(|(segment, _)| segment.digest))?;
    if same {
        *known = Some(stamp);
    }
    Ok(same)
}

fn is_of(base: &Base, digest: Result<Digest>) -> Result<bool> {
    match digest {
        Ok(digest) => Ok(Some(digest) == base.digest),
        Err(error) if may_pass(&error) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "what this replica has folded cannot be compared with what is stored");
            Ok(true)
        }
    }
}

fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Denied)
}

/// What a base covered that the one in its place does not: in one history, and from one epoch to the next, nothing.
pub(crate) fn lost(before: &Covered, after: &Covered) -> Option<Covered> {
    let lost = before.without(after);
    (!lost.is_empty()).then_some(lost)
}
