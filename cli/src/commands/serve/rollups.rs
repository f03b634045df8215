//! The scheduled roll-up of a served store.

use super::metrics::Metrics;
use icecore_store::Store;
use icecore_store::rounds::{Limits, Rounds, Work};
use std::sync::Arc;
use std::time::Duration;

/// When, and how long covered objects are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) every: Duration,
    pub(super) retention: Duration,
}

/// A round may take as long as a function may run.
const ROUND_MAX: Duration = Duration::from_mins(15);

/// Rolls up for ever. It can be dropped anywhere: the next run finds the same work.
pub(super) async fn keep_running(store: Store, schedule: Schedule, metrics: &Metrics) {
    let limits = Limits {
        retention: Some(schedule.retention),
        ..Limits::default()
    };
    let clock = Arc::clone(&store.clock);
    let mut rounds = Rounds::new(store, limits);
    loop {
        clock.sleep(schedule.every).await;
        let deadline = clock.monotonic() + ROUND_MAX;
        match rounds.run(Work::Scheduled, deadline).await {
            Ok(report) => {
                metrics.rolled_up(&report);
                for failure in &report.failures {
                    tracing::error!(space = %failure.space, error = failure.message, hint = failure.hint, "a space cannot be rolled up");
                }
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
            Err(error) => {
                metrics.round_failed();
                tracing::error!(%error, hint = error.hint(), "no roll-up");
            }
        }
    }
}
