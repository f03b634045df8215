//! Hints: whom they wake, and what they cost whoever writes them.

use crate::site::{Site, note};
use icecore_core::{Head, ModelRef, ObjectKey, Order};
use icecore_replica::{Replica, SpaceReplica};
use icecore_sim::bucket::Faults;
use icecore_sim::s3_server;
use icecore_store::Store;
use icecore_store::backend::{self, Metered, RequestCounts};
use object_store::memory::InMemory;
use std::sync::Arc;

const WRITES: u64 = 500;

fn since(metered: &Metered, before: &RequestCounts) -> RequestCounts {
    metered.counts() - before.clone()
}

/// What one writer sends, each update as it is made, while nobody else writes.
async fn write_one_by_one(writer: &mut SpaceReplica) {
    for n in 0..WRITES {
        writer.enqueue(&[note(&format!("n{n}"))]).unwrap();
        let synced = writer.sync().await.unwrap();
        assert_eq!(synced.acknowledged.len(), 1);
        assert!(!synced.pulled.changed, "nobody else wrote");
    }
}

fn is_a_put_and_a_hint_each(spent: &RequestCounts) {
    assert_eq!(
        (spent.of("updates").put, spent.of("heads").put),
        (WRITES, WRITES)
    );
    // The poll that a sync begins with finds nothing changed, and the first one no head yet.
    assert_eq!(spent.of("heads").not_modified, WRITES - 1);
    assert_eq!(spent.requests(), 3 * WRITES, "{spent:?}");
}

/// The bill again, of an app that syncs after each update: its own hint differed from the head that it knew, so each
/// write was followed by a look at what was its own: five requests, one of them a listing. Here the hint is written on the
/// condition of the head that the writer knows, and its answer is remembered: 500 updates are 1,000 writes, and each of the
/// polls beside them finds nothing changed.
#[tokio::test(start_paused = true)]
async fn row_03_a_writers_own_hint_does_not_wake_it() {
    let site = Site::new().await;
    let (store, metered) = site.metered(&site.clock, Faults::none(), true);
    let mut writer = site.replica_on(store);
    writer.sync().await.unwrap();
    let before = metered.counts();
    write_one_by_one(&mut writer).await;
    is_a_put_and_a_hint_each(&since(&metered, &before));

    writer.sync().await.unwrap();
    let spent = since(&metered, &before);
    assert_eq!(spent.of("heads").not_modified, WRITES);
    assert_eq!(spent.requests(), 3 * WRITES + 1, "the poll: {spent:?}");
    assert_eq!(site.notes().await.len() as u64, WRITES);
}

/// The same with nothing but a token: the hint is signed with its condition.
#[tokio::test(start_paused = true)]
async fn row_03_a_writers_own_hint_does_not_wake_it_behind_a_gateway() {
    let site = Site::new().await;
    let (store, traffic) = site.behind_a_gateway();
    let mut writer = site.replica_on(store);
    writer.sync().await.unwrap();
    let spent = || *traffic.lock().unwrap();
    let before = spent();
    write_one_by_one(&mut writer).await;
    writer.sync().await.unwrap();
    let after = spent();
    assert_eq!(after.puts - before.puts, 2 * WRITES);
    assert_eq!(
        (after.gets - before.gets, after.lists - before.lists),
        (WRITES + 1, 0)
    );
    assert_eq!(after.not_modified - before.not_modified, WRITES);
    // A slot for the update, and one for its hint.
    assert_eq!(after.calls - before.calls, 2 * WRITES);
}

/// The same on a server that speaks S3, with its own tags.
#[tokio::test]
async fn row_03_a_writers_own_hint_does_not_wake_it_on_s3() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let site = Site::new().await;
    let environment = server.environment().into_iter();
    let clock = Arc::new(site.clock.clone());
    let opened = backend::open(&server.url("root"), environment, Arc::clone(&clock) as _).unwrap();
    let metered = Metered::new(Arc::clone(&opened.store), opened.prefix.clone());
    let ids = Arc::new(site.random.clone());
    let objects = Arc::new(metered.clone());
    let server_time = Arc::clone(&opened.server_time);
    let store = Store::on(objects, opened.prefix.clone(), clock, ids, server_time);
    store.create().await.unwrap();
    let log = ModelRef::named("log");
    store
        .create_space(&site.space, log, Order::Timestamp)
        .await
        .unwrap();
    let mut writer = site.opened(&Replica::in_memory(store).unwrap());
    writer.sync().await.unwrap();
    let before = metered.counts();
    write_one_by_one(&mut writer).await;
    is_a_put_and_a_hint_each(&since(&metered, &before));
    writer.sync().await.unwrap();
    assert_eq!(since(&metered, &before).requests(), 3 * WRITES + 1);
}

