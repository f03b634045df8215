//! What an update costs in requests, and how much is read for it: the table of docs/protocol.md as a client of this crate
//! meets it, request for request and byte for byte.
//!
//! Time stands still but where a test moves it, so that nothing is asked for only because time has passed.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use async_trait::async_trait;
use icecore::example::{Msg, Todo};
use icecore::system::{OsIds, SystemClock};
use icecore::{ModelRef, Order, Place, Replica, SpaceName, Synced};
use icecore_core::{ObjectKey, Update};
use icecore_replica::{NewUpdate, SpaceReplica};
use icecore_store::backend::{self, Metered, RequestCounts};
use icecore_store::{Clock, Store};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const UPDATES: u64 = 50;

/// Stands still until it is moved.
#[derive(Debug)]
struct Standing {
    began: i64,
    moved: AtomicI64,
}

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> i64 {
        self.began + self.moved.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.moved.load(Ordering::Relaxed).unsigned_abs())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a lock is waited for in real time, and nothing grows old meanwhile"
    )]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A store whose requests are counted, and folders for devices.
struct World {
    folder: TempDir,
    clock: Arc<Standing>,
    store: Store,
    metered: Metered,
    titles: AtomicU32,
}

impl World {
    async fn on(url: &str, folder: TempDir) -> Self {
        let clock = Arc::new(Standing {
            began: SystemClock::new().now(),
            moved: AtomicI64::new(0),
        });
        let injected: Arc<dyn Clock> = Arc::<Standing>::clone(&clock);
        let mut opened = backend::open(url, std::iter::empty(), Arc::clone(&injected)).unwrap();
        opened.prepare().await.unwrap();
        let metered = Metered::new(Arc::clone(&opened.store), opened.prefix.clone());
        opened.store = Arc::new(metered.clone());
        let store = Store::new(&opened, injected, Arc::new(OsIds));
        store.create().await.unwrap();
        Self {
            folder,
            clock,
            store,
            metered,
            titles: AtomicU32::new(0),
        }
    }

    /// One in memory and one in a folder: what is asked for is the same.
    async fn both() -> [Self; 2] {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("store").display().to_string();
        let memory = Self::on("memory:///", tempfile::tempdir().unwrap()).await;
        [memory, Self::on(&url, folder).await]
    }

    fn place(&self, device: &str) -> Place {
        Place::on(self.store.clone()).with_replica(self.folder.path().join(device))
    }

    /// A device that has read the space, and made it where it was missing.
    async fn device(&self, device: &str, space: &str) -> Replica<Todo> {
        let replica = Replica::create(Todo, &self.place(device), space, Order::Timestamp)
            .await
            .unwrap();
        replica.sync().await.unwrap();
        replica
    }

    /// A device with some history that is rolled up.
    async fn with_history(&self, device: &str) -> Replica<Todo> {
        let replica = self.device(device, "todo").await;
        let now = replica.now();
        let adds = (0..1_000).map(|_| (now, self.msg())).collect();
        replica.update_all(adds).await.unwrap();
        replica.sync().await.unwrap();
        replica.roll_up().await.unwrap();
        replica.sync().await.unwrap();
        replica
    }

    fn msg(&self) -> Msg {
        let id = self.titles.fetch_add(1, Ordering::Relaxed);
        let title = format!("task {id:05} {}", "of so many letters ".repeat(6));
        Msg::Add { id, title }
    }

    /// The next moment: two writers of one moment would want one key.
    fn tick(&self) {
        self.clock.moved.fetch_add(10, Ordering::Relaxed);
    }

    async fn write(&self, replica: &Replica<Todo>) -> Synced {
        self.tick();
        replica.update(self.msg()).await.unwrap();
        let synced = replica.sync().await.unwrap();
        assert_eq!(synced.acknowledged.len(), 1);
        synced
    }

    /// What is asked for meanwhile.
    async fn spent<T>(&self, work: impl Future<Output = T>) -> (Spent, T) {
        let before = self.metered.counts();
        let result = work.await;
        (Spent::of(&(self.metered.counts() - before)), result)
    }

    /// The bytes of an object.
    async fn bytes_of(&self, key: &ObjectKey) -> u64 {
        let got = self.store.bucket.get(key).await.unwrap().unwrap();
        got.bytes.len() as u64
    }

    /// The bytes of the hint, and of the newest update.
    async fn head_and_update(&self) -> u64 {
        let space: SpaceName = "todo".parse().unwrap();
        let epoch = self.store.space(&space).await.unwrap().info.epoch;
        let updates = ObjectKey::updates(&space, epoch);
        let names = |name: &str| Some(name.to_owned());
        let listed = self.store.bucket.list(&updates, None, names).await.unwrap();
        let newest = listed.into_iter().max_by(|a, b| a.key.cmp(&b.key));
        self.bytes_of(&ObjectKey::Head(space)).await + newest.unwrap().bytes
    }
}

