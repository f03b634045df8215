//! An app in two versions, on devices that update at different times.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore::{
    Changes, ErrorKind, Meta, Model, Newer, News, Order, Place, RawValue, Rejected, Replica,
    message,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Version 1: an item is its title.
#[derive(Debug, Clone)]
struct One;

/// Version 2: an item has a title and a number of pieces, and more than 9 pieces are allowed.
#[derive(Debug, Clone)]
struct Two {
    upgrades: bool,
}

/// Version 2 whose author forgot to raise the version.
#[derive(Debug, Clone)]
struct Forgetful;

type Titles = BTreeMap<u32, String>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Old {
    Add { id: u32, title: String },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Items {
    #[serde(default)]
    items: BTreeMap<u32, Item>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    title: String,
    pieces: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Msg {
    Add {
        id: u32,
        title: String,
        #[serde(default = "one", skip_serializing_if = "is_one")]
        pieces: u32,
    },
    /// The new form, which version 1 does not know.
    Put { id: u32, item: Item },
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_one(pieces: &u32) -> bool {
    *pieces == 1
}

impl Model for One {
    type State = Titles;
    type Update = Old;

    fn name(&self) -> &'static str {
        "items"
    }
    fn version(&self) -> u32 {
        1
    }
    fn initial(&self) -> Titles {
        Titles::new()
    }
    fn decode(&self, kind: &str, data: &RawValue) -> Result<Old, Rejected> {
        message::decode(kind, data)
    }
    fn apply(&self, titles: &mut Titles, msg: Old, _: &Meta<'_>) -> Result<(), Rejected> {
        let Old::Add { id, title } = msg;
        if title.is_empty() {
            return Err(Rejected::new("an item needs a title"));
        }
        titles.insert(id, title);
        Ok(())
    }
}

fn apply_new(state: &mut Items, msg: Msg) {
    let (id, item) = match msg {
        Msg::Add { id, title, pieces } => (id, Item { title, pieces }),
        Msg::Put { id, item } => (id, item),
    };
    state.items.insert(id, item);
}

impl Model for Two {
    type State = Items;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "items"
    }
    fn version(&self) -> u32 {
        2
    }
    fn initial(&self) -> Items {
        Items::default()
    }
    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }
    /// What version 1 rejected, an item without a title, is allowed now.
    fn apply(&self, state: &mut Items, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        apply_new(state, msg);
        Ok(())
    }
    fn upgrade(&self, from: u32, state: Value) -> Option<Value> {
        if from != 1 || !self.upgrades {
            return None;
        }
        let titles = state.as_object()?.iter();
        let items: serde_json::Map<_, _> = titles
            .map(|(id, title)| (id.clone(), json!({ "title": title, "pieces": 1 })))
            .collect();
        Some(json!({ "items": items }))
    }
}

impl Model for Forgetful {
    type State = Items;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "items"
    }
    fn version(&self) -> u32 {
        1
    }
    fn initial(&self) -> Items {
        Items::default()
    }
    /// Only the new form: the author thinks that all devices are updated.
    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        if kind == "put" {
            message::decode(kind, data)
        } else {
            Err(Rejected::new("unknown kind"))
        }
    }
    fn apply(&self, state: &mut Items, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        apply_new(state, msg);
        Ok(())
    }
}

const TWO: Two = Two { upgrades: true };

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn place(&self, replica: &str) -> Place {
        let store = self.0.path().join("store").display().to_string();
        Place::new(store)
            .with_replica(self.0.path().join(replica))
            .with_passphrase("melon")
    }

    fn offline(&self, replica: &str) -> Place {
        Place::new("http://127.0.0.1:1").with_replica(self.0.path().join(replica))
    }

    async fn one(&self, name: &str) -> Replica<One> {
        let place = self.place(name);
        Replica::create(One, &place, "items", Order::Timestamp)
            .await
            .unwrap()
    }

    async fn two(&self, name: &str) -> Replica<Two> {
        let replica = Replica::open(TWO, &self.place(name), "items")
            .await
            .unwrap();
        replica.sync().await.unwrap();
        replica
    }
}

