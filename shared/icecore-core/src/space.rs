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
    /// What a program must know to use it.
    #[serde(
        default,
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "Needs::is_empty"
    )]
    pub needs: Needs,
}

/// What a program must know, by names that later versions of the format give out: this is how it grows without a version 2
/// (docs/growth.md). This program knows none of them yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Needs {
    /// To read it, and so to do anything with it.
    #[serde(
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub read: Vec<String>,
    /// To write to it: who does not know one of these reads, and holds what it would write.
    #[serde(
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub write: Vec<String>,
    /// Members that this program does not know: kept when it writes the object again.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Needs {
    /// What this program knows of all that a store or a space may need.
    const KNOWN: [&str; 0] = [];

    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn check(names: &[String], what: &str, to: &str) -> Result<()> {
        match names
            .iter()
            .find(|name| !Self::KNOWN.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!(
                "{what} needs {name:?} of who {to} it, which this program does not know"
            ))
            .with_hint("update this program; nothing was changed and nothing is lost")),
        }
    }

    fn check_read(&self, what: &str) -> Result<()> {
        Self::check(&self.read, what, "reads")
    }

    fn check_write(&self, what: &str) -> Result<()> {
        Self::check(&self.write, what, "writes to")
    }
}

impl StoreInfo {
    /// Whether this program may add to the store.
    ///
    /// # Errors
    /// `Invalid`, naming what the store needs.
    pub fn check_writable(&self) -> Result<()> {
        self.needs.check_write("the store")
    }
}

impl SpaceInfo {
    /// Whether this program may write to the space: publish, roll up, prune, begin an epoch, change who reads it.
    ///
    /// # Errors
    /// `Invalid`, naming what the space needs.
    pub fn check_writable(&self) -> Result<()> {
        self.needs
            .check_write("the space")
            .map_err(|e| e.with_object(self.space.to_string()))
    }
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
    /// Members that this program does not know: kept when it writes the object again.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
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
    #[serde(
        default,
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
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
    /// What a program must know to use it.
    #[serde(
        default,
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "Needs::is_empty"
    )]
    pub needs: Needs,
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
        json_object!($name, $what, |_| Ok(()));
    };
    ($name:ty, $what:literal, $check:expr) => {
        impl $name {
            /// Reads the object's JSON.
            ///
            /// # Errors
            /// `Corrupt` when it does not parse, `Invalid` when it is of a newer format version, or when it needs what this
            /// program does not know.
            pub fn from_json(json: &[u8]) -> Result<Self> {
                check_format_version(json, $what)?;
                let read: Self = serde_json::from_slice(json).map_err(|e| {
                    Error::corrupt(concat!("the ", $what, " does not parse")).with_source(e)
                })?;
                let check: fn(&Self) -> Result<()> = $check;
                check(&read)?;
                Ok(read)
            }

            /// The object's JSON.
            pub fn to_json(&self) -> Vec<u8> {
                serde_json::to_vec(self).expect("BUG: plain data has a JSON form")
            }
        }
    };
}

json_object!(StoreInfo, "store.json", |info| info
    .needs
    .check_read("the store"));
json_object!(SpaceInfo, "space.json", |info| info
    .needs
    .check_read("the space"));
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

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: &str = r#"{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"notes","epoch":"0001-0000000000000000","model":{"name":"log"},"order":"timestamp","created_at":"2025-11-20T12:00:00.000Z","#;

    fn needing(needs: &str) -> Result<SpaceInfo> {
        SpaceInfo::from_json(format!("{SPACE}{needs}}}").as_bytes())
    }

    #[test]
    fn what_a_space_needs_to_be_read_or_written_and_is_not_known_is_named() {
        let read = needing(r#""needs":{"read":["parts"]}"#).unwrap_err();
        assert!(read.to_string().contains("\"parts\"") && read.hint().is_some());
        assert_eq!(read.kind(), crate::error::ErrorKind::Invalid);
        let info = needing(r#""needs":{"write":["signatures"]}"#).unwrap();
        let write = info.check_writable().unwrap_err();
        assert!(write.to_string().contains("\"signatures\"") && write.hint().is_some());
        assert!(needing(r#""needs":{}"#).unwrap().check_writable().is_ok());
        let store = r#"{"v":1,"store":"019aa122-be00-7000-8000-000000000001","created_at":"","needs":{"read":["x"]}}"#;
        assert!(StoreInfo::from_json(store.as_bytes()).is_err());
    }

    #[test]
    fn whoever_writes_an_object_again_keeps_what_it_does_not_know() {
        let text = format!(r#"{SPACE}"needs":{{"write":["a"],"why":1}},"colour":"blue"}}"#);
        let info = SpaceInfo::from_json(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(info.to_json()).unwrap(), text);
        let joined = r#"{"v":1,"from":"guest","at":"","epoch":"0001-0000000000000000","forwarded":0,"colour":"blue"}"#;
        let read = Joined::from_json(joined.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(read.to_json()).unwrap(), joined);
    }
}