/// Requests, and the bytes of the bodies that they brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Spent {
    update_puts: u64,
    head_puts: u64,
    gets: u64,
    /// Of these, answered with "not modified".
    not_modified: u64,
    lists: u64,
    bytes_in: u64,
    all: u64,
}

impl Spent {
    fn of(counts: &RequestCounts) -> Self {
        Self {
            update_puts: counts.of("updates").put,
            head_puts: counts.of("heads").put,
            gets: counts.total.get,
            not_modified: counts.total.not_modified,
            lists: counts.total.list,
            bytes_in: counts.total.bytes_in,
            all: counts.requests(),
        }
    }

    /// An update and its hint, so often.
    fn writes(n: u64) -> Self {
        Self {
            update_puts: n,
            head_puts: n,
            all: 2 * n,
            ..Self::default()
        }
    }

    /// Besides, so many GETs, so many of them answered "not modified".
    fn and_gets(mut self, gets: u64, not_modified: u64) -> Self {
        self.gets += gets;
        self.not_modified += not_modified;
        self.all += gets;
        self
    }

    fn and_lists(mut self, lists: u64) -> Self {
        self.lists += lists;
        self.all += lists;
        self
    }

    fn and_reads(mut self, bytes: u64) -> Self {
        self.bytes_in += bytes;
        self
    }
}

fn queued(n: u64, at: i64) -> NewUpdate {
    let text = "of so many letters ".repeat(7);
    let data = RawValue::from_string(format!("{{\"n\":{n},\"text\":\"{text}\"}}")).unwrap();
    let update = Update::new(at, "merge", &data, None).unwrap();
    NewUpdate { update }
}

/// A replica without a type on a folder of its own.
async fn untyped(world: &World, device: &str, space: &SpaceName) -> SpaceReplica {
    let folder = world.folder.path().join(device);
    let replica = icecore_replica::Replica::open(world.store.clone(), &folder).unwrap();
    let mut space = replica.space(space).unwrap();
    space.pull().await.unwrap();
    space
}

async fn flush(world: &World, space: &mut SpaceReplica, n: u64) {
    world.tick();
    space.enqueue(&[queued(n, world.clock.now())]).unwrap();
    assert_eq!(space.flush().await.unwrap().len(), 1);
}

/// Row 1 of `icecore bench app`: an update that is sent without a look is two PUTs, and nothing is read.
#[tokio::test]
async fn a_flush_is_a_put_and_a_hint() {
    for world in World::both().await {
        let name: SpaceName = "documents".parse().unwrap();
        let model = ModelRef::named("document");
        let created = world.store.create_space(&name, model, Order::Timestamp);
        created.await.unwrap();
        let mut ada = untyped(&world, "ada", &name).await;
        let work = async {
            for n in 0..UPDATES {
                flush(&world, &mut ada, n).await;
            }
        };
        let (spent, ()) = world.spent(work).await;
        assert_eq!(spent, Spent::writes(UPDATES));

        // Somebody else's hint: the own one loses, is written over it, and the next flush is as before.
        let mut bob = untyped(&world, "bob", &name).await;
        flush(&world, &mut bob, 0).await;
        let head = world.bytes_of(&ObjectKey::Head(name.clone())).await;
        let (spent, ()) = world.spent(flush(&world, &mut ada, UPDATES)).await;
        let mut expected = Spent::writes(1).and_gets(1, 0).and_reads(head);
        (expected.head_puts, expected.all) = (2, 4);
        assert_eq!(spent, expected);
    }
}

/// Row 2: an update and a sync are a poll that finds nothing new, the update and its hint, however large the state is. Not a
/// byte is read.
#[tokio::test]
async fn an_update_of_a_single_writer_is_three_requests() {
    for world in World::both().await {
        let ada = world.with_history("ada").await;
        world.write(&ada).await;
        let work = async {
            for _ in 0..UPDATES {
                world.write(&ada).await;
            }
        };
        let (spent, ()) = world.spent(work).await;
        assert_eq!(spent, Spent::writes(UPDATES).and_gets(UPDATES, UPDATES));

        // Many at once are as many requests as one.
        let now = ada.now();
        let backlog: Vec<_> = (0..100).map(|_| (now, world.msg())).collect();
        world.tick();
        ada.update_all(backlog).await.unwrap();
        let (spent, synced) = world.spent(ada.sync()).await;
        assert_eq!(synced.unwrap().acknowledged.len(), 100);
        assert_eq!(spent, Spent::writes(1).and_gets(1, 1));
    }
}

