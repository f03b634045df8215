//! The keys of an issuer, kept for a while.

use super::fault::TokenFault;
use super::fetch::{FETCH_BYTES_MAX, Fetch, checked_url};
use super::jwks;
use super::key::{Algorithm, VerifyKey};
use super::parts::Header;
use super::settings::IssuerSettings;
use bytes::Bytes;
use icecore_core::{Error, Result};
use icecore_store::Clock;
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long fetched keys are used without asking again.
pub const KEYS_FRESH_MAX: Duration = Duration::from_hours(1);

/// How long they are used when the issuer does not answer. Longer than any outage that nobody repairs, and
/// a limit to the use of a key that the issuer may have withdrawn meanwhile.
pub const KEYS_USED_MAX: Duration = Duration::from_hours(24);

/// The least time between two fetches while there are keys: anybody can send a token that names an unknown
/// key, and must not thereby make requests to the issuer.
pub const FETCH_INTERVAL_MIN: Duration = Duration::from_secs(30);

/// The same while there are none to use: nobody can get in meanwhile.
pub const FETCH_RETRY_MIN: Duration = Duration::from_secs(5);

type Keys = Arc<Vec<VerifyKey>>;

/// The keys of one issuer. Time is measured with the monotonic clock.
#[derive(Debug)]
pub(super) struct KeyCache {
    source: Source,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
    /// Held during a fetch, so that there is one at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Held {
    keys: Option<Keys>,
    fetched_at: Duration,
    /// When the last fetch ended, well or not.
    attempted_at: Option<Duration>,
    /// Why it failed, if it did.
    problem: String,
}

/// What to do about a token.
enum Step {
    /// Check it with these keys.
    Use(Keys),
    /// Fetch the keys; `meanwhile` are old ones that can check it.
    Fetch { meanwhile: Option<Keys> },
    /// There are no keys, and it is too early to ask again.
    GiveUp,
}

impl KeyCache {
    pub(super) fn new(
        settings: &IssuerSettings,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let source = Source {
            issuer: settings.issuer.clone(),
            jwks_url: settings.jwks_url.clone(),
            algorithms: settings.algorithms.clone(),
            fetch,
        };
        Self {
            source,
            clock,
            held: Mutex::default(),
            fetching: Arc::default(),
        }
    }

    /// The keys to check a token with this header with. The right one may not be among them.
    ///
    /// Who has a key for the token never waits for those who have none; and all who wait share one fetch.
    pub(super) async fn keys(self: &Arc<Self>, header: &Header) -> Result<Keys, TokenFault> {
        let fetching = Arc::clone(&self.fetching);
        let turn = match self.next_step(header) {
            Step::Use(keys) => return Ok(keys),
            Step::GiveUp => return Err(self.unavailable()),
            Step::Fetch {
                meanwhile: Some(keys),
            } => match fetching.try_lock_owned() {
                Ok(turn) => turn,
                Err(_) => return Ok(keys),
            },
            Step::Fetch { meanwhile: None } => fetching.lock_owned().await,
        };
        // Whoever had the turn before may have fetched what is needed.
        if let Step::Fetch { .. } = self.next_step(header) {
            // A task of its own: if this request is given up, those that wait have a result all the same,
            // and nobody can start fetch after fetch by giving up early.
            let cache = Arc::clone(self);
            let task = tokio::spawn(async move {
                cache.fetch().await;
                drop(turn);
            });
            if task.await.is_err() {
                return Err(self.unavailable());
            }
        }
        match self.next_step(header) {
            Step::Use(keys) => Ok(keys),
            Step::Fetch { .. } | Step::GiveUp => Err(self.unavailable()),
        }
    }

    fn next_step(&self, header: &Header) -> Step {
        let (held, now) = (self.held(), self.clock.monotonic());
        let age = now.saturating_sub(held.fetched_at);
        let usable = held.keys.clone().filter(|_| age < KEYS_USED_MAX);
        let fitting = usable
            .clone()
            .filter(|keys| keys.iter().any(|key| key.is_for(header)));
        let pause = match usable {
            Some(_) => FETCH_INTERVAL_MIN,
            None => FETCH_RETRY_MIN,
        };
        let is_too_early = held
            .attempted_at
            .is_some_and(|at| now.saturating_sub(at) < pause);
        match (fitting, usable) {
            (Some(keys), _) if age < KEYS_FRESH_MAX => Step::Use(keys),
            (_, Some(keys)) if is_too_early => Step::Use(keys),
            (_, None) if is_too_early => Step::GiveUp,
            (meanwhile, _) => Step::Fetch { meanwhile },
        }
    }

    async fn fetch(&self) {
        let result = self.source.load().await;
        let now = self.clock.monotonic();
        let mut held = self.held();
        held.attempted_at = Some(now);
        match result {
            Ok(keys) => {
                held.keys = Some(Arc::new(keys));
                held.fetched_at = now;
                held.problem.clear();
            }
            Err(error) => {
                // Harmless while there are keys; and when there are none, each request says so.
                let issuer = &self.source.issuer;
                tracing::warn!(issuer, %error, "the keys of an issuer cannot be fetched");
                held.problem = error.to_string();
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self) -> TokenFault {
        TokenFault::IssuerUnavailable {
            issuer: self.source.issuer.clone(),
            cause: self.held().problem.clone(),
        }
    }
}

/// Where the keys come from.
#[derive(Debug)]
struct Source {
    issuer: String,
    jwks_url: Option<String>,
    algorithms: Vec<Algorithm>,
    fetch: Arc<dyn Fetch>,
}

/// What is needed of an issuer's description of itself (`OpenID` Connect Discovery 1.0, 3).
#[derive(Debug, Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    async fn load(&self) -> Result<Vec<VerifyKey>> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        jwks::parse(&self.get(&url).await?, &self.algorithms)
            .map_err(|error| error.with_object(url))
    }

    /// Asks each time, for an issuer may move its keys.
    async fn discover(&self) -> Result<String> {
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let body = self.get(&url).await?;
        let description: Description = serde_json::from_slice(&body).map_err(|e| {
            Error::unavailable("the answer does not describe an issuer")
                .with_object(url.as_str())
                .with_source(e)
        })?;
        if description.issuer != self.issuer {
            return Err(Error::unavailable("the answer describes another issuer").with_object(url));
        }
        checked_url(&description.jwks_uri)?;
        Ok(description.jwks_uri)
    }

    async fn get(&self, url: &str) -> Result<Bytes> {
        let body = self.fetch.get(url).await?;
        if body.len() > FETCH_BYTES_MAX {
            return Err(Error::unavailable("the answer is too long").with_object(url));
        }
        Ok(body)
    }
}
