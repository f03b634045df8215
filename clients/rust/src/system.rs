//! The clock, the randomness and the environment of this machine. Everything below gets them from here.

use async_trait::async_trait;
use icecore_store::{Clock, Ids};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

/// The clock of this machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// Milliseconds by which it is set wrong, for tests.
    wrong_by: i64,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[expect(
        clippy::new_without_default,
        reason = "a default would hide that it reads the time"
    )]
    pub fn new() -> Self {
        Self::wrong_by(0)
    }

    /// The same, with a time of day that is wrong by so many milliseconds: for tests.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected"
    )]
    pub fn wrong_by(millis: i64) -> Self {
        Self {
            start: Instant::now(),
            wrong_by: millis,
        }
    }
}

#[async_trait]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that is injected"
)]
impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let now = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => millis(since),
            Err(before) => -millis(before.duration()),
        };
        now.saturating_add(self.wrong_by)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Random bits from a generator that the operating system seeds.
#[derive(Debug)]
pub struct OsIds;

impl Ids for OsIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the randomness that is injected"
    )]
    fn random(&self) -> u128 {
        rand::random()
    }
}

/// The environment, but for what is not text: credentials of the bucket, and the token of a gateway.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
