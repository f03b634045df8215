//! What becomes of a whole space: it is emptied, it joins another one, it is erased.

use super::World;
use super::actors::{note, wait};
use crate::bucket::Stored;
use crate::checker::Verdict;
use icecore_core::{Error, ErrorKind};
use icecore_replica::Replica;
use icecore_store::epochs::{erase, reset};
use icecore_store::link::link;
use icecore_store::{Clock, Reader, Store};
use std::collections::BTreeMap;
use std::time::Duration;

/// Empties the space. Until this returns well, what is in it may be gone or not, also when this actor crashes, or when
/// the change of `space.json` lands later; what is acknowledged after that stays.
pub(super) async fn reset_all(world: &World, store: &Store) {
    end_broken_reset(world);
    {
        let mut log = world.log();
        log.resetting = Some(log.ledger.begin_reset());
    }
    let result = reset(store, &world.space).await;
    if let Err(error) = &result {
        note(world, "reset", error);
    }
    let mut log = world.log();
    let there = log.resetting.take().unwrap_or_default();
    log.ledger.end_reset(&there, result.is_ok());
    log.resets += u64::from(result.is_ok());
    log.epochs += u64::from(result.is_ok());
}

/// A reset whose actor crashed has ended by now: nobody knows how.
pub(super) fn end_broken_reset(world: &World) {
    let mut log = world.log();
    if let Some(there) = log.resetting.take() {
        log.ledger.end_reset(&there, false);
    }
}

/// A state of the bucket that is kept, and put back later.
#[derive(Default)]
pub(super) struct Backup(Option<BTreeMap<String, Stored>>);

impl Backup {
    /// Now and then takes one, or puts it back: `true` when it did that.
    pub(super) fn takes_its_turn(&mut self, world: &World) -> bool {
        if !world.random.chance(0.1) {
            return false;
        }
        let Some(mut objects) = self.0.take() else {
            self.0 = Some(world.bucket.with_disk(|disk| disk.objects.clone()));
            return false;
        };
        // Heads are hints, and tags and times are those of the copy.
        if world.random.chance(0.3) {
            objects.retain(|path, _| !path.contains("/heads/"));
        }
        if world.random.chance(0.3) {
            let now = world.clock.now();
            for stored in objects.values_mut() {
                stored.last_modified = now;
                stored.e_tag = format!("\"copy-{}\"", stored.e_tag.trim_matches('"'));
            }
        }
        world.bucket.with_disk(|disk| disk.put_back(objects));
        world.log().restores += 1;
        true
    }
}

/// Links the guest's space to the other one at some moment of the run, and again now and then: it can be repeated.
pub(super) async fn link_now_and_then(world: World, store: Store) {
    loop {
        wait(&world, 60_000, 400_000).await;
        match link(&store, &World::guests_space(), &world.space).await {
            Ok(_) => world.log().links += 1,
            Err(error) => note(&world, "link", &error),
        }
    }
}

/// Erases the space while everybody goes on, and again when nothing is under way any more.
pub(super) async fn erase_it(world: &World, calm: &Store) {
    world.log().erased = true;
    for _ in 0..3 {
        if let Err(error) = erase(calm, &world.space).await {
            note(world, "erase", &error);
        }
        world.clock.sleep(Duration::from_mins(2)).await;
    }
}

/// Whether nothing is left of an erased space but its tombstone, and everybody is told so and keeps what was queued.
pub(super) async fn check_erased(world: &World, replicas: &[Replica], calm: &Store) -> Verdict {
    if let Err(error) = erase(calm, &world.space).await {
        return Verdict::Surprise(format!("the last erasure: {error}"));
    }
    let left: Vec<String> = world.bucket.with_disk(|disk| {
        let space = format!("/{}", world.space);
        let of_space = |path: &&String| path.contains(&space) && !path.ends_with("/space.json");
        disk.objects.keys().filter(of_space).cloned().collect()
    });
    if let Some(path) = left.first() {
        return Verdict::Remained(path.clone());
    }
    let told = |result: Result<(), Error>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Verdict::Kept,
        other => Verdict::Surprise(format!("an erased space: {other:?}")),
    };
    let mut verdict = told(Reader::open(calm, &world.space).await.map(drop));
    for replica in replicas {
        let reopened = replica.reopened(world.calm_store());
        let mut session = reopened.space(&world.space).expect("a space");
        let queued = session.pending(usize::MAX).map_or(0, |p| p.len());
        let synced = told(session.sync().await.map(drop));
        let kept = session.pending(usize::MAX).map_or(0, |p| p.len());
        if kept != queued {
            return Verdict::Vanished(format!("{queued} updates were queued, {kept} are"));
        }
        if verdict == Verdict::Kept {
            verdict = synced;
        }
    }
    verdict
}
