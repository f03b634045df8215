//! Who plays which part: the lines that each replica queues, when it is offline, and how wrong its clock is.

use super::conversation::Conversation;
use icecore_core::{Result, SpaceName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How far the clock of the last replica is behind: beyond what a key may look back, so that its updates
/// arrive late wherever the store does not correct it.
const BEHIND_MILLIS: i64 = 3 * 60 * 1000;

/// The space of the demo.
pub(super) const SPACE: &str = "chat";

/// What one process of the demo is told: the store, and its part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Script {
    /// Its name.
    pub(super) name: String,
    /// The store's address.
    pub(super) store: String,
    pub(super) space: SpaceName,
    pub(super) part: Part,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// A replica, in its own folder.
    Replica(ReplicaPart),
    /// Rolls up until it is told to stop.
    Rollup,
}

/// What a replica does, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReplicaPart {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Where it leaves its state at the end.
    pub(super) state: PathBuf,
    /// How many ticks the play has.
    pub(super) ticks: usize,
    /// Milliseconds between two ticks.
    pub(super) tick_ms: u64,
    /// The ticks during which it has no network.
    pub(super) offline: Vec<Range<usize>>,
    /// How far its clock is behind.
    pub(super) behind_ms: i64,
    /// What it queues, tick by tick.
    pub(super) steps: Vec<Step>,
}

/// What a replica queues at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) tick: usize,
    pub(super) updates: Vec<Instruction>,
}

/// An update to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instruction {
    pub(super) kind: String,
    pub(super) data: Value,
}

impl Instruction {
    fn new(kind: &str, data: Value) -> Self {
        Self {
            kind: kind.to_owned(),
            data,
        }
    }
}

/// Which replica each line is queued at.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) replicas: usize,
    /// By line: the index of a replica.
    of_line: Vec<usize>,
}

impl Cast {
    /// Seats the people at the replicas, whoever has the fewest lines first.
    pub(super) fn new(conversation: &Conversation, replicas: usize) -> Self {
        let people = conversation.people();
        let person =
            |line: &super::conversation::Line| line.event.who().map(|who| people.person(who));
        let mut lines_of: BTreeMap<String, usize> = BTreeMap::new();
        for line in &conversation.lines {
            *lines_of
                .entry(person(line).unwrap_or_default())
                .or_default() += 1;
        }
        let mut load = vec![0; replicas];
        let mut seat: BTreeMap<String, usize> = BTreeMap::new();
        for name in people.persons().into_iter().chain([""]) {
            let least = (0..replicas)
                .min_by_key(|&replica| load[replica])
                .unwrap_or(0);
            load[least] += lines_of.get(name).copied().unwrap_or(0);
            seat.insert(name.to_owned(), least);
        }
        let of_line = conversation
            .lines
            .iter()
            .map(|line| seat[&person(line).unwrap_or_default()])
            .collect();
        Self { replicas, of_line }
    }

    /// The replica of the line at `index`.
    pub(super) fn of(&self, index: usize) -> usize {
        self.of_line[index]
    }

    /// How many updates all parts have together.
    pub(super) fn updates(&self, conversation: &Conversation) -> u64 {
        let timing = Timing {
            ticks: 1,
            tick_ms: 1,
        };
        let parts = (0..self.replicas)
            .map(|replica| self.part(conversation, replica, &timing, Path::new("")));
        parts
            .flat_map(|part| part.steps)
            .map(|step| step.updates.len() as u64)
            .sum()
    }

    /// The part of one replica.
    pub(super) fn part(
        &self,
        conversation: &Conversation,
        replica: usize,
        timing: &Timing,
        folder: &Path,
    ) -> ReplicaPart {
        let mut steps: BTreeMap<usize, Vec<Instruction>> = BTreeMap::new();
        let mut said: BTreeMap<usize, u64> = BTreeMap::new();
        for (line, _) in conversation
            .lines
            .iter()
            .zip(&self.of_line)
            .filter(|(_, seat)| **seat == replica)
        {
            let step = steps.entry(line.tick).or_default();
            step.push(Instruction::new(
                "append",
                json!({"/lines": [line.entry()]}),
            ));
            step.extend(
                line.people()
                    .map(|patch| Instruction::new("merge", json!({"people": patch}))),
            );
            *said.entry(line.tick).or_default() += 1;
        }
        for (tick, count) in said {
            steps
                .entry(tick)
                .or_default()
                .push(Instruction::new("increment", json!({"/count": count})));
        }
        let name = format!("replica-{}", replica + 1);
        ReplicaPart {
            folder: folder.join("replicas").join(&name),
            state: folder.join("states").join(format!("{name}.json")),
            ticks: timing.ticks,
            tick_ms: timing.tick_ms,
            offline: offline(replica, self.replicas, timing.ticks),
            behind_ms: if self.is_behind(replica) {
                BEHIND_MILLIS
            } else {
                0
            },
            steps: steps
                .into_iter()
                .map(|(tick, updates)| Step { tick, updates })
                .collect(),
        }
    }

