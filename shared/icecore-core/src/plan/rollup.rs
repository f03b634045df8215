//! What one roll-up takes into the next segment (docs/protocol.md, Roll up), and when a snapshot is due.

use crate::base::Base;
use crate::covered::Covered;
use crate::ids::{Author, Key, Seq, UpdateId};
use crate::order::{self, Place, Visible};
use crate::plan::key::{clamp, is_ahead, vouched};
use crate::rules::{self, Rule};
use crate::segment::Entry;
use crate::space::Order;
use crate::update::{Update, UpdateObject};
use std::collections::{BTreeMap, BTreeSet};

/// An update object that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its key.
    pub key: Key,
    /// When it was stored, by the server, milliseconds since 1970 UTC.
    pub last_modified: i64,
    /// Its body; `None` for one that could not be read and is set aside.
    pub object: Option<UpdateObject>,
}

impl Loaded {
    /// What the order needs to know of it.
    pub fn visible(&self) -> Option<Visible> {
        let object = self.object.as_ref()?;
        Some((self.key, object.author, object.seq, object.updates.len()))
    }
}

/// Updates that stand behind a gap in a listing that has ended: the greatest seq of each author.
pub type Seen = BTreeMap<Author, Seq>;

/// What is known of the listing that a roll-up rests on.
#[derive(Debug, Clone, Default)]
pub struct Horizon {
    /// The server's time when the listing began.
    pub now: i64,
    /// The server's time when the listing began, less the settle time.
    pub settled: i64,
    /// All of `updates/` was listed, in one go, and read; and all that old epochs hold was swept before.
    pub complete: bool,
    /// What listings showed that had ended before this one, and that sweep, began.
    pub seen: Seen,
}

/// What goes into the next segment.
#[derive(Debug, Default)]
pub struct RollupPlan {
    /// The entries in canonical order.
    pub entries: Vec<Entry>,
    /// How far the segment reaches.
    pub through: Key,
    /// An update that is old enough is there without its author's earlier one: list everything and plan again.
    pub gap: bool,
    /// What was seen behind a gap, of any age: once this listing has ended, the next complete one may pass it.
    pub behind_gaps: Seen,
    /// Updates that wait: too young, or behind a gap.
    pub held: usize,
}

/// Chooses the updates that are old enough, in effective order, and none without its author's earlier ones.
///
/// A gap that remains does not block for ever. Whoever wrote seq n+1 had been told before that seq n was stored. So
/// where a listing that has ended showed n+1, n was stored before that listing ended, and a complete listing that
/// began only then shows n too, unless it is gone for good. No clock takes part in this: a listing alone, however
/// old what it shows, may have passed the place of n before n was there, and come to that of n+1 afterwards.
pub fn plan_rollup(base: &Base, loaded: &[Loaded], horizon: &Horizon) -> RollupPlan {
    match base.order {
        Order::Timestamp => plan_timestamp(base, loaded, horizon),
        Order::Sequence => plan_sequence(base, loaded),
    }
}

fn plan_timestamp(base: &Base, loaded: &[Loaded], horizon: &Horizon) -> RollupPlan {
    let settled_key = clamp(horizon.settled);
    // A time of storing in the future is a wrong clock's: nothing waits for it.
    let eligible = |l: &&Loaded| {
        l.key <= settled_key || l.last_modified <= horizon.settled || is_from_future(l, horizon)
    };
    let visible = || loaded.iter().filter_map(Loaded::visible);
    let all = order::sort(Order::Timestamp, visible(), &base.covered);
    let places = order::sort(
        Order::Timestamp,
        loaded.iter().filter(eligible).filter_map(Loaded::visible),
        &base.covered,
    );
    let missing = order::gaps(visible(), &base.covered);
    let mut taken = Covered::default();
    let mut plan = RollupPlan::default();
    let mut chosen: Vec<Place> = Vec::new();
    // Effective order keeps an author's seqs ascending, so the one before is always decided already.
    for place in places {
        let id = place.id;
        let allowed = one_before(id).is_none_or(|before| {
            !rules::is_on(Rule::GapRule)
                || base.covered.contains(before)
                || taken.contains(before)
                || (missing.contains(&before) && horizon.passes(id))
        });
        if allowed {
            taken.insert(id);
            chosen.push(place);
        } else {
            plan.gap |= one_before(id).is_some_and(|before| missing.contains(&before));
        }
    }
    plan.behind_gaps = behind_gaps(&missing, &taken, &all);
    plan.through = vouched(base.through, horizon.now).max(through(loaded, horizon));
    plan.entries = entries(&chosen, loaded);
    plan.held = all.len() - plan.entries.len();
    plan
}

impl Horizon {
    /// Whether what is missing before an update is missing for good.
    fn passes(&self, id: UpdateId) -> bool {
        let seen = || self.seen.get(&id.author).is_some_and(|seq| *seq >= id.seq);
        self.complete && (!rules::is_on(Rule::SeenBeforeGap) || seen())
    }
}

