//! What the function is told by its environment, read once and checked.

use icecore_core::{Error, Result};
use icecore_function::{Endpoint, Memory, Variables};
use icecore_gateway::Presigner;
use icecore_store::{Clock, Ids, Settings, Store, backend};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// The settings of a function.
///
/// | variable | meaning |
/// | --- | --- |
/// | `ICECORE_STORE` | where the store lies: `s3://bucket/prefix` |
/// | `ICECORE_SETTINGS_PARAMETER` | the SSM parameter, a `SecureString`, that holds the settings of tokens and limits |
/// | `ICECORE_SETTINGS` | these settings themselves, where there is no such parameter |
/// | `ICECORE_ALLOWED_ORIGINS` | web pages that may call it, separated by commas; none unless set |
/// | `ICECORE_TAG_TRANSIENT` | `true` to tag transient events for a lifecycle rule; not every server knows tags |
/// | `ICECORE_LOG` | what is logged; `info` unless set |
///
/// Region, credentials and endpoints come from the `AWS_` variables.
pub struct Config {
    /// Where the store lies.
    pub store: String,
    /// Where the settings are kept.
    pub settings: SettingsPlace,
    /// Web pages that may call it.
    pub origins: Vec<String>,
    /// Which messages are logged.
    pub log_filter: String,
    /// The name of the function, as Lambda tells it.
    pub function: String,
    tag_transient: bool,
    memory: Memory,
    environment: BTreeMap<String, String>,
}

/// Where the settings are kept.
#[derive(Clone)]
pub enum SettingsPlace {
    /// In a parameter of SSM.
    Parameter(String, Endpoint),
    /// In the environment.
    Here(String),
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the variable, when one is missing or cannot be read.
    pub fn new(environment: BTreeMap<String, String>) -> Result<Self> {
        let of = Variables(&environment);
        let settings = match (
            of.get("ICECORE_SETTINGS_PARAMETER"),
            of.get("ICECORE_SETTINGS"),
        ) {
            (Some(name), _) => {
                let host = format!("https://ssm.{}.amazonaws.com/", of.region());
                let url = Url::parse(&host).map_err(|e| {
                    Error::invalid("the region makes no address")
                        .with_object("AWS_REGION")
                        .with_source(e)
                })?;
                SettingsPlace::Parameter(name.to_owned(), Endpoint::new("ssm", url, of)?)
            }
            (None, Some(json)) => SettingsPlace::Here(json.to_owned()),
            (None, None) => {
                return Err(Error::invalid("a variable of the environment is not set")
                    .with_object("ICECORE_SETTINGS_PARAMETER")
                    .with_hint("name the SSM parameter with the settings of tokens"));
            }
        };
        let origins = of.get("ICECORE_ALLOWED_ORIGINS").unwrap_or_default();
        let origins = origins.split(',').map(str::trim).filter(|o| !o.is_empty());
        Ok(Self {
            store: of.required("ICECORE_STORE")?.to_owned(),
            settings,
            origins: origins.map(str::to_owned).collect(),
            log_filter: of.get("ICECORE_LOG").unwrap_or("info").to_owned(),
            function: of
                .get("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or("icecore-gateway")
                .to_owned(),
            memory: Memory::of(of)?,
            tag_transient: of.get("ICECORE_TAG_TRANSIENT") == Some("true"),
            environment,
        })
    }

    /// The store. No request is made.
    ///
    /// # Errors
    /// `Invalid` when the address names nothing that can hold a store.
    pub fn store(&self, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Store> {
        let environment = self.environment.clone().into_iter();
        let backend = backend::open(&self.store, environment, Arc::clone(&clock))
            .map_err(|e| e.with_object("ICECORE_STORE"))?;
        let settings = Settings {
            tag_transient: self.tag_transient,
            ..Settings::default()
        };
        Ok(Store::new(&backend, clock, ids).with_settings(self.memory.limit(settings)))
    }

    /// What signs requests to its bucket.
    ///
    /// # Errors
    /// `Invalid` or `Denied`, saying which variable is wrong.
    pub fn presigner(&self) -> Result<Presigner> {
        let of = Variables(&self.environment);
        Presigner::for_bucket(&self.store, |name| of.get(name))
    }
}

impl fmt::Debug for Config {
    // Not derived: the environment and the settings hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("store", &self.store)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SettingsPlace {
    // Not derived: the settings hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name, _) => f.debug_tuple("Parameter").field(name).finish(),
            Self::Here(_) => f.write_str("Here(…)"),
        }
    }
}
