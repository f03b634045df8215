//! From what a person writes after `--store` to a back end.

use super::gateway::{Gateway, GatewayAddress, TokenSource};
use super::signing::Resigner;
use super::{Connector, Folder, ServerTime, WithServerTime, from_object_store};
use crate::broker::Broker;
use crate::ports::Clock;
use icecore_core::{Error, Result};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::HttpConnector;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use url::Url;

/// The protocol repeats what failed and recognises its own earlier writes, so the HTTP client only smooths
/// over a hiccup: its retries must end well within the write window of 30 s.
const RETRIES_MAX: usize = 2;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const SUPPORTED: &str = "use a folder (./dir, file:///abs/dir), s3://bucket/prefix, gs://bucket/prefix, \
     az://container/prefix, the address of a gateway (https://host) or memory://";

/// The sort of a back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackendKind {
    /// The memory of this process, for tests and trials.
    Memory,
    /// A local directory.
    Folder,
    /// Amazon S3 or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A bucket behind a gateway.
    Gateway,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Folder => "folder",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
            Self::Gateway => "gateway",
        })
    }
}

/// A bucket or folder, and where in it the store lies.
#[derive(Clone)]
pub struct Backend {
    /// The bucket or folder.
    pub store: Arc<dyn ObjectStore>,
    /// The root of the store within it.
    pub prefix: Path,
    /// What it is.
    pub kind: BackendKind,
    /// The server's time, as far as its responses told; stays unknown where there is no server.
    pub server_time: Arc<ServerTime>,
    /// Who hands out access, behind a gateway.
    pub broker: Option<Arc<dyn Broker>>,
    folder: Option<Folder>,
    location: String,
}

impl Backend {
    /// Makes what a new store needs before its first object: the directory of a folder, durably. A bucket
    /// must exist, and `open` never creates anything.
    ///
    /// # Errors
    /// `Denied` or `Unavailable` when the directory cannot be made.
    pub async fn prepare(&self) -> Result<()> {
        match &self.folder {
            Some(folder) => folder
                .create()
                .await
                .map_err(|error| from_object_store(error, "create the folder", &self.location)),
            None => Ok(()),
        }
    }

    /// Removes what writers that were killed left in a folder, if last written before `older_than`, milliseconds since 1970
    /// UTC, and returns how many files. It is never seen as an object: this only frees space.
    ///
    /// # Errors
    /// `Denied` or `Unavailable` when a directory cannot be read or a file not removed.
    pub async fn remove_leftovers(&self, older_than: i64) -> Result<usize> {
        let Some(folder) = &self.folder else {
            return Ok(0);
        };
        let older_than = Duration::from_millis(u64::try_from(older_than).unwrap_or(0));
        folder
            .remove_leftovers(SystemTime::UNIX_EPOCH + older_than)
            .await
            .map_err(|error| from_object_store(error, "clean the folder", &self.location))
    }

    /// Where this is, for people: without credentials and query.
    pub fn location(&self) -> &str {
        &self.location
    }
}

impl fmt::Debug for Backend {
    // Not derived: the clients of object_store hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("kind", &self.kind)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// Opens the back end at `url`, with the settings that `env` (the process's environment) holds for it:
/// `AWS_*`, `GOOGLE_*` or `AZURE_*`, as documented by `object_store`. No request is made.
///
/// - `file:///abs/dir`, `/abs/dir`, `./dir`: a folder; it is not created, see [`Backend::prepare`]
/// - `s3://bucket/prefix`: S3. `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3` names another server, addressed by
///   path and with `http` if it says so; the region is us-east-1 unless `AWS_REGION` or
///   `AWS_DEFAULT_REGION` is set. Profiles in `~/.aws` are not read.
/// - `gs://bucket/prefix`, `az://container/prefix`, `abfs://…`, and the `https` addresses of these services
/// - `https://host`, or `http://` on this machine: a gateway, asked with the token in `ICECORE_TOKEN` or in the file
///   that `ICECORE_TOKEN_FILE` names
/// - `memory://`: a new, empty store each time
///
/// # Errors
/// `Invalid`, with a hint, for anything else and for settings that contradict each other.
pub fn open(
    url: &str,
    env: impl Iterator<Item = (String, String)>,
    clock: Arc<dyn Clock>,
) -> Result<Backend> {
    if let Some(path) = plain_path(url) {
        return folder(path);
    }
    let parsed = Url::parse(url)
        .map_err(|e| unsupported("the store's address is not a URL").with_source(e))?;
    let scheme = ObjectStoreScheme::parse(&parsed);
    let (scheme, prefix) = scheme.map_err(|e| unsupported(&refused(&parsed)).with_source(e))?;
    let client = Client {
        url: parsed,
        env: env.filter(|(_, value)| !value.is_empty()).collect(),
        clock,
    };
    let server_time = Arc::new(ServerTime::new());
    let (kind, store) = match scheme {
        ObjectStoreScheme::Local => {
            let path = client.url.to_file_path().map_err(|()| {
                Error::invalid("this file URL names a host")
                    .with_hint("use file:///absolute/path or ./path")
            })?;
            return folder(path);
        }
        ObjectStoreScheme::Memory => (
            BackendKind::Memory,
            Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
        ),
        ObjectStoreScheme::AmazonS3 => (BackendKind::S3, client.s3(&server_time)?),
        ObjectStoreScheme::GoogleCloudStorage => (BackendKind::Gcs, client.gcs(&server_time)?),
        ObjectStoreScheme::MicrosoftAzure => (BackendKind::Azure, client.azure(&server_time)?),
        ObjectStoreScheme::Http => return client.gateway(server_time),
        _ => return Err(unsupported(&refused(&client.url))),
    };
    let location = public(&client.url);
    Ok(Backend {
        store,
        prefix,
        kind,
        server_time,
        broker: None,
        folder: None,
        location,
    })
}

/// A path is what has no scheme; a single letter before the colon is a drive.
fn plain_path(url: &str) -> Option<PathBuf> {
    if url.is_empty() {
        return None;
    }
    let path = match url.split_once(':') {
        Some(("file", rest)) if !rest.starts_with("//") => rest,
        Some((scheme, _))
            if scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            return None;
        }
        _ => url,
    };
    Some(PathBuf::from(path))
}

