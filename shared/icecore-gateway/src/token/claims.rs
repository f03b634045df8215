//! What a token says, and making tokens.

use super::access::Rights;
use super::fault::TokenFault;
use super::key::SigningKey;
use super::numeric_date::{self, SECONDS_MAX};
use super::parts::{TOKEN_BYTES_MAX, encode_json};
use super::pattern::SpacePattern;
use super::verifier::LEEWAY_MS;
use icecore_core::{Author, Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The audience of the gateway's own tokens, unless its settings say otherwise.
pub const DEFAULT_AUDIENCE: &str = "icecore";

/// What a token of the gateway's own says. All times are milliseconds since 1970 UTC; the token has them in
/// whole seconds, cut, so that it never lives longer than was asked for.
///
/// Who may use a token for what is for the caller of [`mint`] to decide; a guest's token, for instance, has
/// one space, an author and a short life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Who asks.
    #[serde(rename = "sub")]
    pub subject: String,
    /// From when on it is refused.
    #[serde(rename = "exp", with = "numeric_date")]
    pub expires_at: i64,
    /// When it was made.
    #[serde(rename = "iat", with = "numeric_date::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// Until when it does not count yet.
    #[serde(rename = "nbf", with = "numeric_date::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// A name of its own: what rate limits count by. Without one it is counted by its digest.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Which services it is for.
    #[serde(rename = "aud", serialize_with = "write_one_or_many")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Who made it; only for people to read.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// For which spaces.
    pub spaces: Vec<SpacePattern>,
    /// What is allowed in them.
    pub rights: Rights,
    /// The only author that may write with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// It is a guest's: who bears it owns the spaces that it names, and may erase or link them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

impl Claims {
    /// A token for [`DEFAULT_AUDIENCE`] that allows `rights` in `spaces` until `expires_at`.
    pub fn new(
        subject: impl Into<String>,
        spaces: Vec<SpacePattern>,
        rights: Rights,
        expires_at: i64,
    ) -> Self {
        Self {
            subject: subject.into(),
            expires_at,
            issued_at: None,
            not_before: None,
            token_id: None,
            audience: vec![DEFAULT_AUDIENCE.to_owned()],
            issuer: None,
            spaces,
            rights,
            author: None,
            guest: false,
        }
    }
}

/// Makes a token.
///
/// # Errors
/// `Invalid` when a time does not fit into a token, the claims make it longer than [`TOKEN_BYTES_MAX`], or
/// the key cannot sign.
pub fn mint(key: &SigningKey, claims: &Claims) -> Result<String> {
    let times = [Some(claims.expires_at), claims.issued_at, claims.not_before];
    let fits = |millis: &i64| (0..=SECONDS_MAX).contains(&millis.div_euclid(1000));
    if !times.iter().flatten().all(fits) {
        return Err(
            Error::invalid("a time of the token lies before 1970 or after the year 9999")
                .with_hint("give a shorter time until it expires"),
        );
    }
    let signed = format!("{}.{}", encode_json(&key.header())?, encode_json(claims)?);
    let signature = key.sign(signed.as_bytes())?;
    let token = format!("{signed}.{signature}");
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::invalid(format!(
            "the token would have {} bytes, and may have {TOKEN_BYTES_MAX}",
            token.len()
        ))
        .with_hint("name fewer spaces, or their common beginning with `*`"));
    }
    Ok(token)
}

/// The claims that RFC 7519 registers, of any token.
#[derive(Debug, Deserialize)]
pub(super) struct Registered {
    #[serde(rename = "sub")]
    pub(super) subject: String,
    #[serde(rename = "exp", with = "numeric_date")]
    pub(super) expires_at: i64,
    #[serde(rename = "iat", default, with = "numeric_date::optional")]
    issued_at: Option<i64>,
    #[serde(rename = "nbf", default, with = "numeric_date::optional")]
    not_before: Option<i64>,
    #[serde(rename = "jti")]
    pub(super) token_id: Option<String>,
    #[serde(rename = "aud", default, deserialize_with = "read_one_or_many")]
    audience: Vec<String>,
}

impl Registered {
    /// Refuses a token of another service or of another time. A clock that is a little behind that of the
    /// issuer makes no fresh token wrong; a token that is over is over.
    pub(super) fn check(&self, now: i64, audiences: &[String]) -> Result<(), TokenFault> {
        if let Some(first) = audiences.first()
            && !self.audience.iter().any(|name| audiences.contains(name))
        {
            let audience = first.clone();
            return Err(TokenFault::WrongAudience { audience });
        }
        if now >= self.expires_at {
            let ago_ms = now.saturating_sub(self.expires_at);
            return Err(TokenFault::Expired { ago_ms });
        }
        let begins = self.not_before.max(self.issued_at).unwrap_or(0);
        let in_ms = begins.saturating_sub(now);
        if in_ms > LEEWAY_MS {
            return Err(TokenFault::NotYetValid { in_ms });
        }
        Ok(())
    }
}

/// The claims of the gateway's own tokens, beside the registered ones.
#[derive(Debug, Deserialize)]
pub(super) struct OwnClaims {
    pub(super) spaces: Vec<SpacePattern>,
    pub(super) rights: Rights,
    #[serde(default)]
    pub(super) author: Option<Author>,
    #[serde(default)]
    pub(super) guest: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Reads a text or a list of texts.
pub(super) fn read_one_or_many<'de, D: Deserializer<'de>>(
    json: D,
) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(json)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// Many readers of tokens expect a text where there is only one.
fn write_one_or_many<S: Serializer>(many: &[String], json: S) -> Result<S::Ok, S::Error> {
    match many {
        [one] => json.serialize_str(one),
        _ => json.collect_seq(many),
    }
}
