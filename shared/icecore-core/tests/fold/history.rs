//! One history, one state: whatever the order of arrival, the roll-ups in between and the way to catch up.

use super::world::{END, info, initial, model, objects};
use icecore_core::order;
use icecore_core::plan::rollup::Horizon;
use icecore_core::plan::{Loaded, plan_rollup};
use icecore_core::{
    Base, Covered, Entry, Key, Order, Segment, SegmentHeader, Seq, Snapshot, SpaceInfo, invariants,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The next segment as a roll-up stores it, folded from its stored bytes.
fn write(base: &mut Base, entries: &[Entry], through: Key) -> Vec<u8> {
    let next = base.generation.next().unwrap();
    let mut header = SegmentHeader::new(&base.space, base.epoch, next, base.digest);
    header.through = through;
    header.count = entries.len() as u64;
    header.covered = entries.iter().map(|e| e.id).collect();
    invariants::next_segment(base, &header).unwrap();
    let stored = Segment::pack(&header, None, entries).unwrap().bytes;
    let before = base.covered.clone();
    let segment = Segment::unpack(&stored).unwrap();
    base.fold(&segment).unwrap();
    invariants::before_snapshot(&before, &segment.header, base).unwrap();
    stored
}

fn roll_up(base: &mut Base, arrived: &[Loaded], settled: i64) -> Option<Vec<u8>> {
    let seen = arrived.iter().filter_map(Loaded::visible);
    let horizon = Horizon {
        now: END,
        settled,
        complete: true,
        seen: seen.map(|v| (v.1, Seq::MAX)).collect(),
    };
    let plan = plan_rollup(base, arrived, &horizon);
    let through = plan.through;
    (!plan.entries.is_empty()).then(|| write(base, &plan.entries, through))
}

/// All that a replica can tell two bases apart by.
fn assert_same(a: &Base, b: &Base) {
    assert_eq!(
        String::from_utf8(a.folded.state_json().unwrap()).unwrap(),
        String::from_utf8(b.folded.state_json().unwrap()).unwrap()
    );
    assert_eq!((&a.covered, a.count), (&b.covered, b.count));
    assert_eq!((a.generation, a.digest), (b.generation, b.digest));
    assert_eq!((&a.recent, a.through), (&b.recent, b.through));
    if a.digest.is_some() {
        let (a, b) = (
            a.pack_snapshot([0; 16]).unwrap(),
            b.pack_snapshot([0; 16]).unwrap(),
        );
        assert_eq!(a.digest, b.digest);
    }
}

fn from_snapshot(stored: &[u8], info: &SpaceInfo) -> Base {
    let snapshot = Snapshot::unpack(stored).unwrap();
    Base::from_snapshot(&snapshot, info, model(info))
        .unwrap()
        .unwrap()
}

/// The entries of all visible updates in effective order, from what a roll-up of everything would take.
fn tail(base: &Base, arrived: &[Loaded]) -> Vec<Entry> {
    let visible = arrived.iter().filter_map(Loaded::visible);
    let places = order::sort(Order::Timestamp, visible, &base.covered);
    let entry = |place: &order::Place| {
        let carrier = arrived.iter().find(|l| l.key == place.key).unwrap();
        let object = carrier.object.as_ref().unwrap();
        let (id, update) = object.entries().find(|(id, _)| *id == place.id).unwrap();
        Entry {
            id,
            key: place.key,
            update: update.clone(),
        }
    };
    places.iter().map(entry).collect()
}

fn model_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["document", "log"])
}