fn folder(path: PathBuf) -> Result<Backend> {
    if path.as_os_str().is_empty() {
        return Err(unsupported("the store's address is empty"));
    }
    let folder = Folder::new(path);
    Ok(Backend {
        store: Arc::new(folder.clone()),
        prefix: Path::default(),
        kind: BackendKind::Folder,
        server_time: Arc::new(ServerTime::new()),
        broker: None,
        location: folder.root().display().to_string(),
        folder: Some(folder),
    })
}

fn unsupported(message: &str) -> Error {
    Error::invalid(message).with_hint(SUPPORTED)
}

fn refused(url: &Url) -> String {
    format!("a store cannot lie at {}", public(url))
}

/// The URL without what may be secret: user, password, query (a SAS signature) and fragment.
fn public(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    format!(
        "{}://{host}{}",
        url.scheme(),
        url.path().trim_end_matches('/')
    )
}

/// What the clients of all clouds are built from.
struct Client {
    url: Url,
    env: Vec<(String, String)>,
    clock: Arc<dyn Clock>,
}

/// Applies the settings of the environment, the way each builder's own `from_env` does.
macro_rules! configured {
    ($client:expr, $builder:ty, $variables:literal, $connector:expr) => {{
        let options = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT);
        let builder = <$builder>::new().with_client_options(options);
        let builder = $client
            .settings($variables)
            .fold(builder, |builder, (key, value)| {
                builder.with_config(key, value)
            });
        builder
            .with_url($client.url.as_str())
            .with_retry(retries())
            .with_http_connector($connector)
    }};
}

impl Client {
    fn s3(&self, server_time: &Arc<ServerTime>) -> Result<Arc<dyn ObjectStore>> {
        let resigner = Resigner::default();
        let builder = {
            let connector = self.connector(server_time).with_resigner(resigner.clone());
            configured!(self, AmazonS3Builder, "AWS_", connector)
        };
        let endpoint = self
            .value("AWS_ENDPOINT_URL_S3")
            .or_else(|| self.value("AWS_ENDPOINT_URL"))
            .or_else(|| self.value("AWS_ENDPOINT"));
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let builder = if plain {
            builder.with_allow_http(true)
        } else {
            builder
        };
        let built_s3 = builder.build().inspect(|s3| resigner.set(s3.credentials()));
        built(built_s3, "AWS_ variables")
    }

    fn gcs(&self, server_time: &Arc<ServerTime>) -> Result<Arc<dyn ObjectStore>> {
        let builder = configured!(
            self,
            GoogleCloudStorageBuilder,
            "GOOGLE_",
            self.connector(server_time)
        );
        let builder = match self.value("SERVICE_ACCOUNT") {
            Some(path) => builder.with_service_account_path(path),
            None => builder,
        };
        built(builder.build(), "GOOGLE_ variables")
    }

    fn azure(&self, server_time: &Arc<ServerTime>) -> Result<Arc<dyn ObjectStore>> {
        let builder = configured!(
            self,
            MicrosoftAzureBuilder,
            "AZURE_",
            self.connector(server_time)
        );
        built(builder.build(), "AZURE_ variables")
    }

    fn gateway(&self, server_time: Arc<ServerTime>) -> Result<Backend> {
        let address = GatewayAddress::parse(&self.url)?;
        let token = match (
            self.value("ICECORE_TOKEN"),
            self.value("ICECORE_TOKEN_FILE"),
        ) {
            (Some(token), _) => TokenSource::Fixed(token.trim().to_owned()),
            (None, Some(path)) => TokenSource::File(PathBuf::from(path)),
            (None, None) => TokenSource::None,
        };
        let options = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(address.is_plain());
        let http = Connector
            .connect(&options)
            .map_err(|e| Error::invalid("no HTTP client can be made").with_source(e))?;
        let location = address.to_string();
        let clock = Arc::clone(&self.clock);
        let gateway = Gateway::new(address, token, http, clock, Arc::clone(&server_time));
        Ok(Backend {
            store: Arc::new(gateway.clone()),
            prefix: Path::default(),
            kind: BackendKind::Gateway,
            server_time,
            broker: Some(Arc::new(gateway)),
            folder: None,
            location,
        })
    }

    fn settings<K: FromStr>(&self, variables: &'static str) -> impl Iterator<Item = (K, &str)> {
        self.env.iter().filter_map(move |(name, value)| {
            let known = name.starts_with(variables);
            let key = known
                .then(|| name.to_ascii_lowercase().parse().ok())
                .flatten()?;
            Some((key, value.as_str()))
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn connector(&self, server_time: &Arc<ServerTime>) -> WithServerTime {
        WithServerTime::new(Arc::clone(server_time), Arc::clone(&self.clock))
    }
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: RETRY_PAUSE_MAX,
            ..BackoffConfig::default()
        },
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIMEOUT,
    }
}

fn built(
    store: object_store::Result<impl ObjectStore>,
    settings: &str,
) -> Result<Arc<dyn ObjectStore>> {
    match store {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(
            Error::invalid("the back end's settings do not fit together")
                .with_hint(format!("check the store's address and the {settings}"))
                .with_source(error),
        ),
    }
}

#[cfg(test)]
mod tests;
