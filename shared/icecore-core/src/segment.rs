//! Segments: the immutable objects that hold a space's history, one roll-up each, in order.

use crate::content::{Salt, Summary};
use crate::covered::Covered;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fold::Folded;
use crate::ids::{Author, Epoch, Generation, Key, Seq, SpaceName, UpdateId};
use crate::layers::{LayerReader, LayerWriter, Packed, UNPACKED_BYTES_MAX};
use crate::space::{FORMAT_VERSION, check_format_version};
use crate::update::Update;
use icecore_seal::KeyNumber;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;

/// The first line of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentHeader {
    /// Format version.
    pub v: u32,
    /// The generation of this segment.
    pub segment: Generation,
    /// The space that it belongs to.
    pub space: SpaceName,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// How far this roll-up looked: its own idea of the server's time less the settle time, as a key; in a
    /// sequenced space the last key that it holds.
    pub through: Key,
    /// When it was rolled up by the server's clock, milliseconds since 1970 UTC.
    pub rolled_at: i64,
    /// When all of `updates/` was last listed, milliseconds since 1970 UTC; 0 for never.
    pub full_at: i64,
    /// The version of the model that rolled it up: an older program holds here rather than show another state.
    pub model_version: u32,
    /// Whoever rolled it up could not fold it, for want of a key or of the model, and wrote no snapshot: who can does.
    #[serde(
        default,
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "is_false"
    )]
    pub blind: bool,
    /// The digest of the segment before it; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// How many entries follow.
    pub count: u64,
    /// The ids of the entries.
    pub covered: Covered,
    /// Only in the first segment of an epoch: ids that it covers without holding them (redacted ones, or what
    /// a compressed history had).
    #[serde(
        default,
        deserialize_with = "crate::optional::or_default",
        skip_serializing_if = "Covered::is_empty"
    )]
    pub carried: Covered,
    /// Only in the first segment of an epoch that continues another: the state it starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<BaseHeader>>,
}

/// What a first segment that continues another epoch says of the state in its second line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseHeader {
    /// The model's version that wrote the state.
    pub model_version: u32,
    /// How many updates the state stands for.
    pub count: u64,
    /// The epoch that was continued.
    pub epoch: Epoch,
    /// Rejected updates that stay listed; empty where the state is sealed, and they with it.
    pub rejected: crate::fold::RejectedList,
    /// Which update last set each watched path; likewise.
    pub touched: BTreeMap<String, UpdateId>,
    /// The number of the key under which the state is sealed, in an encrypted space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<KeyNumber>,
}

impl BaseHeader {
    /// A state that an epoch is to start from, and what the segment's second line holds of it. In an encrypted space it
    /// is sealed with the random `salt`.
    ///
    /// # Errors
    /// `Denied` in an encrypted space whose keys are not at hand; `Internal` when the state has no JSON form.
    pub fn of(folded: &Folded, count: u64, epoch: Epoch, salt: Salt) -> Result<(Self, Vec<u8>)> {
        folded.check_readable()?;
        let content = folded.content();
        let mut header = Self {
            model_version: content.model().version(),
            count,
            epoch,
            rejected: folded.rejected.clone(),
            touched: folded.touched.clone(),
            sealed: content.state_key(),
        };
        if header.sealed.is_none() {
            return Ok((header, folded.state_json()?));
        }
        let summary = Summary {
            rejected: std::mem::take(&mut header.rejected),
            conflicts: Vec::new(),
            touched: std::mem::take(&mut header.touched),
        };
        let write = |out: &mut dyn Write| folded.write_state(out);
        let sealed = content.seal_state(&header.about(), &summary, write, salt)?;
        Ok((header, format!("\"{sealed}\"").into_bytes()))
    }

    /// What the sealed state is bound to. Not to its own epoch: a later one may begin with the same state.
    pub(crate) fn about(&self) -> Vec<u8> {
        format!(
            "[\"base\",\"{}\",{},{}]",
            self.epoch, self.count, self.model_version
        )
        .into_bytes()
    }
}

/// One update in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which update.
    pub id: UpdateId,
    /// The key of the object that carried it.
    pub key: Key,
    /// The update as it was written.
    pub update: Update,
}

/// The line of an entry: the author by its place in the header's sorted `covered`.
#[derive(Serialize, Deserialize)]
struct EntryLine<U> {
    author: usize,
    seq: Seq,
    key: Key,
    update: U,
}

