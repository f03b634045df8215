//! The choice of keys.

use icecore_core::Key;
use icecore_core::ids::KEY_MAX;
use icecore_core::plan::KeyClock;
use icecore_core::plan::key::{AHEAD_MILLIS_MAX, STRIDE_MAX};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;

const NOW: u64 = 1_763_640_000_000;

#[derive(Debug, Clone)]
enum Step {
    /// Publishes at this time; so many keys are taken before one is free.
    Publish(i64, u32),
    /// Sees a foreign key at this time.
    See(Key, i64),
}

/// Times around one moment, some of them minutes or years off.
fn time() -> impl Strategy<Value = i64> {
    let near = (0..10_000_u64).prop_map(|n| i64::try_from(NOW + n).unwrap());
    let minutes = (0..600_000_u64).prop_map(|n| i64::try_from(NOW - 300_000 + n).unwrap());
    prop_oneof![6 => near, 2 => minutes, 1 => any::<i64>()]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![4 => NOW - 600_000..NOW + 600_000, 1 => 0..=KEY_MAX]
        .prop_map(|n| Key::new(n).unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    let taken = prop_oneof![4 => Just(0_u32), 2 => 1_u32..4, 1 => 4_u32..40];
    prop_oneof![
        3 => (time(), taken).prop_map(|(now, taken)| Step::Publish(now, taken)),
        1 => (key(), time()).prop_map(|(key, now)| Step::See(key, now)),
    ]
}

fn as_key(now: i64) -> u64 {
    u64::try_from(now).unwrap_or(0).min(KEY_MAX)
}

/// A choice within the asked range, which it checks.
fn draw(random: u64, bound: &Cell<u64>) -> impl FnOnce(u64, u64) -> u64 {
    move |min, max| {
        assert!(min <= max && max <= STRIDE_MAX, "{min}..={max}");
        bound.set(max);
        min + random % (max - min + 1)
    }
}

/// The key must be above each noted one that the server's time allows for, and not far above them all.
fn assert_first(clock: &KeyClock, now: i64, key: Key) {
    let horizon = as_key(now).saturating_add(AHEAD_MILLIS_MAX);
    let key = key.get();
    let noted = [Some(clock.seen()), clock.own_last()];
    let mut least = as_key(now);
    for noted in noted.into_iter().flatten().map(Key::get) {
        if noted <= horizon {
            assert!(key > noted || key == KEY_MAX, "{key} is not above {noted}");
            least = least.max(noted + 1);
        }
    }
    assert!(key >= as_key(now), "{key} is before {now}");
    assert!(key <= least + STRIDE_MAX, "{key} is far above {least}");
}

proptest! {
    #[test]
    fn keys_rise_past_all_that_a_right_clock_wrote(
        steps in vec((step(), any::<u64>()), 1..30)
    ) {
        let mut clock = KeyClock::default();
        let width = Cell::new(1);
        for (step, random) in steps {
            match step {
                Step::See(key, now) => {
                    let before = clock.seen();
                    clock.saw(key, now);
                    let far = key.get() > as_key(now).saturating_add(AHEAD_MILLIS_MAX);
                    let expected = if far { before } else { before.max(key) };
                    prop_assert_eq!(clock.seen(), expected);
                }
                Step::Publish(now, taken) => {
                    let mut key = clock.first(now, draw(random, &width));
                    assert_first(&clock, now, key);
                    for _ in 0..taken {
                        let next = clock.bump(key, draw(random, &width));
                        prop_assert!(next > key || next.get() == KEY_MAX);
                        prop_assert!(next.get() <= key.get() + STRIDE_MAX);
                        key = next;
                    }
                    clock.wrote(key, taken == 0);
                    prop_assert_eq!(clock.own_last(), Some(key));
                }
            }
        }
    }

    #[test]
    fn strides_double_with_each_collision_and_narrow_with_each_clean_write(bumps in 1_u32..40) {
        let mut clock = KeyClock::default();
        let width = Cell::new(0);
        for n in 1..=bumps {
            clock.bump(Key::MIN, draw(0, &width));
            prop_assert_eq!(width.get(), (1_u64 << n.min(13)).min(STRIDE_MAX));
        }
        let mut writes = 0;
        while width.replace(0) > 0 {
            clock.wrote(Key::MIN, true);
            clock.first(0, draw(0, &width));
            writes += 1;
        }
        prop_assert!(writes <= 32, "{writes} clean writes until it is narrow again");
    }

    #[test]
    fn without_a_collision_nothing_is_random(now in time(), own in key(), seen in key()) {
        let clock = KeyClock::new(Some(own), seen);
        let least = clock.first(now, |_, _| unreachable!("a narrow clock draws nothing"));
        assert_first(&clock, now, least);
    }
}
