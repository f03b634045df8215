//! The three parts of a token, before anything of it is believed.

use super::fault::TokenFault;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use icecore_core::{Digest, Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest token, in bytes: what servers commonly take for a header. It is looked at before anything
/// is read.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The longest `jti` that is taken as the token's name; of a longer one its digest is.
const TOKEN_ID_BYTES_MAX: usize = 64;

/// The header of a token. What else it may hold (`jwk`, `jku`, `x5c`: keys that a token brings along) is
/// not looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default, skip_serializing)]
    crit: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
    #[serde(default, skip_deserializing)]
    typ: &'static str,
}

impl Header {
    pub(super) fn new(alg: &str, kid: Option<&str>) -> Self {
        Self {
            alg: alg.to_owned(),
            crit: None,
            kid: kid.map(str::to_owned),
            typ: "JWT",
        }
    }
}

/// A token in parts. Its signature is not checked yet.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    /// Header and payload as they were signed.
    pub(super) signed: &'a str,
    /// The signature, in base64.
    pub(super) signature: &'a str,
    payload: Vec<u8>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Result<Self, TokenFault> {
        if token.is_empty() {
            return Err(TokenFault::Missing);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::TooLong);
        }
        let parts = || TokenFault::malformed("it does not have three parts with dots between them");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(parts)?;
        let (header, payload) = signed.split_once('.').ok_or_else(parts)?;
        if payload.contains('.') {
            return Err(parts());
        }
        let header: Header = json(&decode(header, "header")?, "header")?;
        if header.crit.is_some() {
            // RFC 7515, 4.1.11: what is marked so must be understood, and nothing of the kind is.
            return Err(TokenFault::malformed("its header has `crit`"));
        }
        decode(signature, "signature")?;
        Ok(Self {
            header,
            signed,
            signature,
            payload: decode(payload, "payload")?,
        })
    }

    /// Who made it, by its own words.
    pub(super) fn issuer(&self) -> Result<Option<String>, TokenFault> {
        #[derive(Deserialize)]
        struct Issuer {
            iss: Option<String>,
        }
        let issuer: Issuer = self.claims()?;
        Ok(issuer.iss)
    }

    /// The claims, or some of them.
    pub(super) fn claims<T: DeserializeOwned>(&self) -> Result<T, TokenFault> {
        json(&self.payload, "payload")
    }

    /// The name of the token: what it is called, or the digest of what is signed. Not that of the whole:
    /// some signatures can be written in two ways, which would make two tokens of one.
    pub(super) fn id(&self, called: Option<&str>) -> String {
        match called {
            Some(id) if is_short_word(id) => id.to_owned(),
            Some(id) => Digest::of(id.as_bytes()).to_string(),
            None => Digest::of(self.signed.as_bytes()).to_string(),
        }
    }
}

fn is_short_word(text: &str) -> bool {
    (1..=TOKEN_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The JSON of a value in the base64 of tokens.
pub(super) fn encode_json<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_vec(value)
        .map_err(|e| Error::internal("BUG: the claims have no JSON form").with_source(e))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Strict: one text per value, so that no character of a token can be changed unseen.
fn decode(text: &str, part: &str) -> Result<Vec<u8>, TokenFault> {
    let wrong = || TokenFault::malformed(format!("its {part} is not base64"));
    if text.is_empty() {
        return Err(TokenFault::malformed(format!("its {part} is empty")));
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())
}

fn json<T: DeserializeOwned>(bytes: &[u8], part: &str) -> Result<T, TokenFault> {
    serde_json::from_slice(bytes).map_err(|e| TokenFault::malformed(format!("its {part}: {e}")))
}
