//! Snapshots: the immutable objects that hold a space's state after a generation.

use crate::covered::Covered;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fold::{Conflict, RejectedList};
use crate::ids::{Epoch, Generation, Key, SpaceName, UpdateId};
use crate::layers::{LayerReader, LayerWriter, Packed, UNPACKED_BYTES_MAX};
use crate::space::{FORMAT_VERSION, check_format_version};
use icecore_seal::KeyNumber;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// The first line of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// Format version.
    pub v: u32,
    /// The generation whose state this is.
    pub snapshot: Generation,
    /// The space that it belongs to.
    pub space: SpaceName,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// The digest of the segment of the same generation: the end of the chain that it stands for.
    pub segment: Digest,
    /// How far the segment of the same generation reaches.
    pub through: Key,
    /// When all of `updates/` was last listed, milliseconds since 1970 UTC; 0 for never.
    pub full_at: i64,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub model_version: u32,
    /// How many updates the state stands for.
    pub count: u64,
    /// Their ids.
    pub covered: Covered,
    /// The keys of covered objects that a listing may still show, as differences, the first from 0: so that
    /// nobody reads an object only to learn that it is covered.
    pub recent: Vec<u64>,
    /// Updates that the model rejected; empty where the state is sealed, and they with it.
    pub rejected: RejectedList,
    /// Rules that the state breaks; likewise.
    pub conflicts: Vec<Conflict>,
    /// Which update last set each path that a rule watches; likewise.
    #[serde(
        default,
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub touched: BTreeMap<String, UpdateId>,
    /// The number of the key under which the state is sealed, in an encrypted space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<KeyNumber>,
}

impl SnapshotHeader {
    /// A header of the current format for the generation after `segment`.
    pub fn new(space: &SpaceName, epoch: Epoch, generation: Generation, segment: Digest) -> Self {
        Self {
            v: FORMAT_VERSION,
            snapshot: generation,
            space: space.clone(),
            epoch,
            segment,
            through: Key::MIN,
            full_at: 0,
            model: String::new(),
            model_version: 0,
            count: 0,
            covered: Covered::default(),
            recent: Vec::new(),
            rejected: RejectedList::default(),
            conflicts: Vec::new(),
            touched: BTreeMap::new(),
            sealed: None,
        }
    }

    /// The keys that [`SnapshotHeader::recent`] stands for.
    ///
    /// # Errors
    /// `Corrupt` when one of them is none.
    pub fn recent_keys(&self) -> Result<BTreeSet<Key>> {
        let mut key = 0_u64;
        self.recent
            .iter()
            .map(|difference| {
                key = key.saturating_add(*difference);
                Key::new(key).map_err(|e| {
                    Error::corrupt("the snapshot's recent keys are out of range").with_source(e)
                })
            })
            .collect()
    }
}

/// A snapshot, read and its digest checked.
#[derive(Debug)]
pub struct Snapshot {
    /// The first line.
    pub header: SnapshotHeader,
    layer: LayerReader,
    unpacked_max: u64,
}

impl Snapshot {
    /// Packs a snapshot; `write_state` writes the state as canonical JSON.
    ///
    /// # Errors
    /// What `write_state` reports.
    pub fn pack(
        header: &SnapshotHeader,
        write_state: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<Packed> {
        let mut writer = LayerWriter::new(header)?;
        writer.line_with(write_state)?;
        writer.finish()
    }

    /// Reads a stored snapshot.
    ///
    /// # Errors
    /// `Corrupt` when it is cut short, changed or does not parse; `Invalid` when it is of a newer format.
    pub fn unpack(stored: &[u8]) -> Result<Self> {
        Self::unpack_at_most(stored, UNPACKED_BYTES_MAX)
    }

    /// The same in bounded memory.
    ///
    /// # Errors
    /// Also `Invalid` when it unpacks to more than `bytes_max`.
    pub fn unpack_at_most(stored: &[u8], bytes_max: u64) -> Result<Self> {
        Self::of(LayerReader::open(stored, bytes_max)?, bytes_max)
    }

    /// What was unpacked from a stored snapshot before, and kept as it is; `None` where it is not that, or cannot be read:
    /// then it is to be unpacked.
    pub fn from_kept(plain: Vec<u8>, stored: &[u8]) -> Option<Self> {
        Self::of(LayerReader::reopen(plain, stored)?, UNPACKED_BYTES_MAX).ok()
    }

    /// All that was unpacked, for [`Snapshot::from_kept`].
    pub fn plain(&self) -> &[u8] {
        self.layer.bytes()
    }

    fn of(layer: LayerReader, bytes_max: u64) -> Result<Self> {
        let (first, _) = layer.header_and_body();
        check_format_version(first, "snapshot")?;
        let header = serde_json::from_slice(first)
            .map_err(|e| Error::corrupt("the snapshot's header does not parse").with_source(e))?;
        Ok(Self {
            header,
            layer,
            unpacked_max: bytes_max,
        })
    }

    /// The header's bytes: what a sealed state is bound to.
    pub(crate) fn header_json(&self) -> &[u8] {
        self.layer.header_and_body().0
    }

    /// How much the state may unpack to.
    pub(crate) fn unpacked_max(&self) -> u64 {
        self.unpacked_max
    }

    /// The state's JSON.
    pub fn state_json(&self) -> &[u8] {
        let body = self.layer.header_and_body().1;
        body.strip_suffix(b"\n").unwrap_or(body)
    }

    /// The digest in the last line.
    pub fn digest(&self) -> Digest {
        self.layer.digest
    }
}
