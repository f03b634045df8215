//! Transient events: seen for seconds, in no history, gone by age.

use super::bench::Bench;
use bytes::Bytes;
use icecore_core::transient::TransientEvent;
use icecore_core::{Key, ObjectKey};
use icecore_store::bucket::Content;
use icecore_store::rounds::{Limits, Rounds, Work};
use icecore_store::transient::{live, remove_expired, send};
use icecore_store::{Clock, Reader};
use serde_json::json;
use std::time::Duration;

fn typing(seconds: u64) -> TransientEvent {
    TransientEvent::new(
        "typing",
        json!({ "in": "general" }),
        Duration::from_secs(seconds),
    )
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_event_is_seen_while_it_lives_and_is_part_of_no_history() {
    let mut bench = Bench::new("document").await;
    let info = bench.info().await;
    bench.write(1, "merge", r#"{"a":1}"#).await;
    let (store, author) = (bench.store.clone(), Bench::author(1));
    let first = send(&store, &info, author, &typing(10)).await.unwrap();
    let second = send(&store, &info, author, &typing(60)).await.unwrap();
    assert!(first < second, "one author in one millisecond");
    send(&store, &info, Bench::author(2), &typing(60))
        .await
        .unwrap();
    let seen = live(&store, &info).await.unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!((seen[0].author, &seen[0].event), (author, &typing(10)));
    bench.clock.sleep(Duration::from_secs(11)).await;
    assert_eq!(live(&store, &info).await.unwrap().len(), 2);
    bench.roll_up().await;
    let reader = Reader::open(&store, &bench.space).await.unwrap();
    assert_eq!(reader.base.covered.len(), 1);
    assert_eq!(bench.verify().await.problems, []);
    bench.clock.sleep(Duration::from_secs(50)).await;
    assert_eq!(live(&store, &info).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_writer_with_a_wrong_clock_is_seen_and_makes_nothing_that_stays() {
    let bench = Bench::new("document").await;
    let (store, info) = (bench.store.clone(), bench.info().await);
    let now = u64::try_from(store.now()).unwrap();
    let minute = 60_000;
    for key in [now - 4 * minute, now + 60 * minute] {
        let key = Key::new(key).unwrap();
        let object = ObjectKey::Transient(bench.space.clone(), info.epoch, key, Bench::author(3));
        let body = Bytes::from(typing(10).to_json());
        store
            .bucket
            .put_new(&object, body, Content::Json)
            .await
            .unwrap();
    }
    assert_eq!(live(&store, &info).await.unwrap().len(), 2);
    bench.clock.sleep(Duration::from_secs(11)).await;
    assert_eq!(live(&store, &info).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_hides_nothing_else() {
    let bench = Bench::new("document").await;
    let (store, info) = (bench.store.clone(), bench.info().await);
    let now = u64::try_from(store.now()).unwrap();
    for (n, body) in ["{", r#"{"v":9}"#, "[]", &"x".repeat(10_000)]
        .into_iter()
        .enumerate()
    {
        let key = Key::new(now + n as u64).unwrap();
        let object = ObjectKey::Transient(bench.space.clone(), info.epoch, key, Bench::author(3));
        let body = Bytes::from(body.to_owned());
        store
            .bucket
            .put_new(&object, body, Content::Json)
            .await
            .unwrap();
    }
    send(&store, &info, Bench::author(1), &typing(10))
        .await
        .unwrap();
    assert_eq!(live(&store, &info).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_author_hides_nobody_elses() {
    let bench = Bench::new("document").await;
    let (store, info) = (bench.store.clone(), bench.info().await);
    send(&store, &info, Bench::author(1), &typing(60))
        .await
        .unwrap();
    let object = |key| ObjectKey::Transient(bench.space.clone(), info.epoch, key, Bench::author(3));
    for n in 0..600 {
        let body = Bytes::from(typing(60).to_json());
        let object = object(Key::new(9_999_999_999_999 - n).unwrap());
        store
            .bucket
            .put_new(&object, body, Content::Json)
            .await
            .unwrap();
    }
    let seen = live(&store, &info).await.unwrap();
    assert!(seen.iter().any(|seen| seen.author == Bench::author(1)));
    assert!(seen.len() < 100, "{}", seen.len());
}

#[tokio::test(start_paused = true)]
async fn they_are_deleted_by_age_also_where_nothing_else_happens() {
    let bench = Bench::new("document").await;
    let (store, info) = (bench.store.clone(), bench.info().await);
    send(&store, &info, Bench::author(1), &typing(10))
        .await
        .unwrap();
    assert_eq!(
        remove_expired(&store, &info, || true).await.unwrap(),
        0,
        "it lives"
    );
    let mut rounds = Rounds::new(store.clone(), Limits::default());
    let mut removed = 0;
    // The upkeep of a space comes once a day.
    for _ in 0..25 {
        bench.clock.sleep(Duration::from_hours(1)).await;
        let deadline = bench.clock.monotonic() + Duration::from_mins(5);
        let report = rounds.run(Work::Scheduled, deadline).await.unwrap();
        removed += report.transient;
    }
    assert_eq!(removed, 1);
    assert!(
        !bench
            .paths()
            .iter()
            .any(|path| path.contains("/transient/"))
    );
}
