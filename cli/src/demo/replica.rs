//! A replica of the demo, in a process of its own: it queues its lines minute by minute, syncs while it has a
//! network, and shows at the end what it holds.

use super::script::{ReplicaPart, Script, Step};
use super::stage::Stage;
use super::wire::{Command, Event, Wire, send};
use icecore_core::{Digest, Error, Key, Result, Update};
use icecore_replica::sync::Acknowledged;
use icecore_replica::{NewUpdate, Replica, SpaceReplica};
use icecore_store::Store;
use icecore_store::backend::RequestCounts;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a replica goes on trying to get its last updates out.
const DRAIN_MAX: Duration = Duration::from_secs(30);
const DRAIN_STEP: Duration = Duration::from_millis(200);

/// What a replica did, and what it holds at the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ReplicaDone {
    /// Updates that it queued and that were acknowledged.
    pub(super) updates: u64,
    /// The objects that carried them.
    pub(super) objects: u64,
    /// Collisions with other writers on the way.
    pub(super) bumps: u64,
    /// The bytes of its updates' JSON.
    pub(super) json_bytes: u64,
    /// The most updates that waited in its queue.
    pub(super) queued_max: u64,
    /// Syncs that failed; what was queued stayed queued.
    pub(super) failed_syncs: u64,
    /// How far the store's clock was found to be ahead of its own.
    pub(super) clock_offset_ms: i64,
    /// The SHA-256 of its state.
    pub(super) sha256: String,
    /// The bytes of its state.
    pub(super) state_bytes: u64,
    /// What it asked the bucket for.
    pub(super) requests: RequestCounts,
}

/// Plays the part to the end.
pub(super) async fn play(
    script: &Script,
    part: &ReplicaPart,
    stage: &Stage,
    wire: &mut Wire,
) -> Result<()> {
    let replica = Replica::open(stage.store.clone(), &part.folder)?;
    let space = replica.space(&script.space)?;
    let mut player = Player {
        part,
        store: &stage.store,
        space,
        acknowledged: BTreeSet::new(),
        done: ReplicaDone::default(),
    };
    send(&Event::Ready)?;
    wire.wait_for(Command::Go).await?;
    if !part.steps.is_empty() {
        player.ticks().await?;
        player.drain().await?;
    }
    send(&Event::Played)?;
    wire.wait_for(Command::Finish).await?;
    // From the folder again, as the next start of the app would.
    player.space = replica.space(&script.space)?;
    player.space.sync().await?;
    player.show(stage)
}

struct Player<'a> {
    part: &'a ReplicaPart,
    store: &'a Store,
    space: SpaceReplica,
    /// The keys of the own objects.
    acknowledged: BTreeSet<Key>,
    done: ReplicaDone,
}

impl Player<'_> {
    async fn ticks(&mut self) -> Result<()> {
        let (store, part) = (self.store, self.part);
        let start = store.clock.monotonic();
        let due = |tick: usize| {
            start
                + Duration::from_millis(part.tick_ms)
                    .saturating_mul(u32::try_from(tick).unwrap_or(u32::MAX))
        };
        let mut steps = part.steps.iter().peekable();
        let mut was_online = true;
        for tick in 0..part.ticks {
            let wait = due(tick).saturating_sub(store.clock.monotonic());
            store.clock.sleep(wait).await;
            if let Some(step) = steps.next_if(|step| step.tick == tick) {
                self.enqueue(step)?;
            }
            let online = !part.offline.iter().any(|stretch| stretch.contains(&tick));
            // One that lags behind queues more before it syncs again.
            if online && (store.clock.monotonic() < due(tick + 1) || tick + 1 == part.ticks) {
                self.sync(!was_online).await?;
                was_online = true;
            } else if !online {
                was_online = false;
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, step: &Step) -> Result<()> {
        let mut updates = Vec::with_capacity(step.updates.len());
        for instruction in &step.updates {
            let data = to_raw_value(&instruction.data).map_err(super::internal)?;
            let update = Update::new(self.store.clock.now(), &instruction.kind, &data, None)?;
            self.done.json_bytes += update.as_text().len() as u64;
            updates.push(NewUpdate { update });
        }
        self.space.enqueue(&updates)?;
        self.done.queued_max = self.done.queued_max.max(self.space.status()?.queued);
        Ok(())
    }

    /// Out with the queue, in with the news; after a time offline the queue goes first, in one flush.
    async fn sync(&mut self, returned: bool) -> Result<()> {
        let result = if returned {
            self.space.flush().await
        } else {
            self.space.sync().await.map(|s| s.acknowledged)
        };
        match result {
            Ok(acknowledged) => self.note(&acknowledged),
            Err(error) if error.is_unavailable() => {
                self.done.failed_syncs += 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn note(&mut self, acknowledged: &[Acknowledged]) -> Result<()> {
        for update in acknowledged {
            self.done.updates += 1;
            if self.acknowledged.insert(update.key) {
                self.done.objects += 1;
                self.done.bumps += u64::from(update.bumps);
            }
        }
        if acknowledged.is_empty() {
            Ok(())
        } else {
            send(&Event::Acknowledged(acknowledged.len() as u64))
        }
    }

    /// Until nothing waits.
    async fn drain(&mut self) -> Result<()> {
        let start = self.store.clock.monotonic();
        loop {
            self.sync(false).await?;
            let status = self.space.status()?;
            if status.queued == 0 {
                return Ok(());
            }
            if self.store.clock.monotonic().saturating_sub(start) > DRAIN_MAX {
                let why = status
                    .problem
                    .unwrap_or_else(|| "no reason given".to_owned());
                return Err(Error::unavailable(format!(
                    "{} updates cannot be published: {why}",
                    status.queued
                )));
            }
            self.store.clock.sleep(DRAIN_STEP).await;
        }
    }

    fn show(&mut self, stage: &Stage) -> Result<()> {
        let state = self.space.state()?.state_json()?;
        std::fs::write(&self.part.state, &state)
            .map_err(|e| super::cannot("write", &self.part.state, e))?;
        self.done.sha256 = Digest::of(&state).to_string();
        self.done.state_bytes = state.len() as u64;
        self.done.clock_offset_ms = self.store.clock_offset();
        self.done.requests = stage.metered.counts();
        send(&Event::Replica(self.done.clone()))
    }
}
