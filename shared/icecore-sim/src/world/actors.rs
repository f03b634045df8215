//! What each kind of actor does, over and over.

use super::{Pruned, World};
use crate::clock::SimClock;
use icecore_core::{Error, ErrorKind};
use icecore_replica::{NewUpdate, Pulled, Replica, SpaceReplica};
use icecore_store::epochs::{Redaction, compress, redact};
use icecore_store::keyring::{KeyringChange, change_keyring};
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, Warm, roll_up_warm};
use icecore_store::{Clock, Store};
use serde_json::value::RawValue;
use std::time::Duration;

pub(super) async fn wait(world: &World, from_ms: i64, to_ms: i64) {
    let millis = world.random.between(from_ms, to_ms);
    world
        .clock
        .sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
        .await;
}

/// Errors that faults explain are what people see on a bad day; anything else is a finding.
pub(super) fn note(world: &World, who: &str, error: &Error) {
    let line = format!("{who}: {error}");
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Conflict => {}
        ErrorKind::NotFound if world.log().erased => {}
        // What was listed is gone when the bucket is put back in between.
        ErrorKind::NotFound if world.log().restores > 0 => {}
        ErrorKind::Invalid if world.is_held(error) => {}
        ErrorKind::Corrupt => world.log().corrupt.push(line),
        _ => world
            .log()
            .surprises
            .push(format!("{line} / {:?}", std::error::Error::source(error))),
    }
}

/// Queues one update with a text of its own.
pub(crate) fn enqueue(world: &World, session: &mut SpaceReplica, clock: &SimClock) {
    let text = world.log().ledger.make();
    let data = RawValue::from_string(format!("\"{text}\"")).expect("JSON");
    let update = world.update(session.replica(), clock.now(), &data);
    match session.enqueue(&[NewUpdate { update }]) {
        Ok(ids) => world
            .log()
            .ledger
            .queue(text, *ids.first().expect("an id for each update")),
        Err(error) => note(world, "enqueue", &error),
    }
}

/// Makes updates, is offline for a while, syncs.
pub(super) async fn write(world: World, replica: Replica, clock: SimClock) {
    let mut session = replica.space(&world.space).expect("a space");
    loop {
        for _ in 0..world.random.between(0, 3) {
            enqueue(&world, &mut session, &clock);
        }
        if world.random.chance(0.6) {
            sync(&world, &mut session).await;
        }
        if world.plan.bursts && world.random.chance(0.25) {
            burst(&world, &mut session, &clock).await;
        }
        if world.random.chance(0.05) {
            wait(&world, 60_000, 300_000).await; // offline
        }
        wait(&world, 0, 30_000).await;
    }
}

/// Several objects one after the other, faster than a listing of some pages.
async fn burst(world: &World, session: &mut SpaceReplica, clock: &SimClock) {
    for _ in 0..world.random.between(2, 6) {
        enqueue(world, session, clock);
        sync(world, session).await;
        wait(world, 0, 300).await;
    }
}

/// One sync; what it acknowledges must never be lost from here on.
pub(super) async fn sync(world: &World, session: &mut SpaceReplica) -> bool {
    let log = std::sync::Arc::clone(&world.log);
    let result = session
        .sync_with(&mut |acknowledged, _| {
            crate::bucket::lock(&log)
                .ledger
                .acknowledge(acknowledged.id);
        })
        .await;
    match &result {
        Err(error) => note(world, "sync", error),
        Ok(synced) => {
            note_restored(world, &synced.pulled);
            world.log().passing += synced.rolled_up;
        }
    }
    result.is_ok()
}

/// What a replica that was copied, or put back, leaves to a person: the history holds its id, and was compressed.
pub(super) fn note_set_aside(world: &World, session: &mut SpaceReplica) {
    // Before its first sync it has set nothing aside.
    let waiting = session.waiting().map(|waiting| waiting.refused);
    for refused in waiting.unwrap_or_default() {
        lose(world, &refused.update);
    }
}

