//! What a round did, for a log line and for alarms.

use super::visit::Done;
use icecore_core::{Error, ErrorKind, SpaceName};
use serde::{Serialize, Serializer};

/// A space that could not be dealt with, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The space.
    pub space: SpaceName,
    /// What kind of error it was.
    #[serde(rename = "code", serialize_with = "as_code")]
    pub kind: ErrorKind,
    /// What failed.
    pub message: String,
    /// What a person can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn as_code<S: Serializer>(kind: &ErrorKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.code())
}

impl Failure {
    pub(super) fn of(space: SpaceName, error: &Error) -> Self {
        Self {
            space,
            kind: error.kind(),
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Spaces looked at.
    pub spaces: u64,
    /// Spaces of which something was rolled up.
    pub rolled_up: u64,
    /// Updates in new segments.
    pub updates: u64,
    /// Segments written.
    pub segments: u64,
    /// Snapshots written.
    pub snapshots: u64,
    /// Updates that wait: too young, or behind a gap.
    pub held: u64,
    /// Updates of old epochs published again.
    pub swept: u64,
    /// Updates forwarded to the spaces that theirs are linked to.
    pub forwarded: u64,
    /// Transient events deleted that were over.
    pub transient: u64,
    /// Objects deleted by pruning: updates, snapshots, and those of old epochs.
    pub pruned: u64,
    /// Spaces of which another roll-up was faster.
    pub lost_races: u64,
    /// Objects that could not be read and lie in quarantine.
    pub quarantined: u64,
    /// Objects that a newer program wrote, left where they are.
    pub newer: u64,
    /// Spaces whose states take more memory than they may here, as far as this and earlier rounds met them: they are rolled
    /// up without.
    pub too_large: Vec<SpaceName>,
    /// Heads that were read to learn whether there is work.
    pub checked: u64,
    /// Heads not read yet: the next rounds go on.
    pub unchecked: u64,
    /// Spaces whose daily upkeep is due and waits for the next round.
    pub upkeep_left: u64,
    /// How long ago the oldest update was stored that waits now, in milliseconds, as far as this round knows.
    pub lag_ms: u64,
    /// Models kept in memory.
    pub warm_spaces: u64,
    /// Their estimated bytes.
    pub warm_bytes: u64,
    /// How long the round took, in milliseconds.
    pub millis: u64,
    /// Spaces that could not be dealt with.
    pub failures: Vec<Failure>,
    /// Spaces not looked at, or with work left, because the time was up.
    pub left: Vec<SpaceName>,
}

impl Report {
    /// Whether something was looked at, and all of it failed.
    pub fn is_failure(&self) -> bool {
        !self.failures.is_empty() && self.failures.len() as u64 == self.spaces
    }

    pub(super) fn add(&mut self, done: &Done) {
        let Done {
            rollup,
            prune,
            transient,
            ..
        } = done;
        self.transient += transient;
        self.forwarded += rollup.forwarded;
        self.rolled_up += u64::from(rollup.segments > 0);
        self.updates += rollup.updates;
        self.segments += rollup.segments;
        self.snapshots += rollup.snapshots;
        self.held += rollup.held;
        self.swept += rollup.swept;
        self.pruned += prune.updates + prune.snapshots + prune.epoch_objects;
        self.lost_races += u64::from(rollup.raced);
        self.quarantined += rollup.quarantined.len() as u64;
        self.newer += rollup.newer.len() as u64;
    }

    /// Something has been waiting since then, by the server's clock.
    pub(super) fn saw_waiting(&mut self, since: Option<i64>, now: i64) {
        let lag = since.map_or(0, |since| now.saturating_sub(since));
        self.lag_ms = self.lag_ms.max(u64::try_from(lag).unwrap_or(0));
    }
}
