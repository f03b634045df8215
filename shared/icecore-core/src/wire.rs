//! What a client and the gateway say to each other: the bodies of the gateway's HTTP API.
//!
//! All are JSON. A request that has a field unknown here is refused, so that a misspelt one is noticed; of an answer
//! unknown fields are ignored, so that a gateway may be newer than its clients.

mod look;
mod sign;
mod transient;
mod users;

pub use crate::plan::KeyHints;
pub use look::{
    Have, KnownLayers, KnownUpdate, KnownUpdates, LayerItem, Look, Prepared, Stored, SyncRequest,
    SyncResponse,
};
pub use sign::{
    BodyInfo, Condition, Content, KeyWish, Method, Op, SLOT_LIFE_MAX, SignRequest, SignResponse,
    Signed, SignedOp, Slot, WriteRequest,
};

pub use transient::{SendTransient, SentTransient, TransientList, TransientSeen};
pub use users::{CreateUser, LinkUser, NewUser, UserLinked};

use crate::error::{Error, ErrorKind};
use crate::ids::{Author, SpaceName, StoreId};
use serde::{Deserialize, Serialize};

/// The path of the whole API's first version.
pub const V1: &str = "/v1";

/// The metadata of an update object by which a slot names its author.
pub const AUTHOR_METADATA: &str = "author";
/// The same as a header of S3.
pub const AUTHOR_HEADER: &str = "x-amz-meta-author";

/// Why a request was refused: the body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refusal {
    /// What to do about it, as [`ErrorKind::code`] says it: `conflict`, `unavailable`, `invalid`, `not_found`,
    /// `denied`, `corrupt` or `internal`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The object or the field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What a person can do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        // The object has a field of its own.
        let message = error
            .object()
            .and_then(|object| text.strip_suffix(&format!(" ({object})")))
            .unwrap_or(&text)
            .to_owned();
        Self {
            code: error.kind().code().to_owned(),
            message,
            object: error.object().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let kind = ErrorKind::from_code(&refusal.code).unwrap_or(ErrorKind::Internal);
        let mut error = Self::new(kind, refusal.message);
        if let Some(object) = refusal.object {
            error = error.with_object(object);
        }
        match refusal.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// The names of the spaces that a token may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpaceList {
    /// Sorted.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub spaces: Vec<SpaceName>,
}

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenInfo {
    /// The gateway's time, milliseconds since 1970 UTC.
    pub now: i64,
    /// Whom it stands for.
    pub subject: String,
    /// What it allows where.
    pub grants: Vec<TokenGrant>,
    /// The only author that may write with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub author: Option<Author>,
    /// When it ends, milliseconds since 1970 UTC.
    pub expires_at: i64,
}

/// What a token allows in some spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenGrant {
    /// Names of spaces, or their beginnings followed by `*`.
    pub spaces: Vec<String>,
    /// Of `read`, `write`, `admin`.
    pub rights: Vec<String>,
}

/// A space was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erased {
    /// Objects removed by this call.
    pub objects: u64,
    /// When it was first erased, RFC 3339.
    pub erased_at: String,
}

/// The gateway and its bucket work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// The gateway's time, milliseconds since 1970 UTC.
    pub now: i64,
    /// The store.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub store: StoreId,
}
