//! Times: milliseconds since 1970 UTC inside, RFC 3339 with milliseconds in JSON.

use crate::error::{Error, Result};
use chrono::{DateTime, SecondsFormat, Utc};

/// RFC 3339 in UTC with milliseconds: `2026-11-20T12:00:00.000Z`.
pub fn to_rfc3339(millis: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Milliseconds since 1970 UTC of an RFC 3339 time in any zone.
///
/// # Errors
/// `Invalid` when the text is not RFC 3339.
pub fn from_rfc3339(text: &str) -> Result<i64> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_millis())
        .map_err(|e| {
            Error::invalid(format!("{text:?} is not an RFC 3339 time"))
                .with_hint("write it like 2026-11-20T12:00:00.000Z")
                .with_source(e)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_both_ways() {
        assert_eq!(to_rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(
            from_rfc3339("2023-11-14T23:13:20.123+01:00").unwrap(),
            1_700_000_000_123
        );
        assert!(from_rfc3339("yesterday").is_err());
    }
}
