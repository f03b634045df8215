//! One space on one bucket in virtual time, with hands that reach into the bucket.

use flate2::read::GzDecoder;
use icecore_core::model::log::State;
use icecore_core::{
    Author, Digest, Epoch, Folded, Key, ModelRef, ObjectKey, Order, Seq, SpaceName, Update,
    UpdateId, UpdateObject,
};
use icecore_replica::{NewUpdate, Replica, SpaceReplica};
use icecore_seal::{Identity, NewHolder, Secret};
use icecore_sim::bucket::{Faults, SimBucket, Stored};
use icecore_sim::clock::SimClock;
use icecore_sim::gateway::{Traffic, behind_a_gateway};
use icecore_sim::random::Random;
use icecore_store::backend::{Metered, ServerTime};
use icecore_store::rollup::{RollupOptions, RollupReport, roll_up};
use icecore_store::verify::{VerifyReport, verify};
use icecore_store::{Clock, Reader, Secrets, Settings, Store, new_author};
use object_store::path::Path;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the store lies in the bucket.
pub(crate) const ROOT: &str = "root";

/// A minute, in milliseconds.
pub(crate) const MINUTE: i64 = 60_000;
/// An hour, in milliseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// A year, in milliseconds.
pub(crate) const YEAR: i64 = 365 * 24 * HOUR;

/// A space and all that surrounds it.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) random: Random,
    pub(crate) clock: SimClock,
    pub(crate) bucket: SimBucket,
    pub(crate) space: SpaceName,
    pub(crate) settings: Settings,
    /// What opens the space, where it is encrypted.
    pub(crate) secrets: Option<Arc<dyn Secrets>>,
}

/// The one who can open an encrypted space at its beginning.
pub(crate) fn ada() -> Identity {
    Identity::generate(&mut || [7; 32])
}

impl Site {
    /// A store with one space of the model `log`.
    pub(crate) async fn new() -> Self {
        Self::with(ModelRef::named("log"), Order::Timestamp).await
    }

    /// A store with one encrypted space, which [`ada`] can open. [`Site::locked`] is the store of who cannot.
    pub(crate) async fn encrypted(order: Order) -> Self {
        let mut site = Self::empty().await;
        let member = NewHolder::Member {
            name: "ada".to_owned(),
            public: ada().public(),
        };
        let (store, model) = (site.store(), ModelRef::named("log"));
        let holders = vec![member];
        let created = store.create_encrypted_space(&site.space, model, order, holders);
        created.await.unwrap();
        site.secrets = Some(secrets(ada()));
        site
    }

    pub(crate) async fn with(model: ModelRef, order: Order) -> Self {
        let site = Self::empty().await;
        let store = site.store();
        store.create_space(&site.space, model, order).await.unwrap();
        site
    }

    async fn empty() -> Self {
        let random = Random::new(1);
        let clock = SimClock::start();
        let site = Self {
            bucket: SimBucket::new(random.clone(), clock.clone()),
            random,
            clock,
            space: "notes".parse().unwrap(),
            settings: Settings::default(),
            secrets: None,
        };
        site.store().create().await.unwrap();
        site
    }

    /// The store of somebody without a key.
    pub(crate) fn locked(&self) -> Store {
        let secrets = None;
        let locked = Self {
            secrets,
            ..self.clone()
        };
        locked.store()
    }

    /// The store with the right clock, a good network and a server that tells its time.
    pub(crate) fn store(&self) -> Store {
        self.store_seen(&self.clock, Faults::none(), true)
    }

    /// The store as somebody with this clock and network sees it. Without `dates` no server tells its time, as on
    /// a shared folder.
    pub(crate) fn store_seen(&self, clock: &SimClock, faults: Faults, dates: bool) -> Store {
        self.metered(clock, faults, dates).0
    }

