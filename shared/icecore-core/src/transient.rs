//! Transient events: what matters for seconds and is no part of the history, such as "is typing" or "is connected".
//!
//! ```
//! use icecore_core::transient::TransientEvent;
//! use serde_json::json;
//! use std::time::Duration;
//!
//! let event = TransientEvent::new("typing", json!({ "in": "general" }), Duration::from_secs(10))?;
//! let body = event.to_json();
//! assert_eq!(TransientEvent::from_json(&body)?, event);
//! # Ok::<(), icecore_core::Error>(())
//! ```

use crate::error::{Error, Result};
use crate::space::{FORMAT_VERSION, check_format_version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The largest transient event, in bytes of its object.
pub const TRANSIENT_BYTES_MAX: usize = 4 * 1024;
/// How long one lives unless it says otherwise.
pub const TRANSIENT_TTL: Duration = Duration::from_secs(30);
/// The longest that one may live.
pub const TRANSIENT_TTL_MAX: Duration = Duration::from_mins(5);

/// The body of an object under `transient/`. Who sent it and when stand in the object's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransientEvent {
    /// Format version.
    pub v: u32,
    /// What it is, e.g. `typing`.
    pub kind: String,
    /// What there is to say about it.
    pub data: Value,
    /// How long it lives from when the server stored it, in milliseconds.
    pub ttl_ms: u64,
}

impl TransientEvent {
    /// An event that lives for `ttl`.
    ///
    /// # Errors
    /// `Invalid` when it lives for no time or longer than [`TRANSIENT_TTL_MAX`], or is larger than
    /// [`TRANSIENT_BYTES_MAX`].
    pub fn new(kind: &str, data: Value, ttl: Duration) -> Result<Self> {
        let event = Self {
            v: FORMAT_VERSION,
            kind: kind.to_owned(),
            data,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
        };
        let bytes = event.to_json().len();
        if bytes > TRANSIENT_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the transient event has {bytes} bytes, at most {TRANSIENT_BYTES_MAX} fit"
            ))
            .with_object("data")
            .with_hint("what is worth more words belongs into the history: publish an update"));
        }
        if event.kind.is_empty() {
            return Err(Error::invalid("the transient event has no kind")
                .with_object("kind")
                .with_hint("say what it is, e.g. `typing`"));
        }
        event.checked().map_err(|()| {
            Error::invalid(format!(
                "a transient event lives from 1 ms to {} s",
                TRANSIENT_TTL_MAX.as_secs()
            ))
            .with_object("ttl_ms")
            .with_hint("send it again as long as it is true")
        })
    }

    fn checked(self) -> Result<Self, ()> {
        let max = TRANSIENT_TTL_MAX.as_millis();
        if (1..=max).contains(&u128::from(self.ttl_ms)) {
            Ok(self)
        } else {
            Err(())
        }
    }

    /// Reads an object's JSON.
    ///
    /// # Errors
    /// `Corrupt` for what does not parse or lives too long, `Invalid` for a newer format version.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        check_format_version(json, "transient event")?;
        let event: Self = serde_json::from_slice(json)
            .map_err(|e| Error::corrupt("the transient event does not parse").with_source(e))?;
        event
            .checked()
            .map_err(|()| Error::corrupt("the transient event lives too long"))
    }

    /// The object's JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("BUG: plain data has a JSON form")
    }

    /// How long it lives.
    pub fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::json;

    #[test]
    fn what_is_too_large_or_lives_too_long_is_refused() {
        let long = "x".repeat(TRANSIENT_BYTES_MAX);
        let cases = [
            ("typing", json!(long), TRANSIENT_TTL),
            ("typing", json!(null), TRANSIENT_TTL_MAX + TRANSIENT_TTL),
            ("typing", json!(null), Duration::ZERO),
            ("", json!(null), TRANSIENT_TTL),
        ];
        for (kind, data, ttl) in cases {
            let error = TransientEvent::new(kind, data, ttl).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.object().is_some());
        }
    }

    #[test]
    fn a_stranger_cannot_make_one_that_stays() {
        for body in [
            r#"{"v":1,"kind":"typing","data":1,"ttl_ms":86400000}"#,
            r#"{"v":1,"kind":"typing","data":1,"ttl_ms":-1}"#,
            r#"{"v":1,"kind":"typing"}"#,
            "[]",
            "",
        ] {
            let error = TransientEvent::from_json(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{body}");
        }
    }
}
