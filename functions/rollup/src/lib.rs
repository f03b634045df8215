//! The scheduled roll-up as a Lambda function: a schedule wakes it, it finds the spaces that changed, rolls them up and
//! prunes them, and hands what it cannot finish to a queue that feeds it again.
//!
//! # Layout
//! - [`config`]: what the function is told by its environment
//! - [`event`]: from a Lambda event to the work that it asks for
//! - [`handler`]: one invocation
//! - [`queue`]: where the rest goes
//! - [`metric`]: the one line that an invocation logs
//!
//! # A model of one's own
//! The built-in function folds the built-in models. A function for others is a program of a few lines:
//!
//! ```no_run
//! use icecore_core::{Meta, Model, Registry, Rejected};
//! use serde_json::value::RawValue;
//!
//! #[derive(Clone)]
//! struct Steps;
//!
//! impl Model for Steps {
//!     type State = u64;
//!     type Update = u64;
//!     fn name(&self) -> &'static str { "steps" }
//!     fn version(&self) -> u32 { 1 }
//!     fn initial(&self) -> u64 { 0 }
//!     fn decode(&self, _: &str, data: &RawValue) -> Result<u64, Rejected> {
//!         data.get().parse().map_err(|_| Rejected::new("steps are a number"))
//!     }
//!     fn apply(&self, state: &mut u64, steps: u64, _: &Meta<'_>) -> Result<(), Rejected> {
//!         *state = state.saturating_add(steps);
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), lambda_runtime::Error> {
//!     icecore_rollup::run(Registry::built_in().with(Steps)).await
//! }
//! ```
//!
//! # Guarantees
//! Any number of invocations may run at once, and each may be killed at any moment: the protocol settles it
//! (`docs/protocol.md`).
//!
//! # Non-goals
//! Being called by people: it checks no token. The permission to invoke it is all that protects it.

pub mod config;
pub mod event;
pub mod handler;
pub mod metric;
pub mod queue;

pub use config::Config;
pub use handler::{Answer, Failed, Function};
pub use icecore_function::system;

use icecore_core::Registry;
use icecore_store::rounds::Rounds;
use icecore_store::{Clock, Ids};
use lambda_runtime::{LambdaEvent, service_fn};
use queue::{Queue, SqsQueue};
use std::sync::Arc;
use system::{OsIds, SystemClock};
use tracing_subscriber::EnvFilter;

/// Serves invocations for as long as the Lambda runtime asks, folding the models of `registry`.
///
/// # Errors
/// When the environment does not say what the function needs, or the Lambda runtime cannot be reached.
pub async fn run(registry: Registry) -> Result<(), lambda_runtime::Error> {
    let config = Config::new(system::environment())?;
    let filter = EnvFilter::try_new(&config.log_filter)?;
    let subscriber = tracing_subscriber::fmt().json().with_env_filter(filter);
    // Somebody's own `main` may have set one up already.
    drop(subscriber.try_init());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let ids: Arc<dyn Ids> = Arc::new(OsIds);
    let store = config.open(registry, Arc::clone(&clock), ids)?;
    let queue = match &config.queue {
        Some(settings) => Some(Arc::new(SqsQueue::new(settings, clock)?) as Arc<dyn Queue>),
        None => None,
    };
    let rounds = Rounds::new(store, config.limits.clone());
    let log = Arc::new(system::print_line);
    let function = Function::new(rounds, queue, &config.function_name, log);
    let serve = service_fn(|event: LambdaEvent<serde_json::Value>| function.handle(event));
    lambda_runtime::run(serve).await
}
