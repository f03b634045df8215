//! The scheduled roll-up of a served store, on a thread of its own: folding and unpacking never keep a call waiting.

use super::memory::{Memory, SEGMENTS_AHEAD};
use super::metrics::Metrics;
use futures::FutureExt;
use icecore_core::{Error, Result, SpaceName};
use icecore_store::rounds::{Limits, Report, Rounds, Work};
use icecore_store::{Backend, Store};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// When, and how long covered objects are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) every: Duration,
    pub(super) retention: Duration,
}

/// What is rolled up, and how.
pub(super) struct Rollups {
    pub(super) store: Store,
    pub(super) backend: Backend,
    pub(super) schedule: Schedule,
    pub(super) memory: Memory,
    pub(super) metrics: Arc<Metrics>,
}

/// A round may take as long as a function may run.
const ROUND_MAX: Duration = Duration::from_mins(15);
/// How often what killed writers left in a folder is removed, and how old that must be.
const CLEAN_EVERY: Duration = Duration::from_hours(1);
const LEFTOVER_AGE_MS: i64 = 60 * 60 * 1_000;
/// How long a round may take to stop where it stands.
const STOP_MAX: Duration = Duration::from_secs(2);

/// The thread that rolls up.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
    clock: Arc<dyn icecore_store::Clock>,
}

impl Running {
    /// Tells it to stop, and waits a little: a round can be cut anywhere, for the next run finds the same work.
    pub(super) async fn stop(self) {
        drop(self.stop);
        let waited = self.clock.sleep(STOP_MAX);
        futures::future::select(self.stopped, waited).await;
    }
}

impl Rollups {
    /// Begins to roll up, and goes on until it is told to stop.
    ///
    /// # Errors
    /// `Unavailable` when there can be no more threads.
    pub(super) fn start(self) -> Result<Running> {
        let (stop, mut told) = oneshot::channel();
        let (done, stopped) = oneshot::channel::<()>();
        let clock = Arc::clone(&self.store.clock);
        // Requests and timers are this runtime's; what is computed between them is the thread's.
        let runtime = tokio::runtime::Handle::current();
        thread::Builder::new()
            .name("roll-up".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = self.keep_running() => {}
                        _ = &mut told => {}
                    }
                });
                drop(done);
            })
            .map_err(|e| {
                Error::unavailable("no thread can be started for the roll-up").with_source(e)
            })?;
        Ok(Running {
            stop,
            stopped,
            clock,
        })
    }

    /// Nothing that a space holds may end it: it begins anew then, and says so.
    async fn keep_running(self) {
        loop {
            let running = AssertUnwindSafe(self.run_rounds()).catch_unwind();
            if running.await.is_err() {
                self.metrics.round_failed();
                tracing::error!("BUG: a round of the roll-up broke off; the next one begins anew");
            }
            self.store.clock.sleep(self.schedule.every).await;
        }
    }

    async fn run_rounds(&self) {
        let Self {
            store,
            backend,
            schedule,
            memory,
            metrics,
        } = self;
        let limits = Limits {
            retention: Some(schedule.retention),
            warm_bytes_max: memory.warm(),
            ..Limits::default()
        };
        let settings = memory.limit(&store.settings, SEGMENTS_AHEAD);
        let clock = &store.clock;
        let mut rounds = Rounds::new(store.clone().with_settings(settings), limits);
        let mut clean_at = Duration::ZERO;
        let mut too_large = BTreeSet::new();
        loop {
            if clock.monotonic() >= clean_at {
                clean(backend, clock.now()).await;
                clean_at = clock.monotonic() + CLEAN_EVERY;
            }
            clock.sleep(schedule.every).await;
            let deadline = clock.monotonic() + ROUND_MAX;
            match rounds.run(Work::Scheduled, deadline).await {
                Ok(report) => {
                    metrics.rolled_up(&report);
                    tell(&report, &mut too_large);
                }
                Err(error) => {
                    metrics.round_failed();
                    tracing::error!(%error, hint = error.hint(), "no roll-up");
                }
            }
        }
    }
}

async fn clean(backend: &Backend, now: i64) {
    match backend
        .remove_leftovers(now.saturating_sub(LEFTOVER_AGE_MS))
        .await
    {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "removed what killed writers left"),
        Err(error) => tracing::warn!(%error, "what killed writers left was not removed"),
    }
}

/// What a round did, and what stands in its way: a space that is too large is named once, not in each round.
fn tell(report: &Report, too_large: &mut BTreeSet<SpaceName>) {
    for failure in &report.failures {
        tracing::error!(space = %failure.space, error = failure.message, hint = failure.hint, "a space cannot be rolled up");
    }
    let met: BTreeSet<SpaceName> = report.too_large.iter().cloned().collect();
    for space in &met {
        if !too_large.contains(space) {
            tracing::warn!(%space, "the state takes more memory than it may here: the space is rolled up without snapshots (see --memory)");
        }
    }
    *too_large = met;
    if report.updates > 0 || report.pruned > 0 {
        tracing::info!(
            spaces = report.rolled_up,
            updates = report.updates,
            segments = report.segments,
            snapshots = report.snapshots,
            pruned = report.pruned,
            lag_ms = report.lag_ms,
            took_ms = report.millis,
            "rolled up"
        );
    }
}
