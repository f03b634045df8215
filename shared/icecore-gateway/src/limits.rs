//! Every limit of the gateway, with its default.

use icecore_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What one call, one token and one user may ask for. Plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub body_bytes_max: usize,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// The most requests signed by one call.
    pub urls_max: usize,
    /// The most update objects that one call gets slots for.
    pub writes_max: usize,
    /// The most slots beside the first for each.
    pub spare_max: u8,
    /// The most update objects that one look describes; a client lists more by itself.
    pub updates_max: usize,
    /// The most segments, and snapshots, that one look describes.
    pub layers_max: usize,
    /// Up to this size an update is sent with the answer.
    pub inline_bytes_max: u64,
    /// The most bytes of updates that are sent with one answer.
    pub inline_total_max: u64,
    /// The most spaces that a token which is no administrator of everything may have.
    pub spaces_max: usize,
    /// Calls of one token: so many at once …
    pub burst: u32,
    /// … and so many each second.
    pub calls_per_second: u32,
    /// Bytes of updates that one token may write: so many at once … Each slot counts as used, the spare ones too.
    pub write_bytes_burst: u64,
    /// … and so many each second. A guest may write a quarter of both; whoever administers the space as much as it likes.
    pub write_bytes_per_second: u64,
    /// The most bytes that a space may hold, as they are stored; nobody limits it unless this or the next is set.
    pub space_bytes: Option<u64>,
    /// The most objects, at most 200,000, and as many where only the bytes are limited. Whoever administers the space may write as much as it likes; a guest's has limits of its own
    /// ([`GuestSettings`](crate::guests::GuestSettings)).
    pub space_objects: Option<u64>,
    /// How long a slot can be used.
    pub slot_expires_in: Duration,
    /// How long an object can be read by a presigned request.
    pub read_expires_in: Duration,
    /// How long a client can poll without the gateway.
    pub poll_expires_in: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 << 10,
            body_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(25),
            urls_max: 1_000,
            writes_max: 20,
            spare_max: 8,
            updates_max: 2_000,
            layers_max: 5_000,
            inline_bytes_max: 16 << 10,
            inline_total_max: 1 << 20,
            spaces_max: 100,
            burst: 200,
            calls_per_second: 50,
            write_bytes_burst: 256 << 20,
            write_bytes_per_second: 1 << 20,
            space_bytes: None,
            space_objects: None,
            slot_expires_in: Duration::from_secs(30),
            read_expires_in: Duration::from_mins(15),
            poll_expires_in: Duration::from_hours(1),
        }
    }
}

/// Checks a number from outside against a limit.
///
/// # Errors
/// `Invalid`, naming the field.
pub(crate) fn at_most(field: &str, found: usize, most: usize) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(
        Error::invalid(format!("{found} are too many, {most} are allowed"))
            .with_object(field.to_owned())
            .with_hint("make several calls"),
    )
}

/// Nobody is told to wait for longer.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// More tokens than this are not kept in mind at once.
const TOKENS_MAX: usize = 10_000;

/// How fast each token may call: a bucket of `burst` calls that fills up with `per_second`.
#[derive(Debug)]
pub(crate) struct Rate {
    burst: f64,
    per_second: f64,
    left: Mutex<BTreeMap<String, (f64, Duration)>>,
}

impl Rate {
    pub(crate) fn new(burst: impl Into<f64>, per_second: impl Into<f64>) -> Self {
        Self {
            burst: burst.into(),
            per_second: per_second.into(),
            left: Mutex::default(),
        }
    }

    /// Takes one call from what `who` has left at the monotonic time `now`.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&self, who: &str, now: Duration) -> Result<(), Duration> {
        self.take_many(who, 1.0, now)
    }

    /// Takes so many at once. Whoever takes more than the whole burst waits until all of it is there, and is in debt then.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take_many(&self, who: &str, many: f64, now: Duration) -> Result<(), Duration> {
        let needed = many.min(self.burst).max(f64::MIN_POSITIVE);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= TOKENS_MAX && !left.contains_key(who) {
            // Whoever has its whole burst again needs no entry.
            left.retain(|_, (calls, at)| self.at(*calls, *at, now) < self.burst);
            if left.len() >= TOKENS_MAX {
                left.clear();
            }
        }
        let entry = left.entry(who.to_owned()).or_insert((self.burst, now));
        let calls = self.at(entry.0, entry.1, now);
        if calls < needed {
            *entry = (calls, now);
            let seconds = (needed - calls) / self.per_second.max(0.001);
            let wait = Duration::try_from_secs_f64(seconds).unwrap_or(WAIT_MAX);
            return Err(wait.min(WAIT_MAX));
        }
        *entry = (calls - many, now);
        Ok(())
    }

    /// Gives back what was taken for nothing.
    pub(crate) fn give_back(&self, who: &str, many: f64, now: Duration) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = left.get_mut(who) {
            *entry = ((self.at(entry.0, entry.1, now) + many).min(self.burst), now);
        }
    }

    fn at(&self, calls: f64, since: Duration, now: Duration) -> f64 {
        let passed = now.saturating_sub(since).as_secs_f64();
        (calls + passed * self.per_second).min(self.burst)
    }
}

