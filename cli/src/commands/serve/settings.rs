//! The file of `--settings`.

use icecore_core::{Error, Result};
use icecore_gateway::limits::LimitSettings;
use icecore_gateway::token::TokenSettings;
use serde::Deserialize;
use std::path::Path;

/// Settings of the gateway; what is left out keeps its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Whose tokens count.
    pub(crate) tokens: TokenSettings,
    /// What a call and a token may ask for.
    pub(crate) limits: LimitSettings,
}

impl Settings {
    /// Reads the file, if one is named.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong with it.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let wrong = |error: Error| {
            error
                .with_object(path.display().to_string())
                .with_hint("docs/gateway.md shows what the file may hold")
        };
        let json = std::fs::read(path)
            .map_err(|e| wrong(Error::invalid("the settings cannot be read").with_source(e)))?;
        serde_json::from_slice(&json)
            .map_err(|e| wrong(Error::invalid(format!("the settings are wrong: {e}"))))
    }
}
