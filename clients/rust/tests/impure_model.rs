//! A model that looks at something else than the updates, or was changed without a new version: it is noticed while the app
//! is used, and stops nobody.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore::{Changes, Meta, Model, News, Order, Place, RawValue, Rejected, Replica, message};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Msg {
    Add { name: String },
}

/// What the model looks at besides the updates.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Clock,
    Order,
}

/// The names that were added, and a number.
#[derive(Debug, Clone)]
struct Names {
    fault: Fault,
    /// What each name counts; a developer may change it and forget the version.
    weight: u64,
    version: u32,
}

impl Names {
    fn with(fault: Fault) -> Self {
        Self {
            fault,
            weight: 1,
            version: 1,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    names: Vec<String>,
    number: u64,
}

#[allow(clippy::disallowed_methods, reason = "it is the fault")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

impl Model for Names {
    type State = State;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "names"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, state: &mut State, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        let Msg::Add { name } = msg;
        state.names.push(name);
        state.number += self.weight;
        match self.fault {
            Fault::None => {}
            Fault::Clock => {
                let now = now().duration_since(UNIX_EPOCH).unwrap();
                state.number = u64::try_from(now.as_nanos()).unwrap();
            }
            Fault::Order => {
                let names: HashSet<String> = state.names.drain(..).collect();
                state.names = names.into_iter().collect();
            }
        }
        Ok(())
    }
}

struct Site(TempDir);

impl Site {
    async fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        let ada = site.replica("ada", Names::with(Fault::None)).await;
        for n in 0..20 {
            let name = format!("name {n}");
            ada.update(Msg::Add { name }).await.unwrap();
        }
        ada.sync().await.unwrap();
        site
    }

    async fn replica(&self, name: &str, model: Names) -> Replica<Names> {
        let store = self.0.path().join("store").display().to_string();
        let place = Place::new(store).with_replica(self.0.path().join(name));
        let replica = Replica::create(model, &place, "names", Order::Timestamp);
        replica.await.unwrap()
    }

    /// What a pure program rolls up.
    async fn roll_up(&self) {
        let ada = self.replica("ada", Names::with(Fault::None)).await;
        let name = "one more".to_owned();
        ada.update(Msg::Add { name }).await.unwrap();
        ada.sync().await.unwrap();
        ada.roll_up().await.unwrap();
        ada.sync().await.unwrap();
    }
}

/// How often this was said; status says it too then.
async fn told(replica: &Replica<Names>, news: &mut Changes<Msg>) -> usize {
    let told = std::iter::from_fn(|| news.try_next())
        .filter(|news| matches!(news, News::Impure { .. }))
        .count();
    let status = replica.status().await.unwrap();
    assert!(told == 0 || status.impure.is_some());
    told
}

#[tokio::test]
async fn row_30_a_model_that_reads_the_clock_or_a_hash_maps_order_is_noticed() {
    for (fault, expected) in [(Fault::None, 0), (Fault::Clock, 1), (Fault::Order, 1)] {
        let site = Site::new().await;
        let bob = site.replica("bob", Names::with(fault)).await;
        let mut news = bob.changes();
        // The first by its snapshot, the second by its segment.
        for _ in 0..2 {
            site.roll_up().await;
            bob.sync().await.unwrap();
        }
        assert_eq!(told(&bob, &mut news).await, expected, "{fault:?}");
        // Once is enough, and it stops nobody: what it writes is stored, and a pure program shows it.
        let name = "by bob".to_owned();
        bob.update(Msg::Add { name }).await.unwrap();
        bob.sync().await.unwrap();
        assert_eq!(told(&bob, &mut news).await, 0, "{fault:?}");
        let eve = site.replica("eve", Names::with(Fault::None)).await;
        assert_eq!(eve.state().names.len(), 23, "{fault:?}");
        assert!(eve.verify().await.unwrap().problems.is_empty(), "{fault:?}");
    }
}

/// A developer changes what an update does, and forgets the version: at the next start the same history gives another state.
#[tokio::test]
async fn row_30_a_model_that_was_changed_without_a_new_version_is_noticed() {
    let site = Site::new().await;
    site.roll_up().await;
    site.roll_up().await;
    let changed = Names {
        weight: 2,
        ..Names::with(Fault::None)
    };
    let ada = site.replica("ada", changed.clone()).await;
    assert!(
        ada.status().await.unwrap().impure.is_some(),
        "by the sync that opening begins with"
    );
    drop(ada);
    // With a new version it is another model, which reads the history anew.
    let raised = Names {
        version: 2,
        ..changed
    };
    let ada = site.replica("ada", raised).await;
    assert_eq!(ada.status().await.unwrap().impure, None);
    assert_eq!(ada.state().number, 44);
}
