//! Tokens: who asks, for which spaces, with which rights, and until when.
//!
//! A token is a JWT (RFC 7519). It is signed with a key of the gateway itself ([`mint`]), or by an issuer
//! of `OpenID` Connect whose claims [rules](ClaimRule) turn into spaces. A [`Verifier`] turns its text into an
//! [`Access`], or into a [`TokenFault`] that says what is wrong with it.
//!
//! # Layout
//! - [`Access`], [`Grant`], [`Right`], [`Rights`], [`SpacePattern`]: what a token allows
//! - [`Claims`], [`SigningKey`], [`mint`]: making tokens
//! - [`TokenSettings`], [`IssuerSettings`], [`ClaimRule`], [`Secret`]: which keys and issuers count
//! - [`Verifier`], [`TokenFault`], [`bearer_token`]: from the text of a request to an access
//! - [`Fetch`], [`HttpFetch`]: how the keys of an issuer are had
//!
//! # Guarantees
//! Which algorithm checks a signature is a property of the key; a token only says with which of them it was
//! signed. Nothing of a token is believed before its signature is checked. No text makes the verifier
//! panic. Whatever tokens arrive, an issuer is asked for its keys at most once per [`FETCH_INTERVAL_MIN`], and
//! while it does not answer at most once per [`FETCH_RETRY_MIN`].
//!
//! # Non-goals
//! Sessions, revocation of single tokens and logging in: tokens are short-lived, and whoever hands them out
//! knows its users.

mod access;
mod cache;
mod claims;
mod fault;
mod fetch;
mod issuer;
mod jwks;
mod key;
mod numeric_date;
mod parts;
mod pattern;
mod rule;
mod secret;
mod settings;
mod template;
mod verifier;

pub use access::{Access, Grant, Right, Rights};
pub use cache::{FETCH_INTERVAL_MIN, FETCH_RETRY_MIN, KEYS_FRESH_MAX, KEYS_USED_MAX};
pub use claims::{Claims, DEFAULT_AUDIENCE, mint};
pub use fault::{Shown, TokenFault, bearer_token};
pub use fetch::{FETCH_BYTES_MAX, FETCH_TIME_MAX, Fetch, HttpFetch};
pub use key::{Algorithm, SigningKey};
pub use parts::TOKEN_BYTES_MAX;
pub use pattern::SpacePattern;
pub use rule::{ClaimRule, Encode};
pub use secret::{SECRET_BYTES_MIN, Secret};
pub use settings::{IssuerSettings, PublicKey, TokenSettings};
pub use template::SpaceTemplate;
pub use verifier::{LEEWAY_MS, Verifier};
