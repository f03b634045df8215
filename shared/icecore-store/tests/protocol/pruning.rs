//! What pruning leaves alone though a snapshot stands for it, or for a part of it.

use super::bench::Bench;
use bytes::Bytes;
use icecore_core::{Key, ObjectKey, Seq, Update, UpdateObject};
use icecore_store::Clock;
use icecore_store::epochs::compress;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, roll_up};
use serde_json::value::RawValue;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: i64 = 60_000;

/// An object of the first author's updates 1 to `count`.
fn object(bench: &Bench, count: usize) -> Bytes {
    let data = RawValue::from_string(r#"{"/n":1}"#.to_owned()).unwrap();
    let update = Update::new(bench.clock.now(), "increment", &data, None).unwrap();
    let object = UpdateObject::new(Bench::author(1), Seq::FIRST, vec![update; count]);
    object.to_json().into()
}

/// Stores an object under a key that is so many milliseconds ahead.
async fn put(bench: &Bench, ahead: i64, body: Bytes) -> ObjectKey {
    let info = bench.info().await;
    let key = Key::new(u64::try_from(bench.clock.now() + ahead).unwrap()).unwrap();
    let path = ObjectKey::Update(info.space.clone(), info.epoch, key);
    bench.store.bucket.put(&path, body).await.unwrap();
    path
}

async fn pruned(bench: &Bench) -> (u64, u64) {
    let report = prune(&bench.store, &bench.space, Some(HOUR)).await.unwrap();
    (report.updates, report.uncovered)
}

/// A shorter attempt was rolled up, and the longer one landed after that, and lay there for longer than the retention.
#[tokio::test(start_paused = true)]
async fn an_object_of_which_a_part_is_covered_stays() {
    let bench = Bench::new("document").await;
    let (one, both) = (object(&bench, 1), object(&bench, 2));
    put(&bench, 0, one).await;
    bench.roll_up().await;
    let longer = put(&bench, 1, both).await;
    bench.clock.sleep(HOUR * 2).await;
    assert_eq!(pruned(&bench).await, (1, 1));
    assert!(bench.store.bucket.exists(&longer).await.unwrap());
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    bench.roll_up().await;
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    assert_eq!(bench.verify().await.problems, []);
}

/// A key is young although its object is old: the writer's clock was ahead. While somebody may still choose it, it is taken.
#[tokio::test(start_paused = true)]
async fn an_object_whose_key_is_young_stays() {
    let bench = Bench::new("document").await;
    let one = object(&bench, 1);
    put(&bench, 8 * MINUTE, one).await;
    bench.roll_up().await;
    bench.clock.sleep(HOUR + Duration::from_mins(5)).await;
    assert_eq!(pruned(&bench).await, (0, 0));
    bench.clock.sleep(Duration::from_mins(5)).await;
    assert_eq!(pruned(&bench).await, (1, 0));
    assert_eq!(bench.state().await, r#"{"n":1}"#);
}

/// An update of a writer that does not know of the new epoch yet, with a file time so long before that began: another
/// machine's clock, which is wrong.
async fn landed_in_an_old_epoch(before: Duration) -> Bench {
    let mut bench = Bench::new("document").await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    let old = bench.info().await;
    compress(&bench.store, &bench.space).await.unwrap();
    // The day's listing of everything is done.
    bench.write(1, "increment", r#"{"/n":100}"#).await;
    bench.roll_up().await;
    let (_, key) = bench.write_to(&old, 2, "increment", r#"{"/n":10}"#).await;
    let path = bench.path(&ObjectKey::Update(old.space.clone(), old.epoch, key));
    let before = i64::try_from(before.as_millis()).unwrap();
    bench
        .bucket
        .with_disk(|disk| disk.objects.get_mut(&path).unwrap().last_modified -= before);
    bench
}

/// What a roll-up takes in that does not list everything.
async fn swept(bench: &Bench) -> u64 {
    let options = RollupOptions::default();
    let report = roll_up(&bench.store, &bench.space, &options).await.unwrap();
    report.swept
}

/// By some minutes the clocks of two machines may differ, and each roll-up looks that far back.
#[tokio::test(start_paused = true)]
async fn what_lands_in_an_old_epoch_with_a_time_just_before_is_taken_in_at_once() {
    let bench = landed_in_an_old_epoch(Duration::from_mins(9)).await;
    assert_eq!(swept(&bench).await, 1);
    assert_eq!(bench.state().await, r#"{"n":111}"#);
}

/// No roll-up looks further back; pruning looks at everything before it removes the epoch.
#[tokio::test(start_paused = true)]
async fn what_lands_in_an_old_epoch_with_a_wrong_time_is_taken_in_before_the_epoch_goes() {
    let bench = landed_in_an_old_epoch(HOUR).await;
    assert_eq!(swept(&bench).await, 0);
    bench.clock.sleep(HOUR * 25).await;
    let report = prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(report.epochs, 1);
    bench.roll_up().await;
    assert_eq!(bench.state().await, r#"{"n":111}"#);
    assert_eq!(bench.verify().await.problems, []);
}
