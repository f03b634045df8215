//! Roll-ups beside the replicas, in a process of their own: run after run until the play is over.

use super::script::Script;
use super::stage::Stage;
use super::wire::{Command, Event, Wire, send};
use futures::future::{Either, select};
use icecore_core::Result;
use icecore_store::backend::RequestCounts;
use icecore_store::rollup::{RollupOptions, RollupReport, roll_up_warm};
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::time::Duration;

/// The pause between two runs: short, for a play takes seconds.
const PAUSE: Duration = Duration::from_millis(400);

/// What all runs did together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RollupsDone {
    pub(super) runs: u64,
    /// Runs that stopped because another process was faster.
    pub(super) raced: u64,
    /// Runs that failed and left everything to the next one.
    pub(super) failed: u64,
    /// What they asked the bucket for.
    pub(super) requests: RequestCounts,
}

impl RollupsDone {
    /// Adds one run.
    pub(super) fn add(&mut self, run: &RollupReport) {
        self.runs += 1;
        self.raced += u64::from(run.raced);
    }

    /// Adds all runs of another process.
    pub(super) fn join(&mut self, other: Self) {
        self.runs += other.runs;
        self.raced += other.raced;
        self.failed += other.failed;
        self.requests = std::mem::take(&mut self.requests) + other.requests;
    }
}

/// Rolls up until it is told to finish.
pub(super) async fn play(script: &Script, stage: &Stage, wire: &mut Wire) -> Result<()> {
    send(&Event::Ready)?;
    wire.wait_for(Command::Go).await?;
    let mut done = RollupsDone::default();
    let mut warm = None;
    loop {
        {
            let finish = pin!(wire.wait_for(Command::Finish));
            if let Either::Left((finish, _)) = select(finish, stage.store.clock.sleep(PAUSE)).await
            {
                finish?;
                break;
            }
        }
        match roll_up_warm(
            &stage.store,
            &script.space,
            &RollupOptions::default(),
            &mut warm,
        )
        .await
        {
            Ok(report) => done.add(&report),
            Err(error) if error.is_unavailable() => done.failed += 1,
            Err(error) => return Err(error),
        }
    }
    done.requests = stage.metered.counts();
    send(&Event::Rollups(done))
}
