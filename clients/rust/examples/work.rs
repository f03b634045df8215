//! What a replica's own work costs beside its requests: how long it keeps one core busy, on a store in memory, with the
//! local copy on the disk. A floor is measured in the same run.
//!
//! ```sh
//! cargo run --release -p icecore --example work
//! ```

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it measures, prints, and stops at what it did not expect"
)]

use icecore::system::{OsIds, SystemClock};
use icecore::{Meta, Model, Order, Place, RawValue, Rejected, Replica, message};
use icecore_store::rollup::{self, RollupOptions};
use icecore_store::{Clock, Store, backend};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const RECORDS: u32 = 10_000;
const TIMES: usize = 21;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Msg {
    Put { id: u32, text: String },
}

/// Records of text, by number.
#[derive(Debug, Clone, Copy, Default)]
struct Records {
    reads_key: bool,
}

impl Model for Records {
    type State = BTreeMap<u32, String>;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "records"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads_key(&self) -> bool {
        self.reads_key
    }

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, state: &mut Self::State, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        let Msg::Put { id, text } = msg;
        state.insert(id, text);
        Ok(())
    }
}

/// The time that this thread has run, where the kernel tells (Linux); else the clock's.
fn on_core(clock: &dyn Clock) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = text.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| clock.monotonic(), Duration::from_nanos)
}

#[derive(Default)]
struct Times(Vec<(Duration, Duration)>);

impl Times {
    fn say(&self, what: &str) {
        let middle = |time: fn(&(Duration, Duration)) -> Duration| {
            let mut times: Vec<Duration> = self.0.iter().map(time).collect();
            times.sort_unstable();
            times[times.len() / 2]
        };
        let (core, wall) = (middle(|t| t.0), middle(|t| t.1));
        println!("  {what:<60} {core:>10.2?} on a core, {wall:>10.2?} in all");
    }
}

struct Site {
    folder: TempDir,
    store: Store,
    clock: Arc<dyn Clock>,
    text: String,
    model: Records,
}

impl Site {
    fn new(bytes: usize, reads_key: bool) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let memory = backend::open("memory://", std::iter::empty(), Arc::clone(&clock)).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            store: Store::new(&memory, Arc::clone(&clock), Arc::new(OsIds)),
            clock,
            text: "0123456789".repeat(bytes / 10),
            model: Records { reads_key },
        }
    }

    fn place(&self, replica: &str) -> Place {
        Place::on(self.store.clone()).with_replica(self.folder.path().join(replica))
    }

    async fn replica(&self, name: &str) -> Replica<Records> {
        let place = self.place(name);
        Replica::create(self.model, &place, "records", Order::Timestamp)
            .await
            .unwrap()
    }

    async fn roll_up(&self) {
        let registry = icecore_core::Registry::default().with(self.model);
        let store = self.store.clone().with_registry(registry);
        let options = RollupOptions {
            now: true,
            ..RollupOptions::default()
        };
        let space = "records".parse().unwrap();
        rollup::roll_up(&store, &space, &options).await.unwrap();
    }

    fn put(&self, id: u32) -> Msg {
        let text = format!("{id}-{}", self.text);
        Msg::Put { id, text }
    }

    async fn time<T>(&self, times: &mut Times, work: impl Future<Output = T>) -> T {
        let before = (on_core(&*self.clock), self.clock.monotonic());
        let result = work.await;
        let after = (on_core(&*self.clock), self.clock.monotonic());
        let spent = |after: Duration, before| after.saturating_sub(before);
        times
            .0
            .push((spent(after.0, before.0), spent(after.1, before.1)));
        result
    }
}

async fn measure(bytes: usize, (rolled_up, reads_key): (bool, bool)) {
    println!(
        "{RECORDS} records of {bytes} bytes, rolled up: {rolled_up}, the model reads keys: {reads_key}"
    );
    let site = Site::new(bytes, reads_key);
    let ada = site.replica("ada").await;
    let all: Vec<u32> = (0..RECORDS).collect();
    for ids in all.chunks(100) {
        let now = ada.now();
        let messages = ids.iter().map(|id| (now, site.put(*id))).collect();
        ada.update_all(messages).await.unwrap();
    }
    ada.sync().await.unwrap();
    if rolled_up {
        site.clock.sleep(Duration::from_millis(20)).await;
        site.roll_up().await;
    }
    let mut cold = Times::default();
    let mut bob = None;
    for n in 0..5 {
        let name = format!("cold-{n}");
        bob = Some(site.time(&mut cold, site.replica(&name)).await);
    }
    cold.say("opening for the first time");
    let bob = bob.unwrap();
    bob.sync().await.unwrap();
    ada.sync().await.unwrap();
    steps(&site, &ada, &bob).await;
    let json = serde_json::to_vec(&*ada.state()).unwrap();
    let (mut again, mut plain) = (Times::default(), Times::default());
    drop((ada, bob));
    for _ in 0..TIMES {
        let parse = async { serde_json::from_slice::<BTreeMap<u32, String>>(&json).unwrap() };
        assert_eq!(site.time(&mut plain, parse).await.len(), RECORDS as usize);
        let place = site.place("ada");
        let opened = site.time(&mut again, Replica::open(site.model, &place, "records"));
        assert_eq!(opened.await.unwrap().state().len(), RECORDS as usize);
    }
    again.say("opening from the disk");
    plain.say("parsing the state's JSON with serde_json");
}

async fn steps(site: &Site, ada: &Replica<Records>, bob: &Replica<Records>) {
    let (mut update, mut state, mut sync) = (Times::default(), Times::default(), Times::default());
    let mut arrival = Times::default();
    for n in 0..TIMES {
        let id = u32::try_from(n).unwrap();
        site.time(&mut update, ada.update(site.put(id)))
            .await
            .unwrap();
        let shown = site.time(&mut state, async { ada.state() }).await;
        drop(shown);
        site.time(&mut sync, ada.sync()).await.unwrap();
        site.time(&mut arrival, bob.sync()).await.unwrap();
        site.clock.sleep(Duration::from_millis(2)).await;
    }
    update.say("update");
    state.say("state() after it");
    sync.say("sync that sends it");
    arrival.say("sync that brings it to another replica");
    let mut idle = Times::default();
    for _ in 0..TIMES {
        site.time(&mut idle, ada.sync()).await.unwrap();
    }
    idle.say("sync without news");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for bytes in [150, 1_000] {
        for how in [(true, false), (true, true), (false, false)] {
            measure(bytes, how).await;
        }
    }
}