/// Settings of the limits, as they stand in a file or a variable; what is left out keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// See [`Limits::spaces_max`].
    pub spaces_max: Option<usize>,
    /// See [`Limits::burst`].
    pub burst: Option<u32>,
    /// See [`Limits::calls_per_second`].
    pub calls_per_second: Option<u32>,
    /// See [`Limits::write_bytes_burst`].
    pub write_bytes_burst: Option<u64>,
    /// See [`Limits::write_bytes_per_second`].
    pub write_bytes_per_second: Option<u64>,
    /// See [`Limits::space_bytes`].
    pub space_bytes: Option<u64>,
    /// See [`Limits::space_objects`].
    pub space_objects: Option<u64>,
    /// See [`Limits::slot_expires_in`]; at most 30.
    pub slot_seconds: Option<u32>,
    /// How many connections a server keeps at once; a function has none.
    pub connections: Option<usize>,
    /// How many of them may be of one address, or of one network of the sixth version of addresses.
    pub connections_per_address: Option<usize>,
}

impl From<LimitSettings> for Limits {
    fn from(settings: LimitSettings) -> Self {
        let defaults = Self::default();
        Self {
            spaces_max: settings.spaces_max.unwrap_or(defaults.spaces_max),
            burst: settings.burst.unwrap_or(defaults.burst),
            calls_per_second: settings
                .calls_per_second
                .unwrap_or(defaults.calls_per_second),
            write_bytes_burst: settings
                .write_bytes_burst
                .unwrap_or(defaults.write_bytes_burst),
            write_bytes_per_second: settings
                .write_bytes_per_second
                .unwrap_or(defaults.write_bytes_per_second),
            space_bytes: settings.space_bytes,
            space_objects: settings.space_objects,
            slot_expires_in: settings
                .slot_seconds
                .map_or(defaults.slot_expires_in, |seconds| {
                    Duration::from_secs(u64::from(seconds.max(1))).min(defaults.slot_expires_in)
                }),
            ..defaults
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_burst_and_then_a_rate() {
        let rate = Rate::new(3, 2);
        let at = Duration::from_millis;
        for _ in 0..3 {
            rate.take("a", at(0)).unwrap();
        }
        assert_eq!(rate.take("a", at(0)), Err(at(500)));
        rate.take("b", at(0)).unwrap();
        rate.take("a", at(600)).unwrap();
        assert!(rate.take("a", at(700)).is_err());
    }

    #[test]
    fn bytes_are_taken_as_many_as_there_are() {
        let rate = Rate::new(100.0, 10.0);
        let at = Duration::from_secs;
        rate.take_many("a", 60.0, at(0)).unwrap();
        assert_eq!(rate.take_many("a", 60.0, at(0)), Err(at(2)));
        rate.take_many("a", 60.0, at(2)).unwrap();
        // More than there ever is waits for all of it, and not for ever; then it is paid off.
        assert_eq!(rate.take_many("a", 300.0, at(2)), Err(at(10)));
        rate.take_many("a", 300.0, at(12)).unwrap();
        assert_eq!(rate.take_many("a", 10.0, at(12)), Err(at(21)));
        rate.give_back("a", 300.0, at(21));
        rate.take_many("a", 100.0, at(21)).unwrap();
        // Where nothing is allowed, nothing is.
        let none = Rate::new(0.0, 0.0);
        assert!(none.take_many("a", 1.0, at(9)).is_err());
    }

    #[test]
    fn no_crowd_of_tokens_fills_the_memory() {
        let rate = Rate::new(1, 1);
        for n in 0..3 * TOKENS_MAX {
            rate.take(&n.to_string(), Duration::ZERO).unwrap();
        }
        assert!(rate.left.lock().unwrap().len() <= TOKENS_MAX);
    }
}
