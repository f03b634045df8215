//! A whole history: what roll-ups make of the update objects, what is left in the tail, and the state that is shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_core::content::Content;
use icecore_core::plan::rollup::Horizon;
use icecore_core::plan::{Loaded, plan_rollup};
use icecore_core::segment::BaseHeader;
use icecore_core::snapshot::Snapshot;
use icecore_core::{
    Base, Entry, Epoch, Error, Key, Segment, SegmentHeader, SpaceInfo, UpdateObject, order,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Update objects, and what happens to them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// `space.json`.
    space: String,
    /// Of an encrypted space: the X25519 secret of a holder, base64.
    secret: Option<String>,
    updates: Vec<Stored>,
    steps: Vec<Step>,
    /// Makes no snapshots: the segments alone say what is there.
    #[serde(default)]
    blind: bool,
    /// Reads the state as typed JSON, too.
    #[serde(default)]
    typed: bool,
}

/// An update object as stored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    key: Key,
    last_modified: i64,
    text: String,
}

/// What happens to a history.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    /// A roll-up that lists all that was stored up to `now` and takes what is at most `settled`.
    Rollup { now: i64, settled: i64 },
    /// A new epoch that begins with the state so far.
    Compress { now: i64, epoch: Epoch },
}

impl Story {
    /// What comes of it.
    pub(crate) fn told(self) -> Result<Value, String> {
        let mut info = SpaceInfo::from_json(self.space.as_bytes()).map_err(worded)?;
        let mut base = Base::initial(&info, self.content(&info)?);
        let mut told = Vec::new();
        for step in &self.steps {
            told.push(match *step {
                Step::Rollup { now, settled } => {
                    self.roll_up(&mut base, now, settled).map_err(worded)?
                }
                Step::Compress { now, epoch } => {
                    info.epoch = epoch;
                    let next = Base::initial(&info, self.content(&info)?);
                    let old = std::mem::replace(&mut base, next);
                    self.compress(&mut base, &old, now).map_err(worded)?
                }
            });
        }
        self.shown(&base, &told)
    }

    fn content(&self, info: &SpaceInfo) -> Result<Content, String> {
        super::sealed::content_of(info, self.secret.as_deref())
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

    fn roll_up(&self, base: &mut Base, now: i64, settled: i64) -> Result<Value, Error> {
        let horizon = Horizon {
            now,
            settled,
            complete: true,
            ..Horizon::default()
        };
        let plan = plan_rollup(base, &self.loaded(now), &horizon);
        if plan.entries.is_empty() {
            return Ok(json!({ "nothing": true }));
        }
        let mut header = next_header(base, now);
        header.through = plan.through;
        header.full_at = now;
        header.count = plan.entries.len() as u64;
        header.covered = plan.entries.iter().map(|entry| entry.id).collect();
        self.write(base, &header, None, &plan.entries)
    }

    fn compress(&self, base: &mut Base, old: &Base, now: i64) -> Result<Value, Error> {
        let (of_base, state) = BaseHeader::of(&old.folded, old.count, old.epoch, [7; 16])?;
        let mut header = next_header(base, now);
        header.carried = old.covered.clone();
        header.base = Some(Box::new(of_base));
        self.write(base, &header, Some(&state), &[])
    }

    fn write(
        &self,
        base: &mut Base,
        header: &SegmentHeader,
        state: Option<&[u8]>,
        entries: &[Entry],
    ) -> Result<Value, Error> {
        let packed = Segment::pack(header, state, entries)?;
        let segment = Segment::unpack(&packed.bytes)?;
        base.fold(&segment)?;
        let mut told = json!({
            "epoch": base.epoch,
            "generation": base.generation,
            "digest": packed.digest,
            "segment": STANDARD.encode(&packed.bytes),
        });
        if !self.blind {
            let snapshot = base.pack_snapshot([9; 16])?;
            told["snapshot"] = STANDARD.encode(&snapshot.bytes).into();
            told["snapshot_digest"] = Snapshot::unpack(&snapshot.bytes)?
                .digest()
                .to_string()
                .into();
        }
        Ok(told)
    }

    fn shown(&self, base: &Base, steps: &[Value]) -> Result<Value, String> {
        let loaded = self.loaded(i64::MAX);
        let visible = || loaded.iter().filter_map(Loaded::visible);
        let places = order::sort(base.order, visible(), &base.covered);
        let mut shown = base.folded.clone();
        for place in &places {
            let carrier = loaded.iter().find(|loaded| loaded.key == place.key);
            let object = carrier.and_then(|loaded| loaded.object.as_ref());
            let mut entries = object.ok_or("a place without an object")?.entries();
            let entry = entries.find(|(id, _)| *id == place.id);
            let (id, update) = entry.ok_or("a place without an update")?;
            shown.apply(id, place.key, update);
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|error| error.to_string());
        let tail: Vec<_> = places
            .iter()
            .map(|place| json!([place.effective, place.id.author, place.id.seq, place.key]))
            .collect();
        let state = shown.state_json().map_err(worded)?;
        let typed = self.typed.then(|| super::typed::members(&state));
        Ok(json!({
            "steps": steps,
            "base": text(base.folded.state_json().map_err(worded)?)?,
            "covered": base.covered,
            "tail": tail,
            "gaps": order::gaps(visible(), &base.covered),
            "typed": typed.transpose()?,
            "state": text(state)?,
            "rejected": shown.rejected,
            "conflicts": shown.conflicts(),
            "touched": shown.touched,
        }))
    }
}

fn next_header(base: &Base, now: i64) -> SegmentHeader {
    let next = base.generation.saturating_add(1);
    let mut header = SegmentHeader::new(&base.space, base.epoch, next, base.digest);
    header.rolled_at = now;
    header.model_version = base.folded.model().version();
    header
}

fn worded(error: impl Into<Error>) -> String {
    error.into().to_string()
}
