//! Pruning: update objects that a segment and a snapshot stand for, snapshots that newer ones stand for, and
//! old epochs into which nothing lands any more (docs/protocol.md, Prune).

use crate::bucket::Listed;
use crate::epochs::erase::remove;
use crate::epochs::{change_space, server_time, sweep};
use crate::history::whole;
use crate::reader::base::{Layers, list_layers, parse_generation};
use crate::reader::listing::{Read, list_updates, read_updates};
use crate::rollup::{Warm, is_quarantined};
use crate::settings::millis;
use crate::store::{OpenSpace, Store};
use futures::{StreamExt, stream};
use icecore_core::due::is_old;
use icecore_core::plan::key::clamp;
use icecore_core::rules::{self, Rule};
use icecore_core::{
    Base, Covered, Epoch, Error, Generation, Key, ObjectKey, Order, Result, SpaceInfo, SpaceName,
};
use serde::Serialize;
use std::time::Duration;

/// Update objects that are read and deleted before the next are read, and their bytes: bounds the memory.
const BATCH: usize = 512;
const BATCH_BYTES_MAX: u64 = 8 << 20;
/// Snapshots that are always kept, newest first.
const SNAPSHOTS_KEPT: usize = 2;
/// Of the older snapshots every so many generations one is kept, so that any past state stays near one.
const SNAPSHOT_KEPT_EVERY: u64 = 64;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Update objects deleted: covered, or void, or unreadable and in quarantine.
    pub updates: u64,
    /// Update objects old enough that are not covered: left for the next roll-up.
    pub uncovered: u64,
    /// Snapshots deleted.
    pub snapshots: u64,
    /// Old epochs removed.
    pub epochs: u64,
    /// Objects deleted with them.
    pub epoch_objects: u64,
}

/// What counts as old.
#[derive(Debug, Clone, Copy)]
struct Age {
    /// The server's time.
    now: i64,
    retention: Duration,
}

impl Age {
    fn is_over(self, since: i64) -> bool {
        is_old(self.now, since, self.retention)
    }
}

/// One run for one space; safe beside any number of others.
///
/// # Errors
/// As a roll-up. What was deleted until then was covered.
pub async fn prune(
    store: &Store,
    space: &SpaceName,
    retention: Option<Duration>,
) -> Result<PruneReport> {
    let retention = retention.unwrap_or(store.settings.retention);
    let open = store.space(space).await?;
    open.info.check_writable()?;
    // What is old is judged by the server's own word: a wrong clock here must not shorten the retention time.
    let age = Age {
        now: server_time(store, space).await?,
        retention,
    };
    let mut report = PruneReport::default();
    let layers = list_layers(store, &open.info, Generation::ZERO).await?;
    // One beyond the chain is none of it.
    let end = layers.segments.keys().next_back().copied();
    // In a history with a hole the update objects may be the last that is left of it. That old segments are gone is
    // none: an operator may keep only what the snapshots need.
    let is_hole = |pair: &(Generation, Generation)| pair.0.next() != Some(pair.1);
    let later = layers.segments.keys().copied().skip(1);
    if let Some((before, after)) = layers.segments.keys().copied().zip(later).find(is_hole) {
        whole(&open.info, before, after)?;
    }
    let snapshots = layers.snapshots.range(..=end.unwrap_or_default());
    if let Some((&generation, _)) = snapshots.last() {
        let base = snapshot_base(store, &open.info, &layers, generation).await?;
        prune_updates(store, &base, &open.info, age, &mut report).await?;
        prune_snapshots(store, &open.info, generation, age, &mut report).await?;
    }
    prune_epochs(store, open, age, &mut report).await?;
    Ok(report)
}

