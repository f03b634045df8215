//! When a snapshot is due: a cold read stays small, and so does what is written.

use icecore_core::plan::SnapshotRule;
use proptest::collection::vec;
use proptest::prelude::*;

/// What a history of roll-ups writes and leaves to be read.
#[derive(Debug, Default)]
struct Written {
    segments: u64,
    segment_bytes: u64,
    /// Of snapshots that were due because of bytes alone.
    by_bytes: u64,
    /// Snapshots that were due because of their number, and their bytes.
    by_number: Vec<u64>,
    /// Snapshots while the one before was of medium size, and while it was small.
    medium: u64,
    small: u64,
}

/// Plays roll-ups of these sizes on a state that grows by at most what is rolled up.
fn play(rule: &SnapshotRule, start: u64, rollups: &[(u64, u8)]) -> Written {
    let mut written = Written::default();
    let (mut state, mut snapshot) = (start, start);
    let (mut since, mut segments) = (0, 0);
    for &(bytes, kept_percent) in rollups {
        written.segments += 1;
        written.segment_bytes += bytes;
        state += bytes * u64::from(kept_percent) / 100;
        since += bytes;
        segments += 1;
        if !rule.is_due(Some(snapshot), since, segments) {
            assert_bounds(rule, snapshot, since, segments);
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "as the rule does it")]
        let exceeds = since as f64 > snapshot as f64 * rule.fraction;
        match snapshot {
            bytes if bytes <= rule.small_bytes => written.small += 1,
            _ if exceeds => written.by_bytes += state,
            bytes if bytes <= rule.medium_bytes => written.medium += 1,
            _ => written.by_number.push(segments),
        }
        (snapshot, since, segments) = (state, 0, 0);
    }
    written
}

/// What a reader finds while no snapshot is due.
fn assert_bounds(rule: &SnapshotRule, snapshot: u64, since: u64, segments: u64) {
    assert!(
        since * 4 <= snapshot,
        "a cold read is at most 1.25 × the snapshot"
    );
    assert!(segments < rule.segments_hard_max);
    assert!(segments < rule.segments_max || snapshot > rule.medium_bytes);
    assert!(snapshot > rule.small_bytes);
}

proptest! {
    #[test]
    fn what_is_written_and_what_is_read_is_bounded(
        start in prop_oneof![1_u64..200_000, 1_u64..8 << 20, 1_u64 << 20..1 << 34],
        rollups in vec((prop_oneof![200_u64..5_000, 200_u64..2 << 20], 0_u8..=100), 1..300),
    ) {
        let rule = SnapshotRule::default();
        let written = play(&rule, start, &rollups);
        // A snapshot after more than a quarter is at most five times what led to it.
        prop_assert!(written.by_bytes <= 5 * written.segment_bytes, "{written:?}");
        // The others are few, or small.
        prop_assert!(written.by_number.iter().all(|&n| n == rule.segments_hard_max));
        prop_assert!(written.medium * rule.segments_max <= written.segments);
        prop_assert!(written.small <= written.segments);
    }

    #[test]
    fn the_first_one_is_due_at_once_and_none_without_a_segment(
        snapshot in any::<u64>(), bytes in any::<u64>(), segments in any::<u64>(),
    ) {
        let rule = SnapshotRule::default();
        prop_assert!(rule.is_due(None, bytes, segments));
        prop_assert!(!rule.is_due(Some(snapshot), bytes, 0));
        prop_assert!(segments < rule.segments_hard_max || rule.is_due(Some(snapshot), bytes, segments));
    }
}
