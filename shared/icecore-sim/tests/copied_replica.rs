//! A replica's folder that is copied, restored from a backup, or cut off from power at the wrong moment: two
//! writers under one author must never hide each other's updates, and no update may count twice.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use futures::TryStreamExt;
use icecore_core::model::log::State;
use icecore_core::plan::KeyClock;
use icecore_core::{Author, ModelRef, Order, SpaceName, Update, UpdateObject};
use icecore_replica::{NewUpdate, Replica};
use icecore_sim::bucket::SimBucket;
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::backend::ServerTime;
use icecore_store::epochs::compress;
use icecore_store::publish::publish;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Reader, Store};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

struct Bench {
    store: Store,
    clock: SimClock,
    space: SpaceName,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        Self::in_order(Order::Timestamp).await
    }

    async fn in_order(order: Order) -> Self {
        let (random, clock) = (Random::new(1), SimClock::start());
        let bucket = SimBucket::new(random.clone(), clock.clone());
        let (objects, ids) = (Arc::new(bucket), Arc::new(random));
        let time = Arc::new(ServerTime::new());
        let store = Store::on(
            objects,
            Path::from("root"),
            Arc::new(clock.clone()),
            ids,
            time,
        );
        store.create().await.unwrap();
        let space: SpaceName = "space".parse().unwrap();
        store
            .create_space(&space, ModelRef::named("log"), order)
            .await
            .unwrap();
        Self {
            store,
            clock,
            space,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn replica(&self, name: &str) -> Replica {
        Replica::open(self.store.clone(), &self.folder.path().join(name)).unwrap()
    }

    /// Copies a replica's folder; nobody has it open.
    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.folder.path().join(from), self.folder.path().join(to));
        if to.exists() {
            std::fs::remove_dir_all(&to).unwrap();
        }
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }

    fn update(&self, text: &str) -> NewUpdate {
        let data = RawValue::from_string(format!("\"{text}\"")).unwrap();
        NewUpdate {
            update: Update::new(self.clock.now(), "note", &data, None).unwrap(),
        }
    }

    async fn write(&self, name: &str, text: &str) {
        let mut session = self.replica(name).space(&self.space).unwrap();
        session.enqueue(&[self.update(text)]).unwrap();
        session.sync().await.unwrap();
    }

    async fn roll_up(&self) {
        let everything = RollupOptions {
            full: true,
            now: true,
            time_max: None,
        };
        roll_up(&self.store, &self.space, &everything)
            .await
            .unwrap();
    }

    async fn texts(&self) -> Vec<String> {
        let reader = Reader::open(&self.store, &self.space).await.unwrap();
        let folded = reader.state();
        let state: &State = folded.state().downcast_ref().unwrap();
        state
            .entries()
            .iter()
            .map(|e| e.data.as_str().unwrap().to_owned())
            .collect()
    }

    /// How many update objects hold each id.
    async fn stored(&self) -> BTreeMap<(Author, u64), usize> {
        let objects = self.store.bucket.objects();
        let listed: Vec<_> = objects.list(None).try_collect().await.unwrap();
        let mut stored = BTreeMap::new();
        for object in listed {
            if !object.location.as_ref().contains("/updates/") {
                continue;
            }
            let got = objects.get(&object.location).await.unwrap();
            let read = UpdateObject::from_json(&got.bytes().await.unwrap()).unwrap();
            for n in 0..read.updates.len() as u64 {
                *stored.entry((read.author, read.seq.get() + n)).or_default() += 1;
            }
        }
        stored
    }
}

#[tokio::test(start_paused = true)]
async fn a_copied_folder_goes_on_under_a_new_author() {
    let bench = Bench::new().await;
    bench.write("a", "one").await;
    bench.copy("a", "b");
    bench.write("a", "two by a").await;
    bench.write("b", "two by b").await;
    bench.write("a", "three by a").await;
    assert_eq!(bench.texts().await.len(), 4);
    bench.roll_up().await;
    bench.write("b", "three by b").await;
    bench.roll_up().await;
    assert_eq!(
        bench.texts().await,
        ["one", "two by a", "two by b", "three by a", "three by b"]
    );
}

/// The same update waits in two copies when both find that its id is taken: it counts once, and what else each of them has
/// queued is kept.
#[tokio::test(start_paused = true)]
async fn what_waits_in_two_copies_counts_once_though_its_id_is_taken() {
    for rolled_up in [false, true] {
        let bench = Bench::new().await;
        bench.write("a", "one").await;
        bench.copy("a", "other");
        for text in ["two", "three"] {
            let mut offline = bench.replica("a").space(&bench.space).unwrap();
            offline.enqueue(&[bench.update(text)]).unwrap();
        }
        bench.copy("a", "b");
        bench.write("other", "by another").await;
        bench.write("a", "four by a").await;
        if rolled_up {
            bench.roll_up().await;
        }
        bench.write("b", "four by b").await;
        let mut texts = bench.texts().await;
        texts.sort();
        let expected = [
            "by another",
            "four by a",
            "four by b",
            "one",
            "three",
            "two",
        ];
        assert_eq!(texts, expected, "rolled up: {rolled_up}");
        // Each looked whether the other had sent it, before it sent.
        let stored = bench.stored().await;
        assert_eq!(stored.len(), 6);
        assert!(stored.values().all(|times| *times == 1), "{stored:?}");
    }
}

