//! A store: creating and opening one, and its spaces.

use crate::backend::{Backend, ServerTime};
use crate::broker::Broker;
use crate::bucket::{Bucket, Changed, Content, Got, PutNew, Version};
use crate::keychain::{Keychain, Secrets};
use crate::ports::{Clock, Ids, random_between};
use crate::settings::Settings;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use icecore_core::model::AnyModel;
use icecore_core::paths::{HEADS, SPACES};
use icecore_core::space::{FORMAT_VERSION, Needs};
use icecore_core::wire::Look;
use icecore_core::{
    Epoch, Error, ErrorKind, ModelRef, ObjectKey, Order, Registry, Result, Seal, SpaceInfo,
    SpaceName, StoreId, StoreInfo, time,
};
use object_store::ObjectStore;
use object_store::path::Path;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Objects that whoever hands out access is told of at once.
const WANTED_MAX: usize = 1_000;

/// Called at named points between requests; tests stop or kill the process there.
pub type CrashPoints = Arc<dyn Fn(&'static str) + Send + Sync>;

/// A bucket that holds spaces, with all that is injected: clock, randomness, models and limits.
#[derive(Clone)]
pub struct Store {
    /// The requests.
    pub bucket: Bucket,
    /// The local clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// The models that this program can fold.
    pub registry: Arc<Registry>,
    /// The limits.
    pub settings: Arc<Settings>,
    server_time: Arc<ServerTime>,
    broker: Option<Arc<dyn Broker>>,
    keychain: Option<Arc<Keychain>>,
    crash_points: Option<CrashPoints>,
}

/// `space.json` with its version, for a conditional change.
#[derive(Debug, Clone)]
pub struct OpenSpace {
    /// The body.
    pub info: SpaceInfo,
    /// By which a change names it.
    pub version: Version,
}

impl Store {
    /// A store on a back end, with the built-in models and the default limits.
    pub fn new(backend: &Backend, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let server_time = Arc::clone(&backend.server_time);
        let mut store = Self::on(
            Arc::clone(&backend.store),
            backend.prefix.clone(),
            clock,
            ids,
            server_time,
        );
        store.broker.clone_from(&backend.broker);
        store
    }

    /// A store on any bucket, as [`Store::new`] makes one from an opened URL; `server_time` is what is known of
    /// the server's clock.
    pub fn on(
        objects: Arc<dyn ObjectStore>,
        prefix: Path,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        server_time: Arc<ServerTime>,
    ) -> Self {
        let settings = Settings::default();
        let bucket = Bucket::new(
            objects,
            prefix,
            Arc::clone(&clock),
            settings.request_timeout,
        );
        Self {
            bucket,
            clock,
            ids,
            registry: Arc::new(Registry::built_in()),
            settings: Arc::new(settings),
            server_time,
            broker: None,
            keychain: None,
            crash_points: None,
        }
    }

    /// With other models.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = Arc::new(registry);
        self
    }

    /// With other limits.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.bucket = Bucket::new(
            Arc::clone(self.bucket.objects()),
            self.bucket.prefix().clone(),
            Arc::clone(&self.clock),
            settings.request_timeout,
        )
        .with_layers_at_most(settings.unpacked_max);
        self.settings = Arc::new(settings);
        self
    }

    /// With somebody who hands out access to the bucket.
    #[must_use]
    pub fn with_broker(mut self, broker: Arc<dyn Broker>) -> Self {
        self.broker = Some(broker);
        self
    }

    /// With secrets that open encrypted spaces.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn Secrets>) -> Self {
        self.keychain = Some(Arc::new(Keychain::new(secrets)));
        self
    }

    pub(crate) fn keychain(&self) -> Option<&Keychain> {
        self.keychain.as_deref()
    }

    /// Who hands out access to the bucket, where this program has no credentials of its own.
    pub fn broker(&self) -> Option<&dyn Broker> {
        self.broker.as_deref()
    }

    /// With a function that is called at named points between requests.
    #[must_use]
    pub fn with_crash_points(mut self, crash_points: CrashPoints) -> Self {
        self.crash_points = Some(crash_points);
        self
    }

    /// The server's time as far as it is known: the local clock, corrected by what the server reports.
    pub fn now(&self) -> i64 {
        self.clock.now() + self.server_time.offset()
    }

    /// Whether a server has told its time: without, [`Store::now`] is the local clock as it is.
    pub fn knows_server_time(&self) -> bool {
        self.server_time.is_known()
    }

    /// How far the server's clock is ahead of the local one, milliseconds; 0 while they agree to a second.
    pub fn clock_offset(&self) -> i64 {
        self.server_time.offset()
    }

    pub(crate) fn random(&self, min: u64, max: u64) -> u64 {
        random_between(&*self.ids, min, max)
    }

    /// The random part of a new epoch's name.
    pub(crate) fn random_id(&self) -> u64 {
        self.random(0, u64::MAX)
    }

    /// Marks a named point between two requests.
    pub fn crash_point(&self, name: &'static str) {
        if let Some(crash_points) = &self.crash_points {
            crash_points(name);
        }
    }

    /// A back-off that doubles from `settings.backoff` and is spread by up to a half, so that clients that
    /// failed together do not come back together.
    pub(crate) async fn back_off(&self, attempt: u32) {
        let full = self
            .settings
            .backoff
            .saturating_mul(1_u32 << attempt.min(16))
            .min(self.settings.backoff_max);
        let half = u64::try_from(full.as_millis() / 2).unwrap_or(u64::MAX);
        self.clock
            .sleep(Duration::from_millis(half + self.random(0, half)))
            .await;
    }

    /// Creates `store.json`, or finds the one that is there.
    ///
    /// # Errors
    /// `Unavailable`, `Denied`, or what reading an existing store reports.
    pub async fn create(&self) -> Result<StoreInfo> {
        let millis = u64::try_from(self.now()).unwrap_or(0);
        let known = self.id_of_spaces().await?;
        let info = StoreInfo {
            needs: Needs::default(),
            v: FORMAT_VERSION,
            store: known.unwrap_or_else(|| StoreId::from_parts(millis, self.ids.random())),
            created_at: time::to_rfc3339(self.now()),
        };
        match self
            .bucket
            .put_new(
                &ObjectKey::Store,
                Bytes::from(info.to_json()),
                Content::Json,
            )
            .await?
        {
            PutNew::Stored(_) => Ok(info),
            PutNew::Taken => self.info().await,
        }
    }

    /// The id that the spaces name, where there are any: `store.json` may have been lost.
    async fn id_of_spaces(&self) -> Result<Option<StoreId>> {
        for name in self.spaces().await? {
            if let Some(got) = self.bucket.get(&ObjectKey::Space(name)).await?
                && let Ok(info) = SpaceInfo::from_json(&got.bytes)
            {
                return Ok(Some(info.store));
            }
        }
        Ok(None)
    }

    /// Reads `store.json`.
    ///
    /// # Errors
    /// `NotFound` where there is no store; `Corrupt` or `Invalid` when it does not parse or is newer.
    pub async fn info(&self) -> Result<StoreInfo> {
        let got = self.bucket.get(&ObjectKey::Store).await?.ok_or_else(|| {
            Error::not_found("there is no store here")
                .with_object(self.bucket.path(&ObjectKey::Store).to_string())
                .with_hint("create one with `icecore init`, or check --store")
        })?;
        StoreInfo::from_json(&got.bytes).map_err(|e| {
            let e = e.with_object(ObjectKey::Store.to_string());
            if e.hint().is_some() {
                e
            } else {
                e.with_hint(BROKEN)
            }
        })
    }

    /// Creates a space.
    ///
    /// # Errors
    /// `Conflict` when there is one of that name, or was; `Invalid` when this program does not know the model.
    pub async fn create_space(
        &self,
        space: &SpaceName,
        model: ModelRef,
        order: Order,
    ) -> Result<SpaceInfo> {
        self.registry.open(&model)?;
        self.put_space(space, model, order).await
    }

    /// Whether a model takes these settings, as far as this program knows it: a space that can never be folded would fail in
    /// each round.
    fn check_model(&self, model: &ModelRef) -> Result<()> {
        if self.registry.knows(&model.name) {
            self.registry.open(model)?;
        }
        Ok(())
    }

    /// Creates a space whose model this program need not know. Settings that a model which it knows does not take are refused.
    ///
    /// # Errors
    /// `Conflict` when there is one of that name, or was; `Invalid` for those settings, naming the one.
    pub async fn put_space(
        &self,
        space: &SpaceName,
        model: ModelRef,
        order: Order,
    ) -> Result<SpaceInfo> {
        self.check_model(&model)?;
        let info = self.new_space(space, model, order).await?;
        self.put_new_space(info).await
    }

    /// What a new space's `space.json` says.
    pub(crate) async fn new_space(
        &self,
        space: &SpaceName,
        model: ModelRef,
        order: Order,
    ) -> Result<SpaceInfo> {
        let store = self.info().await?;
        store.check_writable()?;
        Ok(SpaceInfo {
            v: FORMAT_VERSION,
            store: store.store,
            space: space.clone(),
            epoch: Epoch::first(self.random_id()),
            model,
            order,
            created_at: time::to_rfc3339(self.now()),
            old_epochs: Vec::new(),
            linked: None,
            keyring: None,
            erased_at: None,
            needs: Needs::default(),
            other: std::collections::BTreeMap::new(),
        })
    }

    pub(crate) async fn put_new_space(&self, info: SpaceInfo) -> Result<SpaceInfo> {
        let space = &info.space;
        let key = ObjectKey::Space(space.clone());
        let body = Bytes::from(info.to_json());
        match self
            .bucket
            .put_new(&key, body.clone(), Content::Json)
            .await?
        {
            PutNew::Stored(_) => Ok(info),
            PutNew::Taken => match self.bucket.get(&key).await? {
                // A retry inside the HTTP client: the occupant is what we just wrote.
                Some(got) if got.bytes == body => Ok(info),
                _ => Err(Error::conflict(format!("the space {space} exists already"))
                    .with_object(key.to_string())
                    .with_hint("choose another name; the name of an erased space stays taken")),
            },
        }
    }

    /// The names of all spaces, sorted.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn spaces(&self) -> Result<Vec<SpaceName>> {
        let mut names: Vec<SpaceName> = self
            .bucket
            .folders(SPACES)
            .await?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The spaces whose head changed at or after `since` (server's time), by one LIST per 1,000 spaces.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn changed_spaces(&self, since: i64) -> Result<Vec<SpaceName>> {
        let heads = self
            .bucket
            .list(HEADS, None, |name| name.parse().ok())
            .await?;
        Ok(heads
            .into_iter()
            .filter(|head| head.last_modified >= since)
            .map(|head| head.key)
            .collect())
    }

    /// Reads `space.json`; an erased space is an error.
    ///
    /// # Errors
    /// `NotFound` for a space that does not exist or was erased; `Corrupt` or `Invalid` for what does not
    /// parse, is of a newer version or of another store.
    pub async fn space(&self, space: &SpaceName) -> Result<OpenSpace> {
        let open = self.space_or_tombstone(space).await?;
        match &open.info.erased_at {
            None => Ok(open),
            Some(at) => Err(erased(space, at)),
        }
    }

    /// Reads `space.json`, also of an erased space.
    ///
    /// # Errors
    /// As [`Store::space`], but for the tombstone.
    pub async fn space_or_tombstone(&self, space: &SpaceName) -> Result<OpenSpace> {
        let read = self.space_if_changed(space, None).await?;
        read.ok_or_else(|| Error::internal("BUG: no version was named, so none is unchanged"))
    }

    /// Reads `space.json`, also of an erased space, unless it still is the version that was read.
    ///
    /// # Errors
    /// As [`Store::space_or_tombstone`].
    pub(crate) async fn space_if_changed(
        &self,
        space: &SpaceName,
        version: Option<&Version>,
    ) -> Result<Option<OpenSpace>> {
        let key = ObjectKey::Space(space.clone());
        match self.bucket.get_if_changed(&key, version).await? {
            Changed::New(got) => parse_space(space, &got).map(Some),
            Changed::Same => Ok(None),
            Changed::Missing => Err(self.no_space(space).await),
        }
    }

    /// Tells a missing space from a missing store.
    pub(crate) async fn no_space(&self, space: &SpaceName) -> Error {
        match self.info().await {
            Err(error) => error,
            Ok(_) => Error::not_found(format!("there is no space {space}"))
                .with_object(ObjectKey::Space(space.clone()).to_string())
                .with_hint("`icecore space list` shows what is there; create one with `icecore space create`"),
        }
    }

    /// The model of a space.
    ///
    /// # Errors
    /// `Invalid` when this program does not know it.
    pub fn model(&self, info: &SpaceInfo) -> Result<Arc<dyn AnyModel>> {
        self.registry.open(&info.model)
    }

    /// How the content of a space is read. Where the model is unknown, or no key is at hand, nothing is folded, and the
    /// space can be synced, rolled up, pruned and verified all the same.
    ///
    /// # Errors
    /// `Invalid` for settings that the model does not take; otherwise as [`Store::seal`].
    pub fn content(&self, info: &SpaceInfo) -> Result<icecore_core::Content> {
        match self.seal(info)? {
            Seal::Locked => Ok(icecore_core::Content::locked()),
            seal if !self.registry.knows(&info.model.name) => {
                Ok(icecore_core::Content::unknown_model(&info.model.name, seal))
            }
            seal => Ok(icecore_core::Content::new(self.model(info)?, seal)
                .with_state_at_most(self.settings.state_max)),
        }
    }

    /// Tells whoever hands out access that a look at a space is about to be taken.
    pub(crate) async fn prepare(&self, space: &SpaceName, look: Look) -> Result<()> {
        match &self.broker {
            Some(broker) => usable(broker.prepare(space, look).await),
            None => Ok(()),
        }
    }

    /// Tells whoever hands out access that these objects are about to be read.
    pub(crate) async fn want(&self, keys: &[ObjectKey]) -> Result<()> {
        match &self.broker {
            Some(broker) if !keys.is_empty() => usable(broker.want(keys).await),
            _ => Ok(()),
        }
    }

    /// Reads many objects at once, at most `settings.reads_max` under way, in the order asked for.
    pub(crate) async fn get_all(&self, keys: Vec<ObjectKey>) -> Result<Vec<Option<Got>>> {
        // What was asked for is used before more is asked for.
        let window = match &self.broker {
            Some(_) => WANTED_MAX,
            None => keys.len().max(1),
        };
        let mut all = Vec::with_capacity(keys.len());
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let wanted: Vec<ObjectKey> = keys.by_ref().take(window).collect();
            self.want(&wanted).await?;
            let mut results = stream::iter(wanted)
                .map(|key| async move { self.bucket.get(&key).await })
                .buffered(self.settings.reads_max);
            while let Some(result) = results.next().await {
                all.push(result?);
            }
        }
        Ok(all)
    }
}

