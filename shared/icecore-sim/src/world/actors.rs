//! What each kind of actor does, over and over.

use super::World;
use crate::clock::SimClock;
use icecore_core::{Error, ErrorKind, Update};
use icecore_replica::{NewUpdate, Replica, SpaceReplica};
use icecore_store::epochs::compress;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, Warm, roll_up_warm};
use icecore_store::{Clock, Store};
use serde_json::value::RawValue;
use std::time::Duration;

async fn wait(world: &World, from_ms: i64, to_ms: i64) {
    let millis = world.random.between(from_ms, to_ms);
    world
        .clock
        .sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
        .await;
}

/// Errors that faults explain are what people see on a bad day; anything else is a finding.
fn note(world: &World, who: &str, error: &Error) {
    let line = format!("{who}: {error}");
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Conflict => {}
        ErrorKind::Corrupt => world.log().corrupt.push(line),
        _ => world
            .log()
            .surprises
            .push(format!("{line} / {:?}", std::error::Error::source(error))),
    }
}

pub(super) fn new_update(at: i64, text: &str) -> NewUpdate {
    let data = RawValue::from_string(format!("\"{text}\"")).expect("JSON");
    NewUpdate {
        update: Update::new(at, "note", &data, None).expect("a small update"),
    }
}

/// Makes updates, is offline for a while, syncs.
pub(super) async fn write(world: World, replica: Replica, clock: SimClock) {
    let mut session = replica.space(&world.space).expect("a space");
    loop {
        for _ in 0..world.random.between(0, 3) {
            let update = new_update(clock.now(), "x");
            if let Err(error) = session.enqueue(&[update]) {
                note(&world, "enqueue", &error);
            }
        }
        if world.random.chance(0.6) {
            sync(&world, &mut session).await;
        }
        if world.random.chance(0.05) {
            wait(&world, 60_000, 300_000).await; // offline
        }
        wait(&world, 0, 30_000).await;
    }
}

/// One sync; what it acknowledges must never be lost from here on.
pub(super) async fn sync(world: &World, session: &mut SpaceReplica) -> bool {
    let log = std::sync::Arc::clone(&world.log);
    let result = session
        .sync_with(&mut |acknowledged| {
            *crate::bucket::lock(&log)
                .acknowledged
                .entry(acknowledged.id)
                .or_default() += 1;
        })
        .await;
    if let Err(error) = &result {
        note(world, "sync", error);
    }
    result.is_ok()
}

/// Polls.
pub(super) async fn read(world: World, replica: Replica) {
    let mut session = replica.space(&world.space).expect("a space");
    loop {
        match session.pull().await {
            Ok(_) => {
                if let Err(problem) = crate::checker::check_view(&mut session) {
                    world.log().surprises.push(problem);
                }
            }
            Err(error) => note(&world, "pull", &error),
        }
        wait(&world, 1_000, 20_000).await;
    }
}

/// Rolls up, warm or cold, sometimes in a hurry.
pub(super) async fn roll_up(world: World, store: Store) {
    let mut warm: Option<Warm> = None;
    loop {
        let time_max = world.random.chance(0.2).then(|| Duration::from_millis(200));
        let options = RollupOptions {
            full: world.random.chance(0.1),
            now: false,
            time_max,
        };
        match roll_up_warm(&store, &world.space, &options, &mut warm).await {
            Ok(report) => {
                let mut log = world.log();
                log.layers += report.segments + report.snapshots;
                log.late += report.late;
            }
            Err(error) => note(&world, "rollup", &error),
        }
        let longest = if world.plan.slow_roll_ups {
            3 * 3_600_000
        } else {
            60_000
        };
        wait(&world, 5_000, longest).await;
    }
}

/// Prunes.
pub(super) async fn prune_now_and_then(world: World, store: Store) {
    loop {
        wait(&world, 60_000, 300_000).await;
        if let Err(error) = prune(&store, &world.space, None).await {
            note(&world, "prune", &error);
        }
    }
}

/// Begins new epochs.
pub(super) async fn compress_now_and_then(world: World, store: Store) {
    loop {
        wait(&world, 10_000, 240_000).await;
        match compress(&store, &world.space).await {
            Ok(_) => world.log().epochs += 1,
            Err(error) => note(&world, "compress", &error),
        }
    }
}
