//! Which spaces a scheduled round looks at.

use super::{Report, Rounds, Time};
use crate::bucket::Listed;
use crate::reader::read_head;
use futures::{StreamExt, stream};
use icecore_core::due::is_due;
use icecore_core::paths::HEADS;
use icecore_core::plan::key::is_ahead;
use icecore_core::{Digest, Head, Result, SpaceName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The word of a head younger than this is not taken: a roll-up may have overwritten a writer's.
const WORD_COUNTS: Duration = Duration::from_hours(1);
/// How often the names of all spaces are listed. Where heads get lost, this is how soon a space is found that has none.
const NAMES_EVERY: Duration = Duration::from_mins(10);
/// How soon a space without a head is looked at again when nothing was found: after this, then twice as long …
const HEADLESS_PAUSE_MIN: Duration = Duration::from_mins(5);
/// … but within this.
const HEADLESS_PAUSE_MAX: Duration = Duration::from_hours(1);
/// Stands for the `LastModified` of a head that is not there.
const NO_HEAD: i64 = 0;
/// Heads that are read before the time is looked at.
const HEADS_AT_ONCE: usize = 256;
const MINUTES_PER_DAY: i64 = 1_440;
/// How many minutes of upkeep a first round catches up on: a function's machine is replaced within less.
const FIRST_MINUTES: i64 = 60;

/// A space to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) space: SpaceName,
    /// `LastModified` of the head that called for it.
    pub(super) head: Option<i64>,
    /// Its daily upkeep is due.
    pub(super) upkeep: bool,
}

impl Job {
    /// A space that somebody asked for by name.
    pub(super) fn asked_for(space: SpaceName) -> Self {
        Self {
            space,
            head: None,
            upkeep: false,
        }
    }
}

/// What is known of the head of a space.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Its `LastModified`, as last listed.
    head: i64,
    /// The `LastModified` of the head that was dealt with to the end.
    pub(super) seen: Option<i64>,
    /// No visit and no look at the head's body has told yet whether there is work.
    unchecked: bool,
    /// When the oldest update that waits was stored, as far as that is known.
    pub(super) behind_since: Option<i64>,
    /// Not due before this, by the monotonic clock.
    pub(super) not_before: Duration,
    /// Visits that failed since the last that did not.
    pub(super) failures: u32,
    /// Visits that found nothing in a space without a head.
    idle: u32,
}

impl Known {
    pub(super) fn is_unchecked(&self) -> bool {
        self.unchecked
    }

    /// A visit went through; `head` is what it was for.
    pub(super) fn visited(&mut self, head: Option<i64>, waiting_since: Option<i64>) {
        self.unchecked &= head.is_none();
        self.failures = 0;
        self.not_before = Duration::ZERO;
        self.behind_since = waiting_since;
    }

    /// A visit did not go through.
    pub(super) fn fell_behind(&mut self, head: Option<i64>) {
        let head = head.filter(|head| *head != NO_HEAD);
        self.behind_since = self.behind_since.or(head);
    }

    /// A space without a head was dealt with to the end: no head tells when it is to be looked at again.
    pub(super) fn rests(&mut self, updates: u64, now: Duration) {
        if self.head != NO_HEAD || self.seen != Some(NO_HEAD) {
            return;
        }
        let pause = HEADLESS_PAUSE_MIN.saturating_mul(1 << self.idle.min(8));
        self.idle = if updates > 0 {
            0
        } else {
            self.idle.saturating_add(1)
        };
        self.not_before = now.saturating_add(pause.min(HEADLESS_PAUSE_MAX));
    }

    /// A head may be missing: it is a hint, and to write one may fail each time.
    fn without_a_head(before: Option<Self>, now: Duration) -> Self {
        let mut known = before.unwrap_or_default();
        known.unchecked = false;
        if known.head != NO_HEAD || known.not_before <= now {
            known.seen = None;
        }
        known.head = NO_HEAD;
        known
    }

