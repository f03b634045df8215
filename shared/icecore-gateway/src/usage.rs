//! How much a space may hold: so that a user whom nobody knows cannot fill the bucket.
//!
//! A space is measured by a listing before the first write that a gateway sees, and now and then. In between the gateway counts
//! what it hands out slots for, so that a write costs the bucket no request.

use icecore_core::{Error, ObjectKey, Result, SpaceName};
use icecore_store::Store;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What others wrote, through another gateway, is seen after this time.
const GOOD_FOR: Duration = Duration::from_hours(1);
/// Where the count says that a space is full, a roll-up may have made room meanwhile.
const FULL_FOR: Duration = Duration::from_mins(1);
/// More spaces than this are not kept in mind at once.
const SPACES_MAX: usize = 10_000;

/// The most that a space may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Of all its objects: updates, segments and snapshots, as they are stored.
    pub(crate) bytes: u64,
    /// Objects.
    pub(crate) objects: u64,
}

/// What is known of each space that was written to.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    known: Mutex<BTreeMap<SpaceName, Held>>,
}

/// What a space holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    bytes: u64,
    objects: u64,
    /// When it was measured.
    at: Duration,
}

impl Held {
    fn with(self, (objects, bytes): (u64, u64)) -> Self {
        Self {
            bytes: self.bytes.saturating_add(bytes),
            objects: self.objects.saturating_add(objects),
            at: self.at,
        }
    }

    fn fits(self, quota: Quota) -> bool {
        self.bytes <= quota.bytes && self.objects <= quota.objects
    }
}

impl Usage {
    /// Counts so many objects with so many bytes as written to a space.
    ///
    /// # Errors
    /// `Denied` when the space would hold more than it may; what listing it reports.
    pub(crate) async fn add(
        &self,
        store: &Store,
        space: &SpaceName,
        more: (u64, u64),
        quota: Quota,
    ) -> Result<()> {
        let now = store.clock.monotonic();
        if let Some(counted) = self.count(space, more, quota, now) {
            return counted.map_err(|held| full(space, held, quota));
        }
        let held = measure(store, space, quota, now).await?;
        self.keep(space, held);
        match self.count(space, more, quota, now) {
            Some(Ok(())) => Ok(()),
            _ => Err(full(space, held, quota)),
        }
    }

    /// Counts it, unless the space would be full. `None` where what is known of the space is too old to say so: a listing has its
    /// price, also for whoever has to pay for the calls of a stranger.
    fn count(
        &self,
        space: &SpaceName,
        more: (u64, u64),
        quota: Quota,
        now: Duration,
    ) -> Option<Result<(), Held>> {
        let mut known = self.known();
        let held = known.get_mut(space)?;
        let (with, age) = (held.with(more), now.saturating_sub(held.at));
        if !with.fits(quota) {
            return (age < FULL_FOR).then_some(Err(*held));
        }
        if age > GOOD_FOR {
            return None;
        }
        *held = with;
        Some(Ok(()))
    }

    /// Of two calls that measure at the same time, the first one's slots must not be forgotten.
    fn keep(&self, space: &SpaceName, held: Held) {
        let mut known = self.known();
        if known.len() >= SPACES_MAX && !known.contains_key(space) {
            known.clear();
        }
        let entry = known.entry(space.clone()).or_insert(held);
        if held.at.saturating_sub(entry.at) >= FULL_FOR {
            *entry = held;
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<SpaceName, Held>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists a space, no further than until it is known to be full.
async fn measure(store: &Store, space: &SpaceName, quota: Quota, at: Duration) -> Result<Held> {
    let folder = ObjectKey::space(space);
    let enough = usize::try_from(quota.objects.saturating_add(1)).unwrap_or(usize::MAX);
    let (listed, _) = store
        .bucket
        .list_some(&folder, None, enough, |_| Some(()))
        .await?;
    Ok(Held {
        bytes: listed.iter().map(|object| object.bytes).sum(),
        objects: listed.len() as u64,
        at,
    })
}

fn full(space: &SpaceName, held: Held, quota: Quota) -> Error {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Error::denied(format!(
        "the space holds {} objects and {} MiB already, and may hold {} and {} MiB",
        held.objects,
        mib(held.bytes),
        quota.objects,
        mib(quota.bytes)
    ))
    .with_object(space.to_string())
    .with_hint(
        "what was not sent stays in the queue; whoever runs the gateway can raise `space_bytes` and `space_objects` in \
         `guests` or `limits`, and rolling up, pruning and compressing make room",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        bytes: 100,
        objects: 3,
    };

    fn space() -> SpaceName {
        "todo".parse().unwrap()
    }

    fn held(bytes: u64, objects: u64, seconds: u64) -> Held {
        Held {
            bytes,
            objects,
            at: Duration::from_secs(seconds),
        }
    }

    fn count(usage: &Usage, more: (u64, u64), seconds: u64) -> Option<bool> {
        let now = Duration::from_secs(seconds);
        let counted = usage.count(&space(), more, QUOTA, now);
        counted.map(|counted| counted.is_ok())
    }

    #[test]
    fn slots_are_counted_until_the_space_is_full() {
        let usage = Usage::default();
        assert_eq!(count(&usage, (1, 1), 0), None, "not measured");
        usage.keep(&space(), held(40, 0, 0));
        assert_eq!(count(&usage, (1, 30), 1), Some(true));
        assert_eq!(count(&usage, (1, 31), 1), Some(false), "70 + 31 bytes");
        assert_eq!(count(&usage, (1, 30), 1), Some(true));
        assert_eq!(count(&usage, (1, 0), 1), Some(true));
        assert_eq!(count(&usage, (1, 0), 1), Some(false), "a fourth object");
    }

    #[test]
    fn what_is_known_is_measured_again_later_and_not_forgotten_before() {
        let usage = Usage::default();
        usage.keep(&space(), held(0, 0, 0));
        assert_eq!(count(&usage, (3, 90), 1), Some(true));
        usage.keep(&space(), held(0, 0, 1));
        assert_eq!(count(&usage, (1, 1), 2), Some(false), "slots in use");
        assert_eq!(count(&usage, (1, 1), 60), None, "it may be empty again");
        usage.keep(&space(), held(0, 0, 60));
        assert_eq!(count(&usage, (1, 1), 61), Some(true));
        assert_eq!(count(&usage, (1, 1), 60 + 3_601), None);
    }

    #[test]
    fn no_crowd_of_spaces_fills_the_memory() {
        let usage = Usage::default();
        for n in 0..2 * SPACES_MAX {
            let name: SpaceName = format!("s{n}").parse().unwrap();
            usage.keep(&name, held(0, 0, 0));
        }
        assert!(usage.known().len() <= SPACES_MAX);
    }
}
