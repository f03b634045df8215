//! A point in time as typed JSON has it.

use super::DATE;
use crate::error::{Error, Result};
use crate::time;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// 0000-01-01T00:00:00.000Z: RFC 3339 has four digits for the year.
const MILLIS_MIN: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z.
const MILLIS_MAX: i64 = 253_402_300_799_999;

/// A point in time, to the millisecond: what JavaScript's `Date` is.
///
/// ```
/// use icecore_core::typed::Date;
/// let date: Date = "2026-11-20T13:00:00+01:00".parse()?;
/// assert_eq!(date.to_string(), "2026-11-20T12:00:00.000Z");
/// assert_eq!(Date::from_millis(date.millis())?, date);
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

impl Date {
    /// A date from the milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// `Invalid` when the year is not 0000 to 9999.
    pub fn from_millis(millis: i64) -> Result<Self> {
        if (MILLIS_MIN..=MILLIS_MAX).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(Error::invalid(format!(
                "{millis} ms is not a date of the years 0000 to 9999"
            ))
            .with_hint("give milliseconds since 1970 UTC"))
        }
    }

    /// Milliseconds since 1970 UTC.
    pub fn millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time::to_rfc3339(self.0))
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !has_form(text) {
            return Err(Error::invalid(format!("{text:?} is not an RFC 3339 time"))
                .with_hint("write it like 2026-11-20T12:00:00.000Z"));
        }
        Self::from_millis(time::from_rfc3339(text)?)
    }
}

/// The part of RFC 3339 that `Date` of every JavaScript engine reads as well.
fn has_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let matches = |bytes: &[u8], form: &[u8]| {
        bytes.len() == form.len()
            && bytes.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte == other,
            })
    };
    let Some((start, rest)) = bytes.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
    };
    let is_leap_second = start.ends_with(b"60");
    matches(start, b"0000-00-00T00:00:00")
        && !is_leap_second
        && (rest == b"Z" || matches(rest, b"+00:00"))
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tagged = serializer.serialize_struct(DATE, 1)?;
        tagged.serialize_field(DATE, &self.to_string())?;
        tagged.end()
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(DATE, &[DATE], DateVisitor)
    }
}

struct DateVisitor;

impl<'de> Visitor<'de> for DateVisitor {
    type Value = Date;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date ({\"$date\": \"…\"})")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Date, A::Error> {
        let mut date = None;
        while let Some(key) = members.next_key::<String>()? {
            if key != DATE {
                return Err(de::Error::custom(format!("a date has no member `{key}`")));
            }
            let text: String = members.next_value()?;
            date = Some(text.parse().map_err(de::Error::custom)?);
        }
        date.ok_or_else(|| de::Error::missing_field(DATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_any_zone_and_printed_in_one() {
        for (text, printed) in [
            ("2026-11-20T12:00:00.000Z", "2026-11-20T12:00:00.000Z"),
            ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00.000Z"),
            ("2026-11-20T12:00:00.1Z", "2026-11-20T12:00:00.100Z"),
            ("2026-11-20T12:00:00.123999Z", "2026-11-20T12:00:00.123Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("2026-11-20T00:30:00+01:00", "2026-11-19T23:30:00.000Z"),
            ("0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!(date.to_string(), printed);
            assert_eq!(printed.parse::<Date>().unwrap(), date);
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "2026",
            "2026-11-20",
            "2026-11-20T12:00Z",
            "2026-11-20T12:00:00",
            "2026-11-20 12:00:00Z",
            "2026-11-20t12:00:00Z",
            "2026-11-20T12:00:00z",
            "2026-11-20T12:00:00.Z",
            "2026-02-30T12:00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T12:00:60Z",
            "2026-11-20T12:00:00+0100",
            "+12026-11-20T12:00:00Z",
            "0000-01-01T00:00:00+01:00",
            "2026-11-20T12:00:00ü",
            "2026-11-2üT12:00:00Z",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!(Date::from_millis(MILLIS_MAX + 1).is_err());
        assert!(Date::from_millis(MILLIS_MIN - 1).is_err());
        assert_eq!(
            Date::from_millis(MILLIS_MIN).unwrap().to_string(),
            "0000-01-01T00:00:00.000Z"
        );
        assert_eq!(
            Date::from_millis(MILLIS_MAX).unwrap().to_string(),
            "9999-12-31T23:59:59.999Z"
        );
    }
}
