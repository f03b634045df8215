//! A state that takes more memory than it may: its space is rolled up without, and stops no other one.

use super::bench::Bench;
use icecore_core::ObjectKey;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::rounds::{Limits, Rounds, Work};
use icecore_store::{Clock, Reader, Settings, Store};
use std::time::Duration;

/// Four small numbers take as much memory as a text of 128 bytes.
fn zeros(count: usize) -> String {
    format!("{{\"zeros\":[{}0]}}", "0,".repeat(count - 1))
}

fn small(bench: &Bench) -> Store {
    let settings = Settings {
        state_max: 20_000,
        ..(*bench.store.settings).clone()
    };
    bench.store.clone().with_settings(settings)
}

fn everything() -> RollupOptions {
    RollupOptions {
        full: true,
        now: true,
        time_max: None,
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_rolled_up_without_and_read_by_whoever_has_more_memory() {
    let mut bench = Bench::new("document").await;
    let small = small(&bench);
    bench.write(1, "merge", r#"{"a":1}"#).await;
    let report = roll_up(&small, &bench.space, &everything()).await.unwrap();
    assert!(
        report.too_large.is_none() && report.snapshots == 1,
        "{report:?}"
    );
    bench.write(1, "merge", &zeros(1_000)).await;
    let report = roll_up(&small, &bench.space, &everything()).await.unwrap();
    assert!(report.too_large.is_some(), "{report:?}");
    assert_eq!((report.segments, report.snapshots), (1, 0));
    bench.write(1, "merge", r#"{"b":2}"#).await;
    let report = roll_up(&small, &bench.space, &everything()).await.unwrap();
    assert_eq!((report.segments, report.updates), (1, 1));
    // Nothing is lost, and whoever may hold the state has it.
    let expected = format!("{{\"a\":1,\"b\":2,\"zeros\":[{}0]}}", "0,".repeat(999));
    assert_eq!(bench.state().await, expected);
    assert_eq!(bench.verify().await.problems, []);
    let report = bench.roll_up().await;
    assert!(report.too_large.is_none(), "{report:?}");
    // A reader with little memory says why it has no state.
    let reader = Reader::open(&small, &bench.space).await.unwrap();
    let error = reader.state().check_readable().unwrap_err();
    assert!(error.to_string().contains("bytes of memory"), "{error}");
}

/// What was folded since is counted, and what it overwrote is not: a state that stays small is never taken for a large one.
#[tokio::test(start_paused = true)]
async fn a_small_state_with_a_long_history_stays() {
    let mut bench = Bench::new("document").await;
    let small = small(&bench);
    for _ in 0..30 {
        bench.write(1, "merge", &zeros(100)).await;
        bench.clock.sleep(Duration::from_mins(1)).await;
        let report = roll_up(&small, &bench.space, &everything()).await.unwrap();
        assert!(report.too_large.is_none(), "{report:?}");
    }
}

/// A snapshot that somebody with more memory wrote is not parsed where it would be too large.
#[tokio::test(start_paused = true)]
async fn a_snapshot_of_it_is_passed_on() {
    let mut bench = Bench::new("document").await;
    let small = small(&bench);
    bench.write(1, "merge", &zeros(1_000)).await;
    assert_eq!(bench.roll_up().await.snapshots, 1);
    bench.write(1, "merge", r#"{"b":2}"#).await;
    let report = roll_up(&small, &bench.space, &everything()).await.unwrap();
    assert!(
        report.too_large.is_some() && report.segments == 1,
        "{report:?}"
    );
    assert_eq!(bench.verify().await.problems, []);
}

/// A snapshot that cannot even be unpacked here stops nobody: the segments say the same.
#[tokio::test(start_paused = true)]
async fn a_snapshot_that_cannot_be_unpacked_is_passed_over() {
    let mut bench = Bench::new("document").await;
    let settings = Settings {
        unpacked_max: 1_500,
        ..(*small(&bench).settings).clone()
    };
    let small = bench.store.clone().with_settings(settings);
    for n in 0..20 {
        let data = format!("{{\"n{n}\":\"{}\"}}", "x".repeat(100));
        bench.write(1, "merge", &data).await;
        bench.clock.sleep(Duration::from_mins(1)).await;
        bench.roll_up().await;
    }
    assert!(bench.state().await.len() > 2_000);
    for round in 0..2 {
        bench.write(1, "merge", r#"{"b":2}"#).await;
        bench.clock.sleep(Duration::from_mins(1)).await;
        let mut rounds = Rounds::new(small.clone(), Limits::default());
        let work = Work::Spaces(vec![bench.space.clone()]);
        let deadline = bench.clock.monotonic() + Duration::from_mins(5);
        let report = rounds.run(work, deadline).await.unwrap();
        assert!(report.failures.is_empty(), "{report:?}");
        assert_eq!(report.segments, 1, "round {round}: {report:?}");
    }
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn rounds_name_it_and_go_on_with_the_others() {
    let mut bench = Bench::new("document").await;
    let small = small(&bench);
    bench.write(1, "merge", &zeros(1_000)).await;
    bench.clock.sleep(Duration::from_mins(1)).await;
    let mut rounds = Rounds::new(small, Limits::default());
    for set in [r#"{"b":2}"#, r#"{"b":3}"#] {
        let work = Work::Spaces(vec![bench.space.clone()]);
        let deadline = bench.clock.monotonic() + Duration::from_mins(5);
        let report = rounds.run(work, deadline).await.unwrap();
        assert_eq!(report.too_large, [bench.space.clone()], "{report:?}");
        assert!(report.failures.is_empty(), "{report:?}");
        bench.write(1, "merge", set).await;
        bench.clock.sleep(Duration::from_mins(1)).await;
    }
    let info = bench.info().await;
    let heads = ObjectKey::Head(info.space.clone());
    assert!(bench.store.bucket.exists(&heads).await.unwrap());
    assert_eq!(bench.verify().await.problems, []);
}
