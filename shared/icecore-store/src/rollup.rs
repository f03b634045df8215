//! Rolling up: older updates become the next segment, and now and then a snapshot (docs/protocol.md, Roll up).

mod collect;
mod passing;
mod quarantine;
mod write;

pub use passing::roll_up_in_passing;
pub(crate) use quarantine::{is_quarantined, quarantine};
pub use write::{SnapshotWritten, write_due_snapshot};
pub(crate) use write::{put_layer, write_first, write_snapshot};

use crate::bucket::Listed;
use crate::epochs::sweep::{Depth, sweep};
use crate::link::forward;
use crate::publish::write_head;
use crate::reader::base::{self, Layers};
use crate::reader::read_head;
use crate::reader::stamp::{Stamp, is_continued, lost};
use crate::settings::millis;
use crate::store::{OpenSpace, Store};
use collect::Collector;
use icecore_core::due::is_due;
use icecore_core::plan::key::{is_ahead, vouched};
use icecore_core::plan::rollup::{Horizon, Seen};
use icecore_core::plan::tail::through_in_passing;
use icecore_core::plan::{Loaded, plan_rollup};
use icecore_core::{
    Base, Covered, Error, Generation, Head, Key, Order, RejectedUpdate, Result, SpaceInfo,
    SpaceName, Update, UpdateObject,
};
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What a run may do.
#[derive(Debug, Clone, Default)]
pub struct RollupOptions {
    /// List every update object, not only the recent ones.
    pub full: bool,
    /// Roll up however young an update is: for a command that is to leave nothing behind.
    pub now: bool,
    /// Stop starting new work after this time; the rest is for the next run.
    pub time_max: Option<Duration>,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RollupReport {
    /// The newest generation after the run.
    pub generation: Generation,
    /// Segments written.
    pub segments: u64,
    /// Updates in them.
    pub updates: u64,
    /// Their keys that were below what an earlier roll-up had reached.
    pub late: u64,
    /// Packed bytes of the segments.
    pub segment_bytes: u64,
    /// Snapshots written.
    pub snapshots: u64,
    /// Packed bytes of the snapshots.
    pub snapshot_bytes: u64,
    /// Updates that wait: too young, or behind a gap.
    pub held: u64,
    /// Objects that could not be read, a copy of which lies in quarantine, and why.
    pub quarantined: Vec<String>,
    /// Objects left where they are because a newer program wrote them.
    pub newer: Vec<String>,
    /// Updates of an older epoch published again.
    pub swept: u64,
    /// Updates forwarded to the space that this one is linked to.
    pub forwarded: u64,
    /// The update that the model declared impossible, if any: no snapshot is written after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconsistent: Option<RejectedUpdate>,
    /// The version of the model that the space needs, where this program has an older one: segments are written, which
    /// keep everything as it is, and no snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_version: Option<u32>,
    /// How many bytes of memory a state may take here, where this one takes more: segments are written, which keep
    /// everything as it is, and no snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_large: Option<u64>,
    /// Another roll-up was faster; this one stopped.
    pub raced: bool,
    /// The time was up; the next run goes on.
    pub unfinished: bool,
    /// Whether every update object was listed.
    pub full: bool,
    /// When the oldest update that the run saw and did not roll up was stored, by the server, milliseconds since 1970
    /// UTC. Not part of the report's JSON: a run by hand has no use for it.
    #[serde(skip)]
    pub waiting_since: Option<i64>,
}

/// A base kept in memory between runs, and what lies behind its newest snapshot.
#[derive(Debug, Clone)]
pub struct Warm {
    /// The state after the newest segment.
    pub base: Base,
    /// The newest snapshot and its packed bytes.
    pub(crate) snapshot: Option<(Generation, u64)>,
    /// Packed bytes of the segments since.
    pub(crate) bytes_since: u64,
    /// What listings have said of the newest segment.
    stamp: Option<Stamp>,
    /// Where a run stopped that had no more time.
    resume: Option<Resume>,
    /// What the last listing showed behind a gap: the next complete one may pass it.
    seen: Seen,
    /// Objects that lie in quarantine, as an earlier run has said.
    aside: BTreeSet<Key>,
    /// Of a run that a replica makes in passing: what it has read already.
    passing: Option<passing::Known>,
}

/// Where a run stopped in its listing.
#[derive(Debug, Clone, Copy)]
struct Resume {
    after: Key,
    /// It was listing everything.
    full: bool,
    /// When that listing began.
    began: i64,
}

impl Warm {
    /// Reads the newest base of a space.
    ///
    /// # Errors
    /// As [`crate::Reader::open`].
    pub async fn load(store: &Store, info: &SpaceInfo) -> Result<Self> {
        let layers = Self::list(store, info).await?;
        let mut warm = Self::initial(store, info)?;
        warm.advance(store, info, &layers).await?;
        Ok(warm)
    }

