//! The covered set against the plainest set there is.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use icecore_core::{Author, Covered, Seq, UpdateId};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use std::collections::BTreeSet;

type Model = BTreeSet<UpdateId>;

fn id(author: u64, seq: u64) -> UpdateId {
    UpdateId {
        author: Author::from_parts(author, 0),
        seq: Seq::new(seq).unwrap(),
    }
}

/// Few authors and few seqs, so that ranges meet; at both ends of what a seq can be.
fn any_id() -> impl Strategy<Value = UpdateId> {
    let first = 1_u64..16;
    let last = (Seq::MAX.get() - 8)..=Seq::MAX.get();
    (0_u64..3, prop_oneof![4 => first, 1 => last]).prop_map(|(author, seq)| id(author, seq))
}

fn ids() -> impl Strategy<Value = Model> {
    btree_set(any_id(), 0..24)
}

fn everything() -> impl Iterator<Item = UpdateId> {
    let seqs = (1..20).chain(Seq::MAX.get() - 10..=Seq::MAX.get());
    seqs.flat_map(|seq| (0..4).map(move |author| id(author, seq)))
}

#[derive(Debug, Clone)]
enum Step {
    Insert(UpdateId),
    Extend(Model),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_id().prop_map(Step::Insert),
        1 => ids().prop_map(Step::Extend),
    ]
}

fn set_of(model: &Model) -> Covered {
    model.iter().copied().collect()
}

/// Sorted, and a seq apart at least: what makes the form the only one.
fn has_least_ranges(covered: &Covered) -> bool {
    covered.authors().all(|author| {
        let ranges = covered.ranges_of(author);
        let ordered = ranges.iter().all(|(from, to)| from <= to);
        let apart = ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
        !ranges.is_empty() && ordered && apart
    })
}

fn assert_same(covered: &Covered, model: &Model) {
    assert!(has_least_ranges(covered), "{covered:?}");
    assert_eq!(covered.len(), model.len() as u64);
    assert_eq!(covered.is_empty(), model.is_empty());
    for id in everything() {
        assert_eq!(covered.contains(id), model.contains(&id), "{id}");
    }
    let authors: BTreeSet<Author> = model.iter().map(|id| id.author).collect();
    assert!(covered.authors().eq(authors.iter().copied()));
    for author in authors {
        let of_author: Model = model
            .iter()
            .filter(|id| id.author == author)
            .copied()
            .collect();
        assert_eq!(
            covered.last_of(author),
            of_author.last().map(|last| last.seq)
        );
        assert_eq!(covered.of_author(author), set_of(&of_author));
    }
}

proptest! {
    #[test]
    fn it_is_the_set_that_the_model_is(steps in vec(step(), 0..40)) {
        let (mut covered, mut model) = (Covered::default(), Model::new());
        for step in steps {
            match step {
                Step::Insert(id) => prop_assert_eq!(covered.insert(id), model.insert(id)),
                Step::Extend(more) => {
                    covered.extend(&set_of(&more));
                    model.extend(more);
                }
            }
            assert_same(&covered, &model);
        }
        prop_assert_eq!(&covered, &set_of(&model));
    }

    #[test]
    fn two_sets_overlap_when_they_share_an_id(a in ids(), b in ids()) {
        let (covered_a, covered_b) = (set_of(&a), set_of(&b));
        prop_assert_eq!(covered_a.overlaps(&covered_b), !a.is_disjoint(&b));
        prop_assert_eq!(covered_b.overlaps(&covered_a), !a.is_disjoint(&b));
        let mut union = covered_a.clone();
        union.extend(&covered_b);
        prop_assert_eq!(union.len() == covered_a.len() + covered_b.len(), a.is_disjoint(&b));
    }

    #[test]
    fn equal_sets_have_equal_json(
        (ids, shuffled) in ids().prop_flat_map(|ids| {
            let list: Vec<UpdateId> = ids.into_iter().collect();
            (Just(list.clone()), Just(list).prop_shuffle())
        })
    ) {
        let json = |ids: Vec<UpdateId>| {
            serde_json::to_string(&ids.into_iter().collect::<Covered>()).unwrap()
        };
        prop_assert_eq!(json(ids), json(shuffled));
    }

    #[test]
    fn json_of_another_form_is_refused(
        authors in vec((0_u64..3, vec((0_u64..9, 0_u64..9), 0..4)), 0..4)
    ) {
        let members: Vec<String> = authors
            .iter()
            .map(|(author, ranges)| {
                let ranges = serde_json::to_string(ranges).unwrap();
                format!("\"{}\":{ranges}", Author::from_parts(*author, 0))
            })
            .collect();
        let json = format!("{{{}}}", members.join(","));
        // Whatever is read is written again just so: no two texts stand for one set.
        if let Ok(covered) = serde_json::from_str::<Covered>(&json) {
            prop_assert!(has_least_ranges(&covered));
            prop_assert_eq!(serde_json::to_string(&covered).unwrap(), json);
        }
    }
}
