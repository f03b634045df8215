//! The small mutable objects: `store.json`, `space.json`, what joined a space, and the head hint.

use crate::error::{Error, Result};
use crate::ids::{Epoch, Generation, Key, SpaceName, StoreId};
use icecore_seal::Keyring;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The format version that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// `store.json`: what the store is. Written once, when the store is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreInfo {
    /// Format version.
    pub v: u32,
    /// Identifies the store for ever.
    pub store: StoreId,
    /// When it was created, RFC 3339.
    pub created_at: String,
}

/// Which model folds a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    /// The model's name in the registry.
    pub name: String,
    /// What the model is made from, e.g. the rules of a `document`; `null` where there is nothing to set.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
}

impl ModelRef {
    /// A model without settings.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            settings: Value::Null,
        }
    }
}

/// What decides the order of a space's updates (docs/protocol.md, Read and Sequence).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Keys are milliseconds; late ones are sorted in; nothing is refused.
    #[default]
    Timestamp,
    /// Keys are 1, 2, 3 …; a taken key is a conflict for the writer to settle.
    Sequence,
}

/// An epoch that the space has left, kept and swept until nothing lands in it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldEpoch {
    /// Its number.
    pub epoch: Epoch,
    /// When the space left it, milliseconds since 1970 UTC.
    pub left_at: i64,
    /// Everything that was stored in it before this time, by the server's clock, is part of the next epoch: only
    /// what landed later needs sweeping.
    pub settled_at: i64,
    /// The newest segment that is part of the next epoch.
    pub generation: Generation,
}

/// Where the history of a space goes too. It counts only where the other space holds a [`Joined`] of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// The other space.
    pub into: SpaceName,
    /// When they were linked, RFC 3339.
    pub at: String,
}

/// `spaces/{space}/joined/{from}`: the space takes in the history of another one. It lies in the space that takes in, so
/// that nobody can press updates on a space without rights in it. Changed by If-Match only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Format version.
    pub v: u32,
    /// The space whose history joins.
    pub from: SpaceName,
    /// When they were linked, RFC 3339.
    pub at: String,
    /// The epoch of that space which was last forwarded from.
    pub epoch: Epoch,
    /// The newest segment of that epoch whose updates all stand here; 0 for none.
    pub forwarded: Generation,
}

/// `space.json`: which history of the space counts. Changed by If-Match only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceInfo {
    /// Format version.
    pub v: u32,
    /// The store it belongs to, so that opening a space needs no look at `store.json`.
    pub store: StoreId,
    /// The space's name.
    pub space: SpaceName,
    /// The epoch that counts.
    pub epoch: Epoch,
    /// Which model folds it.
    pub model: ModelRef,
    /// What decides the order of its updates.
    pub order: Order,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// Epochs left behind and not yet removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_epochs: Vec<OldEpoch>,
    /// The space that it was linked to, if any: a guest's to a user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<Linked>,
    /// In an encrypted space: its keys, wrapped for each of its holders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring: Option<Keyring>,
    /// When it was erased, RFC 3339: a tombstone that refuses late writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<String>,
    /// Members that this program does not know: kept when it writes the object again.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// `heads/{space}`: "something changed". May be stale, missing or wrong: it saves requests and decides
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Format version.
    pub v: u32,
    /// The epoch that its writer knew.
    pub epoch: Epoch,
    /// The newest segment that its writer knew.
    pub generation: Generation,
    /// The newest snapshot that its writer knew.
    pub snapshot: Generation,
    /// How far the newest known segment reaches.
    pub through: Key,
    /// The last key that its writer wrote or saw.
    pub key: Key,
}

impl Head {
    /// The hint of somebody who knows nothing yet.
    pub fn first(epoch: Epoch) -> Self {
        let (generation, snapshot) = (Generation::ZERO, Generation::ZERO);
        Self {
            v: FORMAT_VERSION,
            epoch,
            generation,
            snapshot,
            through: Key::MIN,
            key: Key::MIN,
        }
    }

    /// This hint, where somebody else has left another one meanwhile: it hides nothing that the other one tells. Its key
    /// stays beyond what is rolled up, for it stands for something that may not be.
    #[must_use]
    pub fn over(self, other: &Self) -> Self {
        let (generation, snapshot, through) = match other.epoch.cmp(&self.epoch) {
            std::cmp::Ordering::Less => (self.generation, self.snapshot, self.through),
            std::cmp::Ordering::Equal => (
                self.generation.max(other.generation),
                self.snapshot.max(other.snapshot),
                self.through.max(other.through),
            ),
            std::cmp::Ordering::Greater => (other.generation, other.snapshot, other.through),
        };
        Self {
            v: self.v,
            epoch: self.epoch.max(other.epoch),
            generation,
            snapshot,
            through,
            key: self.key.max(through.saturating_add(1)),
        }
    }
}

macro_rules! json_object {
    ($name:ty, $what:literal) => {
        impl $name {
            /// Reads the object's JSON.
            ///
            /// # Errors
            /// `Corrupt` when it does not parse, `Invalid` when it is of a newer format version.
            pub fn from_json(json: &[u8]) -> Result<Self> {
                check_format_version(json, $what)?;
                serde_json::from_slice(json).map_err(|e| {
                    Error::corrupt(concat!("the ", $what, " does not parse")).with_source(e)
                })
            }

            /// The object's JSON.
            pub fn to_json(&self) -> Vec<u8> {
                serde_json::to_vec(self).expect("BUG: plain data has a JSON form")
            }
        }
    };
}

json_object!(StoreInfo, "store.json");
json_object!(SpaceInfo, "space.json");
json_object!(Head, "head");
json_object!(Joined, "joined space");

/// Looks at `v` first, so that a newer format is told apart from a broken object.
///
/// # Errors
/// `Corrupt` without a readable `v`, `Invalid` when it is newer than this program.
pub(crate) fn check_format_version(json: &[u8], what: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let version: Version = serde_json::from_slice(json)
        .map_err(|e| Error::corrupt(format!("the {what} does not parse")).with_source(e))?;
    if version.v > FORMAT_VERSION {
        return Err(newer_format(what, version.v));
    }
    if version.v == 0 {
        return Err(Error::corrupt(format!("the {what} has format version 0")));
    }
    Ok(())
}

/// The error for an object that a newer program wrote.
pub(crate) fn newer_format(what: &str, version: u32) -> Error {
    Error::invalid(format!(
        "the {what} has format version {version}, this program reads up to {FORMAT_VERSION}"
    ))
    .with_hint("update this program; nothing was changed and nothing is lost")
}