    /// What a first load reads: listed from where the head points.
    pub(crate) async fn list(store: &Store, info: &SpaceInfo) -> Result<Layers> {
        let (head, _) = read_head(store, &info.space, None)
            .await
            .unwrap_or_default();
        base::list_layers_by_hint(store, info, head.as_ref()).await
    }

    /// The base before the first segment.
    pub(crate) fn initial(store: &Store, info: &SpaceInfo) -> Result<Self> {
        Ok(Self::of(Base::initial(info, store.content(info)?)))
    }

    /// A base of which no snapshot was written.
    pub(crate) fn of(base: Base) -> Self {
        Self {
            base,
            snapshot: None,
            bytes_since: 0,
            stamp: None,
            resume: None,
            seen: Seen::new(),
            aside: BTreeSet::new(),
            passing: None,
        }
    }

    /// Whether it is of the history that counts, and of the keys that the space has now.
    pub(crate) fn fits(&self, info: &SpaceInfo) -> bool {
        self.base.epoch == info.epoch && self.base.folded.content().fits(info)
    }

    /// Folds what others have added since. `false` when the store holds another history than the one that was folded: it
    /// was put back to an older state, and is to be read from nothing.
    ///
    /// # Errors
    /// As [`crate::Reader::open`].
    pub async fn refresh(&mut self, store: &Store, info: &SpaceInfo) -> Result<bool> {
        let own = self.base.generation;
        let mut layers = base::list_layers(store, info, own.saturating_sub(1)).await?;
        if !is_continued(store, info, &self.base, &layers, &mut self.stamp).await? {
            tracing::warn!(space = %info.space, "the store was put back to an older state, or holds another history");
            return Ok(false);
        }
        layers.segments.remove(&own);
        layers.snapshots.remove(&own);
        let before = self.base.covered.clone();
        self.advance(store, info, &layers).await?;
        Ok(lost(&before, &self.base.covered).is_none())
    }

    /// Takes what was read already; returns the rest.
    fn take_known(&self, chunk: Vec<Listed<Key>>, loaded: &mut Vec<Loaded>) -> Vec<Listed<Key>> {
        let Some(known) = &self.passing else {
            return chunk;
        };
        loaded.extend(chunk.iter().filter_map(|listed| known.get(listed)));
        let unread = chunk.into_iter().filter(|listed| !known.is_read(listed));
        unread.collect()
    }

