//! What one roll-up takes.

use super::world::{END, author, info, initial, objects, sequence, some_objects};
use icecore_core::order::{self, gaps};
use icecore_core::plan::rollup::Horizon;
use icecore_core::plan::{Loaded, RollupPlan, plan_rollup};
use icecore_core::{Base, Covered, Entry, Key, Order, Seq, UpdateId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen before is drawn for each author: nothing, or up to some seq.
fn horizon() -> impl Strategy<Value = Horizon> {
    let seen = prop::collection::vec(0_u64..8, 4);
    (0..END, any::<bool>(), seen).prop_map(|(settled, complete, seen)| Horizon {
        now: END,
        settled,
        complete,
        seen: seen
            .into_iter()
            .enumerate()
            .filter_map(|(n, seq)| Some((author(n), Seq::new(seq).ok()?)))
            .collect(),
    })
}

/// A listing of everything, after one that showed everything too.
fn second_look(objects: &[Loaded]) -> Horizon {
    let visible = objects.iter().filter_map(Loaded::visible);
    Horizon {
        now: END,
        settled: END,
        complete: true,
        seen: visible.map(|v| (v.1, Seq::MAX)).collect(),
    }
}

/// A base that covers some of the objects, as after roll-ups by others.
fn base_covering(objects: &[Loaded], some: usize, order: Order) -> Base {
    let mut base = initial(&info("log", order));
    let visible = objects.iter().filter_map(Loaded::visible);
    let places = order::sort(order, visible, &Covered::default());
    base.covered = places.iter().take(some).map(|p| p.id).collect();
    base
}

fn before(id: UpdateId) -> Option<UpdateId> {
    let seq = Seq::new(id.seq.get() - 1).ok()?;
    let author = id.author;
    Some(UpdateId { author, seq })
}

fn uncovered(base: &Base, objects: &[Loaded]) -> BTreeSet<UpdateId> {
    let objects = objects.iter().filter_map(|l| l.object.as_ref());
    objects
        .flat_map(|o| o.entries().map(|(id, _)| id))
        .filter(|id| !base.covered.contains(*id))
        .collect()
}

fn as_is(plan: &RollupPlan) -> (&[Entry], Key, bool, usize) {
    (&plan.entries, plan.through, plan.gap, plan.held)
}

proptest! {
    #[test]
    fn none_goes_twice_too_early_or_without_its_authors_earlier_ones(
        objects in some_objects(), some in 0_usize..8, horizon in horizon(), through in 0..END,
    ) {
        let mut base = base_covering(&objects, some, Order::Timestamp);
        base.through = Key::new(through.try_into().unwrap()).unwrap();
        let plan = plan_rollup(&base, &objects, &horizon);
        let by_key: BTreeMap<Key, &Loaded> = objects.iter().map(|l| (l.key, l)).collect();
        let all = uncovered(&base, &objects);
        let missing = gaps(objects.iter().filter_map(Loaded::visible), &base.covered);
        let mut taken = base.covered.clone();
        for entry in &plan.entries {
            let carrier = by_key[&entry.key];
            prop_assert!(all.contains(&entry.id), "{} is covered", entry.id);
            let (_, update) = carrier.object.as_ref().unwrap().entries()
                .find(|(id, _)| *id == entry.id).unwrap();
            prop_assert_eq!(update, &entry.update);
            let stored_early = carrier.last_modified <= horizon.settled;
            prop_assert!(stored_early || i64::try_from(entry.key.get()).unwrap() <= horizon.settled);
            if let Some(before) = before(entry.id) {
                let seen = horizon.seen.get(&before.author).is_some_and(|seq| *seq >= entry.id.seq);
                let gave_up = horizon.complete && missing.contains(&before) && seen;
                prop_assert!(taken.contains(before) || gave_up, "{} goes first", entry.id);
            }
            prop_assert!(taken.insert(entry.id), "{} goes twice", entry.id);
        }
        prop_assert_eq!(plan.held + plan.entries.len(), all.len());
        // What stays behind a gap is remembered, and asks for another look once it is old enough.
        let stays = |id: &&UpdateId| {
            before(**id).is_some_and(|b| missing.contains(&b)) && !taken.contains(**id)
        };
        let stay: Vec<&UpdateId> = all.iter().filter(stays).collect();
        let authors: BTreeSet<_> = stay.iter().map(|id| id.author).collect();
        prop_assert_eq!(plan.behind_gaps.keys().copied().collect::<BTreeSet<_>>(), authors);
        for (author, greatest) in &plan.behind_gaps {
            let seqs = all.iter().filter(|id| id.author == *author).map(|id| id.seq);
            prop_assert_eq!(Some(*greatest), seqs.max());
        }
        prop_assert!(!plan.gap || !stay.is_empty());
        prop_assert!(plan.gap || stay.is_empty() || horizon.settled < END);
        // It says that it looked no further than the server's times vouch for, and never less far than before.
        let newest = objects.iter().map(|l| l.last_modified).max().unwrap_or(0);
        let vouched = horizon.settled.min(newest).max(through);
        prop_assert_eq!(i64::try_from(plan.through.get()).unwrap(), vouched);
    }

    #[test]
    fn entries_stand_in_effective_order(
        objects in some_objects(), some in 0_usize..8, horizon in horizon(),
    ) {
        let base = base_covering(&objects, some, Order::Timestamp);
        let plan = plan_rollup(&base, &objects, &horizon);
        let old = objects.iter().filter(|l| {
            i64::try_from(l.key.get()).unwrap() <= horizon.settled
                || l.last_modified <= horizon.settled
        });
        let mut order = order::sort(
            Order::Timestamp, old.filter_map(Loaded::visible), &base.covered,
        ).into_iter();
        for entry in &plan.entries {
            prop_assert!(order.any(|p| p.id == entry.id), "{} is out of order", entry.id);
        }
    }

    #[test]
    fn the_order_of_reading_means_nothing(
        (objects, shuffled) in some_objects()
            .prop_flat_map(|o| (Just(o.clone()), Just(o).prop_shuffle())),
        some in 0_usize..8, horizon in horizon(),
    ) {
        let base = base_covering(&objects, some, Order::Timestamp);
        let (plan, other) = (
            plan_rollup(&base, &objects, &horizon), plan_rollup(&base, &shuffled, &horizon),
        );
        prop_assert_eq!(as_is(&plan), as_is(&other));
    }

    #[test]
    fn a_complete_listing_of_what_is_old_leaves_nothing(
        objects in some_objects(), some in 0_usize..8,
    ) {
        let base = base_covering(&objects, some, Order::Timestamp);
        let first = plan_rollup(
            &base, &objects, &Horizon { now: END, settled: END, complete: true, ..Horizon::default() },
        );
        let plan = plan_rollup(&base, &objects, &second_look(&objects));
        prop_assert_eq!((plan.held, plan.gap), (0, false));
        prop_assert!(plan.behind_gaps.is_empty());
        // The first look has shown all that the second one passes a gap for.
        let second = plan_rollup(
            &base, &objects, &Horizon { now: END, settled: END, complete: true, seen: first.behind_gaps },
        );
        prop_assert_eq!(as_is(&plan), as_is(&second));
    }

    #[test]
    fn without_a_gap_it_need_not_be_complete(objects in objects()) {
        let base = initial(&info("log", Order::Timestamp));
        let listed = Horizon { now: END, settled: END, ..Horizon::default() };
        let plan = plan_rollup(&base, &objects, &listed);
        prop_assert_eq!((plan.held, plan.gap), (0, false));
    }

    #[test]
    fn a_sequence_goes_up_to_its_first_hole_each_update_once(
        (objects, shuffled) in sequence()
            .prop_flat_map(|o| (Just(o.clone()), Just(o).prop_shuffle())),
        unreadable in prop::option::of(0_usize..8), through in 0_u64..6, horizon in horizon(),
    ) {
        let mut objects = objects;
        if let Some(loaded) = unreadable.and_then(|n| objects.get_mut(n)) {
            loaded.object = None;
        }
        let unreadable = objects.iter().filter(|l| l.object.is_none()).map(|l| l.key).next();
        let shuffled: Vec<Loaded> = shuffled.into_iter().map(|mut l| {
            l.object = l.object.filter(|_| Some(l.key) != unreadable);
            l
        }).collect();
        let mut base = initial(&info("log", Order::Sequence));
        base.through = Key::new(through).unwrap();
        let (through_objects, after): (Vec<_>, Vec<_>) =
            objects.iter().cloned().partition(|l| l.key <= base.through);
        base.covered = uncovered(&base, &through_objects).into_iter().collect();
        let keys: BTreeSet<u64> = after.iter().map(|l| l.key.get()).collect();
        let mut end = through;
        while keys.contains(&(end + 1)) {
            end += 1;
        }

        let plan = plan_rollup(&base, &objects, &horizon);
        prop_assert_eq!((plan.through.get(), plan.gap), (end, false));
        let run: Vec<Loaded> =
            after.iter().filter(|l| l.key.get() <= end).cloned().collect();
        let taken: BTreeSet<UpdateId> = plan.entries.iter().map(|e| e.id).collect();
        prop_assert_eq!(taken.len(), plan.entries.len());
        prop_assert_eq!(&taken, &uncovered(&base, &run));
        prop_assert!(plan.entries.is_sorted_by_key(|e| (e.key, e.id.seq)));
        // What waits is what is new behind the hole.
        let waits = uncovered(&base, &after).difference(&taken).count();
        prop_assert_eq!(plan.held, waits);
        let other = plan_rollup(&base, &shuffled, &horizon);
        prop_assert_eq!(as_is(&plan), as_is(&other));
    }
}
