//! Segments and snapshots that are damaged, missing or of a newer program; and how little a cold open takes.

use super::bench::Bench;
use icecore_core::{ErrorKind, Segment};
use icecore_store::{Clock, Reader};
use std::time::Duration;

async fn four_generations() -> Bench {
    let mut bench = Bench::new("document").await;
    for n in 1..=4 {
        bench
            .write(n, "append", &format!(r#"{{"/list":[{n}]}}"#))
            .await;
        bench.roll_up().await;
    }
    bench
}

fn tamper(bench: &Bench, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
    bench.bucket.with_disk(|disk| {
        let stored = disk.objects.get_mut(path).unwrap();
        let mut bytes = stored.bytes.to_vec();
        change(&mut bytes);
        stored.bytes = bytes.into();
    });
}

#[tokio::test(start_paused = true)]
async fn a_reader_goes_round_a_damaged_snapshot_and_verify_names_it() {
    let bench = four_generations().await;
    let path = bench.snapshot_path(4);
    tamper(&bench, &path, |bytes| bytes.truncate(bytes.len() / 2));
    assert_eq!(bench.state().await, r#"{"list":[1,2,3,4]}"#);
    let report = bench.verify().await;
    assert_eq!(report.problems.len(), 1);
    assert!(
        path.ends_with(&report.problems[0].object),
        "{:?}",
        report.problems
    );
}

#[tokio::test(start_paused = true)]
async fn a_damaged_segment_stops_nobody_while_a_snapshot_stands_for_it() {
    let bench = four_generations().await;
    let path = bench.segment_path(2);
    tamper(&bench, &path, |bytes| bytes.truncate(10));
    assert_eq!(bench.state().await, r#"{"list":[1,2,3,4]}"#);
    let report = bench.verify().await;
    assert!(
        path.ends_with(&report.problems[0].object),
        "{:?}",
        report.problems
    );
    assert_eq!(
        report.problems[0]
            .hint
            .as_deref()
            .map(|h| h.contains("restore")),
        Some(true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_replaced_neatly_is_found_by_the_chain() {
    let bench = four_generations().await;
    let path = bench.segment_path(2);
    tamper(&bench, &path, |bytes| {
        let mut segment = Segment::unpack(bytes).unwrap();
        segment.header.rolled_at += 1;
        *bytes = Segment::pack(&segment.header, None, &segment.entries)
            .unwrap()
            .bytes;
    });
    let report = bench.verify().await;
    let named: Vec<&str> = report.problems.iter().map(|p| p.object.as_str()).collect();
    assert!(
        named
            .iter()
            .any(|object| object.ends_with("snapshots/0000000002")),
        "{named:?}"
    );
    assert!(
        named
            .iter()
            .any(|object| object.ends_with("segments/0000000003")),
        "{named:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_a_newer_program_is_not_passed_over() {
    let bench = four_generations().await;
    tamper(&bench, &bench.snapshot_path(4), |bytes| {
        let newer = b"{\"v\":2}\n";
        let digest = icecore_core::Digest::of(newer);
        *bytes = [
            &newer[..],
            format!("{{\"sha256\":\"{digest}\"}}\n").as_bytes(),
        ]
        .concat();
    });
    let error = Reader::open(&bench.store, &bench.space).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.hint().unwrap().contains("update this program"));
}

#[tokio::test(start_paused = true)]
async fn a_cold_open_takes_six_requests_whatever_the_history() {
    for generations in [3, 30] {
        let mut bench = Bench::new("document").await;
        for n in 1..=generations {
            bench.write(n, "merge", &format!(r#"{{"k":{n}}}"#)).await;
            bench.roll_up().await;
        }
        let before = bench.bucket.happened();
        bench.state().await;
        let after = bench.bucket.happened();
        assert_eq!(
            after.requests - before.requests,
            6,
            "{generations} generations"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn heads_show_which_spaces_changed() {
    let mut bench = Bench::new("log").await;
    let other = "other".parse().unwrap();
    let model = icecore_core::ModelRef::named("log");
    bench
        .store
        .create_space(&other, model, icecore_core::Order::Timestamp)
        .await
        .unwrap();
    bench.write(1, "note", "1").await;
    bench.roll_up().await;
    let now = bench.clock.now();
    assert_eq!(
        bench.store.changed_spaces(now - 10_000).await.unwrap(),
        [bench.space.clone()]
    );
    bench.clock.sleep(Duration::from_mins(1)).await;
    assert_eq!(
        bench
            .store
            .changed_spaces(bench.clock.now() - 10_000)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        bench.store.spaces().await.unwrap(),
        [other, bench.space.clone()]
    );
}
