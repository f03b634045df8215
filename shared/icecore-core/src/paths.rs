//! Where every object lies: one type builds and parses each path of the bucket.
//!
//! ```text
//! store.json
//! heads/{space}
//! spaces/{space}/space.json
//! spaces/{space}/{epoch}/updates/{key:13}
//! spaces/{space}/{epoch}/segments/{generation:10}
//! spaces/{space}/{epoch}/snapshots/{generation:10}
//! spaces/{space}/{epoch}/transient/{key:13}-{author}
//! spaces/{space}/{epoch}/quarantine/{folder}/{name}
//! ```

use crate::error::{Error, Result};
use crate::ids::{Author, Epoch, Generation, Key, SpaceName};
use std::fmt;
use std::str::FromStr;

/// The path of an object, relative to the root of the store.
///
/// ```
/// use icecore_core::ObjectKey;
/// let path: ObjectKey = "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/1763640000000".parse()?;
/// assert_eq!(path.to_string(), "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/1763640000000");
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKey {
    /// `store.json`
    Store,
    /// `heads/{space}`
    Head(SpaceName),
    /// `spaces/{space}/space.json`
    Space(SpaceName),
    /// `spaces/{space}/joined/{from}`: that the history of the space `from` joins that of the space.
    Joined(SpaceName, SpaceName),
    /// `spaces/{space}/{epoch}/updates/{key:13}`
    Update(SpaceName, Epoch, Key),
    /// `spaces/{space}/{epoch}/segments/{generation:10}`
    Segment(SpaceName, Epoch, Generation),
    /// `spaces/{space}/{epoch}/snapshots/{generation:10}`
    Snapshot(SpaceName, Epoch, Generation),
    /// `spaces/{space}/{epoch}/transient/{key:13}-{author}`
    Transient(SpaceName, Epoch, Key, Author),
    /// `spaces/{space}/{epoch}/quarantine/{folder}/{name}`: the path that the object had below its epoch.
    Quarantine(SpaceName, Epoch, String),
    /// What later versions of the format keep in folders that they have to themselves, by the path below the space
    /// (docs/growth.md): `attachments/…`, `signatures/…`, `{epoch}/parts/…`. Passed over, and never deleted alone.
    Reserved(SpaceName, String),
}

/// The folder of all head hints.
pub const HEADS: &str = "heads";
/// The folder of all spaces.
pub const SPACES: &str = "spaces";

impl ObjectKey {
    /// The space that an object belongs to; `store.json` belongs to none.
    pub fn space_name(&self) -> Option<&SpaceName> {
        match self {
            Self::Store => None,
            Self::Head(space)
            | Self::Space(space)
            | Self::Joined(space, ..)
            | Self::Update(space, ..)
            | Self::Segment(space, ..)
            | Self::Snapshot(space, ..)
            | Self::Transient(space, ..)
            | Self::Quarantine(space, ..)
            | Self::Reserved(space, ..) => Some(space),
        }
    }

    /// The folder of the space's update objects.
    pub fn updates(space: &SpaceName, epoch: Epoch) -> String {
        format!("{}/updates", Self::epoch(space, epoch))
    }

    /// The folder of the space's transient events.
    pub fn transient(space: &SpaceName, epoch: Epoch) -> String {
        format!("{}/transient", Self::epoch(space, epoch))
    }

    /// The folder of the space's segments.
    pub fn segments(space: &SpaceName, epoch: Epoch) -> String {
        format!("{}/segments", Self::epoch(space, epoch))
    }

    /// The folder of the space's snapshots.
    pub fn snapshots(space: &SpaceName, epoch: Epoch) -> String {
        format!("{}/snapshots", Self::epoch(space, epoch))
    }

    /// The folder of what was moved aside.
    pub fn quarantine(space: &SpaceName, epoch: Epoch) -> String {
        format!("{}/quarantine", Self::epoch(space, epoch))
    }

    /// The folder of one epoch of a space.
    pub fn epoch(space: &SpaceName, epoch: Epoch) -> String {
        format!("{SPACES}/{space}/{epoch}")
    }

    /// The folder of a space.
    pub fn space(space: &SpaceName) -> String {
        format!("{SPACES}/{space}")
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store => write!(f, "store.json"),
            Self::Head(space) => write!(f, "{HEADS}/{space}"),
            Self::Space(space) => write!(f, "{SPACES}/{space}/space.json"),
            Self::Joined(space, from) => write!(f, "{SPACES}/{space}/joined/{from}"),
            Self::Update(space, epoch, key) => {
                write!(f, "{SPACES}/{space}/{epoch}/updates/{key:#}")
            }
            Self::Segment(space, epoch, generation) => {
                write!(f, "{SPACES}/{space}/{epoch}/segments/{generation:#}")
            }
            Self::Snapshot(space, epoch, generation) => {
                write!(f, "{SPACES}/{space}/{epoch}/snapshots/{generation:#}")
            }
            Self::Transient(space, epoch, key, author) => {
                write!(f, "{SPACES}/{space}/{epoch}/transient/{key:#}-{author}")
            }
            Self::Quarantine(space, epoch, name) => {
                write!(f, "{SPACES}/{space}/{epoch}/quarantine/{name}")
            }
            Self::Reserved(space, path) => write!(f, "{SPACES}/{space}/{path}"),
        }
    }
}

