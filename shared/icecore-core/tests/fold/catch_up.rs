//! The way to the newest generation.

use icecore_core::Generation;
use icecore_core::plan::{CatchUp, plan_catch_up};
use proptest::collection::btree_map;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Sizes = BTreeMap<Generation, u64>;

fn sizes() -> impl Strategy<Value = Sizes> {
    // Mostly all of them: a history has few holes.
    let whole = proptest::collection::vec(1_u64..100, 0..10).prop_map(|sizes| {
        let generations = (1..).map(|n| Generation::new(n).unwrap());
        generations.zip(sizes).collect()
    });
    prop_oneof![2 => whole, 1 => some_sizes()]
}

fn some_sizes() -> impl Strategy<Value = Sizes> {
    let generation = (1_u64..11).prop_map(|n| Generation::new(n).unwrap());
    btree_map(generation, 1_u64..300, 0..8)
}

/// Every way there is: from what one has, or from any snapshot, through all segments to the newest generation.
fn ways(have: Generation, snapshots: &Sizes, segments: &Sizes) -> Vec<(CatchUp, u64)> {
    let last = segments.keys().next_back().copied().unwrap_or_default();
    let starts = snapshots.range(have.saturating_add(1)..);
    let starts = starts.map(|(&generation, &bytes)| (Some(generation), bytes));
    std::iter::once((None, 0))
        .chain(starts)
        .filter_map(|(snapshot, bytes)| {
            let from = snapshot.unwrap_or(have).get() + 1;
            let beyond = snapshots.range(last.max(have).saturating_add(1)..).next();
            if snapshot.is_none() && beyond.is_some() {
                return None;
            }
            let run: Vec<Generation> = (from..=last.get())
                .map(|n| Generation::new(n).unwrap())
                .collect();
            let more: Option<u64> = run.iter().map(|g| segments.get(g)).sum();
            let way = CatchUp {
                snapshot,
                segments: run,
            };
            Some((way, bytes + more?))
        })
        .collect()
}

proptest! {
    #[test]
    fn it_is_a_whole_way_and_the_cheaper_one(
        have in 0_u64..11, snapshots in some_sizes(), segments in sizes()
    ) {
        let have = Generation::new(have).unwrap();
        let ways = ways(have, &snapshots, &segments);
        let newest = snapshots.keys().next_back().copied();
        match plan_catch_up(have, &snapshots, &segments) {
            Ok(plan) => {
                let (_, bytes) = ways.iter().find(|(way, _)| *way == plan)
                    .ok_or_else(|| TestCaseError::fail(format!("{plan:?} is no whole way")))?;
                // Of snapshots only the newest is looked at: an older one needs more segments.
                prop_assert!(plan.snapshot.is_none() || plan.snapshot == newest);
                let considered = ways.iter()
                    .filter(|(way, _)| way.snapshot.is_none() || way.snapshot == newest)
                    // Who has nothing prefers a snapshot.
                    .filter(|(way, _)| have > Generation::ZERO || way.snapshot == plan.snapshot);
                prop_assert!(
                    have > Generation::ZERO || plan.snapshot.is_some()
                        || ways.iter().all(|(way, _)| way.snapshot.is_none() || way.snapshot != newest)
                );
                let least = considered.map(|(_, bytes)| *bytes).min();
                prop_assert_eq!(least, Some(*bytes));
            }
            // An older snapshot would not do either.
            Err(error) => {
                prop_assert!(error.is_corrupt() && error.hint().is_some());
                prop_assert!(ways.is_empty(), "{ways:?}");
            }
        }
    }

    #[test]
    fn no_generation_is_skipped(
        have in 0_u64..11, snapshots in some_sizes(), segments in sizes()
    ) {
        let have = Generation::new(have).unwrap();
        if let Ok(plan) = plan_catch_up(have, &snapshots, &segments) {
            let mut at = plan.snapshot.unwrap_or(have);
            prop_assert!(at >= have);
            for next in plan.segments {
                prop_assert_eq!(at.next(), Some(next));
                prop_assert!(segments.contains_key(&next));
                at = next;
            }
            prop_assert!(segments.keys().next_back().is_none_or(|last| at >= *last));
        }
    }
}
