//! What lies in the bucket, and what is asked of it.

use crate::{add, rename};
use icecore::system::OsIds;
use icecore::{Key, Order, Place, Replica};
use icecore_example_notes::NotesModel;
use icecore_sim::bucket::SimBucket;
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::Store;
use icecore_store::backend::{Metered, ServerTime};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Attribute, ObjectStore, ObjectStoreExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A bucket, in virtual time.
struct Bucket {
    objects: Metered,
    clock: SimClock,
}

impl Bucket {
    fn new() -> Self {
        let clock = SimClock::start();
        let objects = SimBucket::new(Random::new(1), clock.clone());
        Self::on(Arc::new(objects), clock)
    }

    /// One that takes no time to answer and keeps what caches are told. Its own times are those of this machine.
    fn at_once() -> Self {
        Self::on(Arc::new(InMemory::new()), SimClock::start())
    }

    fn on(objects: Arc<dyn ObjectStore>, clock: SimClock) -> Self {
        let objects = Metered::new(objects, Path::from("app"));
        Self { objects, clock }
    }

    async fn device(&self) -> Replica<NotesModel> {
        let store = Store::on(
            Arc::new(self.objects.clone()),
            Path::from("app"),
            Arc::new(self.clock.clone()),
            Arc::new(OsIds),
            Arc::new(ServerTime::new()),
        );
        Replica::create(NotesModel, &Place::on(store), "notes", Order::Timestamp)
            .await
            .unwrap()
    }

    async fn wait(&self, seconds: u64) {
        icecore_store::Clock::sleep(&self.clock, Duration::from_secs(seconds)).await;
    }

    /// The objects of one kind, by their names, with what caches are told.
    async fn objects(&self, kind: &str) -> BTreeMap<String, (Vec<u8>, Option<String>)> {
        use futures::TryStreamExt;
        let listed: Vec<_> = self.objects.list(None).try_collect().await.unwrap();
        let mut found = BTreeMap::new();
        for meta in listed {
            let path = meta.location.to_string();
            let Some((_, name)) = path.split_once(&format!("/{kind}/")) else {
                continue;
            };
            let got = self.objects.get(&meta.location).await.unwrap();
            let cached = got.attributes.get(&Attribute::CacheControl);
            let cached = cached.map(|value| value.to_string());
            found.insert(
                name.to_owned(),
                (got.bytes().await.unwrap().to_vec(), cached),
            );
        }
        found
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_is_an_object_of_its_own_named_by_when_it_was_stored() {
    let bucket = Bucket::at_once();
    let (phone, laptop) = (bucket.device().await, bucket.device().await);
    let mut times = Vec::new();
    for (n, device) in [&phone, &laptop, &phone].into_iter().enumerate() {
        bucket.wait(60).await;
        times.push(device.now());
        let note = format!("n{n}");
        device.update(add(&note, &note).into()).await.unwrap();
        device.sync().await.unwrap();
    }
    let names: Vec<i64> = bucket
        .objects("updates")
        .await
        .into_keys()
        .map(|name| name.parse().unwrap())
        .collect();
    assert_eq!(names, times);
}

/// Two devices write in the same millisecond: the second one takes a later one.
#[tokio::test(start_paused = true)]
async fn two_calls_of_one_millisecond_are_two_objects() {
    let bucket = Bucket::at_once();
    let (phone, laptop) = (bucket.device().await, bucket.device().await);
    bucket.wait(60).await;
    let now = phone.now();
    for (device, id) in [(&phone, "p"), (&laptop, "l")] {
        device.update(add(id, id).into()).await.unwrap();
        device.sync().await.unwrap();
    }
    assert_eq!(laptop.now(), now, "no time has passed");
    let names: Vec<String> = bucket.objects("updates").await.into_keys().collect();
    assert_eq!(names, [format!("{now:013}"), format!("{:013}", now + 1)]);
    phone.sync().await.unwrap();
    assert_eq!(phone.state(), laptop.state());
    assert_eq!(phone.state().notebook.notes.len(), 2);
}

/// Older updates become a snapshot, which never changes; who begins reads it, and the updates after it.
#[tokio::test(start_paused = true)]
async fn a_snapshot_never_changes_and_what_came_after_it_is_read_beside_it() {
    let bucket = Bucket::new();
    let (phone, laptop) = (bucket.device().await, bucket.device().await);
    let mut snapshots = BTreeMap::new();
    for round in 0..3 {
        for n in 0..5 {
            let note = format!("n{round}-{n}");
            phone.update(add(&note, &note).into()).await.unwrap();
            phone.sync().await.unwrap();
            bucket.wait(1).await;
        }
        let latest: Key = bucket
            .objects("updates")
            .await
            .keys()
            .next_back()
            .unwrap()
            .parse()
            .unwrap();
        bucket.wait(60).await;
        phone.roll_up().await.unwrap();
        phone.sync().await.unwrap();
        let through = phone.status().await.unwrap().through.unwrap();
        assert!(through >= latest, "it says how far it reaches");
        let now = bucket.objects("snapshots").await;
        assert_eq!(now.len(), round + 1);
        for (name, written) in &snapshots {
            assert_eq!(
                now.get(name),
                Some(written),
                "what was written stays as it was"
            );
        }
        snapshots = now;
    }
    for n in 0..2 {
        phone
            .update(rename("n0-0", &format!("again {n}")).into())
            .await
            .unwrap();
        phone.sync().await.unwrap();
    }
    // A device that begins: one snapshot, and the two updates after it, of seventeen.
    let before = bucket.objects.counts();
    let tablet = bucket.device().await;
    let read = bucket.objects.counts() - before;
    assert_eq!(
        (read.of("snapshots").get, read.of("updates").get),
        (1, 2),
        "{read:?}"
    );
    assert_eq!(tablet.state(), phone.state());
    // One that polls reads what is new, once.
    laptop.sync().await.unwrap();
    phone.update(rename("n0-0", "last").into()).await.unwrap();
    phone.sync().await.unwrap();
    let before = bucket.objects.counts();
    laptop.sync().await.unwrap();
    laptop.sync().await.unwrap();
    let read = bucket.objects.counts() - before;
    assert_eq!(
        (read.of("updates").get, read.of("snapshots").get),
        (1, 0),
        "{read:?}"
    );
    assert_eq!(laptop.state(), phone.state());
}

/// Caches may keep for ever what never changes, and are told so.
#[tokio::test(start_paused = true)]
async fn segments_and_snapshots_are_cached_for_ever() {
    let bucket = Bucket::at_once();
    let phone = bucket.device().await;
    phone.update(add("n1", "Pack").into()).await.unwrap();
    phone.sync().await.unwrap();
    phone.roll_up().await.unwrap();
    for kind in ["segments", "snapshots"] {
        let objects = bucket.objects(kind).await;
        let cached: Vec<_> = objects
            .values()
            .map(|(_, cached)| cached.as_deref())
            .collect();
        assert_eq!(cached, [Some("max-age=31536000, immutable")], "{kind}");
    }
    let updates = bucket.objects("updates").await;
    assert!(updates.values().all(|(_, cached)| cached.is_none()));
    assert_eq!(updates.len(), 1);
}
