//! Guests: users without an account, and what becomes of their spaces when they get one.

use crate::ids::SpaceName;
use crate::space::{ModelRef, Order};
use serde::{Deserialize, Serialize};

/// `POST /v1/users`: a guest, with a space of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// The model of the space; `document` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ModelOfSpace>))]
    pub model: Option<ModelRef>,
    /// The order of its updates; `timestamp` unless said otherwise.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = OrderOfSpace))]
    pub order: Order,
}

/// A guest was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUser {
    /// Its id.
    pub user: String,
    /// The space of its own.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub space: SpaceName,
    /// The token by which it reads, writes and erases that space. It is shown once.
    pub token: String,
    /// When the token ends, milliseconds since 1970 UTC.
    pub expires_at: i64,
}

/// `POST /v1/users/{id}/link`: the guest turned out to be the user whose token this request bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkUser {
    /// The guest's token: proof that the guest is the caller's. Not needed by who administers the guest's space anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_token: Option<String>,
    /// The user's space that the guest's history joins. It is created like the guest's if there is none.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub into: SpaceName,
}

/// The guest's history joins the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserLinked {
    /// The guest's space. What is still written to it is forwarded.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: SpaceName,
    /// The user's space.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub into: SpaceName,
    /// Updates that this call forwarded; 0 when an earlier one did.
    pub updates: u64,
    /// Whether all that the guest wrote so far stands in the user's space. Otherwise call again, or leave the rest to the
    /// scheduled roll-up.
    pub complete: bool,
    /// When they were first linked, RFC 3339.
    pub linked_at: String,
}

/// A model, for the `OpenAPI` document.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it only describes")]
struct ModelOfSpace {
    /// Its name, e.g. `document` or `log`.
    name: String,
    /// What it is made from, e.g. the rules of a document.
    settings: Option<serde_json::Value>,
}

/// What decides the order of updates, for the `OpenAPI` document.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes")]
enum OrderOfSpace {
    /// Their times.
    Timestamp,
    /// Their places in a sequence.
    Sequence,
}
