//! What every process of the demo stands on: the store, counted, with short intervals.

use crate::context::Context;
use async_trait::async_trait;
use icecore_core::Result;
use icecore_store::backend::{self, Metered};
use icecore_store::{Clock, Settings, Store};
use std::sync::Arc;
use std::time::Duration;

/// The store, and what it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) metered: Metered,
}

impl Stage {
    /// Opens the store at `url`; with `create`, also what it needs to exist.
    pub(super) async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        context: &Context,
        create: bool,
    ) -> Result<Self> {
        let environment = context.environment.clone().into_iter();
        let mut backend = backend::open(url, environment, Arc::clone(&clock))?;
        if create {
            backend.prepare().await?;
        }
        let metered = Metered::new(Arc::clone(&backend.store), backend.prefix.clone());
        backend.store = Arc::new(metered.clone());
        let store = Store::new(&backend, clock, Arc::clone(&context.ids)).with_settings(settings());
        Ok(Self { store, metered })
    }
}

/// Hours in seconds: the intervals of a day-to-day store are cut so that a short play shows all of them.
fn settings() -> Settings {
    Settings {
        settle: Duration::from_millis(300),
        safety: Duration::from_secs(2),
        check: Duration::from_secs(5),
        ..Settings::default()
    }
}

/// A clock that is behind.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) millis: i64,
}

#[async_trait]
impl Clock for Behind {
    fn now(&self) -> i64 {
        self.clock.now() - self.millis
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}
