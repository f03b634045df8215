//! What happened, as a table and as JSON, with the commands to look further.

use super::conversation::Conversation;
use super::replica::ReplicaDone;
use super::rollups::RollupsDone;
use super::script::ReplicaPart;
use crate::human;
use icecore_core::SpaceName;
use icecore_store::backend::{KindCounts, RequestCounts, cost_usd};
use icecore_store::verify::VerifyReport;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Everything that is told at the end.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The folder with everything: store, replicas, states.
    pub(super) folder: PathBuf,
    pub(super) store: String,
    pub(super) space: SpaceName,
    pub(super) lines: usize,
    pub(super) people: usize,
    pub(super) replicas: Vec<Part>,
    pub(super) rollups: RollupsDone,
    /// What the fresh replica asked for at the end.
    pub(super) fresh_requests: RequestCounts,
    /// Updates whose key was below what an earlier roll-up had reached.
    pub(super) late: u64,
    pub(super) bytes: Bytes,
    /// Of the state that all of them hold.
    pub(super) sha256: String,
    pub(super) verified: VerifyReport,
    pub(super) seconds: f64,
}

/// One replica: what it was to do, and what it did.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    lines: u64,
    /// Minutes of the conversation without a network.
    offline_ticks: usize,
    ticks: usize,
    behind_ms: i64,
    #[serde(flatten)]
    done: ReplicaDone,
}

/// What the updates take, and what the bucket holds of them.
#[derive(Debug, Serialize)]
pub(super) struct Bytes {
    /// The updates' JSON.
    pub(super) json: u64,
    /// The update objects, which pruning removes.
    pub(super) objects: u64,
    /// All segments: the history.
    pub(super) segments: u64,
    /// The newest snapshot.
    pub(super) snapshot: u64,
    /// The state, as JSON.
    pub(super) state: u64,
}

impl Part {
    pub(super) fn new(part: &ReplicaPart, done: ReplicaDone) -> Self {
        let instructions = part.steps.iter().flat_map(|step| &step.updates);
        Self {
            lines: instructions
                .filter(|instruction| instruction.kind == "append")
                .count() as u64,
            offline_ticks: part.offline.iter().map(ExactSizeIterator::len).sum(),
            ticks: part.ticks,
            behind_ms: part.behind_ms,
            done,
        }
    }
}

impl Report {
    fn total(&self, of: impl Fn(&ReplicaDone) -> u64) -> u64 {
        self.replicas.iter().map(|part| of(&part.done)).sum()
    }

    fn replica_requests(&self) -> RequestCounts {
        self.replicas
            .iter()
            .fold(RequestCounts::default(), |sum, part| {
                sum + part.done.requests.clone()
            })
    }

    /// For a person.
    pub(super) fn text(&self, conversation: &Conversation) -> String {
        let mut text = format!(
            "{} lines by {} people, replayed by {} in processes of their own.\n\n",
            conversation.lines.len(),
            self.people,
            human::count(self.replicas.len() as u64, "replica"),
        );
        text += &self.replica_table();
        text += "\n";
        for (name, value) in self.rows() {
            line(&mut text, format_args!("  {name:<18} {value}"));
        }
        text += &self.verdict();
        text += &self.look_further();
        text
    }

