//! Times in tokens: seconds since 1970 UTC, maybe with a fraction (RFC 7519, 2); milliseconds here.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Number;

/// The last second of the year 9999. What is greater is most likely in milliseconds.
pub(super) const SECONDS_MAX: i64 = 253_402_300_799;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
pub(super) fn serialize<S: Serializer>(millis: &i64, json: S) -> Result<S::Ok, S::Error> {
    json.serialize_i64(millis.div_euclid(1000))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<i64, D::Error> {
    millis(&Number::deserialize(json)?).ok_or_else(|| {
        D::Error::custom("a time must be given in seconds since 1970, not in milliseconds")
    })
}

fn millis(seconds: &Number) -> Option<i64> {
    if let Some(whole) = seconds.as_i64() {
        return (0..=SECONDS_MAX).contains(&whole).then_some(whole * 1000);
    }
    let seconds = seconds.as_f64()?;
    let most = 253_402_300_799.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked; a fraction of a millisecond does not count"
    )]
    (0.0..=most)
        .contains(&seconds)
        .then_some((seconds * 1000.0) as i64)
}

/// The same where a time may be missing.
pub(super) mod optional {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(in super::super) fn serialize<S: Serializer>(
        millis: &Option<i64>,
        json: S,
    ) -> Result<S::Ok, S::Error> {
        match millis {
            Some(millis) => super::serialize(millis, json),
            None => json.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Option<i64>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] i64);
        Ok(Option::<Time>::deserialize(json)?.map(|time| time.0))
    }
}