    /// The head was listed. The first one ends the pause of a space that had none.
    fn has_head(&mut self, last_modified: i64) {
        if self.head == NO_HEAD && self.failures == 0 {
            self.not_before = Duration::ZERO;
            self.idle = 0;
        }
        self.head = last_modified;
    }

    fn is_due(&self, now: Duration) -> bool {
        !self.unchecked && self.seen != Some(self.head) && self.not_before <= now
    }
}

/// The daily upkeep of all spaces, each in its own minute of the day.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    names: Vec<SpaceName>,
    /// When the names were listed, by the monotonic clock.
    listed_at: Option<Duration>,
    /// The minute since 1970 up to which upkeep was called for.
    reached: Option<i64>,
    due: BTreeSet<SpaceName>,
}

impl Upkeep {
    pub(super) fn pending(&self) -> usize {
        self.due.len()
    }

    pub(super) fn done(&mut self, space: &SpaceName) {
        self.due.remove(space);
    }

    /// Calls for the upkeep of all whose minute has come.
    fn reach(&mut self, now: i64) {
        let to = now.div_euclid(60_000);
        let from = self.reached.unwrap_or(to - FIRST_MINUTES);
        self.reached = Some(to);
        let has_come = |name: &&SpaceName| {
            (minute_of(name) - from - 1).rem_euclid(MINUTES_PER_DAY) < to - from
        };
        self.due.extend(self.names.iter().filter(has_come).cloned());
    }
}

/// The minute of the day in which a space has its upkeep.
fn minute_of(space: &SpaceName) -> i64 {
    let digest = Digest::of(space.as_str().as_bytes()).to_string();
    let number = digest
        .get(..8)
        .and_then(|hex| i64::from_str_radix(hex, 16).ok());
    number.unwrap_or(0) % MINUTES_PER_DAY
}

impl Rounds {
    /// What there is to do: changed spaces first, those that wait longest before the others, then upkeep.
    pub(super) async fn find_work(&mut self, time: Time, report: &mut Report) -> Result<Vec<Job>> {
        let parse = |name: &str| name.parse().ok();
        let heads = self.store.bucket.list(HEADS, None, parse).await?;
        self.list_names().await?;
        self.take_heads(&heads, time.began);
        report.checked = self.check_heads(time).await;
        self.upkeep.reach(time.began);
        let now = self.store.clock.monotonic();
        let due = self.known.iter().filter(|(_, known)| known.is_due(now));
        let mut due: Vec<(i64, &SpaceName, i64)> = due
            .map(|(space, known)| {
                let changed = if known.head == NO_HEAD {
                    time.began
                } else {
                    known.head
                };
                (known.behind_since.unwrap_or(changed), space, known.head)
            })
            .collect();
        due.sort_unstable();
        let mut jobs: Vec<Job> = due
            .into_iter()
            .map(|(_, space, head)| Job {
                space: space.clone(),
                head: Some(head),
                upkeep: self.upkeep.due.contains(space),
            })
            .collect();
        let upkeep_only = self.upkeep.due.iter().filter(|space| {
            let known = self.known.get(*space);
            known.is_none_or(|k| k.unchecked || k.seen == Some(k.head))
        });
        jobs.extend(upkeep_only.map(|space| Job {
            space: space.clone(),
            head: None,
            upkeep: true,
        }));
        Ok(jobs)
    }

    async fn list_names(&mut self) -> Result<()> {
        let now = self.store.clock.monotonic();
        let last = self.upkeep.listed_at;
        if last.is_none_or(|last| now.saturating_sub(last) >= NAMES_EVERY) {
            self.upkeep.names = self.store.spaces().await?;
            self.upkeep.listed_at = Some(now);
        }
        Ok(())
    }

