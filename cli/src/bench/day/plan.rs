//! What people do in a day, drawn from a seed: when each has the app open, when it has no network, and when it writes.

use icecore_store::Ids;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;

const SESSIONS: u64 = 6;
/// The first session begins after, and the last before, this hour of the day.
const AWAKE: Range<u64> = 7 * HOUR..22 * HOUR;

/// One stretch with the app open, in milliseconds since midnight.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) open: Range<u64>,
    /// Without a network.
    pub(super) offline: Option<Range<u64>>,
    /// When an update is made.
    pub(super) updates: Vec<u64>,
}

/// The sessions of a person, one after the other.
pub(super) fn of_a_person(random: &mut Random) -> Vec<Session> {
    let part = (AWAKE.end - AWAKE.start) / SESSIONS;
    (0..SESSIONS)
        .map(|n| session(random, AWAKE.start + n * part, part))
        .collect()
}

/// Between five minutes and 35, within a part of the day that is long enough.
fn session(random: &mut Random, from: u64, part: u64) -> Session {
    let length = random.between(5 * MINUTE..35 * MINUTE);
    let begin = from + random.between(0..part - length);
    let open = begin..begin + length;
    // One in four: a tunnel, a lift, a train.
    let offline = (random.between(0..4) == 0).then(|| {
        let begin = begin + random.between(0..length / 2);
        begin..begin + random.between(MINUTE..10 * MINUTE)
    });
    let bursts = random.between(0..3);
    let mut updates = Vec::new();
    for _ in 0..bursts {
        let mut at = random.between(open.clone());
        for _ in 0..random.between(1..13) {
            updates.push(at);
            at += random.between(SECOND..10 * SECOND);
        }
    }
    updates.retain(|at| open.contains(at));
    updates.sort_unstable();
    Session {
        open,
        offline,
        updates,
    }
}

/// Ids that are the same on every machine: Knuth's generator again, its better halves.
#[derive(Debug)]
pub(super) struct Seeded(pub(super) Mutex<Random>);

impl Ids for Seeded {
    fn random(&self) -> u128 {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (0..4).fold(0, |id, _| {
            id << 32 | u128::from(random.between(0..1 << 31) << 1)
        })
    }
}

/// Knuth's generator: the same day on every machine.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    fn between(&mut self, range: Range<u64>) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        range.start + (self.0 >> 33) % (range.end - range.start)
    }
}
