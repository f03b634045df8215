//! One look at a space: what a client has, and all that it lacks.

use super::sign::{SignedOp, Slot, WriteRequest};
use crate::ids::{Author, Epoch, Generation, Key};
use serde::{Deserialize, Serialize};

/// `POST /v1/spaces/{space}/sync`: tells what the client has, and what it wants to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// Look at the space; without, only slots are given, and the bucket is asked nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
    /// Slots for writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<WriteRequest>,
}

/// How far a look goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// What the client has; without, it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<Have>,
    /// List the segments and snapshots even when the head does not say that there are newer ones.
    #[serde(default)]
    pub check: bool,
}

/// What a client has of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Have {
    /// The epoch.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9]{4}-[0-9a-f]{16}$"))]
    pub epoch: Epoch,
    /// The newest segment that it has folded; 0 for none.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub generation: Generation,
    /// Where its next listing of updates starts; without, at the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    pub updates_after: Option<Key>,
    /// Keys after that which it has read already: their bodies are not sent again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<u64>))]
    pub known: Vec<Key>,
}

/// The answer to a [`SyncRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncResponse {
    /// The gateway's time, milliseconds since 1970 UTC.
    pub now: i64,
    /// The only author that may write with this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub author: Option<Author>,
    /// What the look found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Prepared>,
    /// For each body of the request the slots to try, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Vec<Slot>>,
}

/// What a look found. What is left out here was too large for the answer: its presigned request is in `urls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Prepared {
    /// `space.json`.
    pub space: Stored,
    /// The head hint, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Stored>,
    /// The segments and snapshots, if they were listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<KnownLayers>,
    /// The update objects, if all of them fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<KnownUpdates>,
    /// Presigned requests: for what is to be read now, and for polling without the gateway.
    pub urls: Vec<SignedOp>,
}

/// A small object as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stored {
    /// Its text.
    pub body: String,
    /// Its tag, for conditional requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
    /// When it was stored, by the bucket, milliseconds since 1970 UTC.
    pub last_modified: i64,
}

/// A complete listing of segments and snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownLayers {
    /// It holds all after this generation.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub after: Generation,
    /// The segments.
    pub segments: Vec<LayerItem>,
    /// The snapshots.
    pub snapshots: Vec<LayerItem>,
}

/// A segment or snapshot of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayerItem {
    /// Its generation.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub generation: Generation,
    /// Its size as stored.
    pub bytes: u64,
    /// When it was stored, by the bucket, milliseconds since 1970 UTC.
    pub last_modified: i64,
    /// Its tag, by which a client sees that the one it has read was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
}

/// A complete listing of update objects, the small ones with their bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownUpdates {
    /// It holds all after this key; without, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    pub after: Option<Key>,
    /// In the order of their keys.
    pub objects: Vec<KnownUpdate>,
}

/// An update object of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownUpdate {
    /// Its key.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub key: Key,
    /// Its size.
    pub bytes: u64,
    /// When it was stored, by the bucket, milliseconds since 1970 UTC.
    pub last_modified: i64,
    /// Its tag, by which a client sees that the one it has read was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
    /// Its text, if it is small and the client has not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whom the slot named that it was written through, from its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}