    /// As [`Site::store_seen`], with its requests counted.
    pub(crate) fn metered(
        &self,
        clock: &SimClock,
        faults: Faults,
        dates: bool,
    ) -> (Store, Metered) {
        let server_time = Arc::new(ServerTime::new());
        let known = dates.then(|| Arc::clone(&server_time));
        let view = self.bucket.seen_by(clock.clone(), faults, known);
        let metered = Metered::new(Arc::new(view), Path::from(ROOT));
        let store = Store::on(
            Arc::new(metered.clone()),
            Path::from(ROOT),
            Arc::new(clock.clone()),
            Arc::new(self.random.clone()),
            server_time,
        );
        let store = store.with_settings(self.settings.clone());
        let store = match &self.secrets {
            Some(secrets) => store.with_secrets(Arc::clone(secrets)),
            None => store,
        };
        (store, metered)
    }

    /// The store as somebody with a token sees it, and what goes over its network.
    pub(crate) fn behind_a_gateway(&self) -> (Store, Arc<Mutex<Traffic>>) {
        let view = self
            .bucket
            .seen_by(self.clock.clone(), Faults::none(), None);
        let ids = Arc::new(self.random.clone());
        let clocks = (&self.clock, &self.clock);
        let (store, traffic) = behind_a_gateway(&self.store(), &view, clocks, ids, None);
        (store.with_settings(self.settings.clone()), traffic)
    }

    /// The store of somebody who holds a token to read and write as this author, and the keys of the site.
    pub(crate) fn bound_to(&self, author: Author) -> Store {
        let view = self
            .bucket
            .seen_by(self.clock.clone(), Faults::none(), None);
        let ids = Arc::new(self.random.clone());
        let clocks = (&self.clock, &self.clock);
        let (store, _) = behind_a_gateway(&self.locked(), &view, clocks, ids, Some(author));
        let store = store.with_settings(self.settings.clone());
        match &self.secrets {
            Some(secrets) => store.with_secrets(Arc::clone(secrets)),
            None => store,
        }
    }

    /// A new device.
    pub(crate) fn replica(&self) -> SpaceReplica {
        self.replica_on(self.store())
    }

    pub(crate) fn replica_on(&self, store: Store) -> SpaceReplica {
        self.opened(&Replica::in_memory(store).unwrap())
    }

    /// The space as a process that has just started opens it.
    pub(crate) fn opened(&self, replica: &Replica) -> SpaceReplica {
        replica.space(&self.space).unwrap()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.true_now()
    }

    pub(crate) async fn wait(&self, millis: i64) {
        let millis = Duration::from_millis(u64::try_from(millis).unwrap());
        self.clock.sleep(millis).await;
    }

    /// Makes an update and syncs.
    pub(crate) async fn write(&self, replica: &mut SpaceReplica, text: &str) -> UpdateId {
        let id = replica.enqueue(&[note(text)]).unwrap()[0];
        replica.sync().await.unwrap();
        id
    }

    /// One run of the scheduled roll-up.
    pub(crate) async fn roll_up(&self) -> RollupReport {
        roll_up(&self.store(), &self.space, &RollupOptions::default())
            .await
            .unwrap()
    }

    /// A roll-up that looks at every update object.
    pub(crate) async fn roll_up_full(&self) -> RollupReport {
        let full = RollupOptions {
            full: true,
            ..RollupOptions::default()
        };
        roll_up(&self.store(), &self.space, &full).await.unwrap()
    }

    /// Verifies; nothing may be wrong.
    pub(crate) async fn verified(&self) -> VerifyReport {
        let report = verify(&self.store(), &self.space, &mut |_, _| {})
            .await
            .unwrap();
        assert_eq!(report.problems, [], "{}", self.tree());
        report
    }

    /// The state that a stranger reads, and that each of these replicas must hold too after a pull.
    pub(crate) async fn agreed(&self, replicas: &mut [&mut SpaceReplica]) -> Folded {
        let folded = Reader::open(&self.store(), &self.space)
            .await
            .unwrap()
            .state();
        for replica in replicas {
            replica.pull().await.unwrap();
            let own = replica.state().unwrap().state_json().unwrap();
            assert_eq!(text(&own), text(&folded.state_json().unwrap()));
        }
        folded
    }

    /// What a stranger reads of a `log`.
    pub(crate) async fn notes(&self) -> Vec<String> {
        notes(&self.agreed(&mut []).await)
    }

    /// An author that no replica of this test is.
    pub(crate) fn author(&self) -> Author {
        new_author(&self.clock, &self.random)
    }

