//! Rounds: roll-up and pruning of a whole store, for a scheduled function and for a server process.
//!
//! A round finds the spaces that changed, rolls each up until nothing is left, and does the daily upkeep of those whose
//! minute has come. Two rounds may run at once, on two machines: the protocol settles it.
//!
//! # What a round asks the bucket
//! | what | requests |
//! | --- | --- |
//! | a scheduled round | 1 LIST of `heads/` per 1,000 spaces |
//! | once an hour, and first of all | 1 LIST of `spaces/` per 1,000 spaces |
//! | a first round, for each space that was quiet for an hour | 1 GET of its head |
//! | a space that changed | a roll-up, and another look in the next round: 1 GET and 3 LIST |
//! | daily upkeep of a space without update objects | 1 GET and 2 LIST |
//! | daily upkeep of any other | 1 GET and 2 LIST, a full roll-up, and pruning if something is old enough |
//!
//! # What is found when
//! - A head that changed: in the next round. A round remembers the `LastModified` of the head that it has dealt with,
//!   so nothing depends on when the last round was or on an overlap.
//! - What changed while nothing ran: in the first round. The heads say which spaces: a writer's head names a key beyond
//!   `through`, a roll-up's does not. The word of a head younger than an hour is not taken, for a roll-up may have
//!   overwritten a writer's.
//! - What no head tells of, because its writer could not write it: by the daily upkeep. Each space has a minute of the
//!   day, from the digest of its name, so that upkeep needs no memory in the bucket and comes in no burst. A first
//!   round takes the minutes of the last hour; what fell into a longer standstill is found a day later.

mod due;
mod kept;
mod report;
mod visit;

pub use report::{Failure, Report};

use crate::settings::millis;
use crate::store::Store;
use due::{Job, Known, Upkeep};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use icecore_core::due::is_due;
use icecore_core::{Error, Result, SpaceName};
use kept::WarmModels;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use visit::{Crew, Ended, Visit, visit};

/// A head must have been quiet for this long before a visit counts as having dealt with it: servers tell
/// `LastModified` in seconds, and clocks differ a little.
const QUIET: Duration = Duration::from_secs(10);
/// How long a space that was handed over is left to whoever took it.
const HANDED_OVER: Duration = Duration::from_mins(3);
/// The first and the longest pause after a space failed.
const PAUSE_MIN: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_mins(10);

/// What a round may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Spaces under way at once. A big one runs alone.
    pub spaces_at_once: usize,
    /// Estimated bytes of the models that are kept in memory between rounds.
    pub warm_bytes_max: u64,
    /// How many of them are kept.
    pub warm_spaces_max: usize,
    /// No work is begun when less than this is left before the deadline; when half of it is left, what is under way
    /// is dropped where it stands.
    pub margin: Duration,
    /// How long covered update objects are kept; `None` for what the store's settings say.
    pub retention: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            spaces_at_once: 8,
            warm_bytes_max: 32 << 20,
            warm_spaces_max: 1_000,
            margin: Duration::from_secs(10),
            retention: None,
        }
    }
}

/// What a round is to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Whatever has changed, and the upkeep that is due.
    Scheduled,
    /// Exactly these spaces; no upkeep.
    Spaces(Vec<SpaceName>),
}

/// Round after round over one store; keeps between them what saves requests.
///
/// Losing it loses nothing: the first round of another one finds the same work.
#[derive(Debug)]
pub struct Rounds {
    store: Store,
    limits: Limits,
    warm: WarmModels,
    /// What is known of each head.
    known: BTreeMap<SpaceName, Known>,
    upkeep: Upkeep,
    /// Spaces whose states take more memory than they may here.
    too_large: BTreeSet<SpaceName>,
}

/// Until when a round works, by the monotonic clock.
#[derive(Debug, Clone, Copy)]
struct Time {
    /// The server's time when the round began.
    began: i64,
    /// Nothing is begun from here on.
    work_until: Duration,
    /// What is under way is dropped.
    cut_at: Duration,
}

