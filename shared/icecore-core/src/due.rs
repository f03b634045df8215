//! Whether a time that was saved or stored lies long enough back. Each comparison of such a time goes through here, so
//! that none of them waits for a time that a wrong clock wrote.

use std::time::Duration;

/// Whether something is due again, `every` so often, that was last done at `since` (milliseconds since 1970 UTC). A time
/// in the future counts as due: the clock was wrong then, or is now, and to do it once more costs little.
///
/// ```
/// use icecore_core::due::is_due;
/// use std::time::Duration;
/// let day = Duration::from_hours(24);
/// assert!(!is_due(86_399_999, 0, day));
/// assert!(is_due(86_400_000, 0, day));
/// assert!(is_due(0, 1, day));
/// ```
pub fn is_due(now: i64, since: i64, every: Duration) -> bool {
    since > now || now.saturating_sub(since) >= millis(every)
}

/// Whether what was stored at `since` is old enough to be deleted. What is stored at this moment may seem to be from a
/// little ahead; a time that is further ahead than `retention` was written by a wrong clock, and counts as old.
///
/// ```
/// use icecore_core::due::is_old;
/// use std::time::Duration;
/// let hour = Duration::from_hours(1);
/// assert!(is_old(3_600_000, 0, hour) && !is_old(3_599_999, 0, hour));
/// assert!(!is_old(0, 3_599_999, hour) && is_old(0, 4_070_908_800_000, hour));
/// ```
pub fn is_old(now: i64, since: i64, retention: Duration) -> bool {
    let retention = millis(retention);
    now.saturating_sub(since) >= retention || since.saturating_sub(now) > retention
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
