//! Which key a new update object gets (docs/protocol.md, Write).

use crate::ids::{Epoch, Generation, KEY_MAX, Key};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A key this far ahead of the server's time counts as unseen: one bad clock must not drag the others along.
pub const AHEAD_MILLIS_MAX: u64 = 2 * 60 * 1000;
/// A `through` this far ahead of the server's time still carries a writer along whose clock is behind. One that is
/// further ahead was written by a wrong clock, and nobody counts on from there.
pub const CARRIED_MILLIS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// The widest stride of a bump: under any load that one bucket prefix takes (3,500 PUT a second on S3), a
/// window of this many keys has free ones.
pub const STRIDE_MAX: u64 = 8_192;

/// One author's choice of keys in one space.
///
/// After collisions the stride stays wide for the next update and narrows with every clean write: under
/// contention the writers spread out instead of meeting again at the same millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyClock {
    own_last: Option<Key>,
    seen: Key,
    reached: Key,
    stride: u64,
    /// Keys that the base remembers as rolled up, and of which base.
    known: Arc<BTreeSet<Key>>,
    known_of: Option<(Epoch, Generation)>,
}

/// What one author knows of keys, for a gateway that chooses the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyHints {
    /// The last key that it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    pub own_last: Option<Key>,
    /// The largest key that it has seen.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub seen: Key,
    /// How far the segments reach.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub reached: Key,
    /// How far apart it tries after collisions.
    pub stride: u64,
}

impl From<KeyHints> for KeyClock {
    fn from(hints: KeyHints) -> Self {
        Self {
            own_last: hints.own_last,
            seen: hints.seen,
            reached: hints.reached,
            stride: hints.stride.clamp(1, STRIDE_MAX),
            ..Self::default()
        }
    }
}

impl From<&KeyClock> for KeyHints {
    fn from(clock: &KeyClock) -> Self {
        Self {
            own_last: clock.own_last,
            seen: clock.seen,
            reached: clock.reached,
            stride: clock.stride,
        }
    }
}

impl Default for KeyClock {
    fn default() -> Self {
        Self {
            own_last: None,
            seen: Key::MIN,
            reached: Key::MIN,
            stride: 1,
            known: Arc::default(),
            known_of: None,
        }
    }
}

impl KeyClock {
    /// Continues from the last key that this author wrote, if any, and the largest key that it saw.
    pub fn new(own_last: Option<Key>, seen: Key) -> Self {
        Self {
            own_last,
            seen,
            ..Self::default()
        }
    }

    /// The first key to try at the server's time `now`; `random` picks a place in the stride.
    pub fn first(&self, now_millis: i64, random: impl FnOnce(u64, u64) -> u64) -> Key {
        let now = clamp(now_millis);
        let horizon = now.saturating_add(AHEAD_MILLIS_MAX);
        let after = |key: Key| {
            if key > horizon {
                Key::MIN
            } else {
                key.saturating_add(1)
            }
        };
        let least = now
            .max(after(self.seen))
            .max(self.own_last.map_or(Key::MIN, after))
            .max(
                if self.reached > Key::MIN && self.reached <= now.saturating_add(CARRIED_MILLIS_MAX)
                {
                    self.reached.saturating_add(1)
                } else {
                    Key::MIN
                },
            );
        self.unknown_from(if self.stride > 2 {
            least.saturating_add(random(0, self.stride))
        } else {
            least
        })
    }

    /// Notes the keys that the base of this generation remembers. An object under one of them would count as rolled up, and
    /// be read by nobody; in an epoch that continues another one they look free.
    pub fn remember(&mut self, base: (Epoch, Generation), keys: &BTreeSet<Key>) {
        if self.known_of != Some(base) {
            self.known = Arc::new(keys.clone());
            self.known_of = Some(base);
        }
    }

    /// Whether an object under this key would count as rolled up.
    pub fn is_known(&self, key: Key) -> bool {
        self.known.contains(&key)
    }

    /// The greatest key that the base remembers, but for those of wrong clocks.
    pub fn last_known(&self, now_millis: i64) -> Option<Key> {
        let horizon = clamp(now_millis).saturating_add(AHEAD_MILLIS_MAX);
        self.known.range(..=horizon).next_back().copied()
    }

    fn unknown_from(&self, mut key: Key) -> Key {
        while self.is_known(key) {
            let Some(next) = key.next() else { break };
            key = next;
        }
        key
    }

    /// The key after a collision at `taken`.
    pub fn bump(&mut self, taken: Key, random: impl FnOnce(u64, u64) -> u64) -> Key {
        self.stride = (self.stride * 2).min(STRIDE_MAX);
        self.unknown_from(taken.saturating_add(random(1, self.stride)))
    }

    /// Notes a key of this author that is stored; `clean` when the first try went through.
    pub fn wrote(&mut self, key: Key, clean: bool) {
        self.own_last = Some(key);
        if clean {
            self.stride = (self.stride - self.stride / 4).saturating_sub(1).max(1);
        }
    }

