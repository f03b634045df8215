//! What every command stands on: the store, the replica, the clock, and where the output goes.

use crate::args::Global;
use crate::exit::Stop;
use crate::home::Home;
use crate::human;
use crate::output::Output;
use crate::secrets::{CommandSecrets, without_secrets};
use crate::system::{self, OsIds, SystemClock};
use directories::ProjectDirs;
use icecore::secrets::GivenSecrets;
use icecore_core::{Error, Result, SpaceName, StoreId};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::backend::{Metered, RequestCounts, cost_usd};
use icecore_store::{Backend, BackendKind, Clock, Ids, Settings, Store, backend};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Set to `off`, no command rolls up in passing.
const ROLL_UP: &str = "ICECORE_ROLL_UP";

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where results go.
    pub(crate) out: Output,
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// Randomness.
    pub(crate) ids: Arc<dyn Ids>,
    /// The environment: credentials and test settings.
    pub(crate) environment: BTreeMap<String, String>,
    /// What opens encrypted spaces.
    pub(crate) secrets: CommandSecrets,
    store_url: Option<String>,
    replica_folder: Option<PathBuf>,
    stats: bool,
    /// The command makes no request.
    offline: bool,
    /// The crash point at which the process stops, for tests: `name` or `name:n` for the n-th time.
    crash_at: Option<String>,
    metered: Mutex<Vec<Metered>>,
}

impl Context {
    /// The real surroundings. `asks` says whether a person may be asked for a passphrase, `offline` whether no request is
    /// to be made.
    pub(crate) fn new(global: &Global, asks: bool, offline: bool) -> Self {
        let environment = system::environment();
        let wrong_by = environment.get("ICECORE_CLOCK_OFFSET_MS");
        let wrong_by = wrong_by.and_then(|millis| millis.parse().ok()).unwrap_or(0);
        let given = GivenSecrets::new(global.secrets.clone(), &environment, asks);
        Self {
            out: Output::new(global.json, proxy(&environment, global.store.as_deref())),
            clock: Arc::new(SystemClock::wrong_by(wrong_by)),
            ids: Arc::new(OsIds),
            environment,
            secrets: CommandSecrets::new(given),
            store_url: global.store.clone(),
            replica_folder: global.replica.clone(),
            stats: global.stats || global.verbose,
            offline,
            crash_at: global.crash_at.clone(),
            metered: Mutex::new(Vec::new()),
        }
    }

    /// What `--store` or the environment names, if anything.
    pub(crate) fn store_url(&self) -> Option<&str> {
        self.store_url.as_deref()
    }

    /// The back end that `--store` names; its requests are counted.
    ///
    /// # Errors
    /// `Invalid` without `--store`, or when it names nothing that can hold a store.
    pub(crate) fn backend(&self) -> Result<Backend> {
        let url = self.store_url.as_deref().ok_or_else(|| {
            Error::invalid("no store is given")
                .with_hint("name one with --store or ICECORE_STORE, e.g. --store ./my-store or --store s3://bucket/prefix")
        })?;
        self.open_backend(url)
    }

    /// Any back end; its requests are counted.
    ///
    /// # Errors
    /// `Invalid` when the URL names nothing that can hold a store.
    pub(crate) fn open_backend(&self, url: &str) -> Result<Backend> {
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        let mut backend = backend::open(url, environment, Arc::clone(&self.clock))?;
        let metered = Metered::new(Arc::clone(&backend.store), backend.prefix.clone());
        backend.store = Arc::new(metered.clone());
        self.metered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(metered);
        Ok(backend)
    }

    /// The store that `--store` names. No request is made.
    ///
    /// # Errors
    /// As [`Context::backend`], and `Invalid` for a setting in the environment that says nothing.
    pub(crate) fn store(&self) -> Result<Store> {
        self.store_on(&self.backend()?)
    }

    /// The store on a back end.
    ///
    /// # Errors
    /// `Invalid` for a test setting that is no number.
    pub(crate) fn store_on(&self, backend: &Backend) -> Result<Store> {
        let store = Store::new(backend, Arc::clone(&self.clock), Arc::clone(&self.ids));
        let store = store.with_settings(self.settings()?);
        let store = store.with_secrets(Arc::new(self.secrets.clone()));
        let Some(wanted) = &self.crash_at else {
            return Ok(store);
        };
        let (name, nth) = match wanted.rsplit_once(':') {
            Some((name, nth)) => (name.to_owned(), number("ICECORE_CRASH_AT", nth)?),
            None => (wanted.clone(), 1),
        };
        let hits = AtomicU64::new(0);
        Ok(store.with_crash_points(Arc::new(move |point| {
            if point == name && hits.fetch_add(1, Ordering::Relaxed) + 1 == nth {
                eprintln!("crash-point {point}");
                system::stop_for_ever();
            }
        })))
    }

    /// The replica that `--replica` names, or the one of this store in the user's data folder.
    ///
    /// # Errors
    /// As [`Context::store`], and what opening the folder reports.
    pub(crate) async fn replica(&self) -> Result<Replica> {
        let backend = self.backend()?;
        let folder = match &self.replica_folder {
            Some(folder) => folder.clone(),
            None => self.default_folder(&backend).await?,
        };
        Replica::open(self.store_on(&backend)?, &folder)
    }

    /// One space of that replica.
    ///
    /// # Errors
    /// As [`Context::replica`].
    pub(crate) async fn space(&self, space: &SpaceName) -> Result<SpaceReplica> {
        self.replica().await?.space(space)
    }

