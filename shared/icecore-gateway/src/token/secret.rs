//! A secret that does not show itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_core::{Error, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The shortest secret: as many bytes as HS256 has output (RFC 7518, 3.2), for a shorter one can be found
/// by trying.
pub const SECRET_BYTES_MIN: usize = 32;

const BASE64: &str = "base64:";

/// The secret of HS256 tokens: at least 32 bytes. Neither `Debug` nor an error shows it, and it has no
/// JSON form to be written in.
///
/// As text and in JSON it is taken as it stands, byte for byte, or as what follows `base64:`.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of these bytes.
    ///
    /// # Errors
    /// `Invalid` when they are fewer than [`SECRET_BYTES_MIN`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.into();
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(Error::invalid(format!(
                "the secret of tokens has {} bytes, and needs {SECRET_BYTES_MIN}",
                bytes.len()
            ))
            .with_hint("make one with `openssl rand -base64 48`"));
        }
        Ok(Self(bytes))
    }

    /// The secret that a base64 text stands for (RFC 4648, section 4, with its padding).
    ///
    /// # Errors
    /// `Invalid` when it is not base64, or too short.
    pub fn from_base64(text: &str) -> Result<Self> {
        // The source would name the place and the character at fault: a part of the secret.
        let bytes = STANDARD.decode(text.trim()).map_err(|_| {
            Error::invalid("the secret of tokens is not base64")
                .with_hint("make one with `openssl rand -base64 48`")
        })?;
        Self::new(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix(BASE64) {
            Some(base64) => Self::from_base64(base64),
            None => Self::new(text),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reads secrets from JSON by hand: what `serde` says of a value of the wrong form would show the value.
pub(super) fn secrets<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<Secret>, D::Error> {
    let Value::Array(items) = Value::deserialize(json)? else {
        return Err(D::Error::custom("the secrets must be a list of texts"));
    };
    items
        .iter()
        .map(|item| {
            let text = item
                .as_str()
                .ok_or_else(|| D::Error::custom("a secret must be a text"))?;
            text.parse().map_err(D::Error::custom)
        })
        .collect()
}