    /// Notes a key that was seen.
    pub fn saw(&mut self, key: Key, now_millis: i64) {
        if key <= clamp(now_millis).saturating_add(AHEAD_MILLIS_MAX) {
            self.seen = self.seen.max(key);
        }
    }

    /// Notes how far the segments reach. Unlike a key that was seen, this is no writer's clock: a roll-up puts it
    /// no further than the server's own times. So a clock that is behind is carried up to it.
    pub fn reached(&mut self, through: Key) {
        self.reached = self.reached.max(through);
    }

    /// Forgets an author for another one, and keeps what was seen.
    #[must_use]
    pub fn of_author(&self, own_last: Option<Key>) -> Self {
        Self {
            own_last,
            ..self.clone()
        }
    }

    /// The last key that this author wrote.
    pub fn own_last(&self) -> Option<Key> {
        self.own_last
    }

    /// The largest key seen.
    pub fn seen(&self) -> Key {
        self.seen
    }
}

/// Whether a key, or a `through`, is further ahead of the time `now` than clocks differ.
pub fn is_ahead(key: Key, now: i64) -> bool {
    key > clamp(now).saturating_add(AHEAD_MILLIS_MAX)
}

/// How far segments reach that say `through`: one that is ahead of the time was written by a wrong clock, and says
/// nothing. Readers and roll-ups look at everything then, and the next roll-up writes a better one.
pub fn vouched(through: Key, now: i64) -> Key {
    if is_ahead(through, now) {
        Key::MIN
    } else {
        through
    }
}

/// A time as a key; times outside the range of keys count as its ends.
pub fn clamp(millis: i64) -> Key {
    let millis = u64::try_from(millis).unwrap_or(0).min(KEY_MAX);
    Key::new(millis).unwrap_or(Key::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        Key::new(n).unwrap()
    }

    fn low(min: u64, _: u64) -> u64 {
        min
    }

    #[test]
    fn the_key_is_above_all_seen_but_not_above_a_bad_clock() {
        let table = [
            (None, 0, 1_000, 1_000),
            (Some(1_500), 0, 1_000, 1_501),
            (None, 1_700, 1_000, 1_701),
            (None, 9_000_000, 1_000, 1_000),
            (Some(9_000_000), 0, 1_000, 1_000),
            (Some(5), 7, -3, 8),
        ];
        for (own, seen, now, expected) in table {
            let clock = KeyClock::new(own.map(key), key(seen));
            assert_eq!(
                clock.first(now, low).get(),
                expected,
                "{own:?} {seen} {now}"
            );
        }
    }

    #[test]
    fn a_clock_that_is_behind_is_carried_up_to_what_is_rolled_up() {
        let mut clock = KeyClock::default();
        clock.reached(key(9_000_000));
        assert_eq!(clock.first(1_000, low).get(), 9_000_001);
        assert_eq!(clock.first(9_500_000, low).get(), 9_500_000);
    }

    #[test]
    fn nobody_counts_on_from_a_time_that_a_wrong_clock_wrote() {
        let now = 1_800_000_000_000;
        for through in [now + CARRIED_MILLIS_MAX + 1, 4_070_908_800_000, KEY_MAX] {
            let mut clock = KeyClock::default();
            clock.reached(key(through));
            let now = i64::try_from(now).unwrap();
            assert_eq!(clock.first(now, low), clamp(now));
            assert_eq!(vouched(key(through), now), Key::MIN);
            // A right one that comes later is not forgotten for it.
            clock.reached(key(now.unsigned_abs() + 5));
        }
        let near = key(now + AHEAD_MILLIS_MAX);
        assert_eq!(vouched(near, i64::try_from(now).unwrap()), near);
    }

    #[test]
    fn a_key_that_the_base_remembers_is_passed_over() {
        let mut clock = KeyClock::default();
        let base = (Epoch::first(7), Generation::ZERO);
        clock.remember(base, &[1_000, 1_001, 1_003].map(key).into());
        assert_eq!(clock.first(1_000, low), key(1_002));
        assert_eq!(clock.bump(key(1_002), low), key(1_004));
        assert_eq!(clock.first(1_004, low), key(1_004));
        // The same base says the same again.
        clock.remember(base, &BTreeSet::new());
        assert!(clock.is_known(key(1_003)) && !clock.is_known(key(1_002)));
        assert_eq!(clock.last_known(0), Some(key(1_003)));
        clock.remember((Epoch::first(8), Generation::ZERO), &BTreeSet::new());
        assert_eq!(clock.first(1_000, low), key(1_000));
    }

    #[test]
    fn strides_double_and_narrow_again() {
        let mut clock = KeyClock::default();
        let high = |_, max| max;
        assert_eq!(clock.bump(key(10), high).get(), 12);
        assert_eq!(clock.bump(key(12), high).get(), 16);
        clock.wrote(key(16), false);
        assert_eq!(clock.first(0, high).get(), 17 + 4);
        for _ in 0..5 {
            clock.wrote(key(20), true);
        }
        assert_eq!(clock.first(0, high).get(), 21);
        for _ in 0..50 {
            clock.bump(key(0), low);
        }
        assert_eq!(clock.bump(key(0), high).get(), STRIDE_MAX);
    }
}
