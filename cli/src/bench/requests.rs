//! What things cost in requests: counted, so exact.

use super::number::Number;
use super::rig::Rig;
use super::sample::{message, queued};
use super::site::Site;
use crate::context::Context;
use icecore_core::{Result, SpaceInfo};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::Reader;
use icecore_store::backend::RequestCounts;
use icecore_store::rollup::{RollupOptions, roll_up};
use std::sync::Arc;

/// Polls in a row, far fewer than the safety interval takes.
const POLLS: u64 = 20;
/// Queued updates of a burst that fits in one object, and of one that does not.
const BURSTS: [(u64, u64); 2] = [(20, 1), (1_200, 3)];

/// `publish`: an update that nobody contends with, and bursts.
pub(super) async fn publish(context: &Context) -> Result<Vec<Number>> {
    const NAME: &str = "publish";
    let site = Site::in_memory(context).await?;
    let mut space = joined(&site).await?;
    let counts = flushed(&site, &mut space, 1).await?;
    let (updates, heads) = (counts.of("updates"), counts.of("heads"));
    let other = counts.requests() - updates.put - heads.put;
    let mut numbers = vec![
        Number::count(
            NAME,
            "update PUTs of an uncontended publish",
            updates.put,
            "",
        )
        .at_most(1.0),
        Number::count(NAME, "hint PUTs of it", heads.put, "").at_most(1.0),
        Number::count(NAME, "any other requests of it", other, "").at_most(0.0),
    ];
    for (count, objects) in BURSTS {
        let counts = flushed(&site, &mut space, count).await?;
        let what = format!("requests of a burst of {count} queued updates");
        let detail = format!(
            "{} update PUTs, {} hint PUT",
            counts.of("updates").put,
            counts.of("heads").put
        );
        numbers.push(
            Number::count(NAME, what, counts.requests(), "")
                .at_most(super::number::exact(objects + 1))
                .detail(detail),
        );
    }
    Ok(numbers)
}

/// `poll`: nothing has changed.
pub(super) async fn poll(context: &Context) -> Result<Vec<Number>> {
    const NAME: &str = "poll";
    let site = Site::in_memory(context).await?;
    let mut space = joined(&site).await?;
    flushed(&site, &mut space, 3).await?;
    space.pull().await?; // The own hint is news, once.
    let before = site.metered.counts();
    for _ in 0..POLLS {
        space.pull().await?;
    }
    let counts = site.metered.counts() - before;
    let conditional = counts.total.not_modified;
    Ok(vec![
        Number::new(
            NAME,
            "requests of an idle poll",
            per(counts.requests(), POLLS),
            "",
        )
        .at_most(1.0)
        .detail(format!(
            "{POLLS} polls: {conditional} conditional GETs answered \"not modified\""
        )),
        Number::count(NAME, "LISTs of them", counts.total.list, "").at_most(0.0),
    ])
}

/// `open`: the newest state from nothing, of a space that is rolled up.
pub(super) async fn open(context: &Context) -> Result<Vec<Number>> {
    const NAME: &str = "open";
    let mut numbers = Vec::new();
    // After one roll-up, and after many whose segments wait for the next snapshot.
    for (rollups, what) in [(1, "rolled up once"), (12, "rolled up 12 times")] {
        let site = Site::in_memory(context).await?;
        let mut space = joined(&site).await?;
        let info = space.reader()?.info.clone();
        for _ in 0..rollups {
            flushed(&site, &mut space, 100).await?;
            rolled_up(&site, &info).await?;
        }
        let rig = Rig::counting_trips(Arc::clone(&site.backend.store), Arc::clone(&context.clock));
        let store = site.behind(rig.clone(), &context.clock);
        let before = site.metered.counts();
        Reader::open(&store, &info.space).await?;
        let counts = site.metered.counts() - before;
        let detail = format!("{} GET, {} LIST", counts.total.get, counts.total.list);
        let requests = format!("requests of a cold open, {what}");
        numbers.push(
            Number::count(NAME, requests, counts.requests(), "")
                .at_most(8.0)
                .detail(detail),
        );
        let trips = format!("round trips one after the other, {what}");
        numbers.push(Number::count(NAME, trips, rig.take_trips(), "").at_most(3.0));
    }
    Ok(numbers)
}

/// A replica of a new space that has looked at it.
async fn joined(site: &Site) -> Result<SpaceReplica> {
    let info = site.space().await?;
    let mut space = Replica::in_memory(site.store.clone())?.space(&info.space)?;
    space.pull().await?;
    Ok(space)
}

/// What a flush of so many queued updates asks for.
async fn flushed(site: &Site, space: &mut SpaceReplica, count: u64) -> Result<RequestCounts> {
    let updates: Vec<_> = (0..count)
        .map(|n| message(1, n).map(queued))
        .collect::<Result<_>>()?;
    space.enqueue(&updates)?;
    let before = site.metered.counts();
    space.flush().await?;
    Ok(site.metered.counts() - before)
}

async fn rolled_up(site: &Site, info: &SpaceInfo) -> Result<()> {
    let options = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    roll_up(&site.store, &info.space, &options).await.map(drop)
}

/// The mean.
pub(super) fn per(count: u64, of: u64) -> f64 {
    super::number::exact(count) / super::number::exact(of)
}