/// The greatest seq of each author who has a gap that was not passed.
fn behind_gaps(missing: &BTreeSet<UpdateId>, taken: &Covered, all: &[Place]) -> Seen {
    let after = |id: &UpdateId| UpdateId {
        seq: id.seq.saturating_add(1),
        ..*id
    };
    let left = missing.iter().filter(|id| !taken.contains(after(id)));
    let authors: BTreeSet<Author> = left.map(|id| id.author).collect();
    let mut seen = Seen::new();
    for id in all.iter().map(|place| place.id) {
        if authors.contains(&id.author) {
            let greatest = seen.entry(id.author).or_insert(id.seq);
            *greatest = id.seq.max(*greatest);
        }
    }
    seen
}

fn one_before(id: UpdateId) -> Option<UpdateId> {
    let seq = Seq::new(id.seq.get() - 1).ok()?;
    Some(UpdateId { seq, ..id })
}
/// The settle time, but never past what both the clock and the server's own times vouch for: neither a roll-up with a
/// clock in the future nor a file with a time in the future must make readers skip what is being written now.
fn through(loaded: &[Loaded], horizon: &Horizon) -> Key {
    let right = loaded.iter().filter(|l| !is_from_future(l, horizon));
    let newest = right.map(|l| l.last_modified).max().unwrap_or(0);
    clamp(horizon.settled.min(horizon.now).min(newest))
}

fn is_from_future(loaded: &Loaded, horizon: &Horizon) -> bool {
    is_ahead(clamp(loaded.last_modified), horizon.now)
}

fn plan_sequence(base: &Base, loaded: &[Loaded]) -> RollupPlan {
    let mut by_key: BTreeMap<Key, &Loaded> = BTreeMap::new();
    for l in loaded.iter().filter(|l| l.key > base.through) {
        by_key.insert(l.key, l);
    }
    let mut through = base.through;
    let mut run = Vec::new();
    for (&key, &l) in &by_key {
        if Some(key) != through.next() {
            break;
        }
        through = key;
        run.extend(l.visible());
    }
    let waiting = |visible: Vec<Visible>| order::sort(Order::Sequence, visible, &base.covered);
    let chosen = waiting(run);
    let all = waiting(by_key.values().filter_map(|l| l.visible()).collect());
    let entries = entries(&chosen, loaded);
    RollupPlan {
        held: all.len() - entries.len(),
        entries,
        through,
        ..RollupPlan::default()
    }
}

fn entries(chosen: &[Place], loaded: &[Loaded]) -> Vec<Entry> {
    let objects: BTreeMap<Key, &UpdateObject> = loaded
        .iter()
        .filter_map(|l| Some((l.key, l.object.as_ref()?)))
        .collect();
    chosen
        .iter()
        .map(|place| Entry {
            id: place.id,
            key: place.key,
            update: update_of(objects[&place.key], place.id.seq),
        })
        .collect()
}

fn update_of(object: &UpdateObject, seq: Seq) -> Update {
    let index = usize::try_from(seq.get() - object.seq.get()).unwrap_or(usize::MAX);
    object.updates[index].clone()
}

/// When a snapshot is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SnapshotRule {
    /// Always, while a snapshot has at most this many bytes.
    pub small_bytes: u64,
    /// When the segments since the last snapshot exceed this fraction of its bytes.
    pub fraction: f64,
    /// When there are this many segments since a snapshot of at most `medium_bytes`: so that opening such a
    /// space takes few requests.
    pub segments_max: u64,
    /// See `segments_max`.
    pub medium_bytes: u64,
    /// When there are this many segments since any snapshot.
    pub segments_hard_max: u64,
}

impl Default for SnapshotRule {
    fn default() -> Self {
        Self {
            small_bytes: 64 * 1024,
            fraction: 0.25,
            segments_max: 2,
            medium_bytes: 4 * 1024 * 1024,
            segments_hard_max: 64,
        }
    }
}

impl SnapshotRule {
    /// Is one due, `segments` segments of `bytes` bytes after a snapshot of `snapshot_bytes` (`None`: none yet)?
    pub fn is_due(&self, snapshot_bytes: Option<u64>, bytes: u64, segments: u64) -> bool {
        let Some(snapshot_bytes) = snapshot_bytes else {
            return true;
        };
        #[expect(clippy::cast_precision_loss, reason = "a rule of thumb on sizes")]
        let exceeds = bytes as f64 > snapshot_bytes as f64 * self.fraction;
        segments > 0
            && (snapshot_bytes <= self.small_bytes
                || exceeds
                || segments >= self.segments_hard_max
                || (segments >= self.segments_max && snapshot_bytes <= self.medium_bytes))
    }
}

#[cfg(test)]
mod tests;
