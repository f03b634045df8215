//! The real world: clock, randomness, environment and standard output. Everything else gets them from here.

use async_trait::async_trait;
use icecore_store::{Clock, Ids};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

/// The clock of this machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[expect(
        clippy::disallowed_methods,
        clippy::new_without_default,
        reason = "this is the clock that is injected; a default would hide that it reads the time"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
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
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => millis(since),
            Err(before) => -millis(before.duration()),
        }
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

/// The environment, but for what is not text.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Writes a line to the standard output, which is the function's log.
pub fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    // Without a log there is nowhere left to complain.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