    /// Folds what was listed.
    pub(crate) async fn advance(
        &mut self,
        store: &Store,
        info: &SpaceInfo,
        layers: &Layers,
    ) -> Result<()> {
        let own = self.base.generation;
        base::catch_up_or_hold(store, info, &mut self.base, layers).await?;
        if self.base.generation > own {
            self.stamp = layers.stamp(self.base.generation);
        }
        // One beyond the chain is none of it: it must not keep the next one from being written.
        let upto = layers.snapshots.range(..=self.base.generation);
        if let Some((&generation, &bytes)) = upto.last() {
            self.snapshot = Some((generation, bytes));
            self.bytes_since = 0;
        }
        let since = self.snapshot.map_or(Generation::ZERO, |s| s.0);
        self.bytes_since += layers
            .segments
            .range(since.saturating_add(1)..)
            .map(|(_, bytes)| bytes)
            .sum::<u64>();
        Ok(())
    }
}

/// One run for one space; safe beside any number of others.
///
/// # Errors
/// `NotFound`, `Unavailable`, `Denied`, `Corrupt`: nothing is left half-done, the next run goes on from what is
/// stored.
pub async fn roll_up(
    store: &Store,
    space: &SpaceName,
    options: &RollupOptions,
) -> Result<RollupReport> {
    // On the heap: everything that waits for a run would carry all of it otherwise.
    Box::pin(roll_up_warm(store, space, options, &mut None)).await
}

/// As [`roll_up`], starting from a base that an earlier run left, and leaving one for the next.
///
/// # Errors
/// As [`roll_up`]; `warm` is `None` then.
pub async fn roll_up_warm(
    store: &Store,
    space: &SpaceName,
    options: &RollupOptions,
    warm: &mut Option<Warm>,
) -> Result<RollupReport> {
    let start = store.clock.monotonic();
    let OpenSpace { info, .. } = store.space(space).await?;
    let mut kept = warm.take().filter(|w| w.fits(&info));
    if let Some(warm) = &mut kept
        && !warm.refresh(store, &info).await?
    {
        kept = None;
    }
    let mut base = match kept {
        Some(kept) => kept,
        None => Warm::load(store, &info).await?,
    };
    let report = roll_up_from(store, &info, options, start, &mut base).await?;
    *warm = Some(base);
    Ok(report)
}

/// One run from a base that is up to date, for a caller that has opened the space; `start` is when it began, by the
/// monotonic clock.
pub(crate) async fn roll_up_from(
    store: &Store,
    info: &SpaceInfo,
    options: &RollupOptions,
    start: Duration,
    base: &mut Warm,
) -> Result<RollupReport> {
    info.check_writable()?;
    // The daily look at everything is one at old epochs too: whoever wrote there late may have had a wrong clock.
    let due = is_due(store.now(), base.base.full_at, store.settings.full_every);
    let depth = if options.full || due {
        Depth::Everything
    } else {
        Depth::Recent
    };
    let mut run = Run {
        store,
        info,
        options,
        start,
        report: RollupReport::default(),
        swept: depth == Depth::Everything || info.old_epochs.is_empty(),
    };
    run.report.swept = match sweep(store, info, &base.base.covered, depth).await {
        // What cannot be read there yet is no reason not to roll up; who asks for everything is told.
        Err(error) if due && !options.full && !error.is_unavailable() => {
            tracing::warn!(space = %info.space, %error, "an old epoch was not swept in full");
            run.swept = false;
            sweep(store, info, &base.base.covered, Depth::Recent).await?
        }
        swept => swept?,
    };
    run.go(base).await?;
    run.report.generation = base.base.generation;
    let newer = base.base.folded.content().newer();
    run.report.needs_version = newer.map(|newer| newer.needed);
    let content = base.base.folded.content();
    run.report.too_large = content.is_too_large().then(|| content.state_max());
    let mut report = run.report;
    if report.segments + report.snapshots > 0 {
        let head = Head {
            v: icecore_core::space::FORMAT_VERSION,
            epoch: info.epoch,
            generation: base.base.generation,
            snapshot: base.snapshot.map_or(Generation::ZERO, |s| s.0),
            through: base.base.through,
            key: base.base.through,
        };
        if let Err(error) = write_head(store, info, &head).await {
            tracing::warn!(%error, "the head hint was not written; readers notice at their next safety listing");
        }
    }
    let until = options.time_max.map(|max| start.saturating_add(max));
    match forward(store, info, until).await {
        Ok(forwarded) => {
            report.forwarded = forwarded.updates;
            report.unfinished |= forwarded.unfinished;
        }
        Err(error) if error.is_unavailable() => return Err(error),
        // The other space may be erased, or broken: no reason not to roll up this one.
        Err(error) => {
            tracing::warn!(space = %info.space, %error, "nothing was forwarded to the linked space");
        }
    }
    Ok(report)
}

struct Run<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    options: &'a RollupOptions,
    start: Duration,
    report: RollupReport,
    /// All that old epochs hold was looked at since the listings that `Warm::seen` is of.
    swept: bool,
}

