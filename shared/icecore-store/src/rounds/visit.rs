//! One space in a round: its roll-up, and once a day its upkeep.

use super::Time;
use super::due::Job;
use super::kept::Kept;
use crate::bucket::Listed;
use crate::prune::{PruneReport, prune};
use crate::reader::base::Layers;
use crate::reader::listing::list_updates;
use crate::rollup::{RollupOptions, RollupReport, Warm, roll_up_from};
use crate::settings::Settings;
use crate::store::Store;
use crate::transient::remove_expired;
use futures::future::{Either, select};
use icecore_core::due::is_old;
use icecore_core::layers::UnpacksToMore;
use icecore_core::{Error, Key, Result, SpaceInfo};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The most update objects and bytes that a space takes in while others are under way.
const LIGHT_OBJECTS_MAX: usize = 1_000;
const LIGHT_BYTES_MAX: u64 = 1 << 20;
/// The most packed bytes of segments and snapshots that it loads then: unpacked they are several times as much.
const LIGHT_LOAD_MAX: u64 = 256 << 10;
/// The most memory that its model may take when pruning loads it once more.
const LIGHT_MODEL_MAX: u64 = 8 << 20;

/// How a visit ended.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) job: Job,
    pub(super) ended: Ended,
}

#[derive(Debug)]
pub(super) enum Ended {
    Done(Box<Done>),
    /// There is no such space any more.
    Gone,
    /// The time was up in the middle of it.
    Cut,
    Failed(Error),
}

/// What a visit did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) rollup: RollupReport,
    pub(super) prune: PruneReport,
    /// Transient events deleted.
    pub(super) transient: u64,
    /// The upkeep was done, if it was due.
    pub(super) upkeep: bool,
    pub(super) kept: Option<Kept>,
}

/// What all visits of a round share.
pub(super) struct Crew {
    /// With small chunks, for spaces that share the memory with others.
    light: Store,
    store: Store,
    /// One permit per space; a big one takes all.
    gate: Semaphore,
    permits: u32,
    retention: Duration,
    time: Time,
}

impl Crew {
    pub(super) fn new(store: &Store, at_once: usize, retention: Duration, time: Time) -> Self {
        let settings = Settings {
            chunk_objects_max: store.settings.chunk_objects_max.min(LIGHT_OBJECTS_MAX),
            chunk_bytes_max: store.settings.chunk_bytes_max.min(LIGHT_BYTES_MAX),
            unpacked_max: store.settings.unpacked_max / at_once.max(1) as u64,
            state_max: store.settings.state_max / at_once.max(1) as u64,
            ..(*store.settings).clone()
        };
        Self {
            light: store.clone().with_settings(settings),
            store: store.clone(),
            gate: Semaphore::new(at_once),
            permits: u32::try_from(at_once).unwrap_or(u32::MAX),
            retention,
            time,
        }
    }

    /// Whether nothing more may be begun.
    pub(super) fn is_over(&self) -> bool {
        self.time_left().is_zero()
    }

    fn time_left(&self) -> Duration {
        let now = self.store.clock.monotonic();
        self.time.work_until.saturating_sub(now)
    }

    async fn permit(&self, count: u32) -> Result<SemaphorePermit<'_>> {
        let permit = self.gate.acquire_many(count).await;
        permit.map_err(|e| Error::internal("BUG: the gate is never closed").with_source(e))
    }
}

/// Looks at one space. Dropped in the middle it leaves nothing half-done: the next visit goes on from what is stored.
pub(super) async fn visit(crew: &Crew, job: Job, kept: Option<Kept>) -> Visit {
    let ended = Box::pin(work_until_cut(crew, &job, kept)).await;
    Visit { job, ended }
}

async fn work_until_cut(crew: &Crew, job: &Job, kept: Option<Kept>) -> Ended {
    let now = crew.store.clock.monotonic();
    let alarm = crew.store.clock.sleep(crew.time.cut_at.saturating_sub(now));
    match select(pin!(work(crew, job, kept)), alarm).await {
        Either::Left((Ok(done), _)) => Ended::Done(Box::new(done)),
        Either::Left((Err(error), _)) if is_gone(&error) => Ended::Gone,
        Either::Left((Err(error), _)) => Ended::Failed(error),
        Either::Right(_) => Ended::Cut,
    }
}

