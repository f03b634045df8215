//! The cheaper way from what a replica has to the newest generation (docs/protocol.md, Read).

use crate::error::{Error, Result};
use crate::ids::Generation;
use crate::rules::{self, Rule};
use std::collections::BTreeMap;

/// What to read, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatchUp {
    /// Start over from this snapshot; `None`: go on from the own generation.
    pub snapshot: Option<Generation>,
    /// Then fold these segments.
    pub segments: Vec<Generation>,
}

/// Chooses by the sizes in the listings: the segments after `have`, or the newest snapshot and the segments
/// after it. A gap in the segments after `have` leaves only the snapshot.
///
/// # Errors
/// `Corrupt` when neither way has all the segments it needs.
pub fn plan_catch_up(
    have: Generation,
    snapshots: &BTreeMap<Generation, u64>,
    segments: &BTreeMap<Generation, u64>,
) -> Result<CatchUp> {
    let last = segments
        .keys()
        .next_back()
        .copied()
        .unwrap_or(Generation::ZERO);
    let newest = snapshots.range(have.saturating_add(1)..).next_back();
    // Segments that end before the newest snapshot are no way to the newest generation: some are not listed.
    let by_segments = run_after(have, last, segments)
        .filter(|_| newest.is_none_or(|(generation, _)| *generation <= last));
    let by_snapshot = newest.and_then(|(&generation, &bytes)| {
        let (rest, more) = run_after(generation, last, segments)?;
        Some((generation, rest, bytes + more))
    });
    match (by_segments, by_snapshot) {
        // Who has nothing takes the snapshot, cheaper or not: it tells whether the model is the one that wrote it.
        (Some((segments, bytes)), Some((_, _, snapshot_bytes)))
            if bytes <= snapshot_bytes && have > Generation::ZERO =>
        {
            Ok(CatchUp {
                snapshot: None,
                segments,
            })
        }
        (_, Some((generation, segments, _))) => Ok(CatchUp {
            snapshot: Some(generation),
            segments,
        }),
        (Some((segments, _)), None) => Ok(CatchUp {
            snapshot: None,
            segments,
        }),
        (None, None) => Err(missing(newest.map_or(have, |(g, _)| *g), segments)),
    }
}

/// The segments from the one after `have` to the last, and their bytes; `None` where one is missing.
fn run_after(
    have: Generation,
    last: Generation,
    segments: &BTreeMap<Generation, u64>,
) -> Option<(Vec<Generation>, u64)> {
    let mut run = Vec::new();
    let mut bytes = 0;
    let mut at = have;
    while at < last {
        at = at.next()?;
        match segments.get(&at) {
            Some(more) => {
                bytes += more;
                run.push(at);
            }
            None if rules::is_on(Rule::GenerationGap) => return None,
            None => {}
        }
    }
    Some((run, bytes))
}

fn missing(have: Generation, segments: &BTreeMap<Generation, u64>) -> Error {
    let mut at = have.saturating_add(1);
    while segments.contains_key(&at) {
        at = at.saturating_add(1);
    }
    Error::corrupt(format!(
        "segment {at} is missing, later ones exist, and no snapshot stands for it"
    ))
    .with_hint("run `icecore verify`; restore the object from a backup or a versioned bucket")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(list: &[(u64, u64)]) -> BTreeMap<Generation, u64> {
        list.iter()
            .map(|&(g, bytes)| (Generation::new(g).unwrap(), bytes))
            .collect()
    }

    fn plan(
        have: u64,
        snapshots: &[(u64, u64)],
        segments: &[(u64, u64)],
    ) -> Option<(Option<u64>, Vec<u64>)> {
        let have = Generation::new(have).unwrap();
        let plan = plan_catch_up(have, &sizes(snapshots), &sizes(segments)).ok()?;
        Some((
            plan.snapshot.map(Generation::get),
            plan.segments.iter().map(|g| g.get()).collect(),
        ))
    }

    #[test]
    fn the_cheaper_way_is_taken() {
        assert_eq!(plan(0, &[], &[]), Some((None, vec![])));
        assert_eq!(plan(0, &[], &[(1, 9), (2, 9)]), Some((None, vec![1, 2])));
        assert_eq!(
            plan(0, &[(2, 10)], &[(1, 9), (2, 9), (3, 1)]),
            Some((Some(2), vec![3]))
        );
        assert_eq!(
            plan(1, &[(2, 10)], &[(2, 9), (3, 1)]),
            Some((None, vec![2, 3]))
        );
        assert_eq!(plan(3, &[(2, 10)], &[(3, 1)]), Some((None, vec![])));
    }

    #[test]
    fn a_gap_means_the_newest_snapshot() {
        assert_eq!(
            plan(1, &[(3, 1_000)], &[(3, 1), (4, 1)]),
            Some((Some(3), vec![4]))
        );
        assert_eq!(plan(1, &[], &[(3, 1)]), None);
        assert_eq!(plan(1, &[(2, 1)], &[(4, 1)]), None);
    }

    #[test]
    fn a_snapshot_newer_than_the_listed_segments_counts() {
        assert_eq!(plan(1, &[(3, 1)], &[(2, 100)]), Some((Some(3), vec![])));
    }

    #[test]
    fn segments_that_end_before_the_newest_snapshot_are_no_way() {
        assert_eq!(plan(0, &[(9, 500)], &[]), Some((Some(9), vec![])));
        assert_eq!(plan(0, &[(9, 500)], &[(1, 1)]), Some((Some(9), vec![])));
        assert_eq!(plan(9, &[(9, 500)], &[]), Some((None, vec![])));
    }
}
