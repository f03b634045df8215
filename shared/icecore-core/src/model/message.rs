//! Updates as variants of an enum: from a Rust value to `kind` and `data`, and back.
//!
//! A model whose updates are an enum needs no code of its own for either: with serde's
//! `#[serde(tag = "kind", content = "data")]` the variant's name is the kind, and what it holds is the data.
//!
//! ```
//! use icecore_core::model::message;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(tag = "kind", content = "data", rename_all = "snake_case")]
//! enum Msg {
//!     Rename { id: u32, title: String },
//!     Clear,
//! }
//!
//! let (kind, data) = message::encode(&Msg::Rename { id: 7, title: "Pack".to_owned() })?;
//! assert_eq!((kind.as_str(), data.get()), ("rename", r#"{"id":7,"title":"Pack"}"#));
//! assert_eq!(message::decode::<Msg>("clear", &message::encode(&Msg::Clear)?.1), Ok(Msg::Clear));
//!
//! let rejected = message::decode::<Msg>("paint", &data).unwrap_err();
//! assert!(rejected.to_string().starts_with("paint: unknown variant `paint`"));
//! # Ok::<(), icecore_core::Error>(())
//! ```

use super::Rejected;
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Encoded<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Text<'a> {
    kind: &'a str,
    data: &'a RawValue,
}

/// The `kind` and the `data` of a message; a variant that holds nothing has the data `null`.
///
/// # Errors
/// `Invalid` when it is no enum with `#[serde(tag = "kind", content = "data")]`, or holds something that JSON has no form
/// for.
pub fn encode<T: Serialize + ?Sized>(message: &T) -> Result<(String, Box<RawValue>)> {
    let invalid = |e| {
        Error::invalid("the message has no form as an update")
            .with_hint(
                "derive Serialize with #[serde(tag = \"kind\", content = \"data\")] on the enum",
            )
            .with_source(e)
    };
    let text = serde_json::to_string(message).map_err(invalid)?;
    let encoded: Encoded<'_> = serde_json::from_str(&text).map_err(invalid)?;
    let data = encoded.data.unwrap_or(RawValue::NULL).to_owned();
    Ok((encoded.kind.into_owned(), data))
}

/// The message that `kind` and `data` stand for.
///
/// # Errors
/// [`Rejected`] for a kind that the enum does not have, and for data of another shape.
pub fn decode<T: DeserializeOwned>(kind: &str, data: &RawValue) -> Result<T, Rejected> {
    let unreadable = |e| Rejected::new(format!("{kind}: {}", without_place(&e)));
    let text = serde_json::to_string(&Text { kind, data }).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(unreadable)
}

/// The place counts from the beginning of a text that nobody else sees.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "data")]
    enum Msg {
        Stop,
        Name(String),
        Move { to: u8 },
    }

    #[test]
    fn each_variant_comes_back() {
        for message in [Msg::Stop, Msg::Name("kind".to_owned()), Msg::Move { to: 3 }] {
            let (kind, data) = encode(&message).unwrap();
            assert_eq!(decode::<Msg>(&kind, &data), Ok(message));
        }
    }

    #[test]
    fn what_does_not_fit_is_rejected_with_the_reason() {
        for (kind, data, reason) in [
            (
                "Jump",
                "null",
                "Jump: unknown variant `Jump`, expected one of `Stop`, `Name`, `Move`",
            ),
            (
                "Name",
                "7",
                "Name: invalid type: integer `7`, expected a string",
            ),
            ("Move", "{}", "Move: missing field `to`"),
            (
                "Move",
                r#"{"to":700}"#,
                "Move: invalid value: integer `700`, expected u8",
            ),
        ] {
            let data = RawValue::from_string(data.to_owned()).unwrap();
            assert_eq!(decode::<Msg>(kind, &data).unwrap_err().to_string(), reason);
        }
        assert!(encode("text").is_err());
    }
}
