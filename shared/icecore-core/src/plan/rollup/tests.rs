use super::*;
use crate::ids::{Author, Epoch, SpaceName, StoreId};
use crate::model::log::Log;
use crate::space::{ModelRef, SpaceInfo};
use serde_json::value::RawValue;
use std::sync::Arc;

fn base(order: Order) -> Base {
    let info = SpaceInfo {
        v: 1,
        store: StoreId::from_parts(0, 0),
        space: "s".parse::<SpaceName>().unwrap(),
        epoch: Epoch::MIN,
        model: ModelRef::named("log"),
        order,
        created_at: String::new(),
        old_epochs: Vec::new(),
        linked: None,
        keyring: None,
        erased_at: None,
        needs: crate::space::Needs::default(),
        other: BTreeMap::default(),
    };
    Base::initial(&info, Arc::new(Log))
}

fn loaded(key: u64, author: u64, seq: u64, last_modified: i64) -> Loaded {
    let data = RawValue::from_string("1".into()).unwrap();
    let update = Update::new(0, "note", &data, None).unwrap();
    let object = UpdateObject::new(
        Author::from_parts(author, 0),
        Seq::new(seq).unwrap(),
        vec![update],
    );
    Loaded {
        key: Key::new(key).unwrap(),
        last_modified,
        object: Some(object),
    }
}

fn keys(plan: &RollupPlan) -> Vec<u64> {
    plan.entries.iter().map(|e| e.key.get()).collect()
}

const LISTED: Horizon = Horizon {
    now: 1_000,
    settled: 1_000,
    complete: false,
    seen: Seen::new(),
};
const COMPLETE: Horizon = Horizon {
    now: 1_000,
    settled: 1_000,
    complete: true,
    seen: Seen::new(),
};

/// A complete listing after one that showed an author up to this seq.
fn after_seeing(author: u64, seq: u64) -> Horizon {
    let seen = (Author::from_parts(author, 0), Seq::new(seq).unwrap());
    Horizon {
        seen: Seen::from([seen]),
        ..COMPLETE
    }
}

#[test]
fn what_is_young_by_key_and_by_time_waits() {
    let objects = [
        loaded(900, 1, 1, 1_500),
        loaded(5_000, 2, 1, 900),
        loaded(1_001, 3, 1, 1_001),
    ];
    let plan = plan_rollup(&base(Order::Timestamp), &objects, &LISTED);
    assert_eq!(keys(&plan), [900, 5_000]);
    assert_eq!((plan.held, plan.gap), (1, false));
}

#[test]
fn none_goes_without_its_authors_earlier_one() {
    // Seq 1 is too young by key and time, seq 2 is old by its (wrong) key.
    let objects = [loaded(2_000, 1, 1, 1_500), loaded(500, 1, 2, 1_500)];
    let plan = plan_rollup(&base(Order::Timestamp), &objects, &LISTED);
    assert!(plan.entries.is_empty());
    assert!(!plan.gap);
}

#[test]
fn what_stands_behind_a_gap_waits_for_a_complete_listing_after_one_that_showed_it() {
    let base = base(Order::Timestamp);
    let objects = [loaded(500, 1, 2, 500), loaded(501, 1, 3, 500)];
    let plan = |horizon: &Horizon| plan_rollup(&base, &objects, horizon);
    // However old they are: what was missed may have been stored a moment before them.
    for horizon in [LISTED, COMPLETE, after_seeing(2, 9), after_seeing(1, 1)] {
        let plan = plan(&horizon);
        assert!(plan.entries.is_empty(), "{horizon:?}");
        assert!(plan.gap);
        assert_eq!(plan.behind_gaps, after_seeing(1, 3).seen);
    }
    let partly = Horizon {
        complete: false,
        ..after_seeing(1, 3)
    };
    assert!(plan(&partly).entries.is_empty());
    // Who was told that seq 2 or 3 is stored had been told so of seq 1.
    for seen in [2, 3] {
        let plan = plan(&after_seeing(1, seen));
        assert_eq!(keys(&plan), [500, 501]);
        assert!(!plan.gap && plan.behind_gaps.is_empty());
    }
}

