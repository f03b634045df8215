//! A long history, made the way it is made: updates are published, rolled up and pruned, on a clock that runs
//! through months.

use super::encryption::Holder;
use super::sample::{author, task};
use super::site::Site;
use crate::context::Context;
use crate::progress::Progress;
use async_trait::async_trait;
use icecore_core::plan::KeyClock;
use icecore_core::update::OBJECT_UPDATES_MAX;
use icecore_core::{Content, Result, Seq, SpaceInfo, UpdateId, UpdateObject};
use icecore_store::prune::prune;
use icecore_store::publish::publish;
use icecore_store::rollup::{RollupOptions, Warm, roll_up_warm};
use icecore_store::{Clock, Settings, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Tasks of about 100 bytes: a state of 10 MB.
pub(super) const TASKS: u64 = 92_000;

const AUTHORS: u64 = 16;
const UPDATES_PER_OBJECT: u64 = OBJECT_UPDATES_MAX as u64;
/// A multiple of what an object holds.
pub(super) const UPDATES_PER_ROLLUP: u64 = 100 * UPDATES_PER_OBJECT;
const MILLIS_PER_OBJECT: i64 = 60_000;
/// The past ends an hour ago.
const AGO_MILLIS: i64 = 60 * 60 * 1000;

/// A space with a long history in a folder.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) info: SpaceInfo,
    pub(super) updates: u64,
    pub(super) generations: u64,
    store: Store,
    content: Content,
    ticking: Arc<Ticking>,
    warm: Option<Warm>,
}

impl Past {
    /// A history of so many updates, rolled up and pruned.
    pub(super) async fn write(folder: &Path, updates: u64, context: &Context) -> Result<Self> {
        Self::write_for(folder, updates, None, context).await
    }

    /// The same in an encrypted space.
    pub(super) async fn write_sealed(
        folder: &Path,
        updates: u64,
        holder: &Holder,
        context: &Context,
    ) -> Result<Self> {
        Self::write_for(folder, updates, Some(holder), context).await
    }

    async fn write_for(
        folder: &Path,
        updates: u64,
        holder: Option<&Holder>,
        context: &Context,
    ) -> Result<Self> {
        let objects = updates.div_ceil(UPDATES_PER_OBJECT);
        let ago = AGO_MILLIS + MILLIS_PER_OBJECT * i64::try_from(objects).unwrap_or(0);
        let ticking = Arc::new(Ticking {
            clock: Arc::clone(&context.clock),
            now: AtomicI64::new(context.clock.now() - ago),
        });
        let clock: Arc<dyn Clock> = Arc::<Ticking>::clone(&ticking);
        let site = Site::open(&folder.display().to_string(), context, &clock).await?;
        let info = match holder {
            Some(holder) => holder.space(&site.store).await?,
            None => site.space().await?,
        };
        let settings = Settings {
            look_back: Duration::from_hours(24),
            ..Settings::default()
        };
        let store = site.store.clone().with_settings(settings);
        let store = holder.map_or(store.clone(), |holder| holder.open(&store));
        let mut past = Self {
            content: store.content(&info)?,
            info,
            updates: 0,
            generations: 0,
            store,
            ticking,
            warm: None,
        };
        let progress = Progress::of(&context.clock, "writing the history", updates);
        while past.updates < updates {
            let more = UPDATES_PER_ROLLUP.min(updates - past.updates);
            past.add(more).await?;
            progress.at(past.updates, updates);
        }
        prune(&past.store, &past.info.space, Some(Duration::ZERO)).await?;
        Ok(past)
    }

    /// Publishes more updates and rolls them up.
    pub(super) async fn add(&mut self, updates: u64) -> Result<()> {
        let end = self.updates + updates;
        while self.updates < end {
            let count = UPDATES_PER_OBJECT.min(end - self.updates);
            self.publish(count).await?;
        }
        let options = RollupOptions {
            now: true,
            ..RollupOptions::default()
        };
        let (store, space) = (&self.store, &self.info.space);
        let report = roll_up_warm(store, space, &options, &mut self.warm).await?;
        self.generations = report.generation.get();
        Ok(())
    }

    /// Publishes one object. The authors take turns.
    async fn publish(&mut self, count: u64) -> Result<()> {
        let object = self.updates / UPDATES_PER_OBJECT;
        let seq = Seq::new(object / AUTHORS * UPDATES_PER_OBJECT + 1)?;
        let author = author(object % AUTHORS);
        let tasks = (0..count).map(|n| {
            let task = task(self.updates + n, TASKS)?;
            let seq = seq.saturating_add(n);
            let salt = self.store.salt(&self.content);
            let sealed = self
                .content
                .seal_update(UpdateId { author, seq }, &task, salt)?;
            Ok(sealed.unwrap_or(task))
        });
        let tasks: Vec<_> = tasks.collect::<Result<_>>()?;
        let object = UpdateObject::new(author, seq, tasks);
        publish(&self.store, &self.info, &object, &mut KeyClock::default()).await?;
        self.ticking
            .now
            .fetch_add(MILLIS_PER_OBJECT, Ordering::Relaxed);
        self.updates += count;
        Ok(())
    }
}

/// A clock that is moved by hand.
#[derive(Debug)]
struct Ticking {
    clock: Arc<dyn Clock>,
    now: AtomicI64,
}

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}