/// The text of this update need not be in any state any more.
pub(super) fn lose(world: &World, update: &str) {
    let update: serde_json::Value = serde_json::from_str(update).expect("an update");
    if let Some(text) = update["data"].as_str() {
        world.log().ledger.lose(text);
    }
}

/// Nobody is told that the bucket was put back where it was not.
fn note_restored(world: &World, pulled: &Pulled) {
    let mut log = world.log();
    if pulled.restored.is_some()
        && log.restores == 0
        && !world.plan.segments_removed
        && !world.plan.tampering
    {
        log.surprises.push(format!(
            "a bucket that was never put back is taken for one: {pulled:?}"
        ));
    }
}

/// Polls.
pub(super) async fn read(world: World, replica: Replica) {
    let mut session = replica.space(&world.space).expect("a space");
    loop {
        match session.pull().await {
            Ok(pulled) => {
                note_restored(&world, &pulled);
                if let Err(problem) = world.check_version(&mut session) {
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
    let retention = i64::try_from(world.plan.retention.as_millis()).unwrap_or(i64::MAX / 3);
    loop {
        if world.plan.slow_roll_ups {
            // Before the first one too: whoever crashes would be quick else.
            wait(&world, retention / 2, retention * 3).await;
        }
        let time_max = world.random.chance(0.2).then(|| Duration::from_millis(200));
        let now = world.plan.bursts && world.random.chance(0.2);
        let options = RollupOptions {
            full: now || world.random.chance(0.1),
            now,
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
        wait(&world, 5_000, 60_000).await;
    }
}

/// Prunes.
pub(super) async fn prune_now_and_then(world: World, store: Store) {
    loop {
        wait(&world, 60_000, 300_000).await;
        match prune(&store, &world.space, None).await {
            Ok(report) => {
                world.log().pruned += Pruned {
                    updates: report.updates,
                    snapshots: report.snapshots,
                    epochs: report.epochs,
                }
            }
            Err(error) => note(&world, "prune", &error),
        }
    }
}

/// Makes a new key now and then.
pub(super) async fn rotate_keys(world: World, store: Store) {
    loop {
        wait(&world, 20_000, 240_000).await;
        match change_keyring(&store, &world.space, KeyringChange::Rotate).await {
            Ok(_) => world.log().rotations += 1,
            Err(error) => note(&world, "rotate", &error),
        }
    }
}

/// Begins new epochs: takes one update out of the history, or makes the history its state alone.
pub(super) async fn begin_epochs(world: World, store: Store) {
    loop {
        wait(&world, 10_000, 240_000).await;
        if world.plan.resets && world.random.chance(0.3) {
            super::fates::reset_all(&world, &store).await;
            continue;
        }
        // A bucket that is put back has again what was taken out.
        if !world.plan.restores && world.random.chance(0.4) {
            redact_one(&world, &store).await;
            continue;
        }
        match compress(&store, &world.space).await {
            Ok(_) => world.log().epochs += 1,
            Err(error) => note(&world, "compress", &error),
        }
    }
}

/// Redacts a random acknowledged update. Until this returns well the update may be gone or not, also when this
/// actor crashes, or when the change of `space.json` lands later.
async fn redact_one(world: &World, store: &Store) {
    let candidates = world.log().ledger.redactable();
    if candidates.is_empty() {
        return;
    }
    let id = *world.random.pick(&candidates);
    world.log().ledger.begin_redaction(id);
    match redact(store, &world.space, Redaction::Update(id)).await {
        Ok(_) => {
            let mut log = world.log();
            log.ledger.end_redaction(id);
            log.epochs += 1;
            log.redacted += 1;
        }
        // It was compressed into a state; or it lies in an old epoch still and is not yet published in this one.
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => {}
        Err(error) => note(world, "redact", &error),
    }
}
