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
/// A slot is used within this time or never: until then a listing may not show what it is for.
const IN_USE: Duration = Duration::from_secs(30);
/// More spaces than this are not kept in mind at once.
const SPACES_MAX: usize = 10_000;
/// No space may be allowed more objects: a listing has to come to an end while the call waits.
pub(crate) const OBJECTS_MAX: u64 = 200_000;
/// As many as S3 lists at once, a few times.
const PAGE: usize = 5_000;

/// Objects, and their bytes as they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

impl Amount {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_add(other.objects),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn fits(self, most: Self) -> bool {
        self.bytes <= most.bytes && self.objects <= most.objects
    }
}

/// What is known of each space that was written to.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    known: Mutex<BTreeMap<SpaceName, Held>>,
}

/// What a space holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// What a listing showed, and slots that are over.
    stored: Amount,
    /// Slots that were handed out just now, and in the stretch of time before.
    slots: [Amount; 2],
    /// When the present stretch began.
    since: Duration,
    /// When it was measured.
    at: Duration,
}

impl Held {
    fn total(&self) -> Amount {
        self.stored.and(self.slots[0]).and(self.slots[1])
    }

    fn pass(&mut self, now: Duration) {
        for _ in 0..self.slots.len() {
            if now.saturating_sub(self.since) >= IN_USE {
                self.stored = self.stored.and(self.slots[1]);
                self.slots = [Amount::default(), self.slots[0]];
                self.since = self.since.saturating_add(IN_USE);
            }
        }
        if now.saturating_sub(self.since) >= IN_USE {
            self.since = now;
        }
    }
}

/// What became of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Fits,
    /// The space would hold more than it may; it holds so much.
    Full(Amount),
    /// What is known is too old: whoever is told this measures the space, and nobody else does meanwhile.
    Unknown,
}

impl Usage {
    /// Counts slots that are handed out for a space; the refusal, if it would hold more than it may.
    ///
    /// # Errors
    /// What listing the space reports.
    pub(crate) async fn add(
        &self,
        store: &Store,
        space: &SpaceName,
        more: Amount,
        most: Amount,
    ) -> Result<Option<Error>> {
        let now = store.clock.monotonic();
        let mut counted = self.count(space, more, most, now);
        if counted == Counted::Unknown {
            match measure(store, space, most).await {
                Ok(stored) => self.known().entry(space.clone()).or_default().stored = stored,
                Err(error) => {
                    self.known().remove(space);
                    return Err(error);
                }
            }
            counted = self.count(space, more, most, now);
        }
        match counted {
            Counted::Fits => Ok(None),
            Counted::Full(held) => Ok(Some(full(space, held, most))),
            // It was forgotten meanwhile, for there are too many spaces.
            Counted::Unknown => {
                Err(Error::unavailable("the gateway is busy").with_hint("try again in a moment"))
            }
        }
    }