    /// The part of a replica that comes when all is over.
    pub(super) fn fresh(folder: &Path) -> ReplicaPart {
        ReplicaPart {
            folder: folder.join("replicas/fresh"),
            state: folder.join("states/fresh.json"),
            ticks: 0,
            tick_ms: 1,
            offline: Vec::new(),
            behind_ms: 0,
            steps: Vec::new(),
        }
    }

    fn is_behind(&self, replica: usize) -> bool {
        self.replicas > 1 && replica + 1 == self.replicas
    }
}

/// The rhythm of the play.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) ticks: usize,
    pub(super) tick_ms: u64,
}

impl Timing {
    /// The whole conversation in about `seconds`, however long it took.
    pub(super) fn new(ticks: usize, seconds: u64) -> Self {
        let tick_ms = (seconds * 1000) / (ticks.max(1) as u64);
        Self {
            ticks,
            tick_ms: tick_ms.clamp(1, 1000),
        }
    }
}

/// The first replica has a network all the time; the others lose it once or twice, the last one when its
/// updates can only arrive late.
fn offline(replica: usize, replicas: usize, ticks: usize) -> Vec<Range<usize>> {
    let stretch = |from: usize, to: usize| ticks * from / 100..ticks * to / 100;
    match replica {
        0 => Vec::new(),
        last if last + 1 == replicas => vec![stretch(45, 70)],
        odd if odd % 2 == 1 => vec![stretch(20, 50)],
        _ => vec![stretch(30, 40), stretch(60, 85)],
    }
}

impl Script {
    /// Writes the script, and returns where it lies.
    pub(super) fn save(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join("scripts").join(format!("{}.json", self.name));
        let json = serde_json::to_vec_pretty(self).map_err(super::internal)?;
        std::fs::write(&path, json).map_err(|e| super::cannot("write", &path, e))?;
        Ok(path)
    }

    /// Reads a script.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let json = std::fs::read(path).map_err(|e| super::cannot("read", path, e))?;
        serde_json::from_slice(&json).map_err(super::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::{Conversation, SAMPLE};
    use super::*;

    #[test]
    fn every_line_has_one_replica_and_every_person_too() {
        let conversation = Conversation::parse(SAMPLE.as_bytes());
        let timing = Timing::new(conversation.ticks(), 6);
        let cast = Cast::new(&conversation, 4);
        let parts: Vec<ReplicaPart> = (0..4)
            .map(|replica| cast.part(&conversation, replica, &timing, Path::new("/tmp")))
            .collect();
        let appended = |part: &ReplicaPart| {
            part.steps
                .iter()
                .flat_map(|step| &step.updates)
                .filter(|u| u.kind == "append")
                .count()
        };
        assert_eq!(
            parts.iter().map(appended).sum::<usize>(),
            conversation.lines.len()
        );
        assert!(
            parts.iter().all(|part| appended(part) > 10),
            "{:?}",
            parts.iter().map(appended).collect::<Vec<_>>()
        );
        assert_eq!(parts.iter().filter(|part| part.behind_ms > 0).count(), 1);
        assert!(parts[1..].iter().all(|part| !part.offline.is_empty()));
        let people = conversation.people();
        for (i, a) in conversation.lines.iter().enumerate() {
            for (j, b) in conversation.lines.iter().enumerate().skip(i) {
                let person = |line: &super::super::conversation::Line| {
                    line.event.who().map(|w| people.person(w))
                };
                if person(a) == person(b) {
                    assert_eq!(
                        cast.of(i),
                        cast.of(j),
                        "lines {} and {}",
                        a.number,
                        b.number
                    );
                }
            }
        }
    }
}
