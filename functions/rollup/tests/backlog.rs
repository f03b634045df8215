//! Much to do and little memory: the real program folds a long backlog piece by piece, over as many invocations as it takes,
//! and a space that is too large for it keeps it from no other.
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
use serde_json::value::RawValue;
use serde_json::{Value, json};
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
        let object = object(store, (author, seq), ("increment", data));
        let key = Key::new(start + n).unwrap();
        let path = store
            .bucket
            .path(&ObjectKey::Update(space.clone(), epoch, key));
        objects.put(&path, object.to_json().into()).await.unwrap();
    }
}

/// An object with one update.
fn object(store: &Store, id: (Author, Seq), (kind, data): (&str, String)) -> UpdateObject {
    let data = RawValue::from_string(data).unwrap();
    let update = Update::new(store.clock.now(), kind, &data, None).unwrap();
    UpdateObject::new(id.0, id.1, vec![update])
}

/// The function over a store of its own, as Lambda runs it.
struct Stage {
    objects: Arc<Sorted>,
    store: Store,
    function: Lambda,
    _servers: (s3_server::S3Server, Sqs),
}

impl Stage {
    async fn new(name: &str) -> Self {
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
        let (sqs, queue) = Sqs::start().await;
        let url = server.url("store");
        let ours = [
            ("ICECORE_STORE", url.as_str()),
            (
                "ICECORE_QUEUE_URL",
                "https://sqs.us-east-1.amazonaws.com/1/spaces",
            ),
            ("AWS_ENDPOINT_URL_SQS", queue.as_str()),
        ];
        let mut environment = server.environment();
        environment.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Self {
            objects,
            store,
            function: Lambda::start(PROGRAM, name, &environment).await,
            _servers: (server, sqs),
        }
    }

    async fn space(&self, name: &str) -> SpaceName {
        let space: SpaceName = name.parse().unwrap();
        let model = ModelRef::named("document");
        let created = self
            .store
            .create_space(&space, model, Order::Timestamp)
            .await;
        created.unwrap();
        space
    }

    /// Stores a merge of the one author under a key.
    async fn put(&self, space: &SpaceName, (key, seq): (u64, u64), data: String) {
        let id = (Author::from_parts(1, 0), Seq::new(seq).unwrap());
        let object = object(&self.store, id, ("merge", data));
        let epoch = self.store.space(space).await.unwrap().info.epoch;
        let key = ObjectKey::Update(space.clone(), epoch, Key::new(key).unwrap());
        let path = self.store.bucket.path(&key);
        let put = self.objects.put(&path, object.to_json().into()).await;
        put.unwrap();
    }

    async fn invoke(&mut self, spaces: &[&str]) -> Value {
        let deadline = SystemClock::new().now() + SECONDS_EACH * 1_000;
        let event = json!({ "work": "spaces", "spaces": spaces });
        let deadline = u64::try_from(deadline).unwrap();
        self.function.invoke(event, deadline).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_is_rolled_up_in_little_memory_over_several_invocations() {
    let updates = backlog();
    let mut stage = Stage::new("backlog").await;
    let space = stage.space("backlog").await;
    write(&stage.objects, &stage.store, &space, updates).await;

    let (mut done, mut invocations, mut segments) = (0, 0, 0);
    while done < updates {
        invocations += 1;
        assert!(invocations < INVOCATIONS_MAX, "{done} of {updates}");
        let report = stage.invoke(&["backlog"]).await;
        assert_eq!(report["failures"], json!([]), "{report}");
        done += report["updates"].as_u64().unwrap();
        segments += report["segments"].as_u64().unwrap();
    }
    let peak = stage.function.peak_memory().unwrap();
    println!(
        "{updates} updates, {segments} segments, {invocations} invocations, peak {} MiB",
        peak >> 20
    );
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    assert!(segments > 1, "it was folded in pieces");
    let reader = Reader::open(&stage.store, &space).await.unwrap();
    assert_eq!(reader.base.covered.len(), updates);
    let state: Value = serde_json::from_slice(&reader.base.folded.state_json().unwrap()).unwrap();
    assert_eq!(state["done"], updates);
}

/// A guest wrote arrays of small numbers, which take twenty times their text in memory: 190 MiB of them here. Of another
/// space there are as many as fit.
#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_is_too_large_for_the_function_stops_no_other() {
    const WRITTEN: [(&str, u64); 3] = [("zeros", 12), ("fits", 2), ("todo", 0)];
    let mut stage = Stage::new("zeros").await;
    let array = format!("[{}0]", "0,".repeat(480_000));
    let start = u64::try_from(stage.store.clock.now()).unwrap() - 3_600_000;
    let mut all = 0;
    for (name, arrays) in WRITTEN {
        let space = stage.space(name).await;
        for n in 0..arrays {
            let data = format!(r#"{{"n{n}":{array}}}"#);
            stage.put(&space, (start + n, 1 + n), data).await;
        }
        let last = (start + arrays, 1 + arrays);
        stage.put(&space, last, r#"{"a":1}"#.to_owned()).await;
        all += arrays + 1;
    }

    let (mut updates, mut snapshots, mut invocations) = (0, 0, 0);
    while updates < all {
        invocations += 1;
        assert!(invocations < 20, "{updates} updates of {all}");
        let report = stage.invoke(&["zeros", "fits", "todo"]).await;
        assert_eq!(report["failures"], json!([]), "{report}");
        updates += report["updates"].as_u64().unwrap();
        snapshots += report["snapshots"].as_u64().unwrap();
        assert!(report["too_large"] == json!(["zeros"]), "{report}");
    }
    let peak = stage.function.peak_memory().unwrap();
    println!(
        "{invocations} invocations, {snapshots} snapshots, peak {} MiB",
        peak >> 20
    );
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    assert!(snapshots >= 2, "the others have their states");
}