/// Where two write in turns, each reads the head and the other's update before it sends its own: the look of row 6, and a
/// listing for it.
#[tokio::test]
async fn an_update_after_somebody_elses_is_six_requests() {
    for world in World::both().await {
        let ada = world.with_history("ada").await;
        let bob = world.device("bob", "todo").await;
        world.write(&ada).await;
        world.write(&bob).await;
        for _ in 0..UPDATES {
            for writer in [&ada, &bob] {
                let bytes = world.head_and_update().await;
                let (spent, synced) = world.spent(world.write(writer)).await;
                assert_eq!(synced.pulled.objects, 1);
                let look = Spent::writes(1).and_gets(3, 1).and_lists(1);
                assert_eq!(spent, look.and_reads(bytes));
            }
        }
        ada.sync().await.unwrap();
        assert_eq!(ada.state(), bob.state());
    }
}

/// The first look after a restart asks for everything once, and the next update is three requests again.
#[tokio::test]
async fn an_update_after_a_restart_costs_a_look() {
    for world in World::both().await {
        let ada = world.with_history("ada").await;
        world.write(&ada).await;
        let state = ada.state();
        drop(ada);
        let (spent, ada) = world
            .spent(Replica::open(Todo, &world.place("ada"), "todo"))
            .await;
        let ada = ada.unwrap();
        assert_eq!(spent, Spent::default(), "opening asks for nothing");
        assert_eq!(ada.state(), state);
        let bytes = {
            let space = ada.name().clone();
            world.bytes_of(&ObjectKey::Head(space.clone())).await
                + world.bytes_of(&ObjectKey::Space(space)).await
        };
        let (spent, _) = world.spent(world.write(&ada)).await;
        let look = Spent::writes(1).and_gets(2, 0).and_lists(3);
        assert_eq!(spent, look.and_reads(bytes));
        let (spent, _) = world.spent(world.write(&ada)).await;
        assert_eq!(spent, Spent::writes(1).and_gets(1, 1));
    }
}

/// Spaces cost nothing for each other, also when one device syncs them all at the same time.
#[tokio::test]
async fn several_spaces_at_once_cost_what_each_costs_alone() {
    const SPACES: usize = 8;
    for world in World::both().await {
        let mut replicas = Vec::new();
        for n in 0..SPACES {
            let replica = world.device("ada", &format!("space-{n}")).await;
            world.write(&replica).await;
            replicas.push(replica);
        }
        for _ in 0..5 {
            let all = replicas.iter().map(|replica| world.write(replica));
            let (spent, _) = world.spent(futures::future::join_all(all)).await;
            let spaces = SPACES as u64;
            assert_eq!(spent, Spent::writes(spaces).and_gets(spaces, spaces));
        }
    }
}

/// Row 6: somebody else's update is a look at the head, at `space.json`, a listing, and the update itself.
#[tokio::test]
async fn an_update_that_arrives_is_four_requests() {
    for world in World::both().await {
        let ada = world.with_history("ada").await;
        let bob = world.device("bob", "todo").await;
        for _ in 0..UPDATES {
            world.write(&ada).await;
            let bytes = world.head_and_update().await;
            let (spent, synced) = world.spent(bob.sync()).await;
            assert_eq!(synced.unwrap().pulled.objects, 1);
            let look = Spent::default().and_gets(3, 1).and_lists(1);
            assert_eq!(spent, look.and_reads(bytes));
        }
        let (spent, _) = world.spent(bob.sync()).await;
        assert_eq!(spent, Spent::default().and_gets(1, 1), "nothing is new");

        // What was written meanwhile comes with one look.
        for _ in 0..7 {
            world.write(&ada).await;
        }
        let (spent, synced) = world.spent(bob.sync()).await;
        assert_eq!(synced.unwrap().pulled.objects, 7);
        assert_eq!((spent.gets, spent.lists, spent.all), (2 + 7, 1, 10));
        assert_eq!(ada.state(), bob.state());
    }
}

/// A new device reads the snapshot, not the history.
#[tokio::test]
async fn a_first_open_is_six_requests() {
    for world in World::both().await {
        let ada = world.with_history("ada").await;
        let place = world.place("new");
        let work = async {
            let new = Replica::open(Todo, &place, "todo").await.unwrap();
            new.sync().await.unwrap();
            new
        };
        let (spent, new) = world.spent(work).await;
        assert_eq!(new.state(), ada.state());
        assert_eq!((spent.gets, spent.lists, spent.all), (3, 3, 6));
    }
}
