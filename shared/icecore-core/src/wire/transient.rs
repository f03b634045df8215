//! Transient events over the gateway: sending one, and reading those that live.

use crate::ids::{Author, Key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /v1/spaces/{space}/transient`: an event that is no part of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SendTransient {
    /// Who sends it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub author: Author,
    /// What it is, e.g. `typing`.
    pub kind: String,
    /// What there is to say about it.
    #[serde(default)]
    pub data: Value,
    /// How long it lives, in milliseconds: 30,000 unless said otherwise, at most 300,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 300_000))]
    pub ttl_ms: Option<u64>,
}

/// The event is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentTransient {
    /// Under which key: with the author it names the event.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub key: Key,
    /// Nobody sees it after this, milliseconds since 1970 UTC by the gateway's clock.
    pub expires_at: i64,
}

/// `GET /v1/spaces/{space}/transient`: what lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransientList {
    /// The gateway's time, milliseconds since 1970 UTC.
    pub now: i64,
    /// The events that live, in order of their keys.
    pub events: Vec<TransientSeen>,
}

/// A transient event that lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransientSeen {
    /// Its key.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub key: Key,
    /// Who sent it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub author: Author,
    /// What it is.
    pub kind: String,
    /// What there is to say about it.
    pub data: Value,
    /// When it ends, milliseconds since 1970 UTC by the bucket's clock.
    pub expires_at: i64,
}
