//! Plays a conversation with one replica for each person, and holds what they end with against the log.
//!
//! Nobody coordinates the replicas: each has its own copy and its own queue, sends when it is connected, and reads
//! what the others wrote from the last update that it holds.

mod actor;
mod verdict;

pub use verdict::{Ending, differences};

use crate::model::Chat;
use crate::pace::{Speed, wait};
use crate::plan::{Cue, Plan};
use actor::Actor;
use icecore::{Error, Order, Place, Replica, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often the history is rolled up, in milliseconds of the log: as the scheduled function does it elsewhere. Who
/// catches up then reads a segment instead of hundreds of objects.
const ROLL_UP_EVERY: i64 = 10 * 60_000;
/// How many replicas catch up at the same time at the end.
const AT_ONCE: usize = 32;
/// How often all are asked to catch up at the end: once to send and once to read, if the network is good.
const ROUNDS_MAX: usize = 40;
/// How long to wait before each further round. The hint that something changed can get lost; then a replica finds it by
/// looking at everything, which it does once a minute.
const ROUND_EVERY: Duration = Duration::from_secs(20);

/// How a conversation is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// How fast.
    pub speed: Speed,
    /// The midnight before the first line, in milliseconds since 1970.
    pub midnight: i64,
    /// The space; it is made, and must have no messages yet.
    pub space: String,
}

/// What the replicas did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Syncs.
    pub syncs: u64,
    /// Of these, without an answer from the store; what was queued stayed queued.
    pub unanswered: u64,
    /// Connections lost.
    pub disconnections: u64,
    /// Update objects written.
    pub objects: u64,
    /// PUTs that they took.
    pub puts: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.syncs += other.syncs;
        self.unanswered += other.unanswered;
        self.disconnections += other.disconnections;
        self.objects += other.objects;
        self.puts += other.puts;
    }
}

/// How a replay went.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Messages in the log.
    pub messages: usize,
    /// Who said one of them.
    pub authors: usize,
    /// Replicas, one for each person.
    pub replicas: usize,
    /// Nicknames of these persons.
    pub nicknames: usize,
    /// Updates: messages, names, joins and leaves.
    pub updates: usize,
    /// What the replicas did.
    #[serde(flatten)]
    pub tally: Tally,
    /// Roll-ups that wrote a segment.
    pub roll_ups: u64,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The SHA-256 of the state's JSON, where all replicas hold the same.
    pub sha256: Option<String>,
    /// What is wrong; empty where every promise held.
    pub differences: Vec<String>,
}

/// Plays a plan in a store. With a folder in `place` each replica has a folder in it, else they are in memory.
///
/// # Errors
/// `Conflict` when the space has messages already; otherwise what the store or a replica reports. That it does not answer
/// for a while is no error.
pub async fn replay(plan: &Plan, options: &Options, place: &Place) -> Result<Report> {
    let mut company = Company::gather(plan, options, place).await?;
    let started = company.keeper.now();
    let first = plan.cues.first().map_or(0, |cue| cue.at);
    let mut rolled = first;
    for cues in plan
        .cues
        .chunk_by(|a, b| a.at / options.speed.step() == b.at / options.speed.step())
    {
        let due = options.speed.lasts(cues[0].at - first);
        let late = u64::try_from(company.keeper.now() - started).unwrap_or(0);
        wait(due.saturating_sub(Duration::from_millis(late))).await;
        company.play(cues).await?;
        if cues[0].at - rolled >= ROLL_UP_EVERY {
            rolled = cues[0].at;
            company.roll_up().await?;
        }
    }
    let (sha256, differences) = company.finish(plan).await?;
    // What a hundred folders take to be closed belongs to it.
    company.actors.clear();
    Ok(Report {
        messages: (0..plan.people.len())
            .map(|person| plan.messages_of(person).len())
            .sum(),
        authors: (0..plan.people.len())
            .filter(|&person| !plan.messages_of(person).is_empty())
            .count(),
        replicas: plan.people.len(),
        nicknames: plan.people.iter().map(Vec::len).sum(),
        updates: plan.updates(),
        tally: company.tally,
        roll_ups: company.roll_ups,
        millis: company.keeper.now() - started,
        sha256,
        differences,
    })
}

/// All replicas, and one that only rolls up.
struct Company {
    actors: Vec<Actor>,
    keeper: Replica<Chat>,
    tally: Tally,
    roll_ups: u64,
}

impl Company {
    async fn gather(plan: &Plan, options: &Options, place: &Place) -> Result<Self> {
        let own = |n: usize| match place.replica() {
            Some(folder) => place.clone().with_replica(folder.join(format!("{n:04}"))),
            None => place.clone(),
        };
        let keeper = Replica::create(Chat, &own(0), &options.space, Order::Timestamp).await?;
        if !keeper.state().users.is_empty() {
            return Err(Error::conflict(
                "the chat has users already, a replay begins with an empty one",
            )
            .with_object(options.space.clone())
            .with_hint("name another one with --space"));
        }
        let actors = (0..plan.people.len())
            .map(|person| Actor::new(own(person + 1), options))
            .collect();
        Ok(Self {
            actors,
            keeper,
            tally: Tally::default(),
            roll_ups: 0,
        })
    }

    /// Lets everybody who has a cue play, at the same time.
    async fn play(&mut self, cues: &[Cue]) -> Result<()> {
        let mut by_person: BTreeMap<usize, Vec<Cue>> = BTreeMap::new();
        for cue in cues {
            by_person.entry(cue.person).or_default().push(cue.clone());
        }
        let mut playing = JoinSet::new();
        for (person, cues) in by_person {
            let actor = self.actors[person].clone();
            playing.spawn(async move { actor.play(cues).await });
        }
        self.tally_of(playing).await
    }

    async fn tally_of(&mut self, mut playing: JoinSet<Result<Tally>>) -> Result<()> {
        while let Some(played) = playing.join_next().await {
            let played =
                played.map_err(|e| Error::internal("a replica's task ended").with_source(e))?;
            self.tally.add(played?);
        }
        Ok(())
    }

    async fn roll_up(&mut self) -> Result<()> {
        match self.keeper.roll_up().await {
            Ok(report) => self.roll_ups += u64::from(report.segments > 0),
            // The next one finds all of it.
            Err(error) if error.is_unavailable() => self.tally.unanswered += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<()> {
        let everybody = self.actors.clone();
        for some in everybody.chunks(AT_ONCE) {
            let mut playing = JoinSet::new();
            for actor in some {
                let actor = actor.clone();
                playing.spawn(async move { actor.catch_up().await });
            }
            self.tally_of(playing).await?;
        }
        Ok(())
    }

    /// Everybody finds the connection again and catches up; then what they hold is compared.
    async fn finish(&mut self, plan: &Plan) -> Result<(Option<String>, Vec<String>)> {
        let mut verdict = (None, Vec::new());
        for round in 0..ROUNDS_MAX {
            if round > 1 {
                wait(ROUND_EVERY).await;
            }
            self.catch_up().await?;
            self.roll_up().await?;
            let mut endings = Vec::new();
            for actor in &self.actors {
                endings.push(actor.ending().await?);
            }
            verdict = differences(plan, &endings);
            if verdict.1.is_empty() {
                break;
            }
        }
        Ok(verdict)
    }
}
