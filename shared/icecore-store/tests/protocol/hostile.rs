//! Objects that nobody meant, clocks that were years off, machines that slept: nothing acknowledged is hidden by them,
//! and nothing waits for ever.

use super::bench::Bench;
use bytes::Bytes;
use icecore_core::plan::KeyClock;
use icecore_core::{
    ErrorKind, Generation, Key, ModelRef, ObjectKey, Order, Seq, SpaceInfo, SpaceName, Update,
    UpdateObject,
};
use icecore_sim::bucket::Faults;
use icecore_store::bucket::Content;
use icecore_store::epochs::{Redaction, compress, redact};
use icecore_store::prune::prune;
use icecore_store::publish::{publish, publish_at};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Reader, Settings};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

const FIVE_YEARS: i64 = 5 * 365 * 24 * 60 * 60 * 1000;

fn increment(seq: u64, author: u64) -> UpdateObject {
    let data = RawValue::from_string(r#"{"/n":1}"#.to_owned()).unwrap();
    let update = Update::new(1_795_132_800_000, "increment", &data, None).unwrap();
    UpdateObject::new(Bench::author(author), Seq::new(seq).unwrap(), vec![update])
}

/// A replica that has just pulled goes on after what is rolled up, however far that is in the future.
async fn write_after_through(bench: &Bench, author: u64, seq: u64) -> Key {
    let reader = Reader::open(&bench.store, &bench.space).await.unwrap();
    let mut keys = KeyClock::default();
    keys.reached(reader.base.reached());
    let object = increment(seq, author);
    let published = publish(&bench.store, &reader.info, &object, &mut keys);
    published.await.unwrap().key
}

/// One update is rolled up at a key that is five years ahead, one just above it; then the clock is right.
async fn two_from_the_future() -> Bench {
    let mut bench = Bench::new("document").await;
    // A folder that is served by a machine whose clock is five years ahead; then somebody sets it.
    bench.clock.set_skew(FIVE_YEARS);
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    bench.bucket.with_disk(|disk| {
        for stored in disk.objects.values_mut() {
            stored.last_modified += FIVE_YEARS;
        }
    });
    bench.roll_up().await;
    bench.clock.set_skew(0);
    write_after_through(&bench, 2, 1).await;
    bench.roll_up().await;
    bench
}

async fn write_one_more(bench: &Bench, expected: &str) {
    write_after_through(bench, 3, 1).await;
    assert_eq!(bench.state().await, expected);
    bench.roll_up().await;
    assert_eq!(bench.state().await, expected);
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn a_redaction_frees_no_key_that_readers_remember() {
    let bench = two_from_the_future().await;
    let first = increment(1, 1).entries().next().unwrap().0;
    redact(&bench.store, &bench.space, Redaction::Update(first))
        .await
        .unwrap();
    write_one_more(&bench, r#"{"n":2}"#).await;
}

/// A redacted epoch remembers the keys of the one before, and holds none of their objects: they look free. Whoever took one would
/// be read by nobody.
#[tokio::test(start_paused = true)]
async fn a_writer_passes_over_the_keys_that_a_redacted_epoch_remembers() {
    let mut bench = Bench::new("document").await;
    let (first, _) = bench.write(1, "increment", r#"{"/n":1}"#).await;
    // A clock that is five minutes ahead: its key is remembered, and further than any roll-up vouches for.
    bench.clock.set_skew(5 * 60 * 1_000);
    let (_, ahead) = bench.write(2, "increment", r#"{"/n":1}"#).await;
    bench.clock.set_skew(0);
    bench.roll_up().await;
    redact(&bench.store, &bench.space, Redaction::Update(first))
        .await
        .unwrap();
    bench.clock.sleep(Duration::from_mins(4)).await;
    let reader = Reader::open(&bench.store, &bench.space).await.unwrap();
    assert!(reader.base.recent.contains(&ahead));
    let mut keys = KeyClock::new(None, Key::new(ahead.get() - 1).unwrap());
    keys.reached(reader.base.reached());
    assert_eq!(keys.first(bench.clock.now(), |min, _| min), ahead);
    keys.remember(
        (reader.base.epoch, reader.base.generation),
        &reader.base.recent,
    );
    let object = increment(1, 3);
    let published = publish(&bench.store, &reader.info, &object, &mut keys);
    assert_ne!(published.await.unwrap().key, ahead);
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    bench.roll_up().await;
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn a_key_from_the_future_is_not_free_again_while_readers_remember_it() {
    let bench = two_from_the_future().await;
    bench.clock.sleep(Duration::from_hours(48)).await;
    prune(&bench.store, &bench.space, None).await.unwrap();
    write_one_more(&bench, r#"{"n":3}"#).await;
}

/// A sequenced space.
async fn in_sequence() -> (Bench, SpaceInfo) {
    let mut bench = Bench::new("document").await;
    bench.space = "steps".parse().unwrap();
    let model = ModelRef::named("document");
    let created = bench
        .store
        .create_space(&bench.space, model, Order::Sequence);
    let info = created.await.unwrap();
    (bench, info)
}

/// Two sweeps published the same: the second object has a place, although all that it holds is covered.
#[tokio::test(start_paused = true)]
async fn a_place_of_a_sequence_stays_taken_until_it_is_rolled_past() {
    let (bench, info) = in_sequence().await;
    let place = |n| Key::new(n).unwrap();
    publish_at(&bench.store, &info, &increment(1, 1), place(1))
        .await
        .unwrap();
    bench.roll_up().await;
    publish_at(&bench.store, &info, &increment(1, 1), place(2))
        .await
        .unwrap();
    let running = Reader::open(&bench.store, &bench.space).await.unwrap();
    assert_eq!(running.sequence_end(), place(2));
    bench.clock.sleep(Duration::from_hours(48)).await;
    prune(&bench.store, &bench.space, None).await.unwrap();
    let second = ObjectKey::Update(info.space.clone(), info.epoch, place(2));
    assert!(bench.store.bucket.exists(&second).await.unwrap());
    publish_at(&bench.store, &info, &increment(1, 2), place(3))
        .await
        .unwrap();
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    assert_eq!(bench.roll_up().await.updates, 1);
    bench.clock.sleep(Duration::from_hours(48)).await;
    assert_eq!(
        prune(&bench.store, &bench.space, None)
            .await
            .unwrap()
            .updates,
        2
    );
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    assert_eq!(bench.verify().await.problems, []);
}

/// A writer that was stalled finds a place free that a roll-up had passed and pruning had emptied: what it wrote there counts
/// nowhere, and it must be told so, not acknowledged.
#[tokio::test(start_paused = true)]
async fn a_write_to_a_place_that_was_rolled_past_does_not_count() {
    let (bench, info) = in_sequence().await;
    let place = |n| Key::new(n).unwrap();
    let id = |author| increment(1, author).entries().next().unwrap().0;
    let mut stalled = Reader::open(&bench.store, &bench.space).await.unwrap();
    for n in 1..=2 {
        publish_at(&bench.store, &info, &increment(n, 1), place(n))
            .await
            .unwrap();
    }
    bench.roll_up().await;
    bench.clock.sleep(Duration::from_hours(48)).await;
    let pruned = prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(pruned.updates, 2);
    publish_at(&bench.store, &info, &increment(1, 2), place(1))
        .await
        .unwrap();
    assert!(!stalled.is_valid_in_sequence(place(1), id(2)).await.unwrap());
    assert!(stalled.is_valid_in_sequence(place(3), id(2)).await.unwrap());
    // What the roll-up took in counts, wherever it lies.
    assert!(stalled.is_valid_in_sequence(place(1), id(1)).await.unwrap());
    // And for who knows of the roll-up already.
    let mut awake = Reader::open(&bench.store, &bench.space).await.unwrap();
    assert!(!awake.is_valid_in_sequence(place(2), id(2)).await.unwrap());
}

/// An attempt that lands late, at a place that looked free because what was there is pruned, is no sign of tampering; that two
/// objects have changed places is.
#[tokio::test(start_paused = true)]
async fn an_attempt_at_a_pruned_place_is_none_that_was_changed() {
    let (bench, info) = in_sequence().await;
    let place = |n| ObjectKey::Update(info.space.clone(), info.epoch, Key::new(n).unwrap());
    let bodies: Vec<Bytes> = [(1, 1), (1, 2)]
        .map(|(seq, author)| Bytes::from(increment(seq, author).to_json()))
        .into();
    let put = async |n: u64, body: &Bytes| {
        let stored = bench.store.bucket.put(&place(n), body.clone()).await;
        stored.unwrap();
    };
    put(1, &bodies[0]).await;
    put(2, &bodies[1]).await;
    bench.roll_up().await;
    assert_eq!(bench.verify().await.problems, []);
    // The first is pruned; the second had been tried in its place.
    put(1, &bodies[1]).await;
    assert_eq!(bench.verify().await.problems, []);
    put(2, &bodies[0]).await;
    let problems = bench.verify().await.problems;
    let named = problems.iter().map(|p| p.object.clone());
    let expected = [place(1), place(2)].map(|place| place.to_string());
    assert_eq!(named.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_redacted_sequence_takes_a_crowd_and_is_rolled_up() {
    let (bench, info) = in_sequence().await;
    for n in 1..=3 {
        let key = Key::new(n).unwrap();
        publish_at(&bench.store, &info, &increment(n, 1), key)
            .await
            .unwrap();
    }
    bench.roll_up().await;
    let first = increment(1, 1).entries().next().unwrap().0;
    redact(&bench.store, &bench.space, Redaction::Update(first))
        .await
        .unwrap();
    // The places of the new epoch begin at 1 again.
    let info = bench.info().await;
    for n in 1..=300 {
        let key = Key::new(n).unwrap();
        publish_at(&bench.store, &info, &increment(n, 2), key)
            .await
            .unwrap();
    }
    assert_eq!(bench.roll_up().await.updates, 300);
    assert_eq!(bench.state().await, r#"{"n":302}"#);
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_only_copied_while_a_writer_may_still_use_its_key() {
    let mut bench = Bench::new("document").await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    let info = bench.info().await;
    let now = u64::try_from(bench.clock.now()).unwrap();
    let old = ObjectKey::Update(info.space.clone(), info.epoch, Key::new(now / 2).unwrap());
    let near = ObjectKey::Update(
        info.space.clone(),
        info.epoch,
        Key::new(now + 5_000).unwrap(),
    );
    for key in [&old, &near] {
        let put = bench
            .store
            .bucket
            .put_new(key, Bytes::from("{"), Content::Json);
        put.await.unwrap();
    }
    let exists = async |key| bench.store.bucket.exists(key).await.unwrap();
    assert_eq!(bench.roll_up().await.quarantined.len(), 2);
    assert!(exists(&near).await, "somebody may write there any moment");
    let report = bench.verify().await;
    assert_eq!(report.problems, [], "a copy is in quarantine");
    assert_eq!(report.quarantined.len(), 2);
    // The first roll-up had nothing to go by; now one has passed the old key.
    bench.roll_up().await;
    assert!(!exists(&old).await);
    // The other one goes with pruning.
    bench.clock.sleep(Duration::from_hours(25)).await;
    prune(&bench.store, &bench.space, None).await.unwrap();
    assert!(!exists(&near).await);
    let report = bench.verify().await;
    assert_eq!((report.problems.len(), report.quarantined.len()), (0, 2));
    assert_eq!(bench.state().await, r#"{"n":1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_beyond_the_chain_misleads_nobody() {
    let mut bench = Bench::new("document").await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    bench.roll_up().await;
    let mut running = Reader::open(&bench.store, &bench.space).await.unwrap();
    let info = bench.info().await;
    let beyond = Generation::new(9_999_999_999).unwrap();
    let path = ObjectKey::Snapshot(info.space.clone(), info.epoch, beyond);
    let put = bench
        .store
        .bucket
        .put_new(&path, Bytes::from("?"), Content::Layer);
    put.await.unwrap();
    // A reader that has listed it writes the head.
    running
        .poll(icecore_store::reader::Waited::Not)
        .await
        .unwrap();
    let head = running.head(Key::MIN);
    assert_eq!(head.snapshot.get(), 1);
    for forged in [head.snapshot, beyond] {
        let mut head = head.clone();
        head.snapshot = forged;
        let key = ObjectKey::Head(bench.space.clone());
        let put = bench.store.bucket.put(&key, head.to_json().into());
        put.await.unwrap();
        assert_eq!(bench.state().await, r#"{"n":1}"#);
    }
    let mut snapshots = 0;
    for n in 2..=40_u64 {
        bench.write(1, "increment", r#"{"/n":1}"#).await;
        let report = bench.roll_up().await;
        assert_eq!((report.generation.get(), report.raced), (n, false));
        snapshots += report.snapshots;
    }
    assert!(snapshots > 0);
    assert_eq!(bench.state().await, r#"{"n":40}"#);
    let problems = bench.verify().await.problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].object.ends_with("snapshots/9999999999"));
    // Nor does it keep old objects from being pruned.
    bench.clock.sleep(Duration::from_hours(48)).await;
    let pruned = prune(&bench.store, &bench.space, None).await.unwrap();
    assert!(pruned.updates == 40 && pruned.snapshots > 0, "{pruned:?}");
    assert_eq!(bench.state().await, r#"{"n":40}"#);
}

#[tokio::test(start_paused = true)]
async fn an_object_of_any_size_is_not_read_into_memory() {
    let mut bench = Bench::new("document").await;
    let (_, key) = bench.write(1, "increment", r#"{"/n":1}"#).await;
    let key = key.saturating_add(60_000);
    let info = bench.info().await;
    let large = Bytes::from(vec![b'x'; 20 << 20]);
    let head = ObjectKey::Head(bench.space.clone());
    bench.store.bucket.put(&head, large.clone()).await.unwrap();
    let next = ObjectKey::Update(info.space.clone(), info.epoch, key.next().unwrap());
    let put = bench
        .store
        .bucket
        .put_new(&next, large.clone(), Content::Json);
    put.await.unwrap();
    // Readers, a writer that collides with it, a roll-up and pruning go on.
    let mut keys = KeyClock::new(None, key);
    let object = increment(1, 2);
    let published = publish(&bench.store, &info, &object, &mut keys);
    assert!(published.await.unwrap().bumps > 0);
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    bench.store.bucket.put(&head, large.clone()).await.unwrap();
    assert_eq!(bench.roll_up().await.updates, 2);
    bench.store.bucket.put(&head, large.clone()).await.unwrap();
    prune(&bench.store, &bench.space, None).await.unwrap();
    let space = ObjectKey::Space(bench.space.clone());
    bench.store.bucket.put(&space, large).await.unwrap();
    let error = Reader::open(&bench.store, &bench.space).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("20971520 bytes"), "{error}");
}

/// The laptop sleeps while it makes an epoch. Pruning takes what it wrote for the leftovers of a crash.
#[tokio::test(start_paused = true)]
async fn an_epoch_that_took_longer_than_pruning_waits_does_not_begin() {
    let mut bench = Bench::new("document").await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    let bucket = bench.bucket.clone();
    let falls_asleep = move |point: &'static str| {
        if point == "epoch.after_segment" {
            bucket.set_faults(Faults {
                latency_max: 10_000,
                ..Faults::none()
            });
        }
    };
    let settings = Settings {
        retention: Duration::from_secs(1),
        ..Settings::default()
    };
    let sleeper = bench.store.clone().with_settings(settings);
    let sleeper = sleeper.with_crash_points(Arc::new(falls_asleep));
    let error = compress(&sleeper, &bench.space).await.unwrap_err();
    bench.bucket.set_faults(Faults::none());
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(bench.info().await.epoch.number(), 1);
    prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(bench.state().await, r#"{"n":1}"#);
    compress(&bench.store, &bench.space).await.unwrap();
    assert_eq!(bench.state().await, r#"{"n":1}"#);
    let options = RollupOptions::default();
    roll_up(&bench.store, &bench.space, &options).await.unwrap();
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_unpacks_to_more_than_there_is_memory_stops_its_own_space_only() {
    let mut bench = Bench::new("document").await;
    bench
        .write(1, "merge", &format!(r#"{{"a":"{}"}}"#, "x".repeat(400_000)))
        .await;
    bench.roll_up().await;
    let other: SpaceName = "other".parse().unwrap();
    let model = ModelRef::named("document");
    let created = bench.store.create_space(&other, model, Order::Timestamp);
    let info = created.await.unwrap();
    bench.write_to(&info, 2, "merge", r#"{"b":1}"#).await;
    let path = bench.segment_path(1);
    let packed = bench
        .bucket
        .with_disk(|disk| disk.objects[path.as_str()].bytes.len());
    assert!(packed < 10_000, "{packed} bytes");
    let settings = Settings {
        unpacked_max: 100_000,
        ..Settings::default()
    };
    let small = bench.store.clone().with_settings(settings);
    let error = Reader::open(&small, &bench.space).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.hint().unwrap().contains("memory"), "{error}");
    let everything = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    assert_eq!(
        roll_up(&small, &other, &everything).await.unwrap().updates,
        1
    );
    // It is not broken: whoever has the memory goes on.
    bench.write(1, "merge", r#"{"c":1}"#).await;
    assert_eq!(bench.roll_up().await.updates, 1);
    assert_eq!(bench.verify().await.problems, []);
}
