//! `compress`, `redact`, `reset`, `erase`, and what lands in an old epoch.

use super::bench::Bench;
use icecore_core::{ErrorKind, Generation, Key, ObjectKey};
use icecore_store::epochs::{Redaction, compress, erase, redact, reset};
use icecore_store::history::{state_at, state_until};
use icecore_store::prune::prune;
use icecore_store::{Clock, Reader};
use std::sync::Arc;
use std::time::Duration;

async fn three_updates() -> Bench {
    let mut bench = Bench::new("document").await;
    bench
        .write(1, "merge", r#"{"secret":"swordfish","a":1}"#)
        .await;
    bench.write(2, "increment", r#"{"/n":2}"#).await;
    bench.roll_up().await;
    bench.write(1, "increment", r#"{"/n":3}"#).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn compress_keeps_the_state_byte_for_byte_and_takes_in_what_lands_late() {
    let mut bench = three_updates().await;
    let (before, old) = (bench.state().await, bench.info().await);
    let epoch = compress(&bench.store, &bench.space).await.unwrap();
    assert_eq!((epoch.epoch.number(), epoch.carried), (2, 3));
    assert_eq!(bench.state().await, before);
    // A writer that does not know yet, and one that does.
    bench.write_to(&old, 3, "increment", r#"{"/n":10}"#).await;
    bench.write(2, "increment", r#"{"/n":100}"#).await;
    assert_eq!(bench.roll_up().await.swept, 1);
    assert_eq!(bench.roll_up().await.swept, 0, "swept once");
    assert_eq!(
        bench.state().await,
        r#"{"a":1,"n":115,"secret":"swordfish"}"#
    );
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn a_redacted_update_is_gone_from_state_history_and_in_time_from_the_bucket() {
    let mut bench = Bench::new("document").await;
    let (secret, _) = bench.write(1, "merge", r#"{"secret":"swordfish"}"#).await;
    bench.write(2, "increment", r#"{"/n":2}"#).await;
    bench.roll_up().await;
    let old = bench.info().await;
    redact(&bench.store, &bench.space, Redaction::Update(secret))
        .await
        .unwrap();
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    bench.clock.sleep(Duration::from_hours(25)).await;
    bench.roll_up().await;
    let report = prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(report.epochs, 1);
    assert_eq!(bench.info().await.old_epochs, []);
    let old_folder = format!("/{:#}/", old.epoch);
    assert!(bench.paths().iter().all(|path| !path.contains(&old_folder)));
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn an_author_can_be_redacted_and_a_compressed_update_can_not() {
    let bench = three_updates().await;
    redact(
        &bench.store,
        &bench.space,
        Redaction::Author(Bench::author(1)),
    )
    .await
    .unwrap();
    assert_eq!(bench.state().await, r#"{"n":2}"#);
    compress(&bench.store, &bench.space).await.unwrap();
    let error = redact(
        &bench.store,
        &bench.space,
        Redaction::Author(Bench::author(2)),
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = redact(
        &bench.store,
        &bench.space,
        Redaction::Author(Bench::author(9)),
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(bench.state().await, r#"{"n":2}"#);
}

#[tokio::test(start_paused = true)]
async fn reset_begins_empty_and_nothing_comes_back() {
    let mut bench = three_updates().await;
    reset(&bench.store, &bench.space).await.unwrap();
    assert_eq!(bench.state().await, "{}");
    bench.roll_up().await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    assert_eq!(bench.state().await, r#"{"n":1}"#);
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn erase_removes_everything_and_refuses_and_removes_what_comes_later() {
    let mut bench = three_updates().await;
    let old = bench.info().await;
    assert!(erase(&bench.store, &bench.space).await.unwrap().objects > 3);
    let paths = bench.paths();
    assert_eq!(paths.len(), 2, "store.json and the tombstone: {paths:?}");
    assert_eq!(
        Reader::open(&bench.store, &bench.space)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    bench.write_to(&old, 5, "merge", r#"{"late":1}"#).await;
    assert_eq!(erase(&bench.store, &bench.space).await.unwrap().objects, 1);
    assert_eq!(bench.paths(), paths);
}

#[tokio::test(start_paused = true)]
async fn any_past_state_can_be_read() {
    let mut bench = Bench::new("document").await;
    let mut keys: Vec<Key> = Vec::new();
    for n in 1..=5 {
        keys.push(
            bench
                .write(n, "append", &format!(r#"{{"/list":[{n}]}}"#))
                .await
                .1,
        );
        bench.clock.sleep(Duration::from_secs(1)).await;
        bench.roll_up().await;
    }
    let info = bench.info().await;
    for n in 1..=5_u64 {
        let list: Vec<u64> = (1..=n).collect();
        let expected = serde_json::json!({ "list": list }).to_string();
        let generation = Generation::new(n).unwrap();
        let at_generation = state_at(&bench.store, &info, generation).await.unwrap();
        let key = keys[usize::try_from(n).unwrap() - 1];
        let reader = Reader::open(&bench.store, &bench.space).await.unwrap();
        let until_key = state_until(&bench.store, &reader, key).await.unwrap();
        for folded in [at_generation.folded, until_key] {
            let state = String::from_utf8(folded.state_json().unwrap()).unwrap();
            assert_eq!(state, expected, "{n}");
        }
    }
    let beyond = state_at(&bench.store, &info, Generation::new(6).unwrap()).await;
    assert_eq!(beyond.unwrap_err().kind(), ErrorKind::NotFound);
}

/// A DELETE of the leftovers of an attempt at an epoch, given up by its sender and executed minutes later, met the
/// segments of the epoch that had got the same number meanwhile.
#[tokio::test(start_paused = true)]
async fn a_delete_that_lands_late_hits_no_later_epoch() {
    let bench = three_updates().await;
    let bucket = bench.bucket.clone();
    let space = bench.path(&ObjectKey::Space(bench.space.clone()));
    let changed_meanwhile = move |point: &'static str| {
        if point == "epoch.before_flip" {
            bucket.with_disk(|disk| disk.objects.get_mut(&space).unwrap().e_tag.push('x'));
        }
    };
    let loser = bench.store.clone();
    let loser = loser.with_crash_points(Arc::new(changed_meanwhile));
    let error = compress(&loser, &bench.space).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let mut leftovers = bench.paths();
    leftovers.retain(|path| path.contains("/0002-"));
    assert!(!leftovers.is_empty());
    let delete = || {
        bench.bucket.with_disk(|disk| {
            for path in &leftovers {
                disk.objects.remove(path);
            }
        });
    };
    delete();
    let state = bench.state().await;
    let new = compress(&bench.store, &bench.space).await.unwrap();
    assert_eq!(new.epoch.number(), 2);
    delete();
    assert_eq!(bench.state().await, state);
    let mut silent = |_, _| {};
    let verified = icecore_store::verify::verify(&bench.store, &bench.space, &mut silent);
    assert_eq!(verified.await.unwrap().problems, []);
}

/// An epoch was swept, named no more and removed. Then a write landed in it that had been under way all that time, and
/// the next pruning removed the folder once more, with the acknowledged update in it.
#[tokio::test(start_paused = true)]
async fn what_lands_in_an_epoch_that_is_not_named_any_more_is_taken_in_before_it_goes() {
    let mut bench = three_updates().await;
    let old = bench.info().await;
    compress(&bench.store, &bench.space).await.unwrap();
    let a_day = Duration::from_hours(25);
    bench.clock.sleep(a_day).await;
    prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(bench.info().await.old_epochs, []);
    bench.write_to(&old, 3, "increment", r#"{"/n":10}"#).await;
    let report = prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(report.epochs, 0, "too young");
    bench.clock.sleep(a_day).await;
    let report = prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!((report.epochs, report.epoch_objects), (1, 1));
    bench.roll_up().await;
    assert_eq!(
        bench.state().await,
        r#"{"a":1,"n":15,"secret":"swordfish"}"#
    );
    let folder = format!("/{:#}/", old.epoch);
    assert!(bench.paths().iter().all(|path| !path.contains(&folder)));
    assert_eq!(bench.verify().await.problems, []);
}

/// `space.json` was put back to before a `compress`: the newer epoch holds updates in no other form than its state.
#[tokio::test(start_paused = true)]
async fn an_epoch_that_holds_what_nothing_else_does_is_never_pruned() {
    let bench = three_updates().await;
    let before = bench.info().await;
    let newer = compress(&bench.store, &bench.space).await.unwrap().epoch;
    let folder = format!("/{:#}/", before.epoch);
    bench.bucket.with_disk(|disk| {
        disk.objects.retain(|path, _| !path.contains(&folder));
        let space = disk
            .objects
            .iter_mut()
            .find(|(path, _)| path.ends_with("/space.json"));
        space.unwrap().1.bytes = before.to_json().into();
    });
    bench.clock.sleep(Duration::from_hours(25)).await;
    let report = prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(report.epochs, 0);
    let folder = format!("/{newer:#}/");
    assert!(bench.paths().iter().any(|path| path.contains(&folder)));
}
