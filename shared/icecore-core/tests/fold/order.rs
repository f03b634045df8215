//! The effective order and the gaps, against their definitions word for word.

use super::world::author;
use icecore_core::order::{Place, Visible, gaps, sort};
use icecore_core::{Covered, Key, Order, Seq, UpdateId};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Objects of few authors that hold few seqs each, overlapping often; each key once.
fn visible() -> impl Strategy<Value = Vec<Visible>> {
    let object = (0_u64..60, 0_usize..3, 1_u64..8, 1_usize..4);
    vec(object, 0..12)
        .prop_map(|objects| {
            let by_key: BTreeMap<u64, Visible> = objects
                .into_iter()
                .map(|(key, a, seq, count)| {
                    let key_checked = Key::new(key).unwrap();
                    (key, (key_checked, author(a), Seq::new(seq).unwrap(), count))
                })
                .collect();
            by_key.into_values().collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn covered() -> impl Strategy<Value = Covered> {
    btree_set((0_usize..3, 1_u64..6), 0..6).prop_map(|ids| {
        ids.into_iter()
            .map(|(a, seq)| UpdateId {
                author: author(a),
                seq: Seq::new(seq).unwrap(),
            })
            .collect()
    })
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Timestamp), Just(Order::Sequence)]
}

/// The least key of each uncovered visible update.
fn least_keys(visible: &[Visible], covered: &Covered) -> BTreeMap<UpdateId, Key> {
    let mut keys = BTreeMap::new();
    for &(key, author, first, count) in visible {
        for seq in (first.get()..).take(count) {
            let seq = Seq::new(seq).unwrap();
            let id = UpdateId { author, seq };
            if !covered.contains(id) {
                let least = keys.entry(id).or_insert(key);
                *least = key.min(*least);
            }
        }
    }
    keys
}

fn expected(order: Order, visible: &[Visible], covered: &Covered) -> Vec<Place> {
    let keys = least_keys(visible, covered);
    let effective = |id: UpdateId| {
        let later = keys
            .iter()
            .filter(|(other, _)| other.author == id.author && other.seq >= id.seq);
        later.map(|(_, key)| *key).min().unwrap()
    };
    let mut places: Vec<Place> = keys
        .iter()
        .map(|(&id, &key)| Place {
            effective: match order {
                Order::Timestamp => effective(id),
                Order::Sequence => key,
            },
            id,
            key,
        })
        .collect();
    places.sort_by_key(|p| (p.effective, p.id.author, p.id.seq));
    places
}

proptest! {
    #[test]
    fn it_is_what_the_definition_says(
        visible in visible(), covered in covered(), order in order()
    ) {
        let sorted = sort(order, visible.iter().copied(), &covered);
        prop_assert_eq!(&sorted, &expected(order, &visible, &covered));
        // Each update once, and none that is covered.
        let ids: BTreeSet<UpdateId> = sorted.iter().map(|p| p.id).collect();
        prop_assert_eq!(ids.len(), sorted.len());
        prop_assert!(ids.iter().all(|id| !covered.contains(*id)));
    }

    #[test]
    fn an_authors_seqs_ascend_whatever_its_clock_did(
        visible in visible(), covered in covered()
    ) {
        let mut last: BTreeMap<_, Seq> = BTreeMap::new();
        for place in sort(Order::Timestamp, visible, &covered) {
            let before = last.insert(place.id.author, place.id.seq);
            prop_assert!(before.is_none_or(|before| before < place.id.seq), "{place:?}");
            prop_assert!(place.effective <= place.key);
        }
    }

    #[test]
    fn the_order_of_arrival_means_nothing(
        (visible, shuffled) in visible().prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
        covered in covered(), order in order(),
    ) {
        prop_assert_eq!(
            sort(order, visible.iter().copied(), &covered),
            sort(order, shuffled.iter().copied(), &covered)
        );
        prop_assert_eq!(gaps(visible, &covered), gaps(shuffled, &covered));
    }

    #[test]
    fn what_is_seen_again_later_changes_nothing(
        visible in visible(), covered in covered(), order in order(),
    ) {
        let again = visible.iter().map(|&(key, a, seq, count)| {
            (key.saturating_add(1_000), a, seq, count)
        });
        let twice: Vec<Visible> = visible.iter().copied().chain(again).collect();
        prop_assert_eq!(
            sort(order, visible.iter().copied(), &covered),
            sort(order, twice.iter().copied(), &covered)
        );
        prop_assert_eq!(gaps(visible, &covered), gaps(twice, &covered));
    }

    #[test]
    fn what_gets_covered_leaves_without_moving_the_rest(
        visible in visible(), covered in covered(), taken in 0_usize..12,
    ) {
        // A roll-up takes a first part: the tail that is left keeps its order.
        let all = sort(Order::Timestamp, visible.iter().copied(), &covered);
        let (first, rest) = all.split_at(taken.min(all.len()));
        let mut covered = covered;
        covered.extend(&first.iter().map(|p| p.id).collect());
        let left = sort(Order::Timestamp, visible, &covered);
        prop_assert_eq!(left, rest);
    }

    #[test]
    fn a_gap_is_the_seq_before_one_that_is_there(visible in visible(), covered in covered()) {
        let seen = least_keys(&visible, &covered);
        let before = |id: &UpdateId| {
            let seq = Seq::new(id.seq.get() - 1).ok()?;
            Some(UpdateId { author: id.author, seq })
        };
        let expected: BTreeSet<UpdateId> = seen
            .keys()
            .filter_map(before)
            .filter(|id| !seen.contains_key(id) && !covered.contains(*id))
            .collect();
        prop_assert_eq!(gaps(visible, &covered), expected);
    }
}