impl Run<'_> {
    async fn go(&mut self, warm: &mut Warm) -> Result<()> {
        let began = self.store.now();
        let due = is_due(began, warm.base.full_at, self.store.settings.full_every);
        let lost = self.info.order == Order::Timestamp && is_ahead(warm.base.through, began);
        self.report.full =
            self.options.full || due || lost || warm.base.generation == Generation::ZERO;
        let all_listed = warm.resume.is_some_and(|resume| resume.full);
        if !self.catch_up(warm, began, due).await? || all_listed {
            return self.snapshot_if_due(warm).await;
        }
        let gap = self.pass(warm, began, self.report.full).await?;
        // A gap means that the listing was not deep enough, or that it missed what was written meanwhile. What a newer
        // program wrote may be what is missing: a second look finds no more.
        if gap && self.report.newer.is_empty() && !self.is_over() {
            self.report.full = true;
            self.sweep_again(&warm.base).await?;
            self.pass(warm, self.store.now(), true).await?;
        }
        // A snapshot is also due when an earlier run stopped between its segment and its snapshot.
        self.snapshot_if_due(warm).await
    }

    /// Deals with a backlog that earlier runs had no time for: goes on where the last one stopped, or, where nobody knows,
    /// after the newest segment. Returns whether there is time for more.
    async fn catch_up(&mut self, warm: &mut Warm, began: i64, due: bool) -> Result<bool> {
        // Who is to list everything goes on only with a listing of everything.
        let goes_on = |resume: &Resume| resume.full || !self.options.full;
        warm.resume = warm.resume.take().filter(goes_on);
        let never_listed = warm.base.full_at == 0 && warm.base.generation > Generation::ZERO;
        let begins =
            due && never_listed && !self.options.full && self.info.order == Order::Timestamp;
        if warm.resume.is_none() && !begins {
            return Ok(true);
        }
        self.pass(warm, began, false).await?;
        Ok(!self.is_over())
    }

    /// What is missing may lie in an old epoch still, whatever any clock says of when it came there.
    async fn sweep_again(&mut self, base: &Base) -> Result<()> {
        if self.info.old_epochs.is_empty() {
            return Ok(());
        }
        match sweep(self.store, self.info, &base.covered, Depth::Everything).await {
            Ok(swept) => {
                self.report.swept += swept;
                self.swept = true;
            }
            Err(error) if error.is_unavailable() => return Err(error),
            // An object there that cannot be read yet may be the one: nothing passes the gap.
            Err(error) => {
                self.swept = false;
                tracing::warn!(space = %self.info.space, %error, "an old epoch was not swept: a gap stays");
            }
        }
        Ok(())
    }

    fn is_over(&mut self) -> bool {
        let spent = self.store.clock.monotonic().saturating_sub(self.start);
        if self.options.time_max.is_some_and(|max| spent >= max) {
            self.report.unfinished = true;
        }
        self.report.unfinished || self.report.raced
    }

    /// Up to when what is stored may be rolled up, by a listing that began then.
    fn settled(&self, began: i64) -> i64 {
        let settle = if self.options.now {
            i64::MIN / 2
        } else {
            millis(self.store.settings.settle)
        };
        began.saturating_sub(settle).min(i64::MAX / 2)
    }

    /// Whether a listing of everything shows all there is. What a newer program wrote, or what lies in an old epoch, may be
    /// the very update that is missing: nothing passes a gap then. Nor by a listing that goes on from an earlier run: what
    /// is missing may have landed behind it.
    fn misses_nothing(&self) -> bool {
        self.swept && self.report.newer.is_empty()
    }

    /// Lists part by part and rolls up chunk by chunk, in order of the keys. Returns whether a gap was left.
    async fn pass(&mut self, warm: &mut Warm, began: i64, full: bool) -> Result<bool> {
        let resume = warm.resume.take();
        // A listing that goes on says nothing of what landed behind it meanwhile.
        let (full, began) = resume.map_or((full, began), |r| (r.full, r.began));
        let seen = warm.seen.clone();
        let collector = Collector {
            store: self.store,
            info: self.info,
            order: self.info.order,
        };
        let mut listing = collector.begin(&warm.base, full, resume.map(|r| r.after));
        let mut listed = collector.list(warm, &mut listing).await?;
        let mut loaded: Vec<Loaded> = Vec::new();
        loop {
            let chunk = collector.next_chunk(&mut listed);
            let chunk_end = chunk.last().map(|l| l.key);
            let unread = warm.take_known(chunk, &mut loaded);
            let read = collector.read(&unread).await?;
            self.take(read, warm, &mut loaded).await?;
            hold_at_newer(&mut warm.base, &loaded);
            let last = listed.is_empty() && !listing.more;
            let horizon = Horizon {
                now: began,
                settled: self.settled(began),
                complete: full && last && !listing.resumed && self.misses_nothing(),
                seen: seen.clone(),
            };
            let plan = plan_rollup(&warm.base, &loaded, &horizon);
            // What follows in the listing was not looked at yet.
            let looked_at = chunk_end.or(listing.after).filter(|_| !last);
            let through = self.through(warm, plan.through, looked_at, began);
            self.report.held = plan.held as u64;
            let listed_all = (full && last).then_some(began);
            let (gap, behind_gaps) = (plan.gap, plan.behind_gaps);
            if !plan.entries.is_empty() {
                let part = write::Part {
                    entries: plan.entries,
                    through,
                    full_at: listed_all.unwrap_or(warm.base.full_at),
                };
                if !self.write_segment(warm, part).await? {
                    self.report.raced = true;
                    self.report.waiting_since = oldest(&loaded, &listed);
                    return Ok(false);
                }
                self.snapshot_if_due(warm).await?;
            }
            loaded.retain(|l| waits(l, &warm.base));
            self.report.waiting_since = oldest(&loaded, &listed);
            if last {
                warm.seen = behind_gaps;
                self.swept = self.info.old_epochs.is_empty();
                return Ok(gap);
            }
            if self.is_over() {
                if self.info.order == Order::Timestamp {
                    warm.resume = looked_at.map(|after| Resume { after, full, began });
                }
                return Ok(false);
            }
            if listed.is_empty() {
                listed = collector.list(warm, &mut listing).await?;
            }
        }
    }
}

