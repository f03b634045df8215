//! Virtual time: it moves only when every task waits, so hours pass in milliseconds, the same way each time.

use async_trait::async_trait;
use icecore_store::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// When every simulation begins: 2026-11-20T00:00:00Z.
pub const EPOCH_MILLIS: i64 = 1_795_132_800_000;

/// The clock of one actor: virtual time, and how wrong it is just now. Needs a tokio runtime with paused time.
#[derive(Debug, Clone)]
pub struct SimClock {
    start: Instant,
    skew: Arc<AtomicI64>,
}

impl SimClock {
    /// The right time, from now on.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            skew: Arc::new(AtomicI64::new(0)),
        }
    }

    /// The same time, seen by a clock that is `skew` milliseconds ahead.
    #[must_use]
    pub fn skewed(&self, skew: i64) -> Self {
        Self {
            start: self.start,
            skew: Arc::new(AtomicI64::new(skew)),
        }
    }

    /// Makes this clock jump.
    pub fn set_skew(&self, skew: i64) {
        self.skew.store(skew, Ordering::Relaxed);
    }

    /// The right time, whatever this clock shows.
    pub fn true_now(&self) -> i64 {
        EPOCH_MILLIS + i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> i64 {
        self.true_now() + self.skew.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the injected clock, on tokio's paused time"
    )]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
