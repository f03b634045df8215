//! The numbered invariants of docs/protocol.md as functions, checked before every write that others build on
//! and after every read.

use crate::base::Base;
use crate::covered::Covered;
use crate::error::{Error, Result};
use crate::ids::Generation;
use crate::rules::{self, Rule};
use crate::segment::SegmentHeader;
use crate::snapshot::SnapshotHeader;

/// I1–I4: a segment is the next one of the chain that a base stands at the end of.
///
/// # Errors
/// `Corrupt`, naming what does not fit.
pub fn next_segment(base: &Base, header: &SegmentHeader) -> Result<()> {
    let corrupt = |what: String| {
        Err(Error::corrupt(what).with_hint(
            "run `icecore verify`; restore the object from a backup or a versioned bucket",
        ))
    };
    if header.space != base.space || header.epoch != base.epoch {
        return corrupt(format!(
            "the segment is of space {} epoch {}",
            header.space, header.epoch
        ));
    }
    // I1: generations have no gaps.
    if rules::is_on(Rule::GenerationGap) && Some(header.segment) != base.generation.next() {
        return corrupt(format!(
            "segment {} does not follow segment {}",
            header.segment, base.generation
        ));
    }
    // I2: each segment names the digest of the one before it.
    if rules::is_on(Rule::HashChain)
        && rules::is_on(Rule::GenerationGap)
        && header.previous != base.digest
    {
        return corrupt(format!(
            "segment {} does not continue the chain: it names another segment {}",
            header.segment, base.generation
        ));
    }
    // I15: the version of the model that segments name never falls.
    // A writer that knows of none says 0, which is as good as 1.
    if header.model_version.max(1) < base.model_version {
        return corrupt(format!(
            "segment {} names version {} of the model, an earlier one named {}",
            header.segment, header.model_version, base.model_version
        ));
    }
    // I3: nothing is covered twice.
    if base.covered.overlaps(&header.covered) || header.carried.overlaps(&header.covered) {
        return corrupt(format!(
            "segment {} covers an update that is covered already",
            header.segment
        ));
    }
    // I4: only the first segment of an epoch carries anything over.
    let first = header.segment.get() == 1;
    if !first && (header.base.is_some() || !header.carried.is_empty()) {
        return corrupt(format!(
            "segment {} carries a state over, only the first may",
            header.segment
        ));
    }
    if header.count != header.covered.len() {
        return corrupt(format!(
            "segment {} counts {} updates and covers {}",
            header.segment,
            header.count,
            header.covered.len()
        ));
    }
    Ok(())
}

/// I5: before a snapshot is published: covered(n+1) = covered(n) ∪ header, and the counts add up.
///
/// # Errors
/// `Internal`: a bug, found before anything is stored.
pub fn before_snapshot(before: &Covered, header: &SegmentHeader, after: &Base) -> Result<()> {
    let mut expected = before.clone();
    expected.extend(&header.carried);
    expected.extend(&header.covered);
    let fits = expected == after.covered
        && after.generation == header.segment
        && (header.segment != Generation::MIN.saturating_add(1) || before.is_empty())
        && expected.len() == before.len() + header.carried.len() + header.covered.len();
    if fits {
        Ok(())
    } else {
        Err(Error::internal(format!(
            "BUG: the state after segment {} does not cover what it must",
            header.segment
        )))
    }
}

/// I6: a snapshot stands for the chain that a base stands for.
///
/// # Errors
/// `Corrupt`, naming what does not fit.
pub fn snapshot_of(base: &Base, header: &SnapshotHeader) -> Result<()> {
    if header.snapshot != base.generation || Some(header.segment) != base.digest {
        return Err(Error::corrupt(format!(
            "snapshot {} names another segment than the chain has",
            header.snapshot
        )));
    }
    if header.covered != base.covered || header.count != base.count {
        return Err(Error::corrupt(format!(
            "snapshot {} covers other updates than the chain",
            header.snapshot
        )));
    }
    Ok(())
}