    fn take_heads(&mut self, heads: &[Listed<SpaceName>], now: i64) {
        let mut before = std::mem::take(&mut self.known);
        let mut known = BTreeMap::new();
        for head in heads {
            let mut one = before.remove(&head.key).unwrap_or_else(|| Known {
                unchecked: true,
                head: head.last_modified,
                ..Known::default()
            });
            let young = !is_due(now, head.last_modified, WORD_COUNTS);
            one.unchecked &= !young && one.head == head.last_modified;
            one.has_head(head.last_modified);
            known.insert(head.key.clone(), one);
        }
        let at = self.store.clock.monotonic();
        for name in &self.upkeep.names {
            if !known.contains_key(name) {
                let one = Known::without_a_head(before.remove(name), at);
                known.insert(name.clone(), one);
            }
        }
        self.known = known;
    }

    /// Reads the heads of which nothing is known yet, the youngest first; returns how many. What the time does not
    /// allow is for the next round; the upkeep finds it in any case.
    async fn check_heads(&mut self, time: Time) -> u64 {
        let unchecked = self.known.iter().filter(|(_, known)| known.unchecked);
        let mut unchecked: Vec<(i64, SpaceName)> =
            unchecked.map(|(name, k)| (k.head, name.clone())).collect();
        unchecked.sort_unstable_by(|a, b| b.cmp(a));
        let mut checked = 0;
        for batch in unchecked.chunks(HEADS_AT_ONCE) {
            if self.store.clock.monotonic() >= time.work_until {
                break;
            }
            let store = &self.store;
            let words: Vec<(SpaceName, bool)> = stream::iter(batch)
                .map(|(_, space)| async move {
                    let head = read_head(store, space, None).await;
                    // One that cannot be read says nothing: a visit tells.
                    // Nor does one of which a wrong clock wrote how far its space was rolled up.
                    let now = time.began;
                    let is_rolled_up = |h: Head| h.key <= h.through && !is_ahead(h.through, now);
                    let rolled_up = head.is_ok_and(|(head, _)| head.is_some_and(is_rolled_up));
                    (space.clone(), rolled_up)
                })
                .buffer_unordered(store.settings.reads_max)
                .collect()
                .await;
            for (space, rolled_up) in words {
                checked += 1;
                if let Some(known) = self.known.get_mut(&space) {
                    known.unchecked = false;
                    known.seen = rolled_up.then_some(known.head);
                }
            }
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upkeep_of(names: usize) -> Upkeep {
        let names = (0..names).map(|n| format!("space-{n}").parse().unwrap());
        Upkeep {
            names: names.collect(),
            ..Upkeep::default()
        }
    }

    #[test]
    fn every_space_comes_once_a_day_and_they_are_spread_over_it() {
        let mut upkeep = upkeep_of(10_000);
        let start = 1_795_132_800_000;
        upkeep.reach(start);
        let first = upkeep.due.len();
        assert!((300..600).contains(&first), "an hour's worth: {first}");
        upkeep.due.clear();
        let mut seen = BTreeMap::new();
        for minute in 1..=1_440 {
            upkeep.reach(start + minute * 60_000 + 17);
            assert!(upkeep.due.len() < 40, "no burst: {}", upkeep.due.len());
            for name in std::mem::take(&mut upkeep.due) {
                *seen.entry(name).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 10_000);
        assert!(seen.values().all(|times| *times == 1));
    }

    #[test]
    fn a_pause_is_made_up_for_and_a_clock_that_goes_back_stops_nothing() {
        let mut upkeep = upkeep_of(1_000);
        let start = 1_795_132_800_000;
        upkeep.reach(start);
        upkeep.reach(start + 3 * 86_400_000);
        assert_eq!(upkeep.due.len(), 1_000);
        upkeep.due.clear();
        upkeep.reach(start);
        assert_eq!(upkeep.due.len(), 0);
        upkeep.reach(start + 86_400_000);
        assert_eq!(upkeep.due.len(), 1_000);
    }
}