    /// The epoch in which the space was made, or the oldest one that it still names.
    pub(crate) fn first_epoch(&self) -> Epoch {
        let path = format!("{ROOT}/{}", ObjectKey::Space(self.space.clone()));
        let stored = self
            .bucket
            .with_disk(|disk| disk.objects[&path].bytes.clone());
        let info = icecore_core::SpaceInfo::from_json(&stored).unwrap();
        info.old_epochs.first().map_or(info.epoch, |old| old.epoch)
    }

    /// Lets a write at `key` become visible now, whoever sent it and whenever that was. No hint tells of it.
    pub(crate) fn land(&self, key: i64, object: &UpdateObject) -> String {
        let key = Key::new(u64::try_from(key).unwrap()).unwrap();
        let path = ObjectKey::Update(self.space.clone(), self.first_epoch(), key).to_string();
        self.put(&path, &object.to_json());
        path
    }

    /// Stores anything at a path below the root.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let now = self.now();
        self.bucket.with_disk(|disk| {
            let stored = Stored {
                bytes: bytes.to_vec().into(),
                e_tag: format!("\"{}\"", Digest::of(bytes)),
                last_modified: now,
                attributes: object_store::Attributes::new(),
            };
            disk.objects.insert(format!("{ROOT}/{path}"), stored);
        });
    }

    /// Paths below the root that contain `part`.
    pub(crate) fn paths(&self, part: &str) -> BTreeSet<String> {
        self.bucket.with_disk(|disk| {
            let below = disk.objects.keys().filter(|path| path.contains(part));
            below
                .map(|path| path[ROOT.len() + 1..].to_owned())
                .collect()
        })
    }

    /// Takes objects away behind everybody's back.
    pub(crate) fn remove(&self, part: &str) -> usize {
        self.bucket.with_disk(|disk| {
            let before = disk.objects.len();
            disk.objects.retain(|path, _| !path.contains(part));
            before - disk.objects.len()
        })
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let path = format!("{ROOT}/{path}");
        self.bucket
            .with_disk(|disk| disk.objects[&path].bytes.to_vec())
    }

    /// The paths of all objects that hold this text, packed or not.
    pub(crate) fn holding(&self, text: &str) -> Vec<String> {
        let holds = |bytes: &[u8]| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        self.bucket.with_disk(|disk| {
            let holding = disk.objects.iter().filter(|(_, stored)| {
                let mut unpacked = Vec::new();
                let is_packed = GzDecoder::new(&stored.bytes[..]).read_to_end(&mut unpacked);
                holds(&stored.bytes) || (is_packed.is_ok() && holds(&unpacked))
            });
            holding.map(|(path, _)| path.clone()).collect()
        })
    }

    /// All objects, for messages.
    pub(crate) fn tree(&self) -> String {
        self.bucket.with_disk(|disk| disk.tree())
    }
}

/// An identity as a program has it at hand.
pub(crate) fn secrets(identity: Identity) -> Arc<dyn Secrets> {
    Arc::new(vec![Arc::new(Secret::Identity(identity))])
}

/// An update of a `log`.
pub(crate) fn note(text: &str) -> NewUpdate {
    let data = RawValue::from_string(serde_json::to_string(text).unwrap()).unwrap();
    NewUpdate {
        update: Update::new(icecore_sim::clock::EPOCH_MILLIS, "note", &data, None).unwrap(),
    }
}

/// The object of one update.
pub(crate) fn object(author: Author, seq: u64, text: &str) -> UpdateObject {
    UpdateObject::new(author, Seq::new(seq).unwrap(), vec![note(text).update])
}

/// The texts in the state of a `log`, in its order.
pub(crate) fn notes(folded: &Folded) -> Vec<String> {
    let state: &State = folded.state().downcast_ref().unwrap();
    let texts = state.entries().iter().map(|entry| entry.data.as_str());
    texts.map(|text| text.unwrap().to_owned()).collect()
}

/// What a replica shows, without any request.
pub(crate) fn shown(replica: &mut SpaceReplica) -> Vec<String> {
    notes(&replica.state().unwrap())
}

fn text(json: &[u8]) -> String {
    String::from_utf8_lossy(json).into_owned()
}
