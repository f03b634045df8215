//! Row 3: 64 writers of one space, 20 updates each, all at once, beside 64 tasks that put as many objects.

use super::ground::{Grounds, SMALL};
use super::records::document_update;
use super::{NAME, on};
use crate::bench::latency::{Raw, body};
use crate::bench::number::{Number, exact};
use crate::bench::requests::per;
use crate::bench::sample::{author, queued};
use crate::bench::site::Site;
use crate::bench::timing::{Times, ratio, show, time};
use crate::context::Context;
use futures::future::{join_all, try_join_all};
use icecore_core::{Error, Result, SpaceName, UpdateId};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::Reader;
use icecore_store::backend::RequestCounts;
use std::collections::BTreeSet;
use std::time::Duration;

const WRITERS: u64 = 64;
const UPDATES_EACH: u64 = 20;
const UPDATES: u64 = WRITERS * UPDATES_EACH;
/// Each side so often, in turns.
const ROUNDS: usize = 3;

/// What one round of one side took.
#[derive(Debug, Default)]
struct Round {
    time: Duration,
    each: Vec<Duration>,
}

/// What the writers of a round told besides.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Vec<UpdateId>,
    bumps: u64,
}

pub(super) async fn writers(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let mut numbers = Vec::new();
    for site in &grounds.sites {
        numbers.extend(Box::pin(contend(site, context)).await?);
    }
    Ok(numbers)
}

async fn contend(site: &Site, context: &Context) -> Result<Vec<Number>> {
    let (mut ours, mut floors) = <(Vec<Round>, Vec<Round>)>::default();
    let (mut counts, mut bumps, mut lost) = (RequestCounts::default(), 0, 0);
    for _ in 0..ROUNDS {
        floors.push(raw_round(site, context).await?);
        let name = site.space().await?.space;
        let writers = join_all((0..WRITERS).map(|_| joined(site, &name))).await;
        let writers: Vec<_> = writers.into_iter().collect::<Result<_>>()?;
        let before = site.metered.counts();
        let (round, told) = round(writers, context).await?;
        counts = counts + (site.metered.counts() - before);
        bumps += told.bumps;
        lost += missing(site, &name, &told.acknowledged).await?;
        ours.push(round);
    }
    let updates = UPDATES * ROUNDS as u64;
    let requests = per(counts.requests(), updates);
    let kinds = format!(
        "{:.2} update PUTs, {:.2} collisions, {:.2} hint PUTs, {:.2} GET, {:.2} LIST",
        per(counts.of("updates").put, updates),
        per(bumps, updates),
        per(counts.of("heads").put, updates),
        per(counts.total.get, updates),
        per(counts.total.list, updates)
    );
    let mut numbers = speed(&site.name, &ours, &floors);
    numbers.extend([
        Number::new(NAME, on("3: requests per update", &site.name), requests, "")
            .at_most(2.1)
            .detail(kinds),
        Number::count(NAME, on("3: acknowledged and lost", &site.name), lost, "").at_most(0.0),
    ]);
    Ok(numbers)
}

/// How fast they are beside the floor, by the rounds in the middle.
fn speed(name: &str, ours: &[Round], floors: &[Round]) -> Vec<Number> {
    let middle = |rounds: &[Round]| {
        let (mut whole, mut each) = <(Times, Times)>::default();
        for round in rounds {
            whole.add(round.time);
            round.each.iter().for_each(|time| each.add(*time));
        }
        (whole.median(), each.at(0.99))
    };
    let ((time, p99), (floor, floor99)) = (middle(ours), middle(floors));
    let per_second = |time: Duration| exact(UPDATES) / time.as_secs_f64();
    vec![
        Number::new(
            NAME,
            on("3: updates/s of 64 writers / raw PUTs", name),
            ratio(floor, time),
            "×",
        )
        .at_least(0.6)
        .detail(format!(
            "{:.0} against {:.0} a second",
            per_second(time),
            per_second(floor)
        )),
        Number::new(
            NAME,
            on("3: p99 of an update / of a raw PUT", name),
            ratio(p99, floor99),
            "×",
        )
        .at_most(4.0)
        .detail(format!("{} against {}", show(p99), show(floor99))),
    ]
}

/// A device has a disk of its own: here their copies are in memory.
async fn joined(site: &Site, name: &SpaceName) -> Result<SpaceReplica> {
    let mut space = Replica::in_memory(site.store.clone())?.space(name)?;
    space.pull().await?;
    Ok(space)
}

async fn round(writers: Vec<SpaceReplica>, context: &Context) -> Result<(Round, Told)> {
    let tasks = writers.into_iter().zip(0..).map(|(space, n)| {
        let clock = std::sync::Arc::clone(&context.clock);
        tokio::spawn(async move { write(n, space, &*clock).await })
    });
    let (time, written) = time(&*context.clock, try_join_all(tasks)).await;
    let written = written.map_err(ended)?;
    let mut round = Round {
        time,
        ..Round::default()
    };
    let mut all = Told::default();
    for writer in written {
        let (each, told) = writer?;
        round.each.extend(each);
        all.acknowledged.extend(told.acknowledged);
        all.bumps += told.bumps;
    }
    Ok((round, all))
}

fn ended(error: tokio::task::JoinError) -> Error {
    Error::internal("a writer of the benchmark ended early").with_source(error)
}

/// One update after the other, each acknowledged before the next.
async fn write(
    writer: u64,
    mut space: SpaceReplica,
    clock: &dyn icecore_store::Clock,
) -> Result<(Vec<Duration>, Told)> {
    let (mut each, mut told) = <(Vec<_>, Told)>::default();
    for n in 0..UPDATES_EACH {
        let update = queued(document_update(
            writer * UPDATES_EACH + n,
            SMALL,
            clock.now(),
        )?);
        let work = async {
            space.enqueue(&[update])?;
            space.flush().await
        };
        let (time, acknowledged) = time(clock, Box::pin(work)).await;
        for acknowledged in acknowledged? {
            told.bumps += u64::from(acknowledged.bumps);
            told.acknowledged.push(acknowledged.id);
        }
        each.push(time);
    }
    Ok((each, told))
}

/// As many tasks, each with keys of its own.
async fn raw_round(site: &Site, context: &Context) -> Result<Round> {
    let tasks = (0..WRITERS).map(|writer| {
        let raw = Raw::object(site);
        async move {
            let mut each = Vec::new();
            for n in 0..UPDATES_EACH {
                let update = document_update(n, SMALL, context.clock.now())?;
                let body = body(author(writer), n, update)?;
                each.push(raw.write(n, &body, context).await?);
            }
            Ok::<_, Error>(each)
        }
    });
    let (time, each) = time(&*context.clock, try_join_all(tasks)).await;
    let each = each?.concat();
    Ok(Round { time, each })
}

/// How many of them a new reader does not find.
async fn missing(site: &Site, name: &SpaceName, acknowledged: &[UpdateId]) -> Result<u64> {
    let reader = Reader::open(&site.store, name).await?;
    let shown: BTreeSet<_> = reader.tail_entries().iter().map(|e| e.id).collect();
    let is_there = |id: &&UpdateId| shown.contains(id) || reader.base.covered.contains(**id);
    let found = acknowledged.iter().filter(is_there).count();
    let distinct: BTreeSet<_> = acknowledged.iter().collect();
    if distinct.len() as u64 != UPDATES {
        return Err(Error::internal("BUG: not all was acknowledged, each once"));
    }
    Ok((acknowledged.len() - found) as u64)
}