/// A segment, read and checked in itself: its digest, its header against its entries.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The first line.
    pub header: SegmentHeader,
    /// The state in the second line, where [`SegmentHeader::base`] says there is one.
    pub base_state: Option<Vec<u8>>,
    /// The updates in canonical order.
    pub entries: Vec<Entry>,
    /// The digest in the last line.
    pub digest: Digest,
}

impl Segment {
    /// Packs a segment.
    ///
    /// # Errors
    /// `Internal` when the header does not fit the entries: a bug, found before anything is stored.
    pub fn pack(
        header: &SegmentHeader,
        base_state: Option<&[u8]>,
        entries: &[Entry],
    ) -> Result<Packed> {
        let authors: BTreeMap<Author, usize> = header.covered.authors().zip(0..).collect();
        let ids: Covered = entries.iter().map(|e| e.id).collect();
        if ids != header.covered
            || ids.len() != entries.len() as u64
            || header.count != ids.len()
            || header.base.is_some() != base_state.is_some()
        {
            return Err(Error::internal(
                "BUG: a segment's header does not fit its entries",
            ));
        }
        let mut writer = LayerWriter::new(header)?;
        if let Some(state) = base_state {
            writer.line_with(|out| {
                out.write_all(state)
                    .map_err(|e| Error::internal("BUG: writing to memory failed").with_source(e))
            })?;
        }
        for entry in entries {
            let author = authors[&entry.id.author];
            writer.line(&EntryLine {
                author,
                seq: entry.id.seq,
                key: entry.key,
                update: &entry.update,
            })?;
        }
        writer.finish()
    }

    /// Reads a stored segment and checks it in itself.
    ///
    /// # Errors
    /// `Corrupt` when it is cut short, changed or inconsistent; `Invalid` when it is of a newer format.
    pub fn unpack(stored: &[u8]) -> Result<Self> {
        Self::unpack_at_most(stored, UNPACKED_BYTES_MAX)
    }

    /// The same in bounded memory.
    ///
    /// # Errors
    /// Also `Invalid` when it unpacks to more than `bytes_max`.
    pub fn unpack_at_most(stored: &[u8], bytes_max: u64) -> Result<Self> {
        let layer = LayerReader::open(stored, bytes_max)?;
        let mut lines = layer.lines();
        let first = lines.next().unwrap_or_default();
        check_format_version(first, "segment")?;
        let bad = |what: &str| Error::corrupt(format!("the segment's {what}"));
        let header: SegmentHeader = serde_json::from_slice(first)
            .map_err(|e| bad("header does not parse").with_source(e))?;
        let base_state = match header.base {
            Some(_) => Some(
                lines
                    .next()
                    .ok_or_else(|| bad("base state is missing"))?
                    .to_vec(),
            ),
            None => None,
        };
        let authors: Vec<Author> = header.covered.authors().collect();
        let mut entries = Vec::new();
        let mut ids = Covered::default();
        for line in lines {
            let line: EntryLine<Update> = serde_json::from_slice(line)
                .map_err(|e| bad("entry does not parse").with_source(e))?;
            let author = *authors
                .get(line.author)
                .ok_or_else(|| bad("entry names an author it does not list"))?;
            let id = UpdateId {
                author,
                seq: line.seq,
            };
            if !ids.insert(id) {
                return Err(bad("entries hold an update twice").with_object(id.to_string()));
            }
            entries.push(Entry {
                id,
                key: line.key,
                update: line.update,
            });
        }
        if ids != header.covered || header.count != entries.len() as u64 {
            return Err(bad("covered ranges do not fit its entries"));
        }
        if header.segment == Generation::ZERO {
            return Err(bad("generation is 0"));
        }
        Ok(Self {
            header,
            base_state,
            entries,
            digest: layer.digest,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl SegmentHeader {
    /// A header of the current format without entries.
    pub fn new(
        space: &SpaceName,
        epoch: Epoch,
        segment: Generation,
        previous: Option<Digest>,
    ) -> Self {
        Self {
            v: FORMAT_VERSION,
            segment,
            space: space.clone(),
            epoch,
            through: Key::MIN,
            rolled_at: 0,
            full_at: 0,
            model_version: 0,
            blind: false,
            previous,
            count: 0,
            covered: Covered::default(),
            carried: Covered::default(),
            base: None,
        }
    }
}