/// What the newest snapshot covers: an update object goes only when a snapshot stands for it, so segments after
/// the snapshot do not count.
async fn snapshot_base(
    store: &Store,
    info: &SpaceInfo,
    layers: &Layers,
    snapshot: Generation,
) -> Result<Base> {
    let upto = Layers {
        segments: layers
            .segments
            .range(..=snapshot)
            .map(|(g, b)| (*g, *b))
            .collect(),
        snapshots: layers
            .snapshots
            .range(..=snapshot)
            .map(|(g, b)| (*g, *b))
            .collect(),
        ..Layers::default()
    };
    let mut base = Base::initial(info, store.content(info)?);
    crate::reader::base::catch_up_or_hold(store, info, &mut base, &upto).await?;
    if base.generation != snapshot {
        // Another look went past it, by segments that no snapshot stands for yet.
        return Err(Error::unavailable(format!(
            "snapshot {snapshot} cannot be used to prune"
        ))
        .with_object(ObjectKey::Snapshot(info.space.clone(), info.epoch, snapshot).to_string())
        .with_hint("run `icecore verify`; the next snapshot takes its place, and nothing is lost meanwhile"));
    }
    Ok(base)
}

async fn prune_updates(
    store: &Store,
    base: &Base,
    info: &SpaceInfo,
    age: Age,
    report: &mut PruneReport,
) -> Result<()> {
    let horizon = clamp(age.now.saturating_sub(millis(age.retention)));
    let mut old = list_updates(store, info, None).await?;
    // Old by the server's time and by its key: a writer whose clock is far behind may be about to use an old
    // key again, and no writer uses a key from the past on purpose.
    old.retain(|l| {
        age.is_over(l.last_modified)
            && (info.order == Order::Sequence || l.key <= horizon || far_ahead(base, l, age.now))
    });
    let mut rest = old.as_slice();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(batch(rest));
        rest = later;
        let mut covered = Vec::new();
        for read in read_updates(store, info, batch).await? {
            if may_go(store, base, info, &read).await? {
                covered.push(read.loaded.key);
            } else {
                report.uncovered += 1;
            }
        }
        store.crash_point("prune.before_delete");
        report.updates += delete_updates(store, info, covered).await?;
        store.crash_point("prune.after_delete");
    }
    Ok(())
}

/// How many of the objects are read at once: one at least.
fn batch(listed: &[Listed<Key>]) -> usize {
    let mut bytes = 0_u64;
    let fits = |l: &&Listed<Key>| {
        bytes = bytes.saturating_add(l.bytes);
        bytes <= BATCH_BYTES_MAX
    };
    listed.iter().take(BATCH).take_while(fits).count().max(1)
}

/// Whether nobody needs an old update object any more.
async fn may_go(store: &Store, base: &Base, info: &SpaceInfo, read: &Read) -> Result<bool> {
    let key = read.loaded.key;
    // In a sequenced space an object keeps its place, whatever it holds, until it is rolled past.
    if info.order == Order::Sequence && key > base.through {
        return Ok(false);
    }
    match (&read.loaded.object, &read.body) {
        (Some(_), _) if !rules::is_on(Rule::PruneOnlyCovered) => Ok(true),
        // Below what is rolled up, an update that is not covered was written to a place that had been taken before
        // and only looked free: it was void, and its author sent it again.
        (Some(_), _) if info.order == Order::Sequence => Ok(true),
        (Some(object), _) => Ok(object.entries().all(|(id, _)| base.covered.contains(id))),
        (None, Err(unread)) if unread.is_newer() => Ok(false),
        (None, _) => is_quarantined(store, info, key).await,
    }
}

/// A key from a clock in the future is never old by its own time. It stays while readers remember it as covered:
/// a writer that goes on from `through` would find it free, and nobody would read what it wrote there.
fn far_ahead(base: &Base, listed: &Listed<Key>, now: i64) -> bool {
    listed.key > clamp(now) && !base.recent.contains(&listed.key)
}

async fn delete_updates(store: &Store, info: &SpaceInfo, keys: Vec<Key>) -> Result<u64> {
    let count = keys.len() as u64;
    let mut deletes = stream::iter(keys)
        .map(|key| async move {
            let path = ObjectKey::Update(info.space.clone(), info.epoch, key).to_string();
            store.bucket.delete(&path).await
        })
        .buffer_unordered(store.settings.reads_max);
    while let Some(result) = deletes.next().await {
        result?;
    }
    Ok(count)
}