impl Rounds {
    /// Rounds over a store. No request is made.
    pub fn new(store: Store, limits: Limits) -> Self {
        let warm = WarmModels::new(limits.warm_bytes_max, limits.warm_spaces_max);
        Self {
            store,
            limits,
            warm,
            known: BTreeMap::new(),
            upkeep: Upkeep::default(),
            too_large: BTreeSet::new(),
        }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How many models are kept in memory, and their estimated bytes.
    pub fn warm(&self) -> (usize, u64) {
        (self.warm.len(), self.warm.bytes())
    }

    /// One round, until `deadline` by the store's monotonic clock. A space that fails is part of the report and stops
    /// no other one.
    ///
    /// # Errors
    /// `Unavailable` or `Denied` when the spaces cannot be listed; nothing was done then.
    pub async fn run(&mut self, work: Work, deadline: Duration) -> Result<Report> {
        let start = self.store.clock.monotonic();
        let time = Time {
            began: self.store.now(),
            work_until: deadline.saturating_sub(self.limits.margin),
            cut_at: deadline.saturating_sub(self.limits.margin / 2),
        };
        let mut report = Report::default();
        let jobs = match work {
            Work::Scheduled => self.find_work(time, &mut report).await?,
            Work::Spaces(names) => {
                let names: BTreeSet<SpaceName> = names.into_iter().collect();
                names.into_iter().map(Job::asked_for).collect()
            }
        };
        self.work_off(jobs, time, &mut report).await;
        let now = self.store.now();
        let behind = self.known.values().filter_map(|known| known.behind_since);
        report.saw_waiting(behind.min(), now);
        report.unchecked = self.known.values().filter(|k| k.is_unchecked()).count() as u64;
        report.upkeep_left = self.upkeep.pending() as u64;
        report.warm_spaces = self.warm.len() as u64;
        report.warm_bytes = self.warm.bytes();
        report.too_large = self.too_large.iter().cloned().collect();
        let spent = self.store.clock.monotonic().saturating_sub(start);
        report.millis = u64::try_from(millis(spent)).unwrap_or(0);
        Ok(report)
    }

    /// Somebody else was asked to do these: for a few minutes they are not due here.
    pub fn hand_over(&mut self, spaces: &[SpaceName]) {
        let until = self.store.clock.monotonic().saturating_add(HANDED_OVER);
        for space in spaces {
            if let Some(known) = self.known.get_mut(space) {
                known.not_before = until;
            }
        }
    }

    async fn work_off(&mut self, jobs: Vec<Job>, time: Time, report: &mut Report) {
        let at_once = self.limits.spaces_at_once.max(1);
        let retention = self.limits.retention;
        let retention = retention.unwrap_or(self.store.settings.retention);
        let crew = Crew::new(&self.store, at_once, retention, time);
        let mut jobs = jobs.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < at_once && !crew.is_over() {
                let Some(job) = jobs.next() else { break };
                let warm = self.warm.take(&job.space);
                under_way.push(visit(&crew, job, warm));
            }
            match under_way.next().await {
                Some(visit) => self.finish(visit, time, report),
                None => break,
            }
        }
        for job in jobs {
            self.put_off(job, report);
        }
    }

    /// Takes in what a visit did.
    fn finish(&mut self, visit: Visit, time: Time, report: &mut Report) {
        let Visit { job, ended } = visit;
        report.spaces += u64::from(!matches!(ended, Ended::Cut));
        match ended {
            Ended::Done(done) => {
                report.add(&done);
                report.saw_waiting(done.rollup.waiting_since, self.store.now());
                if let Some(kept) = done.kept {
                    self.warm.put(job.space.clone(), kept);
                }
                if done.upkeep {
                    self.upkeep.done(&job.space);
                }
                let known = self.known.get_mut(&job.space);
                let finished = !done.rollup.unfinished && !done.rollup.raced;
                // What a newer program wrote is held until this one is newer, too.
                let all = finished && (done.rollup.held == 0 || !done.rollup.newer.is_empty());
                if let Some(known) = known {
                    known.visited(job.head, done.rollup.waiting_since);
                    let quiet = |head| is_due(time.began, head, QUIET);
                    if job.head.is_some() {
                        known.seen = job.head.filter(|head| all && quiet(*head));
                    }
                    known.rests(done.rollup.updates, self.store.clock.monotonic());
                }
                if done.rollup.too_large.is_some() {
                    self.too_large.insert(job.space.clone());
                } else {
                    self.too_large.remove(&job.space);
                }
                if done.rollup.unfinished {
                    report.left.push(job.space);
                }
            }
            Ended::Gone => {
                self.too_large.remove(&job.space);
                self.upkeep.done(&job.space);
                if let Some(known) = self.known.get_mut(&job.space) {
                    known.visited(job.head, None);
                    known.seen = job.head;
                    known.rests(0, self.store.clock.monotonic());
                }
            }
            Ended::Cut => self.put_off(job, report),
            Ended::Failed(error) => self.failed(&job, &error, report),
        }
    }

    fn put_off(&mut self, job: Job, report: &mut Report) {
        if let Some(known) = self.known.get_mut(&job.space) {
            known.fell_behind(job.head);
        }
        // Upkeep alone waits for the next round.
        if job.head.is_some() || !job.upkeep {
            report.left.push(job.space);
        }
    }

    fn failed(&mut self, job: &Job, error: &Error, report: &mut Report) {
        if !error.is_unavailable() {
            // The next try is tomorrow: that it fails each minute helps nobody.
            self.upkeep.done(&job.space);
        }
        let now = self.store.clock.monotonic();
        if let Some(known) = self.known.get_mut(&job.space) {
            known.fell_behind(job.head);
            known.failures = known.failures.saturating_add(1);
            let pause = PAUSE_MIN.saturating_mul(1 << known.failures.min(16));
            known.not_before = now.saturating_add(pause.min(PAUSE_MAX));
        }
        report.failures.push(Failure::of(job.space.clone(), error));
    }
}
