//! A long backlog and little memory: the real program folds it piece by piece, over as many invocations as it takes.
//!
//! `ICECORE_BACKLOG=1000000` makes the backlog of docs/performance.md.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "support/sorted.rs"]
mod sorted;

use icecore_core::{Author, Key, ModelRef, ObjectKey, Order, Seq, SpaceName, Update, UpdateObject};
use icecore_rollup::system::{OsIds, SystemClock};
use icecore_sim::cloud::{Lambda, Sqs};
use icecore_sim::s3_server::{self, BUCKET};
use icecore_store::backend::ServerTime;
use icecore_store::{Clock, Reader, Store};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;
use serde_json::value::RawValue;
use sorted::Sorted;
use std::sync::Arc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_icecore-rollup-function");
/// Enough for several segments; few enough for every run of the tests.
const UPDATES: u64 = 20_000;
const AUTHORS: u64 = 64;
/// What a function with 256 MiB has.
const MEMORY_MAX: u64 = 256 << 20;
/// A function of 256 MiB has a seventh of a processor, this one a whole one: it gets less time.
const SECONDS_EACH: i64 = 25;
const INVOCATIONS_MAX: u32 = 200;

#[expect(clippy::disallowed_methods, reason = "the developer names the size")]
fn backlog() -> u64 {
    let wished = std::env::var("ICECORE_BACKLOG").ok();
    wished.map_or(UPDATES, |n| n.parse().unwrap())
}

/// Update objects of an hour ago, one update each.
async fn write(objects: &Sorted, store: &Store, space: &SpaceName, updates: u64) {
    let start = u64::try_from(store.clock.now()).unwrap() - 3_600_000 - updates;
    let epoch = store.space(space).await.unwrap().info.epoch;
    for n in 0..updates {
        let author = Author::from_parts(1 + n % AUTHORS, 0);
        let seq = Seq::new(1 + n / AUTHORS).unwrap();
        let data = format!(r#"{{"/done":1,"/by/{}":{n}}}"#, n % 1_000);
        let data = RawValue::from_string(data).unwrap();
        let update = Update::new(store.clock.now(), "increment", &data, None).unwrap();
        let object = UpdateObject::new(author, seq, vec![update]);
        let key = Key::new(start + n).unwrap();
        let path = store
            .bucket
            .path(&ObjectKey::Update(space.clone(), epoch, key));
        objects.put(&path, object.to_json().into()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_is_rolled_up_in_little_memory_over_several_invocations() {
    let updates = backlog();
    let objects = Arc::new(Sorted::default());
    let server = s3_server::start(Arc::clone(&objects) as Arc<dyn ObjectStore>)
        .await
        .unwrap();
    let store = Store::on(
        Arc::clone(&objects) as _,
        Path::from(BUCKET).join("store"),
        Arc::new(SystemClock::new()),
        Arc::new(OsIds),
        Arc::new(ServerTime::new()),
    );
    store.create().await.unwrap();
    let space: SpaceName = "backlog".parse().unwrap();
    let model = ModelRef::named("document");
    store
        .create_space(&space, model, Order::Timestamp)
        .await
        .unwrap();
    write(&objects, &store, &space, updates).await;

    let (_sqs, queue) = Sqs::start().await;
    let mut environment = server.environment();
    for (name, value) in [
        ("ICECORE_STORE", server.url("store").as_str()),
        (
            "ICECORE_QUEUE_URL",
            "https://sqs.us-east-1.amazonaws.com/1/spaces",
        ),
        ("AWS_ENDPOINT_URL_SQS", &queue),
    ] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    let mut function = Lambda::start(PROGRAM, "backlog", &environment).await;
    let (mut done, mut invocations, mut segments) = (0, 0, 0);
    while done < updates {
        invocations += 1;
        assert!(invocations < INVOCATIONS_MAX, "{done} of {updates}");
        let deadline = SystemClock::new().now() + SECONDS_EACH * 1_000;
        let event = json!({ "work": "spaces", "spaces": ["backlog"] });
        let deadline = u64::try_from(deadline).unwrap();
        let report = function.invoke(event, deadline).await.unwrap();
        assert_eq!(report["failures"], json!([]), "{report}");
        done += report["updates"].as_u64().unwrap();
        segments += report["segments"].as_u64().unwrap();
    }
    let peak = function.peak_memory().unwrap();
    println!(
        "{updates} updates, {segments} segments, {invocations} invocations, peak {} MiB",
        peak >> 20
    );
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    assert!(segments > 1, "it was folded in pieces");
    let reader = Reader::open(&store, &space).await.unwrap();
    assert_eq!(reader.base.covered.len(), updates);
    let state: serde_json::Value =
        serde_json::from_slice(&reader.base.folded.state_json().unwrap()).unwrap();
    assert_eq!(state["done"], updates);
}
