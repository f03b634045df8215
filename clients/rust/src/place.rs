//! Where a replica's store and its local copy lie.

use crate::secrets::{self, GivenSecrets, SecretArgs};
use crate::system::{self, OsIds, SystemClock};
use icecore_core::{Error, Model, Registry, Result};
use icecore_store::backend::BackendKind;
use icecore_store::{Backend, Clock, Ids, Settings, Store, backend};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a store is, and where this device keeps its copy of it.
///
/// With the feature `clap` it is a group of arguments, for a command of one's own.
///
/// ```
/// use icecore::Place;
/// let place = Place::new("s3://my-bucket/app").with_replica("./device-a");
/// assert_eq!(place.store(), Some("s3://my-bucket/app"));
/// ```
#[derive(Clone, Default)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct Place {
    /// Where the store lies: a folder, `s3://bucket/prefix`, `gs://…`, `az://…`, or a gateway's `https://…`
    #[cfg_attr(
        feature = "clap",
        arg(
            long,
            global = true,
            env = "ICECORE_STORE",
            hide_env_values = true,
            value_name = "URL"
        )
    )]
    store: Option<String>,

    /// The folder of the local copy and queue, one per device
    #[cfg_attr(
        feature = "clap",
        arg(
            long,
            global = true,
            env = "ICECORE_REPLICA",
            hide_env_values = true,
            value_name = "DIR"
        )
    )]
    replica: Option<PathBuf>,

    #[cfg_attr(feature = "clap", command(flatten))]
    secrets: SecretArgs,

    #[cfg_attr(feature = "clap", arg(skip))]
    injected: Injected,
}

/// What takes the place of this machine's own, in tests.
#[derive(Clone, Default)]
struct Injected {
    clock: Option<Arc<dyn Clock>>,
    ids: Option<Arc<dyn Ids>>,
    environment: Option<BTreeMap<String, String>>,
    settings: Option<Settings>,
    passphrase: Option<String>,
    store: Option<Store>,
    /// Without a folder the copy is in memory. A command that was given none must not keep a queue there.
    in_memory: bool,
}

impl Place {
    /// A store, with a copy in memory until [`Place::with_replica`] names a folder.
    pub fn new(store: impl Into<String>) -> Self {
        let mut place = Self {
            store: Some(store.into()),
            ..Self::default()
        };
        place.injected.in_memory = true;
        place
    }

    /// A store that is open already, e.g. one in memory that several replicas share.
    pub fn on(store: Store) -> Self {
        let injected = Injected {
            store: Some(store),
            in_memory: true,
            ..Injected::default()
        };
        Self {
            injected,
            ..Self::default()
        }
    }

    /// The folder in which this device keeps its copy and its queue. Two devices, or two writing programs, need two.
    #[must_use]
    pub fn with_replica(mut self, folder: impl Into<PathBuf>) -> Self {
        self.replica = Some(folder.into());
        self
    }

    /// With a passphrase that opens encrypted spaces, for programs that ask for it themselves.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.injected.passphrase = Some(passphrase.into());
        self
    }

    /// With another clock than this machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.injected.clock = Some(clock);
        self
    }

    /// With another source of randomness than this machine's.
    #[must_use]
    pub fn with_ids(mut self, ids: Arc<dyn Ids>) -> Self {
        self.injected.ids = Some(ids);
        self
    }

    /// With these variables in place of the environment's.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.injected.environment = Some(environment);
        self
    }

    /// With other limits.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.injected.settings = Some(settings);
        self
    }

    /// Where the store lies, as it was given.
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// The folder of the local copy, as it was given.
    pub fn replica(&self) -> Option<&std::path::Path> {
        self.replica.as_deref()
    }

    /// Opens the local copy of a store.
    pub(crate) fn replicas(&self, store: Store) -> Result<icecore_replica::Replica> {
        match &self.replica {
            Some(folder) => icecore_replica::Replica::open(store, folder),
            None if self.injected.in_memory => icecore_replica::Replica::in_memory(store),
            None => Err(Error::invalid("no folder is given for this device's copy and queue")
                .with_hint("name one with --replica or ICECORE_REPLICA, e.g. --replica ./device-a; each device needs its own")),
        }
    }

    /// Opens the store, with a model. No request is made.
    pub(crate) fn open<M: Model + Clone>(&self, model: &M) -> Result<Opened> {
        // Only this one: a space of another model has no state here.
        let registry = Registry::default().with(model.clone());
        let Opened { store, backend } = match &self.injected.store {
            Some(store) => Opened {
                store: store.clone(),
                backend: None,
            },
            None => self.open_address()?,
        };
        let secrets = Arc::new(self.secrets());
        let store = store.with_registry(registry).with_secrets(secrets);
        Ok(Opened { store, backend })
    }

    /// Where secrets are looked for.
    pub(crate) fn secrets(&self) -> GivenSecrets {
        let mut environment = self.environment();
        if let Some(passphrase) = &self.injected.passphrase {
            environment.insert(secrets::PASSPHRASE.to_owned(), passphrase.clone());
        }
        // A library asks nobody; a command that has the arguments does.
        GivenSecrets::new(self.secrets.clone(), &environment, cfg!(feature = "clap"))
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let injected = self.injected.environment.clone();
        injected.unwrap_or_else(system::environment)
    }

    fn open_address(&self) -> Result<Opened> {
        let address = self.store.as_deref().ok_or_else(|| {
            Error::invalid("no store is given")
                .with_hint("name one with --store or ICECORE_STORE, e.g. --store ./my-store or --store s3://bucket/prefix")
        })?;
        let injected = &self.injected;
        let clock = injected.clock.clone();
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let ids = injected.ids.clone().unwrap_or_else(|| Arc::new(OsIds));
        let environment = self.environment();
        let backend = backend::open(address, environment.into_iter(), Arc::clone(&clock))?;
        let store = Store::new(&backend, clock, ids);
        let store = match &injected.settings {
            Some(settings) => store.with_settings(settings.clone()),
            None => store,
        };
        Ok(Opened {
            store,
            backend: Some(backend),
        })
    }
}

/// A store that was opened.
pub(crate) struct Opened {
    pub(crate) store: Store,
    /// What it lies on, unless it was given as it is.
    backend: Option<Backend>,
}

impl Opened {
    /// Makes the store where it is missing, once the bucket has shown that of many writers of one key one wins.
    pub(crate) async fn create(&self) -> Result<()> {
        match self.store.info().await {
            Err(error) if error.is_not_found() => {}
            found => return found.map(drop),
        }
        if let Some(backend) = &self.backend {
            backend.prepare().await?;
            let store = &self.store;
            if backend.kind != BackendKind::Gateway {
                let prefix = &backend.prefix;
                backend::probe(&*backend.store, prefix, &*store.clock, &*store.ids).await?;
            }
        }
        self.store.create().await.map(drop)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("store", &self.store)
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}