    /// The same for what needs no content: no secret is read, and nobody is asked for one.
    ///
    /// # Errors
    /// As [`Context::replica`].
    pub(crate) async fn locked_space(&self, space: &SpaceName) -> Result<SpaceReplica> {
        let replica = self.replica().await?;
        let store = without_secrets(replica.store());
        replica.reopened(store).space(space)
    }

    /// One replica per store. Which one lies at an address is asked once, and never by a command that makes no request.
    async fn default_folder(&self, backend: &Backend) -> Result<PathBuf> {
        let folders = ProjectDirs::from("", "", "icecore").ok_or_else(|| {
            Error::invalid("this user has no data folder")
                .with_hint("name a folder with --replica or ICECORE_REPLICA")
        })?;
        let home = Home::new(folders.data_dir(), backend, &self.environment);
        let id = match home.known() {
            Some(id) => Some(id),
            None => self.store_id(backend).await?,
        };
        let Some(id) = id else {
            return Ok(home.of_address());
        };
        home.take_over(&self.store_on(backend)?, id).await?;
        home.keep(id)?;
        Ok(home.of_store(id))
    }

    /// What the store says of itself, unless it cannot be asked.
    async fn store_id(&self, backend: &Backend) -> Result<Option<StoreId>> {
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        let store = if backend.kind == BackendKind::Folder {
            // To look into a folder is no request.
            let environment = self.environment.clone();
            let url = self.store_url.as_deref().unwrap_or_default();
            let uncounted = backend::open(url, environment.into_iter(), Arc::clone(&clock))?;
            Store::new(&uncounted, clock, ids)
        } else if self.offline {
            return Ok(None);
        } else {
            Store::new(backend, clock, ids)
        };
        // Whatever is wrong, the command finds it out by itself, and says so.
        Ok(store.info().await.ok().map(|info| info.store))
    }

    /// The protocol's limits. A test that waits for a publish to be given up need not wait for two minutes, and whoever
    /// pays for the bucket may want no roll-ups but the scheduled ones.
    fn settings(&self) -> Result<Settings> {
        const NAME: &str = "ICECORE_PUBLISH_TIME_MAX_MS";
        let mut settings = Settings::default();
        if let Some(millis) = self.environment.get(NAME) {
            settings.publish_time_max = Duration::from_millis(number(NAME, millis)?);
        }
        match self.environment.get(ROLL_UP).map(String::as_str) {
            None | Some("") => {}
            Some("off") => settings.tail = None,
            Some(other) => {
                return Err(Error::invalid(format!("{ROLL_UP} is {other:?}")).with_hint(
                    "set it to `off`, or leave it out: then a sync rolls up what nobody else does",
                ));
            }
        }
        Ok(settings)
    }

    /// Names the whole address of a store that is not there: it may be the wrong one.
    pub(crate) fn with_location(&self, stop: Stop) -> Stop {
        let Stop::Failed(error) = stop else {
            return stop;
        };
        let is_missing =
            error.is_not_found() && error.object().is_some_and(|o| o.ends_with("store.json"));
        match self.backend() {
            Ok(backend) if is_missing => Stop::Failed(error.with_object(backend.location())),
            _ => Stop::Failed(error),
        }
    }

    /// The requests of all back ends so far.
    pub(crate) fn requests(&self) -> RequestCounts {
        let metered = self.metered.lock().unwrap_or_else(PoisonError::into_inner);
        metered
            .iter()
            .fold(RequestCounts::default(), |sum, one| sum + one.counts())
    }

    /// Prints the requests, if that was asked for.
    pub(crate) fn print_stats(&self) {
        if !self.stats {
            return;
        }
        let requests = self.requests();
        if self.out.json {
            let text = serde_json::json!({ "requests": requests, "cost_usd": cost_usd(&requests) });
            self.out.note(&text.to_string());
            return;
        }
        let total = requests.total;
        let mut lines = vec![format!(
            "{}: {} PUT, {} GET ({} not modified), {} LIST, {} DELETE, {} COPY; {} in, {} out; ${:.6} on S3",
            human::count(requests.requests(), "request"),
            total.put,
            total.get,
            total.not_modified,
            total.list,
            total.delete,
            total.copy,
            human::bytes(total.bytes_in),
            human::bytes(total.bytes_out),
            cost_usd(&requests),
        )];
        lines.extend(requests.by_kind.iter().map(|(kind, counts)| {
            format!(
                "  {kind}: {} PUT, {} GET, {} LIST",
                counts.put, counts.get, counts.list
            )
        }));
        self.out.note(&lines.join("\n"));
    }
}

/// The proxy that the HTTP client is told to use for a store that is reached by it, without what may be secret in its address.
fn proxy(environment: &BTreeMap<String, String>, store: Option<&str>) -> Option<String> {
    const NAMES: [&str; 6] = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    store.filter(|url| url.contains("://") && !url.starts_with("file:"))?;
    let named = NAMES.iter().filter_map(|name| {
        let value = environment.get(*name).filter(|value| !value.is_empty())?;
        let address = value
            .rsplit_once('@')
            .map_or(value.as_str(), |(_, host)| host);
        Some(format!("{name} names the proxy {address}"))
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| named.join(", "))
}

fn number(name: &str, value: &str) -> Result<u64> {
    value.parse().map_err(|e| {
        Error::invalid(format!("{value:?} is not a number"))
            .with_object(name.to_owned())
            .with_source(e)
    })
}
