//! `contention`: 64 writers on one space, 20 updates each, all starting in the same millisecond and as fast as
//! they can.

use super::number::{Number, exact};
use super::requests::per;
use super::sample::{bare_bytes, message, queued};
use super::site::{Scratch, Site};
use crate::context::Context;
use futures::future::try_join_all;
use icecore_core::{Error, ObjectKey, Result, SpaceInfo};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::verify;
use std::sync::Arc;
use tokio::sync::Barrier;

const NAME: &str = "contention";
const WRITERS: u64 = 64;
const UPDATES_EACH: u64 = 20;
const UPDATES: u64 = WRITERS * UPDATES_EACH;

/// In memory, in a folder, and at the URL that `--store` names.
pub(super) async fn contention(context: &Context) -> Result<Vec<Number>> {
    let scratch = Scratch::new(context)?;
    let mut sites = vec![
        Site::in_memory(context).await?,
        Site::in_folder(&scratch.path("store"), context).await?,
    ];
    if let Some(url) = context.store_url() {
        sites.push(Site::open(url, context, &context.clock).await?);
    }
    let mut numbers = Vec::new();
    for site in &sites {
        numbers.extend(contend(site, context).await?);
    }
    Ok(numbers)
}

async fn contend(site: &Site, context: &Context) -> Result<Vec<Number>> {
    let info = site.space().await?;
    // Two workers of the runtime run the writers; they leave together.
    let start = Arc::new(Barrier::new(usize::try_from(WRITERS).unwrap_or(0)));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut space = Replica::in_memory(site.store.clone())?.space(&info.space)?;
        space.pull().await?;
        writers.push(tokio::spawn(write(writer, space, Arc::clone(&start))));
    }
    let before = site.metered.counts();
    let (time, written) = super::timing::time(&*context.clock, try_join_all(writers)).await;
    let written: Vec<Written> = written
        .map_err(|e| Error::internal("a writer of the benchmark ended early").with_source(e))?
        .into_iter()
        .collect::<Result<_>>()?;
    let counts = site.metered.counts() - before;
    let bumps: u64 = written.iter().map(|w| w.bumps).sum();
    let stored = rolled_up(site, &info).await?;
    let on = |what: &str| format!("{what}, {}", site.name);
    let puts = counts.of("updates").put;
    Ok(vec![
        Number::count(
            NAME,
            on("updates stored of 64 writers × 20"),
            stored.updates,
            "",
        )
        .at_least(exact(UPDATES)),
        Number::new(NAME, on("update PUTs per update"), per(puts, UPDATES), "")
            .at_most(2.0)
            .detail(format!(
                "{puts} PUTs, {bumps} collisions, {:.0} updates/s",
                exact(UPDATES) / time.as_secs_f64()
            )),
        Number::new(
            NAME,
            on("stored bytes / the updates' objects"),
            per(stored.bytes, stored.object_bytes),
            "×",
        )
        .at_most(0.6)
        .detail(format!(
            "segments and snapshots {}, update objects {}",
            stored.bytes, stored.object_bytes
        )),
        Number::new(
            NAME,
            on("stored bytes / the updates' bare kind and data"),
            per(stored.bytes, bare(&written)),
            "×",
        )
        .at_most(0.6)
        .detail(format!(
            "{} bytes of {{\"kind\",\"data\"}}; without at, author, seq",
            bare(&written)
        )),
    ])
}

#[derive(Debug)]
struct Written {
    bumps: u64,
    bare_bytes: u64,
}

fn bare(written: &[Written]) -> u64 {
    written.iter().map(|w| w.bare_bytes).sum()
}

/// One update after the other, each acknowledged before the next.
async fn write(writer: u64, mut space: SpaceReplica, start: Arc<Barrier>) -> Result<Written> {
    let mut written = Written {
        bumps: 0,
        bare_bytes: 0,
    };
    start.wait().await;
    for n in 0..UPDATES_EACH {
        let update = message(writer, n)?;
        written.bare_bytes += bare_bytes(&update);
        space.enqueue(&[queued(update)])?;
        for acknowledged in space.flush().await? {
            written.bumps += u64::from(acknowledged.bumps);
        }
    }
    Ok(written)
}

#[derive(Debug)]
struct Stored {
    updates: u64,
    object_bytes: u64,
    /// Segments and snapshots.
    bytes: u64,
}

/// Rolls everything up, verifies it, and adds up what it takes.
async fn rolled_up(site: &Site, info: &SpaceInfo) -> Result<Stored> {
    let (store, space) = (&site.store, &info.space);
    let sizes = |folder: String| async move {
        let listed = store
            .bucket
            .list(&folder, None, |name| Some(name.to_owned()))
            .await?;
        Ok::<u64, Error>(listed.iter().map(|object| object.bytes).sum())
    };
    let options = RollupOptions {
        full: true,
        now: true,
        ..RollupOptions::default()
    };
    roll_up(store, space, &options).await?;
    let verified = verify(store, space, &mut |_, _| {}).await?;
    if let Some(problem) = verified.problems.first() {
        return Err(Error::corrupt(problem.message.clone()).with_object(&problem.object));
    }
    let epoch = store.space(space).await?.info.epoch;
    Ok(Stored {
        updates: verified.updates,
        object_bytes: sizes(ObjectKey::updates(space, epoch)).await?,
        bytes: sizes(ObjectKey::segments(space, epoch)).await?
            + sizes(ObjectKey::snapshots(space, epoch)).await?,
    })
}
