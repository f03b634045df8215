//! A model that changes its version: the state is upgraded, or rebuilt from the segments.

use super::bench::Bench;
use icecore_core::{ErrorKind, Meta, Model, Registry, Rejected};
use icecore_store::Reader;
use serde_json::Value;
use serde_json::value::RawValue;

/// Counts what `add` adds; version 2 calls the field `total`, and may know how to upgrade.
#[derive(Debug, Clone)]
struct Counter {
    version: u32,
    upgrades: bool,
}

impl Model for Counter {
    type State = Value;
    type Update = i64;

    fn name(&self) -> &'static str {
        "counter"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn initial(&self) -> Value {
        serde_json::json!({ self.field(): 0 })
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<i64, Rejected> {
        match kind {
            "add" => data
                .get()
                .parse()
                .map_err(|_| Rejected::new("`add` takes an integer")),
            _ => Err(Rejected::new("unknown kind")),
        }
    }

    fn apply(&self, state: &mut Value, update: i64, _: &Meta<'_>) -> Result<(), Rejected> {
        let sum = state[self.field()].as_i64().unwrap_or(0) + update;
        *state = serde_json::json!({ self.field(): sum });
        Ok(())
    }

    fn upgrade(&self, _: u32, state: Value) -> Option<Value> {
        self.upgrades
            .then(|| serde_json::json!({ "total": state["count"], "upgraded": true }))
    }
}

impl Counter {
    fn field(&self) -> &'static str {
        if self.version == 1 { "count" } else { "total" }
    }
}

fn registry(version: u32, upgrades: bool) -> Registry {
    Registry::default().with(Counter { version, upgrades })
}

async fn counted() -> Bench {
    let mut bench = Bench::with_registry("counter", registry(1, false)).await;
    for n in 1..=3 {
        bench.write(n, "add", &n.to_string()).await;
        bench.roll_up().await;
    }
    bench.write(4, "shout", "1").await;
    assert_eq!(bench.state().await, r#"{"count":6}"#);
    bench
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_upgrades_the_state() {
    let mut bench = counted().await;
    bench.store = bench.store.clone().with_registry(registry(2, true));
    assert_eq!(bench.state().await, r#"{"total":6,"upgraded":true}"#);
}

#[tokio::test(start_paused = true)]
async fn or_rebuilds_it_from_the_segments_and_writes_its_own_snapshots() {
    let mut bench = counted().await;
    bench.store = bench.store.clone().with_registry(registry(2, false));
    assert_eq!(bench.state().await, r#"{"total":6}"#);
    bench.write(5, "add", "10").await;
    assert_eq!(bench.roll_up().await.snapshots, 1);
    assert_eq!(bench.state().await, r#"{"total":16}"#);
    let report = bench.verify().await;
    assert_eq!((report.snapshots, report.snapshots_of_older_models), (1, 3));
    assert_eq!(report.problems, []);
}

#[tokio::test(start_paused = true)]
async fn an_older_version_holds_and_says_so() {
    let mut bench = Bench::with_registry("counter", registry(2, true)).await;
    bench.write(1, "add", "1").await;
    bench.roll_up().await;
    bench.store = bench.store.clone().with_registry(registry(1, false));
    let error = Reader::open(&bench.store, &bench.space).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("version 2"), "{error}");
}
