//! What is stored.

use bytes::Bytes;
use icecore_core::Digest;
use object_store::{Attributes, PutMode};
use std::collections::BTreeMap;

/// One stored object.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The body.
    pub bytes: Bytes,
    /// As on S3 it tells the content and nothing else: what is written again with the same bytes has the tag that it had.
    pub e_tag: String,
    /// Server's time of the write, milliseconds since 1970 UTC.
    pub last_modified: i64,
    /// Content type and the like.
    pub attributes: Attributes,
}

/// A write on its way.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) bytes: Bytes,
    pub(crate) attributes: Attributes,
    pub(crate) mode: PutMode,
}

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrote {
    Yes,
    Taken,
    Stale,
}

/// The tag of a body.
pub(crate) fn tag_of(bytes: &Bytes) -> String {
    format!("\"{}\"", Digest::of(bytes))
}

/// All objects of the bucket by path.
#[derive(Debug, Default)]
pub struct Disk {
    /// The objects.
    pub objects: BTreeMap<String, Stored>,
    /// Conditional writes are ignored: what `init` must refuse, here to show what would happen.
    pub ignores_conditions: bool,
    /// Nobody may write what has this in its path.
    pub denies: Option<&'static str>,
    /// Paths of deleted objects, oldest first.
    pub deleted: Vec<String>,
    /// How often it was put back to an older state.
    pub(crate) restores: u64,
}

impl Disk {
    pub(crate) fn put(&mut self, path: &str, write: &Write, now: i64) -> Wrote {
        if !self.ignores_conditions {
            match (&write.mode, self.objects.get(path)) {
                (PutMode::Create, Some(_)) => return Wrote::Taken,
                (PutMode::Update(version), Some(stored))
                    if version.e_tag.as_deref() != Some(stored.e_tag.as_str()) =>
                {
                    return Wrote::Stale;
                }
                (PutMode::Update(_), None) => return Wrote::Stale,
                _ => {}
            }
        }
        let stored = Stored {
            bytes: write.bytes.clone(),
            e_tag: tag_of(&write.bytes),
            last_modified: now,
            attributes: write.attributes.clone(),
        };
        self.objects.insert(path.to_owned(), stored);
        Wrote::Yes
    }

    /// Puts the bucket back to an older state.
    pub fn put_back(&mut self, objects: BTreeMap<String, Stored>) {
        self.objects = objects;
        self.restores += 1;
    }

    pub(crate) fn delete(&mut self, path: &str) {
        if self.objects.remove(path).is_some() {
            self.deleted.push(path.to_owned());
        }
    }

    /// The paths below a prefix, for messages.
    pub fn tree(&self) -> String {
        let mut tree = String::new();
        for (path, o) in &self.objects {
            let line = format!("  {path} ({} bytes, {})\n", o.bytes.len(), o.last_modified);
            tree.push_str(&line);
        }
        tree
    }
}
