//! `load`: hundreds of clients write through a gateway at the same time, each with a token, an HTTP client and a replica
//! of its own.
//!
//! First each writes once a second, then as fast as it can. Measured is `SpaceReplica::flush`: the call for a slot, the
//! presigned PUT, and the hint, which takes another call and another PUT. Clients and server share the machine.

use super::BenchArgs;
use super::number::{Number, exact};
use super::sample::{queued, task};
use super::served::Served;
use super::site::Site;
use super::timing::{Times, show, time};
use crate::context::Context;
use crate::human;
use futures::future::{join_all, try_join_all};
use icecore_core::{Error, Generation, Result, SpaceInfo, UpdateId};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::Clock;
use icecore_store::history::Segments;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::verify;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "load";
const CLIENTS_PER_SPACE: usize = 10;
/// Tasks in each space's list: its state stays as small as an app's.
const TASKS: u64 = 500;
/// From one update to the next: every client comes to every task.
const STEP: u64 = 211;
/// Clients that get ready at once.
const JOINING: usize = 16;
const A_SECOND: Duration = Duration::from_secs(1);
/// After so long at the first pace and half as long at the second, the roll-ups have come to their largest.
const WARM_AFTER: Duration = Duration::from_mins(3);
/// How often what failed on the way is tried again at the end.
const LAST_TRIES: usize = 3;

/// Both paces, then the history is held against what was acknowledged.
pub(super) async fn load(context: &Context, args: &BenchArgs) -> Result<Vec<Number>> {
    let served = Served::start(context).await?;
    let count = usize::from(args.clients);
    let spaces = count.div_ceil(CLIENTS_PER_SPACE);
    let mut infos = Vec::with_capacity(spaces);
    for _ in 0..spaces {
        infos.push(served.space(context).await?);
    }
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let ready = clients.len()..count.min(clients.len() + JOINING);
        let joining = ready.map(|n| Client::join(&served, &infos[n % spaces], n, context));
        clients.extend(try_join_all(joining).await?);
    }
    let mut numbers = Vec::new();
    for (pace, how) in [(Some(A_SECOND), "once a second"), (None, "at full speed")] {
        let run = Run::of(&mut clients, (pace, args.duration), &served, context).await?;
        let is_warm = pace.is_none() && args.duration >= WARM_AFTER;
        numbers.extend(run.numbers((how, is_warm), count));
    }
    let acknowledged: Vec<UpdateId> = clients
        .iter()
        .flat_map(|c| c.acknowledged.clone())
        .collect();
    drop(clients);
    numbers.push(held_against(served, &infos, (NAME, &acknowledged), context).await?);
    Ok(numbers)
}

/// One client.
pub(super) struct Client {
    number: u64,
    written: u64,
    space: SpaceReplica,
    pub(super) acknowledged: Vec<UpdateId>,
    clock: Arc<dyn Clock>,
}

/// What a client measured.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) times: Vec<Duration>,
    pub(super) errors: BTreeMap<String, u64>,
}

impl Client {
    pub(super) async fn join(
        served: &Served,
        info: &SpaceInfo,
        n: usize,
        context: &Context,
    ) -> Result<Self> {
        let mut space = Replica::in_memory(served.store(context)?)?.space(&info.space)?;
        space.pull().await?;
        Ok(Self {
            number: n as u64,
            written: 0,
            space,
            acknowledged: Vec::new(),
            clock: Arc::clone(&context.clock),
        })
    }

    /// Writes until `end`, one update after the other, or one at each tick of `pace`.
    pub(super) async fn write(
        mut self,
        pace: Option<Duration>,
        end: Duration,
    ) -> Result<(Self, Measured)> {
        let mut measured = Measured::default();
        // They do not all begin at once.
        let mut due = self.clock.monotonic()
            + pace.map_or(Duration::ZERO, |pace| {
                pace * u32::try_from(self.number % 100).unwrap_or(0) / 100
            });
        while self.clock.monotonic() < end {
            if let Some(pace) = pace {
                self.clock
                    .sleep(due.saturating_sub(self.clock.monotonic()))
                    .await;
                due += pace;
            }
            self.queue()?;
            self.flush(&mut measured).await;
        }
        // What failed on the way is tried again: it is queued still.
        for _ in 0..LAST_TRIES {
            if self.space.status()?.queued == 0 {
                break;
            }
            self.flush(&mut measured).await;
        }
        Ok((self, measured))
    }

    fn queue(&mut self) -> Result<()> {
        let n = self.number + self.written * STEP;
        self.written += 1;
        self.space.enqueue(&[queued(task(n, TASKS)?)])?;
        Ok(())
    }

    async fn flush(&mut self, measured: &mut Measured) {
        let clock = Arc::clone(&self.clock);
        let (time, result) = time(&*clock, Box::pin(self.space.flush())).await;
        match result {
            Ok(acknowledged) => {
                measured.times.push(time);
                self.acknowledged.extend(acknowledged.iter().map(|a| a.id));
            }
            Err(error) => {
                let kind = format!("{:?}", error.kind());
                *measured.errors.entry(kind).or_default() += 1;
            }
        }
    }
}

