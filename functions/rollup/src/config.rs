//! What the function is told by its environment, read once and checked.

use icecore_core::{Registry, Result};
use icecore_function::{Endpoint, Memory, Variables};
use icecore_store::rounds::Limits;
use icecore_store::{Clock, Ids, Settings, Store, backend};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Smaller than elsewhere: a function has little memory, and must be able to stop soon.
const CHUNK_OBJECTS_MAX: usize = 5_000;
const CHUNK_BYTES_MAX: u64 = 4 << 20;

/// The settings of a function.
///
/// | variable | meaning | default |
/// | --- | --- | --- |
/// | `ICECORE_STORE` | where the store lies: `s3://bucket/prefix` | must be set |
/// | `ICECORE_QUEUE_URL` | the SQS queue for spaces that one invocation does not finish | none: the next one goes on |
/// | `ICECORE_RETENTION` | how long covered update objects are kept | `24h` |
/// | `ICECORE_MARGIN` | nothing is begun when less than this is left of the time | `10s` |
/// | `ICECORE_SPACES_AT_ONCE` | spaces under way at once | `8` |
/// | `ICECORE_WARM_BYTES_MAX` | estimated bytes of models kept in memory | 32 MiB, or less where there is little |
/// | `ICECORE_LOG` | what is logged besides the line of each invocation | `info` |
///
/// The function's time-out must be well above the margin, and long enough to list the largest backlog: 1,000 update
/// objects take one request.
///
/// Region, credentials and endpoints come from the `AWS_` variables.
pub struct Config {
    /// Where the store lies.
    pub store: String,
    /// Where the rest goes.
    pub queue: Option<SqsSettings>,
    /// What a round may take.
    pub limits: Limits,
    /// The name of the function, for its metrics.
    pub function_name: String,
    /// Which messages are logged.
    pub log_filter: String,
    memory: Memory,
    /// For the back end, which takes its credentials from it.
    environment: BTreeMap<String, String>,
}

/// An SQS queue, and how it is reached.
#[derive(Debug, Clone)]
pub struct SqsSettings {
    /// The queue's URL.
    pub queue_url: String,
    /// Where requests go: by default to the host of the queue's URL.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// `Invalid`, naming the variable, when one is missing or cannot be read.
    pub fn new(environment: BTreeMap<String, String>) -> Result<Self> {
        let of = Variables(&environment);
        let defaults = Limits::default();
        let memory = Memory::of(of)?;
        let limits = Limits {
            spaces_at_once: of
                .number("ICECORE_SPACES_AT_ONCE")?
                .unwrap_or(defaults.spaces_at_once),
            warm_bytes_max: of
                .number("ICECORE_WARM_BYTES_MAX")?
                .unwrap_or(defaults.warm_bytes_max.min(memory.warm())),
            margin: of.duration("ICECORE_MARGIN")?.unwrap_or(defaults.margin),
            retention: of.duration("ICECORE_RETENTION")?,
            ..defaults
        };
        Ok(Self {
            store: of.required("ICECORE_STORE")?.to_owned(),
            queue: queue(of)?,
            limits,
            function_name: of
                .get("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or("icecore-rollup")
                .to_owned(),
            memory,
            log_filter: of.get("ICECORE_LOG").unwrap_or("info").to_owned(),
            environment,
        })
    }

    /// The store, with the limits of a small machine. No request is made.
    ///
    /// # Errors
    /// `Invalid` when the address names nothing that can hold a store.
    pub fn open(
        &self,
        registry: Registry,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Store> {
        let environment = self.environment.clone().into_iter();
        let backend = backend::open(&self.store, environment, Arc::clone(&clock))
            .map_err(|e| e.with_object("ICECORE_STORE"))?;
        let settings = Settings {
            chunk_objects_max: CHUNK_OBJECTS_MAX,
            chunk_bytes_max: CHUNK_BYTES_MAX,
            ..Settings::default()
        };
        let store = Store::new(&backend, clock, ids);
        Ok(store
            .with_registry(registry)
            .with_settings(self.memory.limit(settings)))
    }
}

impl fmt::Debug for Config {
    // Not derived: the environment holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("store", &self.store)
            .field("queue", &self.queue)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn queue(of: Variables<'_>) -> Result<Option<SqsSettings>> {
    let Some(url) = of.url("ICECORE_QUEUE_URL")? else {
        return Ok(None);
    };
    Ok(Some(SqsSettings {
        queue_url: of.required("ICECORE_QUEUE_URL")?.to_owned(),
        endpoint: Endpoint::new("sqs", url, of)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Config::new(variables.iter().map(own).collect())
    }

    const STORE: (&str, &str) = ("ICECORE_STORE", "s3://bucket/prefix");
    const KEYS: [(&str, &str); 2] = [
        ("AWS_ACCESS_KEY_ID", "me"),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush"),
    ];

    #[test]
    fn what_is_wrong_is_named() {
        let (queue, bad) = ("ICECORE_QUEUE_URL", "ICECORE_RETENTION");
        let cases: [(&[(&str, &str)], &str); 8] = [
            (&[], "ICECORE_STORE"),
            (&[("ICECORE_STORE", "")], "ICECORE_STORE"),
            (&[STORE, (bad, "24")], bad),
            (&[STORE, (bad, "h")], bad),
            (&[STORE, (bad, "99999999999999999999d")], bad),
            (
                &[STORE, ("ICECORE_SPACES_AT_ONCE", "-1")],
                "ICECORE_SPACES_AT_ONCE",
            ),
            (&[STORE, (queue, "nowhere")], queue),
            (&[STORE, (queue, "https://sqs/1/q")], "AWS_ACCESS_KEY_ID"),
        ];
        for (variables, object) in cases {
            let error = config(variables).unwrap_err();
            assert_eq!(error.object(), Some(object), "{variables:?}");
        }
    }

    #[test]
    fn the_queue_is_reached_at_its_own_host_or_where_the_environment_says() {
        let url = (
            "ICECORE_QUEUE_URL",
            "https://sqs.eu-west-1.amazonaws.com/1/q?x",
        );
        let [id, secret] = KEYS;
        let cases: [(&[(&str, &str)], &str); 3] = [
            (&[], "https://sqs.eu-west-1.amazonaws.com/"),
            (
                &[("AWS_ENDPOINT_URL", "http://localhost:4566")],
                "http://localhost:4566/",
            ),
            (
                &[
                    ("AWS_ENDPOINT_URL", "http://localhost:1"),
                    ("AWS_ENDPOINT_URL_SQS", "http://localhost:2/a"),
                ],
                "http://localhost:2/",
            ),
        ];
        for (more, endpoint) in cases {
            let mut variables = vec![STORE, url, id, secret];
            variables.extend(more);
            let queue = config(&variables).unwrap().queue.unwrap();
            assert_eq!(queue.endpoint.url.as_str(), endpoint);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let queue = ("ICECORE_QUEUE_URL", "https://sqs/1/q");
        let config = config(&[STORE, queue, KEYS[0], KEYS[1]]).unwrap();
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("hush") && shown.contains("s3://"),
            "{shown}"
        );
    }
}