/// A space that was erased, or of which only the head is left. That the whole store is missing is another matter.
fn is_gone(error: &Error) -> bool {
    error.is_not_found() && error.object().is_some_and(|o| o.ends_with("/space.json"))
}

async fn work(crew: &Crew, job: &Job, kept: Option<Kept>) -> Result<Done> {
    let mut turn = Turn::begin(crew).await?;
    let info = crew.store.space(&job.space).await?.info;
    let mut prune_is_due = false;
    if job.upkeep {
        let listed = list_updates(&crew.store, &info, None).await?;
        let is_linked = info.linked.is_some();
        if listed.is_empty() && info.old_epochs.is_empty() && !is_linked {
            return Ok(Done {
                upkeep: true,
                kept,
                transient: remove_expired(&crew.store, &info, || !crew.is_over()).await?,
                ..Done::default()
            });
        }
        prune_is_due = is_prune_due(crew, &info, &listed);
    }
    let mut kept = turn.load(&info, kept).await?;
    let mut done = Done {
        rollup: turn.roll_up(&info, job.upkeep, &mut kept.warm).await?,
        ..Done::default()
    };
    let mut kept = kept.weigh_again();
    // Of a race the winner may have listed less.
    let all_was_listed = !done.rollup.raced && !done.rollup.unfinished;
    done.upkeep = job.upkeep && !crew.is_over() && all_was_listed;
    if done.upkeep && prune_is_due {
        let is_heavy = |k: &Kept| k.bytes > LIGHT_MODEL_MAX || is_too_large(&k.warm);
        if kept.as_ref().is_none_or(is_heavy) {
            // Pruning loads it again: one at a time in memory.
            kept = None;
            turn.alone().await?;
        }
        done.prune = prune(&crew.store, &info.space, Some(crew.retention)).await?;
    }
    done.kept = kept;
    if job.upkeep {
        // Last: they are gone for readers already.
        done.transient = remove_expired(&crew.store, &info, || !crew.is_over()).await?;
    }
    Ok(done)
}

fn is_prune_due(crew: &Crew, info: &SpaceInfo, listed: &[Listed<Key>]) -> bool {
    let now = crew.store.now();
    let is_old = |l: &Listed<Key>| is_old(now, l.last_modified, crew.retention);
    !info.old_epochs.is_empty() || listed.iter().any(is_old)
}

/// A space's share of the memory.
struct Turn<'a> {
    crew: &'a Crew,
    permit: Option<SemaphorePermit<'a>>,
    alone: bool,
}

impl<'a> Turn<'a> {
    async fn begin(crew: &'a Crew) -> Result<Self> {
        Ok(Self {
            crew,
            permit: Some(crew.permit(1).await?),
            alone: false,
        })
    }

    /// Waits until nobody else is under way. The own permit is given back first: two that wait for each other would
    /// wait for ever.
    async fn alone(&mut self) -> Result<()> {
        if !self.alone {
            drop(self.permit.take());
            self.permit = Some(self.crew.permit(self.crew.permits).await?);
            self.alone = true;
        }
        Ok(())
    }

    /// Brings a kept model up to date, or loads one.
    async fn load(&mut self, info: &SpaceInfo, kept: Option<Kept>) -> Result<Kept> {
        if let Some(mut kept) = kept.filter(|kept| kept.warm.fits(info)) {
            // One that needed the memory of all would go on to take it beside others.
            if kept.bytes > self.crew.light.settings.state_max / 2 {
                self.alone().await?;
            }
            let store = self.store();
            match kept.warm.refresh(store, info).await {
                Ok(true) => return Ok(kept),
                Ok(false) => {}
                Err(error) if UnpacksToMore::is(&error) && !self.alone => {}
                Err(error) => return Err(error),
            }
        }
        let layers = Warm::list(self.store(), info).await?;
        if to_read(&layers) > LIGHT_LOAD_MAX {
            self.alone().await?;
        }
        let warm = match self.read(info, &layers).await {
            // It packs well: what it takes unpacked is too much beside others.
            Err(error) if UnpacksToMore::is(&error) && !self.alone => None,
            warm => Some(warm?).filter(|warm| self.alone || !is_too_large(warm)),
        };
        let warm = if let Some(warm) = warm {
            warm
        } else {
            self.alone().await?;
            self.read(info, &layers).await?
        };
        Kept::weigh(warm).ok_or_else(|| Error::internal("the state has no JSON form"))
    }

