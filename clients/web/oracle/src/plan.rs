//! Plans: which key is next, which way to the newest generation is cheaper, when a snapshot is due.

use icecore_core::plan::rollup::SnapshotRule;
use icecore_core::plan::{KeyClock, plan_catch_up};
use icecore_core::{Generation, Key};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One author's choice of keys, step by step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    own_last: Option<Key>,
    seen: Key,
    steps: Vec<KeyStep>,
}

/// A step; `random` is what is drawn, taken modulo the size of the range.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum KeyStep {
    First { now: i64, random: u64 },
    Bump { taken: Key, random: u64 },
    Wrote { key: Key, clean: bool },
    Saw { key: Key, now: i64 },
    Reached { through: Key },
}

impl Keys {
    /// The keys that were chosen, `null` for steps that choose none.
    pub(crate) fn answer(self) -> Value {
        let mut clock = KeyClock::new(self.own_last, self.seen);
        let draw = |random: u64| move |from: u64, to: u64| from + random % (to - from + 1);
        let chosen = self.steps.iter().map(|step| match *step {
            KeyStep::First { now, random } => Some(clock.first(now, draw(random))),
            KeyStep::Bump { taken, random } => Some(clock.bump(taken, draw(random))),
            KeyStep::Wrote { key, clean } => {
                clock.wrote(key, clean);
                None
            }
            KeyStep::Saw { key, now } => {
                clock.saw(key, now);
                None
            }
            KeyStep::Reached { through } => {
                clock.reached(through);
                None
            }
        });
        json!(chosen.collect::<Vec<_>>())
    }
}

/// What a reader has, and what is listed, each generation with its size.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatchUp {
    have: Generation,
    snapshots: Vec<(Generation, u64)>,
    segments: Vec<(Generation, u64)>,
}

impl CatchUp {
    /// What it reads, or `{"error": kind}`.
    pub(crate) fn answer(self) -> Value {
        let sizes = |list: Vec<(Generation, u64)>| list.into_iter().collect::<BTreeMap<_, _>>();
        match plan_catch_up(self.have, &sizes(self.snapshots), &sizes(self.segments)) {
            Ok(way) => json!({ "snapshot": way.snapshot, "segments": way.segments }),
            Err(error) => json!({ "error": error.kind().code() }),
        }
    }
}

/// How large the newest snapshot is, and what came since.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Due {
    snapshot_bytes: Option<u64>,
    bytes: u64,
    segments: u64,
}

impl Due {
    /// Whether a snapshot is due.
    pub(crate) fn answer(self) -> Value {
        json!(SnapshotRule::default().is_due(self.snapshot_bytes, self.bytes, self.segments))
    }
}
