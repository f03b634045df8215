//! How often to look while nothing happens (docs/protocol.md, How often).

use std::time::Duration;

/// A pause is this part of the quiet before it, at most.
const PART_OF_QUIET: u32 = 8;
/// The last part of a pause that chance decides: a quarter. Who begins together does not go on together.
const JITTER: u32 = 4;

/// The interval of something that is done while nothing is found: `first`, then twice as long each time, up to `most`.
///
/// ```
/// use icecore_core::plan::pace::grown;
/// use std::time::Duration;
/// let (minute, ten) = (Duration::from_mins(1), Duration::from_mins(10));
/// let grown = |quiet| grown(minute, ten, quiet).as_secs() / 60;
/// assert_eq!([0, 1, 2, 3, 4, 99].map(grown), [1, 2, 4, 8, 10, 10]);
/// ```
pub fn grown(first: Duration, most: Duration, quiet: u32) -> Duration {
    let factor = 1_u32 << quiet.min(31);
    first.saturating_mul(factor).min(most.max(first))
}

/// The pauses of whoever syncs for ever.
///
/// While something happens a pause is `every`. In the quiet after that it grows with the quiet, to an eighth of it, and up to
/// `most`: what comes then is seen a little later, in proportion to how long nothing came. Failures in a row make it twice as
/// long each, up to `most` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    every: Duration,
    most: Duration,
    /// When something happened last, by the monotonic clock.
    alive_at: Duration,
    failures: u32,
}

impl Pace {
    /// Begins at the monotonic time `now`.
    pub fn new(every: Duration, most: Duration, now: Duration) -> Self {
        Self {
            every,
            most: most.max(every),
            alive_at: now,
            failures: 0,
        }
    }

    /// A sign of life: something was written here, something came, or somebody looks.
    pub fn alive(&mut self, now: Duration) {
        self.alive_at = now;
    }

    /// A look went through.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A look failed.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// How long to wait at `now`, for a number drawn from all `u32`.
    pub fn pause(&self, now: Duration, draw: u32) -> Duration {
        let whole = match self.failures {
            0 => (now.saturating_sub(self.alive_at) / PART_OF_QUIET).clamp(self.every, self.most),
            failures => grown(self.every, self.most, failures),
        };
        // Where nothing is to be waited for there is nothing to spread.
        if whole == self.every {
            return whole;
        }
        let spread = whole / JITTER;
        let part = spread.as_nanos() * u128::from(draw) / u128::from(u32::MAX);
        whole.saturating_sub(Duration::from_nanos(u64::try_from(part).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);
    const MOST: Duration = Duration::from_mins(1);

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_pause_grows_with_the_quiet_and_a_sign_of_life_ends_it() {
        let mut pace = Pace::new(EVERY, MOST, secs(100));
        let table = [(0, 5), (40, 5), (80, 10), (240, 30), (480, 60), (9_999, 60)];
        for (quiet, expected) in table {
            assert_eq!(pace.pause(secs(100 + quiet), 0), secs(expected), "{quiet}");
        }
        pace.alive(secs(10_000));
        assert_eq!(pace.pause(secs(10_000), 0), EVERY);
        // A clock that stands still, or an interval above the limit.
        assert_eq!(pace.pause(secs(0), 0), EVERY);
        let slow = Pace::new(secs(300), MOST, secs(0));
        assert_eq!(slow.pause(secs(99_999), u32::MAX), secs(300));
    }

    #[test]
    fn failures_in_a_row_are_tried_again_ever_later_up_to_a_limit() {
        let mut pace = Pace::new(Duration::from_millis(300), MOST, secs(0));
        let mut tried = 0;
        let mut now = Duration::ZERO;
        while now < secs(4) {
            pace.failed();
            tried += 1;
            now += pace.pause(now, u32::MAX / 2);
        }
        assert!(tried <= 4, "{tried} tries in 4 s");
        for _ in 0..40 {
            pace.failed();
        }
        assert_eq!(pace.pause(now, 0), MOST);
        pace.succeeded();
        assert_eq!(pace.pause(secs(0), 0), Duration::from_millis(300));
    }

    #[test]
    fn pauses_are_spread_by_a_quarter_at_most() {
        let pace = Pace::new(EVERY, MOST, secs(0));
        let long = |draw| pace.pause(secs(1_000), draw);
        assert_eq!((long(0), long(u32::MAX)), (secs(60), secs(45)));
        assert!(long(u32::MAX / 2) < long(u32::MAX / 3));
    }
}