    async fn read(&self, info: &SpaceInfo, layers: &Layers) -> Result<Warm> {
        let mut warm = Warm::initial(self.store(), info)?;
        warm.advance(self.store(), info, layers).await?;
        Ok(warm)
    }

    /// The store within the limits of this turn.
    fn store(&self) -> &'a Store {
        if self.alone {
            &self.crew.store
        } else {
            &self.crew.light
        }
    }

    /// Rolls up all that is settled: at first as much as fits beside the others, then the rest alone.
    async fn roll_up(
        &mut self,
        info: &SpaceInfo,
        full: bool,
        warm: &mut Warm,
    ) -> Result<RollupReport> {
        let beside = !self.alone;
        let first = match self.roll_up_once(info, full, warm).await {
            Err(error) if UnpacksToMore::is(&error) && beside => None,
            first => Some(first?),
        };
        self.load_what_fits_alone(info, warm).await?;
        let goes_on = |first: &RollupReport| beside && first.unfinished;
        match first {
            Some(first) if !goes_on(&first) || self.crew.is_over() => Ok(first),
            first => {
                self.alone().await?;
                let rest = self.roll_up_once(info, full, warm).await?;
                self.load_what_fits_alone(info, warm).await?;
                Ok(joined(first.unwrap_or_default(), rest))
            }
        }
    }

    /// A state that became too large beside others may fit when it is alone.
    async fn load_what_fits_alone(&mut self, info: &SpaceInfo, warm: &mut Warm) -> Result<()> {
        let all = self.crew.store.settings.state_max;
        let content = warm.base.folded.content();
        if content.is_too_large() && content.state_max() < all {
            self.alone().await?;
            let layers = Warm::list(&self.crew.store, info).await?;
            *warm = self.read(info, &layers).await?;
        }
        Ok(())
    }

    async fn roll_up_once(
        &self,
        info: &SpaceInfo,
        full: bool,
        warm: &mut Warm,
    ) -> Result<RollupReport> {
        let store = self.store();
        // No time at all means one chunk.
        let time_max = if self.alone {
            self.crew.time_left()
        } else {
            Duration::ZERO
        };
        let options = RollupOptions {
            full,
            now: false,
            time_max: Some(time_max),
        };
        let start = store.clock.monotonic();
        roll_up_from(store, info, &options, start, warm).await
    }
}

fn is_too_large(warm: &Warm) -> bool {
    warm.base.folded.content().is_too_large()
}

/// The packed bytes of the newest snapshot and of the segments since.
fn to_read(layers: &Layers) -> u64 {
    let snapshot = layers.snapshots.last_key_value();
    let since = snapshot.map_or(0, |(generation, _)| generation.get());
    let segments = layers.segments.iter().filter(|(g, _)| g.get() > since);
    snapshot.map_or(0, |(_, bytes)| *bytes) + segments.map(|(_, bytes)| bytes).sum::<u64>()
}

/// Two runs for one space as one.
fn joined(first: RollupReport, mut rest: RollupReport) -> RollupReport {
    rest.segments += first.segments;
    rest.updates += first.updates;
    rest.late += first.late;
    rest.segment_bytes += first.segment_bytes;
    rest.snapshots += first.snapshots;
    rest.snapshot_bytes += first.snapshot_bytes;
    rest.swept += first.swept;
    rest.forwarded += first.forwarded;
    rest.quarantined.splice(0..0, first.quarantined);
    rest.quarantined.dedup();
    rest
}
