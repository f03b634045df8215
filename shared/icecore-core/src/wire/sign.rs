//! Asking for presigned requests, and the keys under which to write.

use crate::digest::Digest;
use crate::ids::{Author, Epoch, Key};
use crate::plan::KeyHints;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One request to the bucket that a client wants presigned. Paths are those of `docs/format.md`, below the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Read an object.
    Get {
        /// Its path.
        path: String,
    },
    /// Ask whether there is an object, and how large it is.
    Head {
        /// Its path.
        path: String,
    },
    /// List a folder: up to 1,000 objects in the order of their names.
    List {
        /// The folder's path, without a slash at its end.
        folder: String,
        /// Names come after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Only what lies directly in it, and the names of the folders in it.
        #[serde(default)]
        flat: bool,
    },
    /// Write an object. Update objects are written by slots ([`WriteRequest`]) only.
    Put {
        /// Its path.
        path: String,
        /// The exact body.
        body: BodyInfo,
        /// What the body is.
        content: Content,
        /// On which condition.
        condition: Condition,
    },
    /// Delete an object.
    Delete {
        /// Its path.
        path: String,
    },
    /// Copy an object within the space.
    Copy {
        /// Where it is.
        from: String,
        /// Where the copy goes, whatever was there.
        to: String,
    },
}

/// The exact body of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BodyInfo {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hex digits.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 64, max_length = 64))]
    pub sha256: Digest,
}

impl BodyInfo {
    /// Of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self {
            bytes: body.len() as u64,
            sha256: Digest::of(body),
        }
    }
}

/// What a body is, for browsers and caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Plain JSON.
    Json,
    /// A packed segment or snapshot: gzip, immutable.
    Layer,
}

/// On which condition an object is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Only where there is no object.
    Absent,
    /// Only over the version with this tag.
    Matches(String),
    /// Whatever is there: for hints and quarantine.
    None,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// As HTTP spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A presigned request: it goes straight to the bucket, and needs no credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Signed {
    /// The method.
    pub method: Method,
    /// The address, with the signature in its query. Whoever has it can make this request until it expires.
    pub url: String,
    /// Headers that are part of the signature: each must be sent as it stands here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// For how long it can be used from when it was signed, milliseconds.
    pub expires_in_ms: u64,
}

impl std::fmt::Debug for Signed {
    // Not derived: the address is as good as a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, _) = self.url.split_once('?').unwrap_or((&self.url, ""));
        f.debug_struct("Signed")
            .field("method", &self.method)
            .field("path", &path)
            .field("expires_in_ms", &self.expires_in_ms)
            .finish_non_exhaustive()
    }
}

/// `POST /v1/spaces/{space}/sign` and `POST /v1/sign`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    /// What to sign.
    pub ops: Vec<Op>,
}

/// The answer to a [`SignRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignResponse {
    /// The gateway's time, milliseconds since 1970 UTC.
    pub now: i64,
    /// In the order of the request.
    pub signed: Vec<Signed>,
}

/// A presigned request with what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedOp {
    /// What it does.
    pub request: Op,
    /// How.
    pub signed: Signed,
}

/// After this long no write by a slot can land any more: no gateway signs one for longer than 30 seconds, and none takes
/// longer than a minute and a half.
pub const SLOT_LIFE_MAX: Duration = Duration::from_mins(2);

/// Asks for slots: presigned PUTs that can write exactly one body under one new key each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteRequest {
    /// The epoch to write to, as the client knows it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9]{4}-[0-9a-f]{16}$"))]
    pub epoch: Epoch,
    /// Who writes. It becomes part of the object's metadata, and of the signature.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub author: Author,
    /// Under which keys.
    pub keys: KeyWish,
    /// The bodies, in the order in which they will be written.
    pub objects: Vec<BodyInfo>,
    /// How many more keys to sign for each, for collisions.
    #[serde(default)]
    pub spare: u8,
}

/// Under which keys a client wants to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyWish {
    /// Under keys from the gateway's clock, above what the client has seen.
    After(KeyHints),
    /// Under this very key: the next of a sequenced space, or one that was tried before.
    At {
        /// The key.
        #[cfg_attr(feature = "openapi", schema(value_type = u64))]
        key: Key,
    },
}

/// A presigned PUT of one body under one new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Slot {
    /// The key.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub key: Key,
    /// The request.
    #[serde(flatten)]
    pub signed: Signed,
}