/// A copy sends what waits in both, and more, in one object, under the very key that the other one tries next: the other one
/// takes the object as it lies there, and finds in it that somebody else goes on as the same author.
#[tokio::test(start_paused = true)]
async fn a_copy_that_sent_the_same_and_more_under_the_same_key_hides_nothing() {
    let bench = Bench::in_order(Order::Sequence).await;
    let mut offline = bench.replica("a").space(&bench.space).unwrap();
    offline.enqueue(&[bench.update("one")]).unwrap();
    drop(offline);
    bench.copy("a", "b");
    let mut session = bench.replica("a").space(&bench.space).unwrap();
    session.pull().await.unwrap();
    let mut copy = bench.replica("b").space(&bench.space).unwrap();
    copy.enqueue(&[bench.update("two by b")]).unwrap();
    copy.sync().await.unwrap();
    session.flush().await.unwrap();
    session.enqueue(&[bench.update("two by a")]).unwrap();
    session.flush().await.unwrap();
    assert_eq!(bench.texts().await, ["one", "two by b", "two by a"]);
    let stored = bench.stored().await;
    assert!(stored.values().all(|times| *times == 1), "{stored:?}");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_already_queued_is_not_taken_for_the_original() {
    for rolled_up in [false, true] {
        let bench = Bench::new().await;
        bench.write("a", "one").await;
        bench.copy("a", "b");
        let mut offline = bench.replica("b").space(&bench.space).unwrap();
        offline.enqueue(&[bench.update("by b, offline")]).unwrap();
        bench.write("a", "by a").await;
        if rolled_up {
            bench.roll_up().await;
        }
        let synced = offline.sync().await.unwrap();
        assert!(synced.pulled.new_author.is_some());
        assert_eq!(
            bench.texts().await,
            ["one", "by a", "by b, offline"],
            "rolled up: {rolled_up}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_backup_does_not_reuse_seqs() {
    let bench = Bench::new().await;
    bench.write("a", "one").await;
    bench.copy("a", "backup");
    bench.write("a", "two").await;
    bench.write("a", "three").await;
    bench.roll_up().await;
    bench.copy("backup", "a");
    bench.write("a", "after the restore").await;
    assert_eq!(
        bench.texts().await,
        ["one", "two", "three", "after the restore"]
    );
}

/// The power is cut after the PUT and before the acknowledgement is on disk: the queue still holds the update,
/// and even the mark that a PUT was begun may be gone. It must be recognised as stored, not written again.
#[tokio::test(start_paused = true)]
async fn an_update_that_landed_before_a_power_cut_counts_once() {
    for rolled_up in [false, true] {
        let bench = Bench::new().await;
        bench.write("a", "one").await;
        let mut session = bench.replica("a").space(&bench.space).unwrap();
        session.enqueue(&[bench.update("two")]).unwrap();
        drop(session);
        bench.copy("a", "as the power cut left it");
        bench
            .replica("a")
            .space(&bench.space)
            .unwrap()
            .sync()
            .await
            .unwrap();
        if rolled_up {
            bench.roll_up().await;
        }
        bench.copy("as the power cut left it", "a");
        let mut session = bench.replica("a").space(&bench.space).unwrap();
        let synced = session.sync().await.unwrap();
        assert_eq!(synced.pulled.new_author, None);
        assert!(session.pending(1).unwrap().is_empty());
        bench.write("a", "three").await;
        assert_eq!(
            bench.texts().await,
            ["one", "two", "three"],
            "rolled up: {rolled_up}"
        );
    }
}

/// A backup of the folder, put back after what it had queued was sent and the history was compressed: the queued update
/// counted twice (21 for 11). Its content is in no segment any more, so nobody can tell whether it is there: a person is
/// asked, and what was queued after it goes on.
#[tokio::test(start_paused = true)]
async fn what_a_lost_life_may_have_sent_before_a_compress_is_left_to_a_person() {
    for same in [true, false] {
        let bench = Bench::new().await;
        bench.write("a", "one").await;
        let mut session = bench.replica("a").space(&bench.space).unwrap();
        session.enqueue(&[bench.update("two")]).unwrap();
        drop(session);
        bench.copy("a", "backup");
        if same {
            let mut session = bench.replica("a").space(&bench.space).unwrap();
            session.sync().await.unwrap();
        } else {
            // The copy of a copy, which went its own way.
            bench.copy("a", "b");
            let session = bench.replica("b").space(&bench.space).unwrap();
            let pending = session.pending(1).unwrap();
            let object = UpdateObject::new(
                pending[0].id.author,
                pending[0].id.seq,
                vec![bench.update("two by b").update],
            );
            let info = bench.store.space(&bench.space).await.unwrap().info;
            let mut keys = KeyClock::default();
            publish(&bench.store, &info, &object, &mut keys)
                .await
                .unwrap();
        }
        compress(&bench.store, &bench.space).await.unwrap();
        bench.copy("backup", "a");
        let mut session = bench.replica("a").space(&bench.space).unwrap();
        session.enqueue(&[bench.update("three")]).unwrap();
        let synced = session.sync().await.unwrap();
        assert_eq!(synced.pulled.set_aside.len(), 1);
        assert!(synced.pulled.new_author.is_some());
        let two = if same { "two" } else { "two by b" };
        assert_eq!(bench.texts().await, ["one", two, "three"]);
        let waiting = session.waiting().unwrap().refused;
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].update.contains("\"two\""), "{waiting:?}");
        assert!(waiting[0].reason.contains("compressed"), "{waiting:?}");
        session.sync().await.unwrap();
        assert_eq!(bench.texts().await, ["one", two, "three"], "and once");
    }
}
