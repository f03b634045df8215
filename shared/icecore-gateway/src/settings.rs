//! What a gateway is told once: a file, or a parameter, of JSON.

use crate::guests::GuestSettings;
use crate::limits::LimitSettings;
use crate::token::TokenSettings;
use icecore_core::{Error, Result};
use serde::Deserialize;

/// Settings of a gateway; what is left out keeps its default.
///
/// ```
/// use icecore_gateway::Settings;
/// let settings = Settings::from_json(br#"{ "limits": { "calls_per_second": 5 } }"#)?;
/// assert_eq!(settings.limits.calls_per_second, Some(5));
/// assert!(settings.check().is_err(), "no tokens would be accepted");
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whose tokens count.
    pub tokens: TokenSettings,
    /// What a call and a token may ask for.
    pub limits: LimitSettings,
    /// Whether it takes guests: users without an account. It does not unless this is given.
    pub guests: Option<GuestSettings>,
}

impl Settings {
    /// Reads settings.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong, and never a secret.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|e| {
            Error::invalid(format!("the settings are wrong: {e}"))
                .with_hint("docs/gateway.md shows what they may hold")
        })
    }

    /// A gateway that takes no tokens is of no use.
    ///
    /// # Errors
    /// `Invalid` when neither keys nor issuers are named.
    pub fn check(&self) -> Result<()> {
        let tokens = &self.tokens;
        let any = !tokens.hs256_secrets.is_empty()
            || !tokens.eddsa_public_keys.is_empty()
            || !tokens.issuers.is_empty();
        if any {
            return Ok(());
        }
        Err(Error::invalid("no tokens would be accepted")
            .with_hint("name secrets, keys or issuers in the settings; docs/gateway.md shows how"))
    }
}
