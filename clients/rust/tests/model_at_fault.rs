//! A model that rejects what another program wrote, or panics on it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore::{
    Change, Changes, ErrorKind, Meta, Model, News, Order, Place, RawValue, Rejected, Replica,
    Stage, UpdateId, Violation, message,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Msg {
    Add {
        by: i64,
    },
    /// Is begun, and panics before its end.
    Break,
}

/// The sum, and how many updates were begun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    sum: i64,
    begun: u64,
}

/// Takes no sum above 100; `lax` takes everything, as a program with another bug would.
#[derive(Debug, Clone, Default)]
struct Fragile {
    lax: bool,
}

impl Model for Fragile {
    type State = Sum;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "fragile"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Sum {
        Sum::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        assert!(self.lax || kind != "unknown", "cannot be");
        message::decode(kind, data)
    }

    fn apply(&self, state: &mut Sum, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        state.begun += 1;
        match msg {
            Msg::Add { by } if !self.lax && state.sum + by > 100 => {
                state.begun -= 1;
                return Err(Rejected::new("more than 100"));
            }
            Msg::Add { by } => state.sum += by,
            Msg::Break => assert!(self.lax, "half of it is done"),
        }
        Ok(())
    }

    fn check(&self, state: &Sum) -> Vec<Violation> {
        assert!(state.sum != 13, "unlucky");
        Vec::new()
    }
}

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn place(&self, replica: &str) -> Place {
        let store = self.0.path().join("store").display().to_string();
        Place::new(store).with_replica(self.0.path().join(replica))
    }

    async fn replica(&self, name: &str) -> Replica<Fragile> {
        let (model, place) = (Fragile::default(), self.place(name));
        Replica::create(model, &place, "sum", Order::Timestamp)
            .await
            .unwrap()
    }

    /// Opened without a request.
    async fn offline(&self, name: &str) -> Replica<Fragile> {
        let place = Place::new("http://127.0.0.1:1").with_replica(self.0.path().join(name));
        let opened = Replica::open(Fragile::default(), &place, "sum").await;
        opened.unwrap()
    }

    /// Publishes what the model does not allow.
    async fn forge(&self, msg: Msg) -> UpdateId {
        let (model, place) = (Fragile { lax: true }, self.place("forger"));
        let replica = Replica::open(model, &place, "sum").await.unwrap();
        let id = replica.update(msg).await.unwrap();
        replica.sync().await.unwrap();
        id
    }
}