/// A gateway that does not answer is no reason to stop: what it handed out before may still be good.
fn usable(told: Result<()>) -> Result<()> {
    match told {
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            tracing::debug!(%error, "the gateway could not be told");
            Ok(())
        }
        told => told,
    }
}

const BROKEN: &str = "put the object back from a backup, or an earlier version of it where the bucket keeps versions; \
     nothing else of the space is touched, replicas keep what they have and queue what is written";

pub(crate) fn parse_space(space: &SpaceName, got: &Got) -> Result<OpenSpace> {
    let object = ObjectKey::Space(space.clone()).to_string();
    let hinted = |e: Error| match e.hint() {
        Some(_) => e.with_object(object.clone()),
        None => e.with_object(object.clone()).with_hint(BROKEN),
    };
    let info = SpaceInfo::from_json(&got.bytes).map_err(hinted)?;
    if info.space != *space {
        let named = format!("space.json names the space {}", info.space);
        return Err(hinted(Error::corrupt(named)));
    }
    Ok(OpenSpace {
        info,
        version: got.version.clone(),
    })
}

pub(crate) fn erased(space: &SpaceName, at: &str) -> Error {
    Error::not_found(format!("the space {space} was erased at {at}"))
        .with_object(ObjectKey::Space(space.clone()).to_string())
        .with_hint("its name stays taken; create a space of another name")
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}