#[test]
fn what_is_young_behind_a_gap_is_remembered_and_asks_for_nothing_yet() {
    let young = [loaded(1_500, 1, 2, 1_400)];
    let plan = plan_rollup(&base(Order::Timestamp), &young, &COMPLETE);
    assert!(plan.entries.is_empty() && !plan.gap);
    assert_eq!(plan.behind_gaps, after_seeing(1, 2).seen);
}

#[test]
fn through_never_passes_what_the_server_vouches_for() {
    let objects = [loaded(900, 1, 1, 700)];
    let future = Horizon {
        now: 9_000_000,
        settled: 9_000_000,
        ..LISTED
    };
    assert_eq!(
        plan_rollup(&base(Order::Timestamp), &objects, &future)
            .through
            .get(),
        700
    );
}

#[test]
fn a_file_time_in_the_future_vouches_for_nothing() {
    let base = |through: u64| {
        let mut base = base(Order::Timestamp);
        base.through = Key::new(through).unwrap();
        base
    };
    let now = 1_800_000_000_000;
    let far = 4_070_908_800_000;
    let at = |n: i64| (now - n).unsigned_abs();
    let horizon = |settled| Horizon {
        now,
        settled,
        ..LISTED
    };
    // However old everything counts as, no further than the beginning of the listing.
    let objects = [loaded(at(50), 1, 1, far), loaded(at(40), 2, 1, now - 30)];
    let plan = plan_rollup(&base(0), &objects, &horizon(i64::MAX / 2));
    assert_eq!((plan.entries.len(), plan.through.get()), (2, at(30)));
    // What only the future has seen waits for nothing.
    let only = [loaded(far.unsigned_abs(), 1, 1, far)];
    let plan = plan_rollup(&base(at(99)), &only, &horizon(now - 5_000));
    assert_eq!((plan.entries.len(), plan.through.get()), (1, at(99)));
    // And one that says so already falls to what is vouched for.
    let plan = plan_rollup(&base(far.unsigned_abs()), &objects[1..], &horizon(now));
    assert_eq!(plan.through.get(), at(30));
}

#[test]
fn a_sequence_is_taken_up_to_the_first_hole() {
    let objects = [loaded(1, 1, 1, 0), loaded(2, 2, 1, 0), loaded(4, 1, 2, 0)];
    let plan = plan_rollup(&base(Order::Sequence), &objects, &LISTED);
    assert_eq!(
        (keys(&plan), plan.through.get(), plan.held),
        (vec![1, 2], 2, 1)
    );
}

/// A lost response, then the same update under the next key: both were counted as waiting beside the one
/// that was taken, so a roll-up reported for ever that something was held back.
#[test]
fn what_a_sequence_holds_twice_does_not_wait() {
    let objects = [loaded(1, 1, 1, 0), loaded(2, 1, 1, 0), loaded(3, 1, 2, 0)];
    let plan = plan_rollup(&base(Order::Sequence), &objects, &LISTED);
    assert_eq!((keys(&plan), plan.held), (vec![1, 3], 0));
}

#[test]
fn snapshots_are_due_by_size_and_by_number() {
    let rule = SnapshotRule::default();
    let mib = 1024 * 1024;
    let table = [
        (None, 0, 0, true),
        (Some(100), 1, 1, true),
        (Some(100), 0, 0, false),
        (Some(mib), 1_000, 1, false),
        (Some(mib), mib / 2, 1, true),
        (Some(mib), 1_000, 2, true),
        (Some(100 * mib), 1_000, 2, false),
        (Some(100 * mib), 1_000, 64, true),
    ];
    for (snapshot, bytes, segments, due) in table {
        assert_eq!(
            rule.is_due(snapshot, bytes, segments),
            due,
            "{snapshot:?} {bytes} {segments}"
        );
    }
}