/// What was told, in a word each.
fn told(news: &mut Changes<Msg>) -> Vec<String> {
    std::iter::from_fn(|| news.try_next())
        .map(|news| match news {
            News::Change(Change {
                id,
                stage: Stage::Confirmed,
                ..
            }) => {
                format!("{} confirmed", id.seq)
            }
            News::Change(Change { id, .. }) => format!("{} pending", id.seq),
            News::Rejected { id, own, reason } => {
                format!("{} rejected: {reason}, own: {own}", id.seq)
            }
            other => format!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn row_30_an_update_that_panics_is_rejected_and_named_and_the_rest_applied() {
    let site = Site::new();
    let ada = site.replica("ada").await;
    ada.update(Msg::Add { by: 1 }).await.unwrap();
    ada.sync().await.unwrap();
    let broken = [site.forge(Msg::Break).await, site.forge(Msg::Break).await];
    site.forge(Msg::Add { by: 10 }).await;
    let whole = Sum { sum: 11, begun: 2 };
    let mut news = ada.changes();
    // In the tail, in a segment, in a snapshot; with what is pending on top.
    for step in 0..3 {
        ada.sync().await.unwrap();
        assert_eq!(*ada.state(), whole, "{step}");
        let listed = ada.rejected().await.unwrap();
        let listed: Vec<_> = listed
            .iter()
            .map(|r| (r.id, r.reason.to_string()))
            .collect();
        let reason = "the model panicked on this update";
        assert_eq!(listed, broken.map(|id| (id, reason.to_owned())), "{step}");
        assert_eq!(*site.offline("ada").await.state(), whole, "{step}");
        let fresh = site.replica(&format!("fresh-{step}")).await;
        assert_eq!(*fresh.state(), whole, "{step}");
        assert!(ada.verify().await.unwrap().problems.is_empty(), "{step}");
        ada.roll_up().await.unwrap();
    }
    let panicked = "the model panicked on this update, own: false";
    let (one, two) = (
        format!("1 rejected: {panicked}"),
        format!("2 rejected: {panicked}"),
    );
    assert_eq!(told(&mut news), ["3 confirmed", &one, &two]);
}

#[tokio::test]
async fn row_30_an_own_update_that_panics_is_not_queued() {
    let site = Site::new();
    let ada = site.replica("ada").await;
    ada.update(Msg::Add { by: 1 }).await.unwrap();
    let both = vec![(ada.now(), Msg::Add { by: 1 }), (ada.now(), Msg::Break)];
    let error = ada.update_all(both).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(ada.pending().await.unwrap(), 1);
    assert_eq!(*ada.state(), Sum { sum: 1, begun: 1 });
}

/// One that an older program queued: it is sent all the same, and lists as rejected on every device.
#[tokio::test]
async fn row_30_a_queued_update_that_panics_stops_nothing() {
    let site = Site::new();
    let ada = site.replica("ada").await;
    drop(ada);
    let lax = Replica::open(Fragile { lax: true }, &site.place("ada"), "sum")
        .await
        .unwrap();
    let broken = lax.update(Msg::Break).await.unwrap();
    lax.update(Msg::Add { by: 2 }).await.unwrap();
    drop(lax);
    let ada = site.offline("ada").await;
    assert_eq!(*ada.state(), Sum { sum: 2, begun: 1 });
    let ada = site.replica("ada").await;
    assert_eq!(ada.pending().await.unwrap(), 0);
    assert_eq!(ada.rejected().await.unwrap()[0].id, broken);
    assert_eq!(*ada.state(), Sum { sum: 2, begun: 1 });
}

#[tokio::test]
async fn row_30_a_rejected_update_is_told_as_rejected_with_its_reason() {
    let site = Site::new();
    let (ada, bob) = (site.replica("ada").await, site.replica("bob").await);
    let (mut at_ada, mut at_bob) = (ada.changes(), bob.changes());
    // Each is allowed where it is made, and not both together.
    ada.update(Msg::Add { by: 60 }).await.unwrap();
    bob.update(Msg::Add { by: 70 }).await.unwrap();
    ada.sync().await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!(bob.state().sum, 60);
    ada.sync().await.unwrap();
    assert_eq!(ada.state().sum, 60);
    assert_eq!(
        told(&mut at_ada),
        [
            "1 pending",
            "1 confirmed",
            "1 rejected: more than 100, own: false"
        ]
    );
    assert_eq!(
        told(&mut at_bob),
        [
            "1 pending",
            "1 confirmed",
            "1 rejected: more than 100, own: true"
        ]
    );
    // Once is enough.
    ada.roll_up().await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!(told(&mut at_bob), Vec::<String>::new());
}

#[tokio::test]
async fn row_30_a_check_that_panics_is_a_conflict_of_its_own() {
    let site = Site::new();
    let ada = site.replica("ada").await;
    ada.update(Msg::Add { by: 13 }).await.unwrap();
    ada.sync().await.unwrap();
    let conflicts = ada.conflicts().await.unwrap();
    assert_eq!((conflicts.len(), conflicts[0].rule.as_str()), (1, "check"));
    ada.roll_up().await.unwrap();
    assert!(ada.verify().await.unwrap().problems.is_empty());
    ada.update(Msg::Add { by: 1 }).await.unwrap();
    assert!(ada.conflicts().await.unwrap().is_empty());
}