proptest! {
    #[test]
    fn every_way_to_a_generation_ends_in_the_same_bytes(
        objects in objects(), rollups in vec(prop::option::of(0..END), 0..12),
        model in model_name(),
    ) {
        let info = info(model, Order::Timestamp);
        let mut live = initial(&info);
        let (mut segments, mut snapshots) = (Vec::new(), Vec::new());
        let mut keep = |base: &Base, segment: Option<Vec<u8>>| {
            if let Some(segment) = segment {
                segments.push(segment);
                snapshots.push(base.pack_snapshot([0; 16]).unwrap().bytes);
            }
        };
        // Roll-ups while objects arrive, some of them late and some before their author's earlier ones.
        for arrived in 1..=objects.len() {
            if let Some(Some(settled)) = rollups.get(arrived) {
                let segment = roll_up(&mut live, &objects[..arrived], *settled);
                keep(&live, segment);
            }
        }
        let segment = roll_up(&mut live, &objects, END);
        keep(&live, segment);
        let all: Covered = objects.iter().filter_map(|l| l.object.as_ref())
            .flat_map(|o| o.entries().map(|(id, _)| id)).collect();
        prop_assert_eq!(&live.covered, &all);
        prop_assert_eq!(live.count, all.len());
        // From nothing, and from each snapshot, through the segments that follow.
        for start in 0..=segments.len() {
            let mut base = match start {
                0 => initial(&info),
                _ => from_snapshot(&snapshots[start - 1], &info),
            };
            for segment in &segments[start..] {
                base.fold(&Segment::unpack(segment).unwrap()).unwrap();
            }
            assert_same(&base, &live);
        }
    }

    #[test]
    fn base_and_tail_are_what_one_roll_up_makes_of_them(
        objects in objects(), early in 0_usize..8, settled in 0..END, model in model_name(),
        cuts in vec(1_usize..5, 0..8),
    ) {
        let info = info(model, Order::Timestamp);
        let mut base = initial(&info);
        roll_up(&mut base, &objects[..early.min(objects.len())], settled);
        let tail = tail(&base, &objects);
        let mut shown = base.folded.clone();
        for entry in &tail {
            shown.apply(entry.id, entry.key, &entry.update);
        }
        let mut at_once = base.clone();
        roll_up(&mut at_once, &objects, END);
        prop_assert_eq!(at_once.folded.state_json().unwrap(), shown.state_json().unwrap());
        prop_assert_eq!(&at_once.folded.rejected, &shown.rejected);
        prop_assert_eq!(at_once.folded.conflicts(), shown.conflicts());
        // The same in parts, wherever they are cut.
        let mut in_parts = base;
        let mut rest = tail.as_slice();
        for cut in cuts.into_iter().chain([usize::MAX]).filter(|_| !tail.is_empty()) {
            let (part, later) = rest.split_at(cut.min(rest.len()));
            write(&mut in_parts, part, Key::MIN);
            rest = later;
        }
        prop_assert_eq!(in_parts.folded.state_json().unwrap(), shown.state_json().unwrap());
        prop_assert_eq!(&in_parts.folded.rejected, &shown.rejected);
        prop_assert_eq!(&in_parts.covered, &at_once.covered);
    }

    #[test]
    fn a_segment_out_of_its_place_is_refused_and_changes_nothing(objects in objects()) {
        let info = info("log", Order::Timestamp);
        let mut base = initial(&info);
        let Some(first) = roll_up(&mut base, &objects, END / 4) else { return Ok(()) };
        let one = base.clone();
        let Some(second) = roll_up(&mut base, &objects, END) else { return Ok(()) };
        let (first, second) =
            (Segment::unpack(&first).unwrap(), Segment::unpack(&second).unwrap());
        let mut nothing = initial(&info);
        prop_assert!(nothing.fold(&second).unwrap_err().is_corrupt());
        assert_same(&nothing, &initial(&info));
        for wrong in [&first, &another_second(&second)] {
            let mut changed = one.clone();
            prop_assert!(changed.fold(wrong).unwrap_err().is_corrupt());
            assert_same(&changed, &one);
        }
        let mut again = base.clone();
        prop_assert!(again.fold(&second).unwrap_err().is_corrupt());
        assert_same(&again, &base);
    }
}

/// The same segment in the chain of another first one.
fn another_second(second: &Segment) -> Segment {
    let mut other = second.clone();
    other.header.previous = Some(icecore_core::Digest::of(b"another history"));
    other
}