async fn prune_snapshots(
    store: &Store,
    info: &SpaceInfo,
    newest: Generation,
    age: Age,
    report: &mut PruneReport,
) -> Result<()> {
    let folder = ObjectKey::snapshots(&info.space, info.epoch);
    let mut listed = store.bucket.list(&folder, None, parse_generation).await?;
    listed.retain(|l| l.key <= newest);
    listed.truncate(listed.len().saturating_sub(SNAPSHOTS_KEPT));
    for l in listed {
        let kept = l.key.get() % SNAPSHOT_KEPT_EVERY == 0
            || l.key.get() == 1
            || !age.is_over(l.last_modified);
        if !kept {
            store
                .bucket
                .delete(&ObjectKey::Snapshot(info.space.clone(), info.epoch, l.key).to_string())
                .await?;
            report.snapshots += 1;
        }
    }
    Ok(())
}

/// Removes each old epoch that was left, and into which nothing has landed, for the retention time; and what
/// attempts at a new epoch that crashed have left behind.
async fn prune_epochs(
    store: &Store,
    open: OpenSpace,
    age: Age,
    report: &mut PruneReport,
) -> Result<()> {
    let info = &open.info;
    let mut gone = Vec::new();
    for name in store.bucket.folders(&ObjectKey::space(&info.space)).await? {
        let Ok(epoch) = name.parse::<Epoch>() else {
            continue;
        };
        let left_at = info
            .old_epochs
            .iter()
            .find(|old| old.epoch == epoch)
            .map(|old| old.left_at);
        // An epoch beyond the current one may be in the making: only its age tells, whatever the caller asks.
        let kept = Age {
            retention: age.retention.max(store.settings.retention),
            ..age
        };
        let age = if epoch.number() > info.epoch.number() {
            kept
        } else {
            age
        };
        if epoch == info.epoch || left_at.is_some_and(|at| !age.is_over(at)) {
            continue;
        }
        let folder = ObjectKey::epoch(&info.space, epoch);
        let objects = store
            .bucket
            .list(&folder, None, |name| Some(name.to_owned()))
            .await?;
        if objects.iter().all(|o| age.is_over(o.last_modified)) {
            // What lies in quarantine is never dropped, only erased with its space. What lands from now on is not among
            // these: it keeps the folder, and is swept by a later run.
            let names = objects.into_iter().map(|o| o.key);
            let names = names.filter(|name| !name.starts_with("quarantine/"));
            gone.push((epoch, names.collect::<Vec<_>>()));
        }
    }
    gone.retain(|(_, names)| !names.is_empty());
    if gone.is_empty() {
        return Ok(());
    }
    let covered = Warm::load(store, info).await?.base.covered;
    sweep::sweep(store, info, &covered, sweep::Depth::Everything).await?;
    let gone = sweep_unnamed(store, info, &covered, gone).await?;
    // Named no more, then removed: half an epoch would stop every sweep. A run that ends in between leaves a folder
    // that the next one finds by its age.
    let mut changed = info.clone();
    changed
        .old_epochs
        .retain(|old| gone.iter().all(|(epoch, _)| *epoch != old.epoch));
    if changed != *info {
        change_space(store, &open, changed).await?;
    }
    store.crash_point("prune.before_epoch");
    // Another epoch may count by now, or be named again.
    let present = store.space(&info.space).await?.info;
    for (epoch, names) in gone {
        if names_epoch(&present, epoch) {
            continue;
        }
        let folder = ObjectKey::epoch(&info.space, epoch);
        report.epoch_objects += remove(store, &folder, names).await?;
        report.epochs += 1;
    }
    Ok(())
}

fn names_epoch(info: &SpaceInfo, epoch: Epoch) -> bool {
    info.epoch == epoch || info.old_epochs.iter().any(|old| old.epoch == epoch)
}

/// Takes in what lies in epochs that `space.json` does not name, and returns the ones of which nothing is left to take in.
async fn sweep_unnamed(
    store: &Store,
    info: &SpaceInfo,
    covered: &Covered,
    gone: Vec<(Epoch, Vec<String>)>,
) -> Result<Vec<(Epoch, Vec<String>)>> {
    let mut swept = Vec::new();
    for (epoch, names) in gone {
        if !names_epoch(info, epoch) {
            match sweep::sweep_unnamed(store, info, epoch, covered).await {
                Ok(_) => {}
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    tracing::warn!(space = %info.space, %epoch, %error, "an epoch that the space does not name is kept");
                    continue;
                }
            }
        }
        swept.push((epoch, names));
    }
    Ok(swept)
}
