//! A store in memory with a space, and writers that need no replica.

use icecore_core::plan::KeyClock;
use icecore_core::{
    Author, Epoch, Generation, Key, ModelRef, ObjectKey, Order, Registry, Seq, SpaceInfo,
    SpaceName, Update, UpdateId, UpdateObject,
};
use icecore_sim::bucket::SimBucket;
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::backend::ServerTime;
use icecore_store::publish::publish;
use icecore_store::rollup::{RollupOptions, RollupReport, roll_up};
use icecore_store::verify::{VerifyReport, verify};
use icecore_store::{Clock, Reader, Store};
use object_store::path::Path;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) bucket: SimBucket,
    pub(crate) clock: SimClock,
    pub(crate) space: SpaceName,
    writers: BTreeMap<u64, (Seq, KeyClock)>,
}

impl Bench {
    pub(crate) async fn new(model: &str) -> Self {
        Self::with_registry(model, Registry::built_in()).await
    }

    pub(crate) async fn with_registry(model: &str, registry: Registry) -> Self {
        let (random, clock) = (Random::new(7), SimClock::start());
        let bucket = SimBucket::new(random.clone(), clock.clone());
        let (objects, time) = (Arc::new(bucket.clone()), Arc::new(ServerTime::new()));
        let store = Store::on(
            objects,
            Path::from("root"),
            Arc::new(clock.clone()),
            Arc::new(random),
            time,
        )
        .with_registry(registry);
        store.create().await.unwrap();
        let space: SpaceName = "space".parse().unwrap();
        store
            .create_space(&space, ModelRef::named(model), Order::Timestamp)
            .await
            .unwrap();
        Self {
            store,
            bucket,
            clock,
            space,
            writers: BTreeMap::new(),
        }
    }

    pub(crate) async fn info(&self) -> SpaceInfo {
        self.store.space(&self.space).await.unwrap().info
    }

    pub(crate) fn author(n: u64) -> Author {
        Author::from_parts(n, 0)
    }

    /// Publishes one update of author `n`; returns its id and key.
    pub(crate) async fn write(&mut self, n: u64, kind: &str, data: &str) -> (UpdateId, Key) {
        let info = self.info().await;
        self.write_to(&info, n, kind, data).await
    }

    /// Publishes to the epoch that `info` names, as a writer does that does not know of a newer one.
    pub(crate) async fn write_to(
        &mut self,
        info: &SpaceInfo,
        n: u64,
        kind: &str,
        data: &str,
    ) -> (UpdateId, Key) {
        let (seq, mut keys) = self
            .writers
            .remove(&n)
            .unwrap_or((Seq::FIRST, KeyClock::default()));
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let update = Update::new(self.clock.now(), kind, &data, None).unwrap();
        let object = UpdateObject::new(Self::author(n), seq, vec![update]);
        let published = publish(&self.store, info, &object, &mut keys)
            .await
            .unwrap();
        self.writers.insert(n, (seq.next().unwrap(), keys));
        (
            UpdateId {
                author: Self::author(n),
                seq,
            },
            published.key,
        )
    }

    /// From now on every author begins with seq 1 again.
    pub(crate) fn forget_writers(&mut self) {
        self.writers.clear();
    }

    pub(crate) async fn roll_up(&self) -> RollupReport {
        let everything = RollupOptions {
            full: true,
            now: true,
            time_max: None,
        };
        roll_up(&self.store, &self.space, &everything)
            .await
            .unwrap()
    }

    pub(crate) async fn verify(&self) -> VerifyReport {
        verify(&self.store, &self.space, &mut |_, _| {})
            .await
            .unwrap()
    }

    pub(crate) async fn state(&self) -> String {
        let reader = Reader::open(&self.store, &self.space).await.unwrap();
        String::from_utf8(reader.state().state_json().unwrap()).unwrap()
    }

    pub(crate) fn path(&self, key: &ObjectKey) -> String {
        self.store.bucket.path(key).to_string()
    }

    /// The epoch in which the space was made, or the oldest one that it still names.
    fn first_epoch(&self) -> Epoch {
        let path = self.path(&ObjectKey::Space(self.space.clone()));
        let stored = self
            .bucket
            .with_disk(|disk| disk.objects[&path].bytes.clone());
        let info = SpaceInfo::from_json(&stored).unwrap();
        info.old_epochs.first().map_or(info.epoch, |old| old.epoch)
    }

    pub(crate) fn snapshot_path(&self, generation: u64) -> String {
        let generation = Generation::new(generation).unwrap();
        self.path(&ObjectKey::Snapshot(
            self.space.clone(),
            self.first_epoch(),
            generation,
        ))
    }

    pub(crate) fn segment_path(&self, generation: u64) -> String {
        let generation = Generation::new(generation).unwrap();
        self.path(&ObjectKey::Segment(
            self.space.clone(),
            self.first_epoch(),
            generation,
        ))
    }

    /// The paths of all stored objects.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.bucket
            .with_disk(|disk| disk.objects.keys().cloned().collect())
    }
}