/// In a sequenced space each write asks besides whether a roll-up had passed its place.
#[tokio::test(start_paused = true)]
async fn row_03_a_sequenced_writer_is_not_woken_by_its_own_hint() {
    let site = Site::with(ModelRef::named("log"), Order::Sequence).await;
    let (store, metered) = site.metered(&site.clock, Faults::none(), true);
    let mut writer = site.replica_on(store);
    writer.sync().await.unwrap();
    let before = metered.counts();
    write_one_by_one(&mut writer).await;
    let spent = since(&metered, &before);
    assert_eq!(spent.requests(), 5 * WRITES, "{spent:?}");
    assert_eq!(spent.of("heads").not_modified, WRITES - 1);
    assert_eq!(spent.of("updates").list, 0);
}

/// A hint that lost the race is written once more, over the one that won: whoever had read that one already, and looked
/// too early to see the update, is woken again. And the loser, whom nobody else tells, looks in the same sync.
#[tokio::test(start_paused = true)]
async fn row_03_a_hint_that_loses_the_race_is_written_again() {
    let site = Site::new().await;
    let (mut ada, mut bob, mut eve) = (site.replica(), site.replica(), site.replica());
    site.write(&mut ada, "first").await;
    for replica in [&mut ada, &mut bob, &mut eve] {
        replica.sync().await.unwrap();
    }
    // Bob's hint, and Eve's look at it, come before Ada's update.
    site.write(&mut bob, "by bob").await;
    assert!(eve.pull().await.unwrap().changed);
    ada.enqueue(&[note("by ada")]).unwrap();
    let synced = ada.sync().await.unwrap();
    assert_eq!(synced.acknowledged.len(), 1);
    assert_eq!(synced.pulled.arrived.len(), 1, "what Bob wrote");

    let pulled = eve.pull().await.unwrap();
    assert_eq!(pulled.arrived.len(), 1, "what Ada wrote, by her hint alone");
    bob.pull().await.unwrap();
    site.agreed(&mut [&mut ada, &mut bob, &mut eve]).await;
}

/// A hint hides nothing of the one that it replaces: a writer who has not seen the newest segment leaves it in the head.
#[tokio::test(start_paused = true)]
async fn row_03_a_hint_hides_no_segment() {
    let site = Site::new().await;
    let (mut ada, mut bob) = (site.replica(), site.replica());
    site.write(&mut ada, "first").await;
    ada.sync().await.unwrap();
    bob.sync().await.unwrap();
    site.wait(10_000).await;
    site.roll_up().await;
    site.write(&mut ada, "second").await;
    let head = site.bytes(&ObjectKey::Head(site.space.clone()).to_string());
    let head = Head::from_json(&head).unwrap();
    assert_eq!(head.generation.get(), 1);
    assert!(head.key > head.through, "something waits to be rolled up");
    assert!(bob.pull().await.unwrap().layers > 0, "told by the head");
}

/// A hint that was given up on its way lands minutes later, over newer ones, and brings back a head that somebody knows:
/// nobody believes it longer than to the next safety listing, and no writer takes it for its own.
#[tokio::test(start_paused = true)]
async fn row_03_a_hint_that_lands_minutes_later_hides_nothing_for_long() {
    let site = Site::new().await;
    let (mut ada, mut bob, mut eve) = (site.replica(), site.replica(), site.replica());
    let path = ObjectKey::Head(site.space.clone()).to_string();
    site.write(&mut ada, "first").await;
    for replica in [&mut ada, &mut bob, &mut eve] {
        replica.sync().await.unwrap();
    }
    let old = site.bytes(&path);
    site.write(&mut bob, "second").await;
    site.put(&path, &old);
    // For Eve it is the head that she knows; for Bob, who wrote another one, it is not.
    assert!(!eve.pull().await.unwrap().changed);
    bob.enqueue(&[note("third")]).unwrap();
    bob.sync().await.unwrap();
    assert_eq!(
        eve.pull().await.unwrap().arrived.len(),
        2,
        "by Bob's next hint"
    );
    site.put(&path, &old);
    site.wait(61_000).await;
    ada.enqueue(&[note("fourth")]).unwrap();
    assert_eq!(ada.sync().await.unwrap().pulled.arrived.len(), 2, "safety");
    eve.pull().await.unwrap();
    bob.pull().await.unwrap();
    site.agreed(&mut [&mut ada, &mut bob, &mut eve]).await;
}