impl Run<'_> {
    /// How far the next segment says that was looked, of a listing that was read up to `looked_at`, or to its end.
    fn through(&self, warm: &Warm, planned: Key, looked_at: Option<Key>, began: i64) -> Key {
        let before = warm.base.through;
        let upto = planned.min(looked_at.unwrap_or(Key::MAX));
        match self.info.order {
            Order::Sequence => upto.max(before),
            Order::Timestamp if warm.passing.is_some() => {
                through_in_passing(upto, before, began, self.store.settings.look_back)
            }
            Order::Timestamp => upto.max(vouched(before, began)),
        }
    }
}

/// Before anything of a newer version of the model is folded: from there on without a state.
fn hold_at_newer(base: &mut Base, loaded: &[Loaded]) {
    let objects = loaded.iter().filter_map(|l| l.object.as_ref());
    let versions = objects.flat_map(|o| &o.updates).map(Update::model_version);
    let newest = versions.max().unwrap_or(0);
    if let Some(newer) = base.folded.content().is_newer(newest) {
        base.hold(newer);
    }
}

/// When the oldest of what was read and not taken, and of what was not read yet, was stored.
fn oldest(loaded: &[Loaded], listed: &VecDeque<Listed<Key>>) -> Option<i64> {
    let loaded = loaded.iter().map(|l| l.last_modified);
    loaded.chain(listed.iter().map(|l| l.last_modified)).min()
}

/// Whether an object that was read is still to be rolled up.
fn waits(loaded: &Loaded, base: &Base) -> bool {
    match base.order {
        // Whatever it holds, it has its place.
        Order::Sequence => loaded.key > base.through,
        Order::Timestamp => {
            let object = loaded.object.as_ref();
            object.is_some_and(|o| !is_covered(&base.covered, o))
        }
    }
}

fn is_covered(covered: &Covered, object: &UpdateObject) -> bool {
    object.entries().all(|(id, _)| covered.contains(id))
}

/// The error for a snapshot or segment that is there with other bytes than it must have.
pub(crate) fn diverged(what: &str, generation: Generation) -> Error {
    Error::corrupt(format!(
        "{what} {generation} is stored with other content than the history gives"
    ))
    .with_hint("run `icecore verify`; it names the first object that is off")
}
