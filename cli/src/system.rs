//! The real world: clock, randomness, environment and signals. Everything else gets them from here.

use async_trait::async_trait;
use icecore_store::{Clock, Ids};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

/// The clock of this machine.
#[derive(Debug)]
pub(crate) struct SystemClock {
    start: Instant,
    /// Milliseconds by which it is set wrong, for tests.
    wrong_by: i64,
}

impl SystemClock {
    /// A clock whose monotonic time starts now, and whose time of day is wrong by so many milliseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected"
    )]
    pub(crate) fn new(wrong_by: i64) -> Self {
        Self {
            start: Instant::now(),
            wrong_by,
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
pub(crate) struct OsIds;

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
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Waits for Ctrl-C.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler Ctrl-C ends the process at once, as it always did.
        std::future::pending::<()>().await;
    }
}

/// Waits for Ctrl-C, or for whoever supervises this process to end it.
pub(crate) async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupted() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupted().await;
}

/// Threads for files and look-ups of names: as many as a disk can use at once, and no more, for each takes memory.
const BLOCKING_THREADS_MAX: usize = 32;

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build();
    runtime
        .expect("BUG: a runtime needs only threads and memory")
        .block_on(future)
}

/// Stops here for ever, so that a test can kill the process at this very point.
pub(crate) fn stop_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
