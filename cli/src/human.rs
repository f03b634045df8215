//! Durations, sizes and counts as people write them.

use icecore_core::{Error, Result};
use std::time::Duration;

/// `1 update`, `2 updates`.
pub(crate) fn count(n: u64, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}

/// A size: `812 bytes`, `5.2 KiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} bytes");
    }
    // In tenths, so that no float is needed.
    let (mut tenths, mut unit) = (n * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A time that has passed: `350 ms`, `12.3 s`, `5 min`, `3 h`, `2 days`.
pub(crate) fn millis(n: i64) -> String {
    let n = n.max(0);
    match n {
        0..1_000 => format!("{n} ms"),
        1_000..60_000 => format!("{}.{} s", n / 1_000, n % 1_000 / 100),
        60_000..7_200_000 => format!("{} min", n / 60_000),
        7_200_000..172_800_000 => format!("{} h", n / 3_600_000),
        _ => format!("{} days", n / 86_400_000),
    }
}

/// Reads a duration such as `500ms`, `90s`, `15m`, `24h`, `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis_each: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad_duration(text)),
    };
    let number: u64 = number.parse().map_err(|_| bad_duration(text))?;
    number
        .checked_mul(millis_each)
        .map(Duration::from_millis)
        .ok_or_else(|| bad_duration(text))
}

fn bad_duration(text: &str) -> Error {
    Error::invalid(format!("{text:?} is not a duration"))
        .with_hint("write it like 500ms, 90s, 15m, 24h or 7d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(1, "update"), "1 update");
        assert_eq!(count(0, "update"), "0 updates");
        for (n, expected) in [
            (812, "812 bytes"),
            (1024, "1.0 KiB"),
            (5_400, "5.2 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (3 << 50, "3072.0 TiB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
        for (n, expected) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (12_345, "12.3 s"),
            (61_000, "1 min"),
            (7_200_000, "2 h"),
            (200_000_000, "2 days"),
        ] {
            assert_eq!(millis(n), expected);
        }
    }

    #[test]
    fn durations_are_read_or_refused() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("90s", 90_000),
            ("15m", 900_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                parse_duration(text).unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "h",
            "-1h",
            "1.5h",
            "1 h",
            "1w",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(parse_duration(text).unwrap_err().hint().is_some(), "{text}");
        }
    }
}