fn add(id: u32, title: &str) -> Old {
    let title = title.to_owned();
    Old::Add { id, title }
}

fn put(id: u32, title: &str, pieces: u32) -> Msg {
    let title = title.to_owned();
    let item = Item { title, pieces };
    Msg::Put { id, item }
}

fn titles(state: &Items) -> Vec<(u32, &str, u32)> {
    let items = state.items.iter();
    items
        .map(|(id, item)| (*id, item.title.as_str(), item.pieces))
        .collect()
}

fn held<U: Clone>(news: &mut Changes<U>) -> Vec<(u32, u32)> {
    std::iter::from_fn(|| news.try_next())
        .filter_map(|news| match news {
            News::Held { needed, known } => Some((needed, known)),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn row_30_a_new_version_loses_no_update_and_an_old_one_holds() {
    let site = Site::new();
    let (old, third) = (site.one("old").await, site.one("third").await);
    old.update(add(1, "tent")).await.unwrap();
    old.sync().await.unwrap();
    old.roll_up().await.unwrap();
    let new = site.two("new").await;
    assert_eq!(titles(&new.state()), [(1, "tent", 1)]);
    new.update(put(2, "pegs", 12)).await.unwrap();
    new.sync().await.unwrap();

    // The old ones meet it before any roll-up, say so, keep what they show and what they queue, and send nothing.
    let mut news = old.changes();
    for replica in [&old, &third] {
        replica.update(add(3, "stove")).await.unwrap();
        let error = replica.sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(Newer::of(&error).map(|n| (n.needed, n.known)), Some((2, 1)));
        assert!(error.hint().unwrap().contains("update this program"));
        let status = replica.status().await.unwrap();
        assert_eq!((status.needs_version, status.queued), (Some(2), 1));
        let state = replica.state();
        let shown: Vec<&str> = state.values().map(String::as_str).collect();
        assert_eq!(shown, ["tent", "stove"]);
    }
    assert_eq!(held(&mut news), [(2, 1)]);
    // What an old program rolls up is kept as it is, and no state is written over it.
    let report = old.roll_up().await.unwrap();
    assert_eq!(
        (report.needs_version, report.updates, report.snapshots),
        (Some(2), 1, 0)
    );
    assert!(Newer::of(&old.sync().await.unwrap_err()).is_some());
    let checked = old.verify().await.unwrap();
    assert_eq!((checked.needs_version, checked.problems), (Some(2), vec![]));
    assert!(old.compress().await.is_err());

    let fresh = site.two("fresh").await;
    new.sync().await.unwrap();
    for replica in [&new, &fresh] {
        let state = replica.state();
        assert_eq!(titles(&state), [(1, "tent", 1), (2, "pegs", 12)]);
    }
    // Once they are updated, what they queued is sent.
    drop((old, third));
    let (old, third) = (site.two("old").await, site.two("third").await);
    new.sync().await.unwrap();
    old.sync().await.unwrap();
    for replica in [&old, &third, &new] {
        let state = replica.state();
        let all = [(1, "tent", 1), (2, "pegs", 12), (3, "stove", 1)];
        assert_eq!(titles(&state), all);
        assert_eq!(replica.status().await.unwrap().needs_version, None);
    }
    new.roll_up().await.unwrap();
    assert_eq!(new.verify().await.unwrap().problems, []);
}

/// What version 1 rejected may be what version 2 allows: its snapshot is no ground to stand on.
#[tokio::test]
async fn row_30_a_snapshot_that_lists_rejections_is_folded_anew() {
    let site = Site::new();
    let old = site.one("old").await;
    old.update(add(1, "tent")).await.unwrap();
    old.sync().await.unwrap();
    // Version 2 is lax, but names version 1 where it writes the old form: here a foreign client of version 1.
    let lax = Replica::open(Lax, &site.place("lax"), "items")
        .await
        .unwrap();
    lax.update(add(2, "")).await.unwrap();
    lax.sync().await.unwrap();
    old.sync().await.unwrap();
    assert_eq!(old.rejected().await.unwrap().len(), 1);
    old.roll_up().await.unwrap();
    assert_eq!(old.verify().await.unwrap().snapshots, 1);

    let new = site.two("new").await;
    assert_eq!(titles(&new.state()), [(1, "tent", 1), (2, "", 1)]);
    // A device that has only the old snapshot asks the store, and shows no empty list where that is away.
    old.sync().await.unwrap();
    drop(old);
    let again = site.one("again").await;
    again.sync().await.unwrap();
    drop(again);
    let error = Replica::open(TWO, &site.offline("again"), "items")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let again = Replica::open(TWO, &site.place("again"), "items")
        .await
        .unwrap();
    assert_eq!(titles(&again.state()), [(1, "tent", 1), (2, "", 1)]);
    assert_eq!(again.verify().await.unwrap().problems, []);
}

/// Takes an item without a title, as a program with a bug would.
#[derive(Debug, Clone)]
struct Lax;

impl Model for Lax {
    type State = Titles;
    type Update = Old;

    fn name(&self) -> &'static str {
        "items"
    }
    fn version(&self) -> u32 {
        1
    }
    fn initial(&self) -> Titles {
        Titles::new()
    }
    fn decode(&self, kind: &str, data: &RawValue) -> Result<Old, Rejected> {
        message::decode(kind, data)
    }
    fn apply(&self, titles: &mut Titles, msg: Old, _: &Meta<'_>) -> Result<(), Rejected> {
        let Old::Add { id, title } = msg;
        titles.insert(id, title);
        Ok(())
    }
}

#[tokio::test]
async fn row_30_a_forgotten_version_shows_no_empty_list() {
    let site = Site::new();
    let old = site.one("old").await;
    old.update(add(1, "tent")).await.unwrap();
    old.sync().await.unwrap();
    old.roll_up().await.unwrap();
    let fresh = Replica::open(Forgetful, &site.place("fresh"), "items")
        .await
        .unwrap();
    let error = fresh.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.hint().unwrap().contains("new `version`"), "{error:?}");
    assert!(fresh.status().await.unwrap().problem.is_some());
    // On a device that has the space already, too; and nothing is written over it.
    let seen = site.one("seen").await;
    seen.sync().await.unwrap();
    drop(seen);
    let opened = Replica::open(Forgetful, &site.place("seen"), "items").await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(fresh.roll_up().await.is_err());
    old.sync().await.unwrap();
    assert_eq!(old.state()[&1], "tent");
    assert_eq!(old.verify().await.unwrap().problems, []);
}

/// Without the keys nobody can change which version wrote an update, and whoever rolls up hands it on.
#[tokio::test]
async fn row_30_an_encrypted_space_carries_the_versions_too() {
    let site = Site::new();
    let place = site.place("old");
    let old = Replica::create_encrypted(One, &place, "items", Order::Timestamp)
        .await
        .unwrap();
    old.update(add(1, "tent")).await.unwrap();
    old.sync().await.unwrap();
    let new = site.two("new").await;
    new.update(put(2, "pegs", 12)).await.unwrap();
    new.sync().await.unwrap();
    assert!(Newer::of(&old.sync().await.unwrap_err()).is_some());
    let report = old.roll_up().await.unwrap();
    assert_eq!((report.needs_version, report.updates), (Some(2), 2));
    let late = Replica::open(One, &site.place("late"), "items")
        .await
        .unwrap();
    assert!(Newer::of(&late.sync().await.unwrap_err()).is_some());
    assert!(late.state().is_empty());
    let fresh = site.two("fresh").await;
    assert_eq!(titles(&fresh.state()), [(1, "tent", 1), (2, "pegs", 12)]);
    assert_eq!(fresh.verify().await.unwrap().problems, []);
}
