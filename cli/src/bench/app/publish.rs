//! Rows 1 and 2: an update until the bucket has it, by the replica and by the typed replica, beside one raw conditional PUT.

use super::ground::{Filled, Grounds, RECORDS, SMALL, write_one};
use super::records::{Msg, document_update};
use super::{NAME, on};
use crate::bench::latency::{Raw, body};
use crate::bench::number::Number;
use crate::bench::requests::per;
use crate::bench::rig::Rig;
use crate::bench::sample::queued;
use crate::bench::site::Site;
use crate::bench::timing::{Times, ratio, show, time};
use crate::bench::traffic::Traffic;
use crate::context::Context;
use icecore_core::{Author, Error, Result, SpaceName};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::Store;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const WARM_UP: u64 = 10;
const ROUNDS: u64 = 200;
/// What is left when the head has its hint: a poll that finds nothing new, the update, its hint.
const SYNC_REQUESTS: f64 = 3.0;

/// Row 1.
pub(super) async fn replica(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let mut numbers = Vec::new();
    for (n, site) in grounds.sites.iter().enumerate() {
        let device = grounds.scratch.path(&format!("publish-{n}"));
        numbers.extend(Box::pin(in_turns(site, &device, context)).await?);
    }
    Ok(numbers)
}

/// An update each: raw, until it is acknowledged, and until its hint is written too.
async fn in_turns(site: &Site, device: &Path, context: &Context) -> Result<Vec<Number>> {
    let name = site.space().await?.space;
    let rig = Rig::without_hints(Arc::clone(&site.backend.store), Arc::clone(&context.clock));
    let unhinted = site.behind(rig, &context.clock);
    let mut acknowledged = joined(&unhinted, &name, &device.join("a")).await?;
    let mut hinted = joined(&site.store, &name, &device.join("b")).await?;
    let raw = Raw::object(site);
    let author = acknowledged.status()?.author;
    let (mut floor, mut until, mut all) = <(Times, Times, Times)>::default();
    for n in 0..WARM_UP + ROUNDS {
        let raw_time = raw_put(&raw, (author, n), context).await?;
        let (alone, with_hint) = if n % 2 == 0 {
            let alone = send(&mut acknowledged, n, context).await?;
            (alone, send(&mut hinted, n, context).await?)
        } else {
            let with_hint = send(&mut hinted, n, context).await?;
            (send(&mut acknowledged, n, context).await?, with_hint)
        };
        if n >= WARM_UP {
            floor.add(raw_time);
            until.add(alone);
            all.add(with_hint);
        }
    }
    let requests = requests_of_a_flush(site, &device.join("c"), context).await?;
    let against = |times: &Times| {
        let (p50, floor50) = (times.median(), floor.median());
        format!("{} against {}", show(p50), show(floor50))
    };
    let (name, floor50) = (&site.name, floor.median());
    Ok(vec![
        Number::new(
            NAME,
            on("1: update of 150 B, acknowledged / raw PUT", name),
            ratio(until.median(), floor50),
            "×",
        )
        .at_most(1.5)
        .detail(against(&until)),
        Number::new(
            NAME,
            on("1: the same until its hint is written", name),
            ratio(all.median(), floor50),
            "×",
        )
        .detail(against(&all)),
        Number::new(NAME, on("1: requests of it", name), requests, "").at_most(2.0),
    ])
}

async fn raw_put(raw: &Raw, (author, n): (Author, u64), context: &Context) -> Result<Duration> {
    let update = document_update(n, SMALL, context.clock.now())?;
    raw.write(n, &body(author, n, update)?, context).await
}

/// Queues an update and sends it.
async fn send(space: &mut SpaceReplica, n: u64, context: &Context) -> Result<Duration> {
    let update = queued(document_update(n, SMALL, context.clock.now())?);
    let work = async {
        space.enqueue(&[update])?;
        space.flush().await
    };
    let (time, acknowledged) = time(&*context.clock, Box::pin(work)).await;
    match acknowledged?.len() {
        1 => Ok(time),
        _ => Err(Error::internal("BUG: a flush of one update")),
    }
}

async fn requests_of_a_flush(site: &Site, device: &Path, context: &Context) -> Result<f64> {
    const UPDATES: u64 = 20;
    let name = site.space().await?.space;
    let mut space = joined(&site.store, &name, device).await?;
    let before = site.metered.counts();
    for n in 0..UPDATES {
        send(&mut space, n, context).await?;
    }
    Ok(per((site.metered.counts() - before).requests(), UPDATES))
}