/// All clients at one pace.
struct Run {
    times: Times,
    errors: BTreeMap<String, u64>,
    took: Duration,
    updates: u64,
    /// The server's memory at the start, in the middle and at the end.
    memory: [u64; 3],
}

impl Run {
    async fn of(
        clients: &mut Vec<Client>,
        (pace, duration): (Option<Duration>, Duration),
        served: &Served,
        context: &Context,
    ) -> Result<Self> {
        let clock = &context.clock;
        let start = clock.monotonic();
        let begin = served.resident()?;
        let before: usize = clients.iter().map(|c| c.acknowledged.len()).sum();
        let writing = std::mem::take(clients)
            .into_iter()
            .map(|client| tokio::spawn(client.write(pace, start + duration)));
        let writing: Vec<_> = writing.collect();
        clock.sleep(duration / 2).await;
        let middle = served.resident()?;
        let mut run = Self {
            times: Times::default(),
            errors: BTreeMap::new(),
            took: Duration::ZERO,
            updates: 0,
            memory: [begin, middle, 0],
        };
        for ended in join_all(writing).await {
            let ended = ended.map_err(|e| {
                Error::internal("a client of the benchmark ended early").with_source(e)
            })?;
            let (client, measured) = ended?;
            clients.push(client);
            measured
                .times
                .into_iter()
                .for_each(|time| run.times.add(time));
            for (kind, count) in measured.errors {
                *run.errors.entry(kind).or_default() += count;
            }
        }
        run.took = clock.monotonic().saturating_sub(start);
        run.memory[2] = served.resident()?;
        let after: usize = clients.iter().map(|c| c.acknowledged.len()).sum();
        run.updates = (after - before) as u64;
        Ok(run)
    }

    /// What was measured; the memory is held against its target only where the server `is_warm`.
    fn numbers(&self, (how, is_warm): (&str, bool), clients: usize) -> Vec<Number> {
        let [begin, middle, end] = self.memory;
        let rate = exact(self.updates) / self.took.as_secs_f64();
        let p50 = self.times.at(0.5);
        let errors: u64 = self.errors.values().sum();
        let kinds = self
            .errors
            .iter()
            .map(|(kind, count)| format!("{count} × {kind}"));
        let kinds = kinds.collect::<Vec<_>>().join("; ");
        let memory = Number::new(
            NAME,
            format!("server's memory at the end / half-way, {how}"),
            exact(end) / exact(middle),
            "×",
        )
        .detail(format!(
            "{} at the start, {} half-way, {} at the end",
            human::bytes(begin),
            human::bytes(middle),
            human::bytes(end)
        ));
        vec![
            Number::new(NAME, format!("{clients} clients, {how}"), rate, "updates/s")
                .detail(format!("{} in {}", self.updates, show(self.took))),
            Number::new(
                NAME,
                format!("latency p50, {how}"),
                p50.as_secs_f64() * 1e3,
                "ms",
            )
            .detail(format!(
                "p99 {}, p99.9 {}",
                show(self.times.at(0.99)),
                show(self.times.at(0.999))
            )),
            Number::count(NAME, format!("errors, {how}"), errors, "")
                .at_most(0.0)
                .detail(kinds),
            if is_warm { memory.at_most(1.2) } else { memory },
        ]
    }
}

/// Every acknowledged update is in the history, and none is there twice.
pub(super) async fn held_against(
    served: Served,
    infos: &[SpaceInfo],
    (bench, acknowledged): (&'static str, &[UpdateId]),
    context: &Context,
) -> Result<Number> {
    let (objects, scratch) = served.stop().await?;
    let site = Site::in_folder(&objects, context).await?;
    let mut found: BTreeMap<UpdateId, u64> = BTreeMap::new();
    for info in infos {
        let options = RollupOptions {
            full: true,
            now: true,
            ..RollupOptions::default()
        };
        roll_up(&site.store, &info.space, &options).await?;
        let report = verify(&site.store, &info.space, &mut |_, _| {}).await?;
        if let Some(problem) = report.problems.first() {
            return Err(Error::corrupt(problem.message.clone()).with_object(&problem.object));
        }
        let mut segments = Segments::after(&site.store, info, Generation::ZERO).await?;
        while let Some(segment) = segments.next().await? {
            for entry in &segment.entries {
                *found.entry(entry.id).or_default() += 1;
            }
        }
    }
    drop(scratch);
    let wrong = acknowledged
        .iter()
        .filter(|id| found.get(id) != Some(&1))
        .count();
    let twice = found.values().filter(|count| **count > 1).count();
    let what = "acknowledged and not in the history exactly once";
    Ok(Number::count(bench, what, (wrong + twice) as u64, "")
        .at_most(0.0)
        .detail(format!(
            "{} acknowledged, {} in the history",
            acknowledged.len(),
            found.len()
        )))
}
