//! Lengths of time as the file writes them: seconds, maybe with a fraction.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A length of time in milliseconds; written as seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

/// About 30 years: so that adding one to any time of a calendar stays far from the end of the numbers.
const SECONDS_DIGITS_MAX: usize = 9;

impl Span {
    /// So many seconds.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds as u64 * 1_000)
    }

    /// Reads `1500` or `417.5`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > SECONDS_DIGITS_MAX {
            return None;
        }
        let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
        Some(Self(
            whole.parse::<u64>().ok()? * 1_000 + millis.parse::<u64>().ok()?,
        ))
    }

    /// Whether it takes no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The time so much after another, in milliseconds since 1970.
    pub const fn after(self, millis: i64) -> i64 {
        millis.saturating_add_unsigned(self.0)
    }
}

/// `{}` is the shortest form, `1500` or `417.5`; `{:#}` always has a fraction, as Flowkeeper writes what it measured.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millis) = (self.0 / 1_000, self.0 % 1_000);
        if millis == 0 && !f.alternate() {
            return write!(f, "{whole}");
        }
        let fraction = format!("{millis:03}");
        let fraction = fraction.trim_end_matches('0');
        write!(
            f,
            "{whole}.{}",
            if fraction.is_empty() { "0" } else { fraction }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, short, long) in [
            ("1500", "1500", "1500.0"),
            ("348.0", "348", "348.0"),
            ("417.5", "417.5", "417.5"),
            ("0.0259", "0.025", "0.025"),
            ("0", "0", "0.0"),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(
                (span.to_string().as_str(), format!("{span:#}").as_str()),
                (short, long)
            );
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            " 1",
            "1234567890",
            "１",
        ] {
            assert_eq!(Span::parse(text), None, "{text:?}");
        }
    }
}