async fn joined(store: &Store, space: &SpaceName, device: &Path) -> Result<SpaceReplica> {
    let mut space = Replica::open(store.clone(), device)?.space(space)?;
    space.pull().await?;
    Ok(space)
}

/// Row 2.
pub(super) async fn typed(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let mut numbers = Vec::new();
    for (n, site) in grounds.sites.iter().enumerate() {
        let device = grounds.scratch.path(&format!("typed-{n}"));
        let filled = Filled::write(&site.store, device, (RECORDS, SMALL), 1).await?;
        numbers.extend(Box::pin(typed_in_turns(site, &filled, context)).await?);
    }
    numbers.extend(Box::pin(behind_a_gateway(grounds, context)).await?);
    Ok(numbers)
}

async fn typed_in_turns(site: &Site, filled: &Filled, context: &Context) -> Result<Vec<Number>> {
    let raw = Raw::object(site);
    let (floor, times, counts) = typed_times(&raw, filled, site, context).await?;
    let name = &site.name;
    let (puts, hints) = (counts.of("updates").put, counts.of("heads").put);
    let detail = format!(
        "{puts} updates, {hints} hints, {} polls of {ROUNDS} updates",
        counts.of("heads").get
    );
    Ok(vec![
        against_raw(name, &times, &floor).at_most(1.6),
        Number::new(
            NAME,
            on("2: requests of it", name),
            per(counts.requests(), ROUNDS),
            "",
        )
        .at_most(SYNC_REQUESTS)
        .detail(detail),
        Number::new(
            NAME,
            on("2: bytes read for it", name),
            per(counts.total.bytes_in, ROUNDS),
            "bytes",
        )
        .at_most(1_000.0),
    ])
}

fn against_raw(name: &str, times: &Times, floor: &Times) -> Number {
    let (p50, floor50) = (times.median(), floor.median());
    Number::new(
        NAME,
        on("2: update and sync, 10 k records / raw PUT", name),
        ratio(p50, floor50),
        "×",
    )
    .detail(format!(
        "{} against {}; p95 {} against {}",
        show(p50),
        show(floor50),
        show(times.at(0.95)),
        show(floor.at(0.95))
    ))
}

type Typed = (Times, Times, icecore_store::backend::RequestCounts);

async fn typed_times(raw: &Raw, filled: &Filled, site: &Site, context: &Context) -> Result<Typed> {
    let author = filled.writer.author().await?;
    let (mut floor, mut times) = <(Times, Times)>::default();
    for n in 0..WARM_UP {
        write_one(&filled.writer, Msg::put(1, n, SMALL)).await?;
        raw_put(raw, (author, n), context).await?;
    }
    let mut counts = icecore_store::backend::RequestCounts::default();
    for n in 0..ROUNDS {
        floor.add(raw_put(raw, (author, WARM_UP + n), context).await?);
        let id = u32::try_from(n * 37 % u64::from(RECORDS)).unwrap_or(0);
        let msg = Msg::put(id, n, SMALL);
        let before = site.metered.counts();
        let (time, key) = time(&*context.clock, write_one(&filled.writer, msg)).await;
        key?;
        times.add(time);
        counts = counts + (site.metered.counts() - before);
    }
    Ok((floor, times, counts))
}

/// The same by a client with a token; the floor is the server's own bucket, asked without it.
async fn behind_a_gateway(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let (store, traffic) = grounds.served.counted_store(&context.clock, context)?;
    let device = grounds.scratch.path("typed-gateway");
    let filled = Filled::write(&store, device, (RECORDS, SMALL), 1).await?;
    let raw = Raw::object(&grounds.below);
    let before = traffic.now();
    let (floor, times, _) = typed_times(&raw, &filled, &grounds.below, context).await?;
    let spent: Traffic = traffic.now().since(before);
    let updates = WARM_UP + ROUNDS;
    let detail = format!(
        "of {updates} updates: {} calls, {} GET, {} LIST, {} PUT",
        spent.calls, spent.gets, spent.lists, spent.others
    );
    Ok(vec![
        against_raw("gateway", &times, &floor),
        Number::new(
            NAME,
            on("2: requests of it", "gateway"),
            per(spent.requests(), updates),
            "",
        )
        .at_most(5.0)
        .detail(detail),
    ])
}
