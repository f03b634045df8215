//! `history.json`: whole stories, from the update objects to segments, snapshots and the state that is shown.

use super::encoding::gunzip;
use super::files::{check, one_at_a_time, read};
use super::layers::{lines_of, text_of};
use icecore_core::plan::rollup::Horizon;
use icecore_core::plan::{Loaded, plan_rollup};
use icecore_core::segment::BaseHeader;
use icecore_core::{
    Base, Digest, Entry, Head, Key, ObjectKey, Registry, Segment, SegmentHeader, Snapshot,
    SpaceInfo, UpdateObject, order,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Histories {
    stories: Vec<Story>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    name: String,
    /// `space.json`.
    space: String,
    /// The update objects, in the order in which they were stored.
    updates: Vec<Stored>,
    /// The roll-ups, in order.
    rollups: Vec<Rollup>,
    /// The head that the last roll-up writes.
    #[serde(default)]
    head_path: String,
    #[serde(default)]
    head: String,
    /// The state that a reader of all of this shows: what is not rolled up comes last, in canonical order.
    #[serde(default)]
    state: String,
    /// Updates that are not rolled up, in canonical order, as `AUTHOR:SEQ`.
    #[serde(default)]
    tail: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    key: Key,
    #[serde(default)]
    path: String,
    /// When it was stored, by the server, milliseconds since 1970 UTC.
    last_modified: i64,
    /// The object.
    text: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rollup {
    /// When it listed all update objects, and so saw those that were stored before.
    now: i64,
    /// Younger updates wait.
    settled: i64,
    /// The name of an earlier story: this is no roll-up, but the first segment of an epoch that begins with the
    /// state at the end of that story.
    #[serde(skip_serializing_if = "Option::is_none")]
    compresses: Option<String>,
    path: String,
    segment: Vec<String>,
    digest: Option<Digest>,
    snapshot_path: String,
    snapshot: Vec<String>,
}

impl Story {
    fn info(&self) -> SpaceInfo {
        SpaceInfo::from_json(self.space.as_bytes()).unwrap()
    }

    /// Plays the story and writes down what comes of it; `earlier` are the bases at the ends of stories before.
    fn play(&mut self, earlier: &BTreeMap<String, Base>) -> Base {
        let info = self.info();
        let model = Registry::built_in().open(&info.model).unwrap();
        let mut base = Base::initial(&info, model);
        let mut rollups = std::mem::take(&mut self.rollups);
        for rollup in &mut rollups {
            match rollup.compresses.clone() {
                Some(story) => rollup.compress(&mut base, &earlier[&story]),
                None => rollup.play(&mut base, &self.loaded(rollup.now)),
            }
        }
        self.rollups = rollups;
        for stored in &mut self.updates {
            let path = ObjectKey::Update(info.space.clone(), info.epoch, stored.key);
            stored.path = path.to_string();
        }
        self.show(&base);
        base
    }

    fn loaded(&self, now: i64) -> Vec<Loaded> {
        let stored = self.updates.iter().filter(|s| s.last_modified <= now);
        stored
            .map(|stored| Loaded {
                key: stored.key,
                last_modified: stored.last_modified,
                object: UpdateObject::from_json(stored.text.as_bytes()).ok(),
            })
            .collect()
    }

    fn show(&mut self, base: &Base) {
        let loaded = self.loaded(i64::MAX);
        let visible = loaded.iter().filter_map(Loaded::visible);
        let places = order::sort(base.order, visible, &base.covered);
        let mut shown = base.folded.clone();
        for place in &places {
            let carrier = loaded.iter().find(|l| l.key == place.key).unwrap();
            let object = carrier.object.as_ref().unwrap();
            let (id, update) = object.entries().find(|(id, _)| *id == place.id).unwrap();
            shown.apply(id, place.key, update);
        }
        self.tail = places.iter().map(|place| place.id.to_string()).collect();
        self.state = String::from_utf8(shown.state_json().unwrap()).unwrap();
        let head = Head {
            generation: base.generation,
            snapshot: base.generation,
            through: base.through,
            key: base.through,
            ..Head::first(base.epoch)
        };
        self.head_path = ObjectKey::Head(base.space.clone()).to_string();
        self.head = String::from_utf8(head.to_json()).unwrap();
    }
}

impl Rollup {
    fn play(&mut self, base: &mut Base, listed: &[Loaded]) {
        let horizon = Horizon {
            now: self.now,
            settled: self.settled,
            complete: true,
            ..Horizon::default()
        };
        let plan = plan_rollup(base, listed, &horizon);
        let mut header = next_header(base, self.now);
        header.through = plan.through;
        header.full_at = self.now;
        header.count = plan.entries.len() as u64;
        header.covered = plan.entries.iter().map(|e| e.id).collect();
        self.write(base, &header, None, &plan.entries);
    }

    fn compress(&mut self, base: &mut Base, old: &Base) {
        let mut header = next_header(base, self.now);
        header.carried = old.covered.clone();
        header.base = Some(Box::new(BaseHeader {
            model_version: old.folded.model().version(),
            count: old.count,
            epoch: old.epoch,
            rejected: old.folded.rejected.clone(),
            touched: old.folded.touched.clone(),
            sealed: None,
        }));
        let state = old.folded.state_json().unwrap();
        self.write(base, &header, Some(&state), &[]);
    }

    /// Writes a segment, folds it from its bytes and writes the snapshot of it.
    fn write(
        &mut self,
        base: &mut Base,
        header: &SegmentHeader,
        state: Option<&[u8]>,
        entries: &[Entry],
    ) {
        let packed = Segment::pack(header, state, entries).unwrap();
        self.segment = lines_of(&gunzip(&packed.bytes).unwrap());
        self.digest = Some(packed.digest);
        base.fold(&Segment::unpack(&packed.bytes).unwrap()).unwrap();
        let snapshot = base.pack_snapshot([0; 16]).unwrap();
        self.snapshot = lines_of(&gunzip(&snapshot.bytes).unwrap());
        let (space, epoch, generation) = (&base.space, base.epoch, header.segment);
        self.path = ObjectKey::Segment(space.clone(), epoch, generation).to_string();
        self.snapshot_path = ObjectKey::Snapshot(space.clone(), epoch, generation).to_string();
    }
}

fn next_header(base: &Base, now: i64) -> SegmentHeader {
    let next = base.generation.next().unwrap();
    let mut header = SegmentHeader::new(&base.space, base.epoch, next, base.digest);
    header.rolled_at = now;
    header.model_version = base.folded.model().version();
    header
}

#[test]
fn histories() {
    check_histories();
    let _alone = one_at_a_time();
    read_as_any_client_does(&read("history.json"));
}

pub(crate) fn check_histories() {
    check("history.json", |mut file: Histories| {
        let mut ends = BTreeMap::new();
        for story in &mut file.stories {
            let base = story.play(&ends);
            ends.insert(story.name.clone(), base);
        }
        file
    });
}

/// From the texts alone: the snapshot of each generation is what the segments up to it make.
fn read_as_any_client_does(file: &Histories) {
    for story in &file.stories {
        let info = story.info();
        let model = || Registry::built_in().open(&info.model).unwrap();
        let mut base = Base::initial(&info, model());
        for rollup in &story.rollups {
            let segment = Segment::unpack(&text_of(&rollup.segment)).unwrap();
            base.fold(&segment).unwrap();
            let snapshot = Snapshot::unpack(&text_of(&rollup.snapshot)).unwrap();
            let opened = Base::from_snapshot(&snapshot, &info, model());
            let opened = opened.unwrap().unwrap();
            assert_eq!(
                opened.folded.state_json().unwrap(),
                base.folded.state_json().unwrap()
            );
            assert_eq!(
                base.pack_snapshot([0; 16]).unwrap().digest,
                opened.pack_snapshot([0; 16]).unwrap().digest
            );
            base = opened;
        }
        let head = Head::from_json(story.head.as_bytes()).unwrap();
        assert_eq!((head.generation, head.epoch), (base.generation, info.epoch));
    }
}
