//! What a bucket says of its objects.

use bytes::Bytes;
use icecore_core::layers::CONTENT_ENCODING;
use object_store::{Attribute, Attributes, ObjectMeta, TagSet};

/// A stored object with what the server says of it.
#[derive(Debug, Clone)]
pub struct Got {
    /// The body as stored.
    pub bytes: Bytes,
    /// By which a conditional request names this version.
    pub version: Version,
    /// When it was stored, by the server, milliseconds since 1970 UTC.
    pub last_modified: i64,
    /// The author that its metadata names: whoever a gateway gave the slot to that it was written through.
    pub author: Option<String>,
}

/// Names one version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(super) e_tag: Option<String>,
    pub(super) version: Option<String>,
}

impl Version {
    /// What a server says of a version; `None` when it says nothing.
    pub(super) fn of(e_tag: Option<String>, version: Option<String>) -> Option<Self> {
        (e_tag.is_some() || version.is_some()).then_some(Self { e_tag, version })
    }

    /// The tag, where the server gives one.
    pub fn e_tag(&self) -> Option<&str> {
        self.e_tag.as_deref()
    }
}

/// What a conditional GET found.
#[derive(Debug)]
pub enum Changed {
    /// The version that was named.
    Same,
    /// No object.
    Missing,
    /// Another version.
    New(Got),
}

/// What a put-if-absent did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutNew {
    /// The object is stored, and is this version, where the server tells.
    Stored(Option<Version>),
    /// An object was there, maybe our own from an attempt whose response was lost.
    Taken,
}

/// What a write on the condition of a version did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    /// The object is stored, and is this version now, where the server tells.
    Stored(Option<Version>),
    /// There is another version, or another writer was at the object at the same moment.
    Lost,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<K> {
    /// The parsed name.
    pub key: K,
    /// The body's size.
    pub bytes: u64,
    /// When it was stored, by the server, milliseconds since 1970 UTC.
    pub last_modified: i64,
}

impl<K> Listed<K> {
    pub(super) fn of(key: K, meta: &ObjectMeta) -> Self {
        Self {
            key,
            bytes: meta.size,
            last_modified: meta.last_modified.timestamp_millis(),
        }
    }
}

/// What a body is, for browsers and caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Plain JSON.
    Json,
    /// A packed segment or snapshot: gzip, immutable.
    Layer,
    /// Plain JSON that is tagged `icecore=transient`.
    Transient,
}

impl Content {
    pub(super) fn attributes(self) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, "application/json".into());
        if self == Self::Layer {
            attributes.insert(Attribute::ContentEncoding, CONTENT_ENCODING.into());
            attributes.insert(
                Attribute::CacheControl,
                "max-age=31536000, immutable".into(),
            );
        }
        attributes
    }

    pub(super) fn tags(self) -> TagSet {
        let mut tags = TagSet::default();
        if self == Self::Transient {
            tags.push("icecore", "transient");
        }
        tags
    }
}
