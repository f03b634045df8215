//! Times, taken in turns: so that whatever else the machine does falls on both sides.

use icecore_store::Clock;
use std::future::Future;
use std::time::Duration;

/// Many times of one thing.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The one in the middle.
    pub(super) fn median(&self) -> Duration {
        self.at(0.5)
    }

    /// The one that is slower than this part of them.
    pub(super) fn at(&self, part: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a small length"
        )]
        let index = (super::number::exact(sorted.len() as u64) * part) as usize;
        sorted
            .get(index.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

/// How long something takes.
pub(super) async fn time<T>(clock: &dyn Clock, work: impl Future<Output = T>) -> (Duration, T) {
    let start = clock.monotonic();
    let result = work.await;
    (clock.monotonic().saturating_sub(start), result)
}

/// How long something keeps one core busy, whatever else the machine does: by the kernel's count of this
/// thread's time where it tells, else by the clock.
pub(super) fn time_on_core<T>(clock: &dyn Clock, work: impl FnOnce() -> T) -> (Duration, T) {
    let before = on_core();
    let (time, result) = time_of(clock, work);
    let spent = before
        .zip(on_core())
        .map(|(before, after)| after.saturating_sub(before));
    (spent.unwrap_or(time), result)
}

/// The first number of `schedstat` (Linux): nanoseconds that this thread has run.
fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// How long something takes that does not wait.
pub(super) fn time_of<T>(clock: &dyn Clock, work: impl FnOnce() -> T) -> (Duration, T) {
    let start = clock.monotonic();
    let result = work();
    (clock.monotonic().saturating_sub(start), result)
}

/// How many times longer.
pub(super) fn ratio(time: Duration, floor: Duration) -> f64 {
    time.as_secs_f64() / floor.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// A time for a person.
pub(super) fn show(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1_000.0 {
        format!("{micros:.0} µs")
    } else if micros < 1e6 {
        format!("{:.2} ms", micros / 1e3)
    } else {
        format!("{:.2} s", micros / 1e6)
    }
}
