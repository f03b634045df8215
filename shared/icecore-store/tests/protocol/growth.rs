//! What later versions of the format may add, as a program of today meets it (docs/growth.md).

use super::bench::Bench;
use icecore_core::plan::KeyClock;
use icecore_core::{Error, ErrorKind, Seq, SpaceInfo, Update, UpdateObject};
use icecore_store::epochs::{compress, erase};
use icecore_store::prune::prune;
use icecore_store::publish::publish;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Reader};
use serde_json::value::RawValue;
use std::time::Duration;

/// Lets the stored `space.json` say what it needs.
fn need(bench: &Bench, needs: &str) {
    bench.bucket.with_disk(|disk| {
        let space = disk
            .objects
            .iter_mut()
            .find(|(path, _)| path.ends_with("/space.json"));
        let stored = space.unwrap().1;
        let text = String::from_utf8(stored.bytes.to_vec()).unwrap();
        let text = format!(r#"{},"needs":{needs}}}"#, text.strip_suffix('}').unwrap());
        stored.bytes = text.into();
        stored.e_tag = format!("\"{needs}\"");
    });
}

fn is_held<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("\"later\""), "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("update this program"))
    );
}

async fn publish_one(bench: &Bench, info: &SpaceInfo) -> Result<(), Error> {
    let data = RawValue::from_string("1".to_owned()).unwrap();
    let update = Update::new(bench.clock.now(), "note", &data, None).unwrap();
    let object = UpdateObject::new(Bench::author(9), Seq::FIRST, vec![update]);
    let mut keys = KeyClock::default();
    let published = publish(&bench.store, info, &object, &mut keys).await;
    published.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_space_that_needs_more_is_held_and_nothing_is_lost() {
    let mut bench = Bench::new("log").await;
    bench.write(1, "note", "1").await;
    bench.roll_up().await;
    bench.write(1, "note", "2").await;
    let state = bench.state().await;

    need(&bench, r#"{"write":["later"]}"#);
    let info = bench.info().await;
    let before = bench.paths();
    assert_eq!(bench.state().await, state, "it is read");
    is_held(publish_one(&bench, &info).await);
    is_held(roll_up(&bench.store, &bench.space, &RollupOptions::default()).await);
    is_held(prune(&bench.store, &bench.space, None).await);
    is_held(compress(&bench.store, &bench.space).await);
    is_held(erase(&bench.store, &bench.space).await);
    assert_eq!(bench.paths(), before);
    assert_eq!(bench.verify().await.problems, []);
}

#[tokio::test(start_paused = true)]
async fn a_space_that_needs_more_to_be_read_is_held_by_everybody() {
    let mut bench = Bench::new("log").await;
    bench.write(1, "note", "1").await;
    let mut reader = Reader::open(&bench.store, &bench.space).await.unwrap();
    need(&bench, r#"{"read":["later"]}"#);
    let before = bench.paths();
    is_held(Reader::open(&bench.store, &bench.space).await.map(drop));
    is_held(
        reader
            .poll(icecore_store::reader::Waited::Not)
            .await
            .map(drop),
    );
    is_held(roll_up(&bench.store, &bench.space, &RollupOptions::default()).await);
    is_held(prune(&bench.store, &bench.space, None).await);
    assert_eq!(bench.paths(), before);
}

#[tokio::test(start_paused = true)]
async fn reserved_folders_are_passed_over_and_stay() {
    let mut bench = Bench::new("log").await;
    bench.write(1, "note", "1").await;
    let epoch = format!("{:#}", bench.info().await.epoch);
    let reserved = [
        "attachments/00ff".to_owned(),
        "signatures/ada/1".to_owned(),
        format!("{epoch}/parts/0000000001-0001"),
    ];
    bench.bucket.with_disk(|disk| {
        let update = disk
            .objects
            .iter()
            .find(|(path, _)| path.contains("/updates/"));
        let stored = update.unwrap().1.clone();
        for path in &reserved {
            disk.objects
                .insert(format!("root/spaces/space/{path}"), stored.clone());
        }
    });
    let are_there = |bench: &Bench| {
        let paths = bench.paths();
        reserved
            .iter()
            .filter(|r| paths.iter().any(|p| p.ends_with(*r)))
            .count()
    };
    bench.roll_up().await;
    bench.clock.sleep(Duration::from_hours(25)).await;
    bench.write(1, "note", "2").await;
    bench.roll_up().await;
    prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(bench.verify().await.problems, []);
    assert_eq!(are_there(&bench), 3);
    // With its epoch, when that goes, and with its space.
    compress(&bench.store, &bench.space).await.unwrap();
    bench.clock.sleep(Duration::from_hours(25)).await;
    prune(&bench.store, &bench.space, None).await.unwrap();
    assert_eq!(are_there(&bench), 2);
    erase(&bench.store, &bench.space).await.unwrap();
    assert_eq!(are_there(&bench), 0);
}