    fn replica_table(&self) -> String {
        let mut text = String::new();
        line(
            &mut text,
            format_args!(
                "  replica  lines  updates  objects  collisions  queue up to  offline  clock"
            ),
        );
        for (number, part) in (1..).zip(&self.replicas) {
            let offline = part.offline_ticks * 100 / part.ticks.max(1);
            let clock = match (part.behind_ms, part.done.clock_offset_ms) {
                (0, _) => "right".to_owned(),
                (behind, 0) => format!("{} behind", human::millis(behind)),
                (behind, _) => {
                    format!("{} behind, corrected by the store's", human::millis(behind))
                }
            };
            let done = &part.done;
            line(
                &mut text,
                format_args!(
                    "  {number:>7}  {:>5}  {:>7}  {:>7}  {:>10}  {:>11}  {offline:>6}%  {clock}",
                    part.lines, done.updates, done.objects, done.bumps, done.queued_max
                ),
            );
        }
        text
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let (rollups, bytes) = (&self.rollups, &self.bytes);
        let requests = self.replica_requests() + rollups.requests.clone();
        let percent = bytes.segments * 100 / bytes.json.max(1);
        vec![
            (
                "updates",
                format!(
                    "{} by {}, in {}",
                    self.total(|done| done.updates),
                    human::count(self.replicas.len() as u64, "author"),
                    human::count(self.total(|done| done.objects), "object")
                ),
            ),
            (
                "collisions bumped",
                self.total(|done| done.bumps).to_string(),
            ),
            (
                "late arrivals",
                format!("{} (sorted in by their roll-up, none lost)", self.late),
            ),
            (
                "generations",
                format!(
                    "{} and {}, by 2 roll-up processes side by side: {}, {} lost a race",
                    human::count(self.verified.segments, "segment"),
                    human::count(self.verified.snapshots, "snapshot"),
                    human::count(rollups.runs, "run"),
                    rollups.raced
                ),
            ),
            (
                "bytes",
                format!(
                    "{} of updates' JSON; stored: segments {} ({percent}%), newest snapshot {}",
                    human::bytes(bytes.json),
                    human::bytes(bytes.segments),
                    human::bytes(bytes.snapshot)
                ),
            ),
            ("requests", request_line(requests.total)),
            (
                "on S3 they cost",
                format!(
                    "${:.5}: replicas ${:.5}, roll-ups ${:.5}",
                    cost_usd(&requests),
                    cost_usd(&self.replica_requests()),
                    cost_usd(&rollups.requests)
                ),
            ),
            ("time", format!("{:.1} s", self.seconds)),
        ]
    }

    fn verdict(&self) -> String {
        format!(
            "\nAll {} replicas and a fresh one (which took {}) hold the same state, byte for byte:\n  \
             {} bytes, SHA-256 {}\n\
             Every line of the conversation is there once, and everybody's are in order.\n\
             Verified: {} updates in {}, {} compared byte for byte, nothing is wrong.\n",
            self.replicas.len(),
            human::count(self.fresh_requests.requests(), "request"),
            self.bytes.state,
            self.sha256,
            self.verified.updates,
            human::count(self.verified.segments, "segment"),
            human::count(self.verified.snapshots, "snapshot"),
        )
    }

    fn look_further(&self) -> String {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("icecore"));
        let program = shell(&short(&program));
        let store = shell(&self.store);
        let replica = shell(&self.folder.join("replicas/replica-1").display().to_string());
        let space = &self.space;
        let mut text = format!(
            "\nEverything is in {}. Look further:\n",
            self.folder.display()
        );
        for command in [
            format!("state {space} --path /people --replica {replica}"),
            format!("state {space} --gen 1 --replica {replica}"),
            format!("log {space} --replica {replica}"),
            format!("status {space} --replica {replica}"),
            format!("verify {space}"),
        ] {
            line(
                &mut text,
                format_args!("  {program} --store {store} {command}"),
            );
        }
        text.trim_end().to_owned()
    }
}

fn request_line(total: KindCounts) -> String {
    format!(
        "{} PUT, {} GET ({} not modified), {} LIST, {} DELETE",
        total.put, total.get, total.not_modified, total.list, total.delete
    )
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.push_str(&line.to_string());
    text.push('\n');
}

/// The path as one would type it here.
fn short(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here
        .as_deref()
        .and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// An argument as a shell takes it.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::shell;

    #[test]
    fn arguments_can_be_pasted() {
        assert_eq!(shell("/tmp/a-1"), "/tmp/a-1");
        assert_eq!(shell("/my files/it's"), r"'/my files/it'\''s'");
        assert_eq!(shell(""), "''");
    }
}