impl FromStr for ObjectKey {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self> {
        parse(path)
            .filter(|key| key.to_string() == path)
            .ok_or_else(|| {
                Error::invalid("this is no path of an icecore object")
                    .with_object(path)
                    .with_hint("the folder of a store holds nothing else; move the file elsewhere")
            })
    }
}

/// Parses loosely; the caller compares with the one spelling that `Display` gives.
fn parse(path: &str) -> Option<ObjectKey> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["store.json"] => Some(ObjectKey::Store),
        [HEADS, space] => Some(ObjectKey::Head(space.parse().ok()?)),
        [SPACES, space, "space.json"] => Some(ObjectKey::Space(space.parse().ok()?)),
        [SPACES, space, "joined", from] => {
            Some(ObjectKey::Joined(space.parse().ok()?, from.parse().ok()?))
        }
        [
            SPACES,
            space,
            folder @ ("attachments" | "signatures"),
            name @ ..,
        ] if is_plain_path(name) => {
            let path = format!("{folder}/{}", name.join("/"));
            Some(ObjectKey::Reserved(space.parse().ok()?, path))
        }
        [SPACES, space, epoch, "parts", name @ ..] if is_plain_path(name) => {
            let epoch: Epoch = epoch.parse().ok()?;
            let path = format!("{epoch:#}/parts/{}", name.join("/"));
            Some(ObjectKey::Reserved(space.parse().ok()?, path))
        }
        [SPACES, space, epoch, folder, name @ ..] => {
            let (space, epoch) = (space.parse().ok()?, epoch.parse().ok()?);
            match (*folder, name) {
                ("updates", [name]) => Some(ObjectKey::Update(space, epoch, name.parse().ok()?)),
                ("segments", [name]) => Some(ObjectKey::Segment(space, epoch, numbered(name)?)),
                ("snapshots", [name]) => Some(ObjectKey::Snapshot(space, epoch, numbered(name)?)),
                ("transient", [name]) => {
                    let (key, author) = name.split_once('-')?;
                    Some(ObjectKey::Transient(
                        space,
                        epoch,
                        key.parse().ok()?,
                        author.parse().ok()?,
                    ))
                }
                ("quarantine", name) if is_plain_path(name) => {
                    Some(ObjectKey::Quarantine(space, epoch, name.join("/")))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The number of a stored layer: 0 stands for "before the first" and names no object.
fn numbered(name: &str) -> Option<Generation> {
    name.parse().ok().filter(|g| *g > Generation::ZERO)
}

fn is_plain_path(parts: &[&str]) -> bool {
    !parts.is_empty() && parts.iter().all(|part| is_plain(part))
}

/// Whether a part of a quarantined object's path is the name of a file in that folder, and nothing that a
/// file system or a terminal takes for something else.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(|c: char| c.is_control() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_goes_both_ways() {
        let paths = [
            "store.json",
            "heads/notes",
            "spaces/notes/space.json",
            "spaces/notes/joined/guest-17",
            "spaces/notes/attachments/00ff",
            "spaces/notes/signatures/a/b",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/parts/0000000001-0002",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/1763640000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/segments/0000000001",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/snapshots/0000000001",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/transient/1763640000000-018bcfe5-6800-7fff-bfff-ffffffffffff",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/quarantine/updates/1763640000000",
        ];
        for path in paths {
            assert_eq!(path.parse::<ObjectKey>().unwrap().to_string(), path);
        }
    }

    #[test]
    fn foreign_names_are_refused() {
        let paths = [
            "",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/176364000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/+763640000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/updates/1763640000000.json",
            "spaces/notes/1-9f3c1e7a2b4d5c60/updates/1763640000000",
            "spaces/notes/0001/updates/1763640000000",
            "spaces/notes/0000-9f3c1e7a2b4d5c60/updates/1763640000000",
            "spaces/../0001-9f3c1e7a2b4d5c60/updates/1763640000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/segments/0000000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/snapshots/0000000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/quarantine/",
            "spaces/notes/attachments/",
            "spaces/notes/attachments/../space.json",
            "spaces/notes/1/parts/a",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/quarantine/../updates/1763640000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/quarantine/updates//1763640000000",
            "spaces/notes/0001-9f3c1e7a2b4d5c60/quarantine/a\\b",
            "heads/a/b",
            ".DS_Store",
        ];
        for path in paths {
            assert!(path.parse::<ObjectKey>().is_err(), "{path}");
        }
    }
}