    fn count(&self, space: &SpaceName, more: Amount, most: Amount, now: Duration) -> Counted {
        let mut known = self.known();
        if !known.contains_key(space) {
            if known.len() >= SPACES_MAX {
                known.clear();
            }
            let held = Held {
                at: now,
                since: now,
                ..Held::default()
            };
            known.insert(space.clone(), held);
            return Counted::Unknown;
        }
        let held = known.entry(space.clone()).or_default();
        held.pass(now);
        let age = now.saturating_sub(held.at);
        let fits = held.total().and(more).fits(most);
        if age > GOOD_FOR || (!fits && age >= FULL_FOR) {
            held.at = now;
            return Counted::Unknown;
        }
        if !fits {
            return Counted::Full(held.total());
        }
        held.slots[0] = held.slots[0].and(more);
        Counted::Fits
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<SpaceName, Held>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists a space, no further than until it is known to be full. Transient events are over before it matters.
async fn measure(store: &Store, space: &SpaceName, most: Amount) -> Result<Amount> {
    let folder = ObjectKey::space(space);
    let mut held = Amount::default();
    let mut after = None;
    loop {
        let name = |name: &str| Some(name.to_owned());
        let page = store.bucket.list_some(&folder, after, PAGE, name);
        let (listed, is_more) = page.await?;
        for object in listed
            .iter()
            .filter(|object| !object.key.contains("/transient/"))
        {
            held = held.and(Amount {
                objects: 1,
                bytes: object.bytes,
            });
        }
        after = listed.into_iter().next_back().map(|object| object.key);
        if !is_more || after.is_none() || !held.fits(most) {
            return Ok(held);
        }
    }
}

fn full(space: &SpaceName, held: Amount, most: Amount) -> Error {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Error::denied(format!(
        "the space holds {} objects and {} MiB already, and may hold {} and {} MiB",
        held.objects,
        mib(held.bytes),
        most.objects,
        mib(most.bytes)
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

    const MOST: Amount = Amount {
        objects: 3,
        bytes: 100,
    };

    fn space() -> SpaceName {
        "todo".parse().unwrap()
    }

    fn count(usage: &Usage, (objects, bytes): (u64, u64), seconds: u64) -> Counted {
        let now = Duration::from_secs(seconds);
        usage.count(&space(), Amount { objects, bytes }, MOST, now)
    }

    fn measured(usage: &Usage, objects: u64, bytes: u64) {
        usage.known().get_mut(&space()).unwrap().stored = Amount { objects, bytes };
    }

    #[test]
    fn slots_are_counted_until_the_space_is_full() {
        let usage = Usage::default();
        assert_eq!(count(&usage, (1, 1), 0), Counted::Unknown);
        assert_eq!(
            count(&usage, (0, 0), 0),
            Counted::Fits,
            "another one measures"
        );
        measured(&usage, 0, 40);
        assert_eq!(count(&usage, (1, 30), 1), Counted::Fits);
        let held = |objects, bytes| Counted::Full(Amount { objects, bytes });
        assert_eq!(count(&usage, (1, 31), 1), held(1, 70), "70 + 31 bytes");
        assert_eq!(count(&usage, (1, 30), 1), Counted::Fits);
        assert_eq!(count(&usage, (1, 0), 1), Counted::Fits);
        assert_eq!(count(&usage, (1, 0), 1), held(3, 100), "a fourth object");
    }

    #[test]
    fn what_is_known_is_measured_again_later_and_slots_in_use_are_not_forgotten() {
        let usage = Usage::default();
        assert_eq!(count(&usage, (1, 1), 0), Counted::Unknown);
        assert_eq!(count(&usage, (1, 10), 1), Counted::Fits);
        assert_eq!(count(&usage, (2, 80), 55), Counted::Fits);
        // It may have been pruned since: one call measures, and the others are refused meanwhile.
        assert_eq!(count(&usage, (1, 0), 61), Counted::Unknown);
        assert!(matches!(count(&usage, (1, 0), 61), Counted::Full(_)));
        // The listing shows nothing, but the slots of six seconds ago may still be used.
        measured(&usage, 0, 0);
        assert_eq!(
            count(&usage, (2, 0), 61),
            Counted::Full(Amount {
                objects: 2,
                bytes: 80
            })
        );
        assert_eq!(count(&usage, (1, 0), 61), Counted::Fits);
        // Over they are what was there before the listing.
        assert_eq!(count(&usage, (1, 0), 122), Counted::Unknown);
        measured(&usage, 0, 0);
        assert_eq!(count(&usage, (3, 0), 122), Counted::Fits);
        assert_eq!(count(&usage, (0, 0), 122 + 3_601), Counted::Unknown);
    }

    #[test]
    fn no_crowd_of_spaces_fills_the_memory() {
        let usage = Usage::default();
        for n in 0..2 * SPACES_MAX {
            let name: SpaceName = format!("s{n}").parse().unwrap();
            usage.count(&name, Amount::default(), MOST, Duration::ZERO);
        }
        assert!(usage.known().len() <= SPACES_MAX);
    }
}
