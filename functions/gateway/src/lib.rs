//! The gateway as a Lambda function behind a function URL: the router of `icecore-gateway`, with what it stands on taken
//! from the environment and from a parameter of SSM.
//!
//! # Layout
//! - [`config`]: what the function is told by its environment
//! - [`metric`]: the line that it logs of each call, with the metrics that `CloudWatch` takes from it
//! - [`settings`]: its settings, with their secrets, from where they are kept
//!
//! # Guarantees
//! The function keeps nothing: any number run beside each other. It starts with one request, to read its settings.
//!
//! # Non-goals
//! Other models: a gateway looks into no update.

pub mod config;
pub mod metric;
pub mod settings;

pub use config::Config;

use axum::Router;
use icecore_core::Result;
use icecore_function::system::{self, OsIds, SystemClock};
use icecore_gateway::api::Origins;
use icecore_gateway::token::{Fetch, HttpFetch, Verifier};
use icecore_gateway::{Gateway, Guests, Limits, router};
use icecore_store::{Clock, Ids};
use metric::EmbeddedMetrics;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// Serves requests for as long as the Lambda runtime asks.
///
/// # Errors
/// When the environment or the settings do not say what the function needs, or the Lambda runtime cannot be reached.
pub async fn run() -> Result<(), lambda_http::Error> {
    let config = Config::new(system::environment())?;
    let filter = EnvFilter::try_new(&config.log_filter)?;
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .init();
    let router = open(&config).await?;
    lambda_http::run(router).await
}

/// The router, on the store and with the settings that the configuration names.
///
/// # Errors
/// `Invalid`, `Denied`, `NotFound` or `Unavailable`, naming the variable or the parameter.
pub async fn open(config: &Config) -> Result<Router> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let ids: Arc<dyn Ids> = Arc::new(OsIds);
    let settings = settings::read(config, Arc::clone(&clock)).await?;
    let fetch: Arc<dyn Fetch> = Arc::new(HttpFetch::new(Arc::clone(&clock))?);
    let verifier = Verifier::new(&settings.tokens, &fetch, Arc::clone(&clock))?;
    let store = config.store(clock, ids)?;
    let guests = Guests::from_settings(&settings)?;
    let limits = Limits::from(settings.limits);
    let metrics = EmbeddedMetrics::new(config.function.clone(), Arc::clone(&store.clock));
    let gateway = Gateway::new(store, config.presigner()?, verifier, limits)
        .with_guests(guests)
        .with_observer(Arc::new(metrics))
        .with_origins(Origins::new(config.origins.clone())?);
    Ok(router(&gateway))
}
