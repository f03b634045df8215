//! What a replica does by itself, beside its requests.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "replica/counter.rs"]
mod counter;

use counter::{Counter, Msg};
use icecore::example::{self, Todo};
use icecore::system::{OsIds, SystemClock};
use icecore::{Order, Place, Replica};
use icecore_core::Registry;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Store, backend};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

fn store() -> Store {
    let clock = Arc::new(SystemClock::new());
    let memory = backend::open(
        "memory://",
        std::iter::empty(),
        Arc::<SystemClock>::clone(&clock),
    )
    .unwrap();
    Store::new(&memory, clock, Arc::new(OsIds))
}

/// Whether each queued update is marked as under way, as another process of the same folder sees it.
fn marked(store: &Store, folder: &Path) -> Vec<bool> {
    let replica = icecore_replica::Replica::open(store.clone(), folder).unwrap();
    let space = replica.space(&"count".parse().unwrap()).unwrap();
    let pending = space.pending(usize::MAX).unwrap();
    pending.iter().map(|p| p.attempted).collect()
}

/// An update that is marked as under way when it is queued is sent without a transaction, and an fsync, of its own.
#[tokio::test]
async fn what_is_made_after_a_sync_is_marked_when_it_is_queued() {
    for order in [Order::Timestamp, Order::Sequence] {
        let (store, folder) = (store(), tempfile::tempdir().unwrap());
        let place = Place::on(store.clone()).with_replica(folder.path());
        let replica = Replica::create(Counter::default(), &place, "count", order)
            .await
            .unwrap();
        replica.update(Msg::Add { by: 3 }).await.unwrap();
        assert_eq!(marked(&store, folder.path()), [true]);
        replica.sync().await.unwrap();
        drop(replica);

        // Whether it will be sent soon is not known before the first sync of a session.
        let again = Replica::open(Counter::default(), &place, "count")
            .await
            .unwrap();
        again.update(Msg::Add { by: 4 }).await.unwrap();
        assert_eq!(marked(&store, folder.path()), [false]);
        again.sync().await.unwrap();
        again.update(Msg::Take { by: 8 }).await.unwrap_err();
        again.update(Msg::Take { by: 7 }).await.unwrap();
        assert_eq!((again.state().sum, again.pending().await.unwrap()), (0, 1));
        again.sync().await.unwrap();
        assert_eq!((again.state().sum, again.pending().await.unwrap()), (0, 0));
        assert!(again.verify().await.unwrap().problems.is_empty());
    }
}

/// Two devices, whatever is pending at one while the other's arrives: what is shown is what a device that reads all of it
/// anew shows.
#[tokio::test]
async fn what_goes_on_is_what_is_read_anew() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let place = |name: &str| Place::on(store.clone()).with_replica(folder.path().join(name));
    let open = async |name: &str| {
        let place = place(name);
        let opened = Replica::create(Counter::default(), &place, "count", Order::Timestamp);
        opened.await.unwrap()
    };
    let (ada, bob) = (open("ada").await, open("bob").await);
    for round in 0..20 {
        ada.update(Msg::Add { by: round }).await.unwrap();
        bob.update(Msg::Add { by: 1 }).await.unwrap();
        bob.sync().await.unwrap();
        ada.update(Msg::Take { by: round }).await.unwrap();
        ada.sync().await.unwrap();
        bob.sync().await.unwrap();
        let again = open(&format!("again-{round}")).await;
        let sums = [ada.state().sum, bob.state().sum, again.state().sum];
        assert_eq!(sums, [round + 1; 3], "round {round}");
    }
}

/// A device that has read a snapshot keeps it as it unpacks, once it was opened from the disk. What became of that on the
/// disk changes nothing of what is shown.
#[tokio::test]
async fn a_snapshot_that_is_kept_unpacked_is_used_while_it_is_whole() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let place = |name: &str| Place::on(store.clone()).with_replica(folder.path().join(name));
    let (at_ada, at_bob) = (place("ada"), place("bob"));
    let ada = Replica::create(Todo, &at_ada, "todo", Order::Timestamp);
    let ada = ada.await.unwrap();
    let now = ada.now();
    let tasks = (0..2_000).map(|id| {
        let title = format!("{id} {}", "a".repeat(60));
        (now, example::Msg::Add { id, title })
    });
    ada.update_all(tasks.collect()).await.unwrap();
    ada.sync().await.unwrap();
    let rolled = store.clone().with_registry(Registry::default().with(Todo));
    let options = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    let space = "todo".parse().unwrap();
    roll_up(&rolled, &space, &options).await.unwrap();

    let read = Replica::create(Todo, &at_bob, "todo", Order::Timestamp);
    assert_eq!(read.await.unwrap().state(), ada.state());
    let path = folder.path().join("bob").join("replica.db");
    let kept = || -> Vec<Vec<u8>> {
        let db = Connection::open(&path).unwrap();
        let mut select = db.prepare("SELECT plain FROM kept").unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert!(kept().is_empty());
    let again = async || {
        Replica::open(Todo, &place("bob"), "todo")
            .await
            .unwrap()
            .state()
    };
    assert_eq!(again().await, ada.state());
    let whole = kept();
    assert_eq!(whole.len(), 1);
    assert_eq!(again().await, ada.state());
    for damage in [
        "x'00'",
        "CAST(replace(plain, 'aaaa', 'aaab') AS BLOB)",
        "substr(plain, 1, 90000)",
    ] {
        let db = Connection::open(&path).unwrap();
        let changed = db.execute(&format!("UPDATE kept SET plain = {damage}"), []);
        assert_eq!(changed.unwrap(), 1);
        drop(db);
        assert_ne!(kept(), whole, "{damage}");
        assert_eq!(again().await, ada.state(), "{damage}");
        assert_eq!(kept(), whole, "{damage}");
    }
}
