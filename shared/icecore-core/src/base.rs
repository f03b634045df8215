//! The covered part of a space: the state after a generation, from segments or from a snapshot.

use crate::canonical;
use crate::content::{Content, Salt, Seal, Summary};
use crate::covered::Covered;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fold::{Folded, RejectedList, Step};
use crate::ids::{Epoch, Generation, Key, SpaceName, UpdateId};
use crate::invariants;
use crate::layers::{Packed, UNPACKED_BYTES_MAX};
use crate::newer::Newer;
use crate::plan::key::{AHEAD_MILLIS_MAX, clamp};
use crate::segment::{Entry, Segment};
use crate::snapshot::{Snapshot, SnapshotHeader};
use crate::space::{Order, SpaceInfo};
use crate::witness::Witness;
use icecore_seal::KeyNumber;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};

/// How far below and above `through` keys are remembered as covered: at least the deepest regular listing looks back
/// (the roll-up's look-back of ten minutes), so that no covered object is read again.
pub const RECENT_WINDOW_MILLIS: u64 = 10 * 60 * 1000;
/// How many keys are remembered: bounds a snapshot's header. Beyond it, the newest are kept.
pub const RECENT_KEYS_MAX: usize = 20_000;

/// Of so many segments one is folded twice, to see whether the model makes the same of it: the first one that a program meets
/// among them. Only those of at most so many updates count, for what it costs.
const TWICE_EVERY: u64 = 8;
const TWICE_ENTRIES_MAX: usize = 1_000;

/// The state after a generation, with all that is needed to go on from there.
#[derive(Debug, Clone)]
pub struct Base {
    /// The space.
    pub space: SpaceName,
    /// The epoch.
    pub epoch: Epoch,
    /// What decides the order of its updates.
    pub order: Order,
    /// The newest segment folded; 0 before the first.
    pub generation: Generation,
    /// How far that segment reaches.
    pub through: Key,
    /// When all of `updates/` was last listed, milliseconds since 1970 UTC.
    pub full_at: i64,
    /// The digest of that segment.
    pub digest: Option<Digest>,
    /// The ids that the state covers.
    pub covered: Covered,
    /// How many updates the state stands for.
    pub count: u64,
    /// Keys of covered objects that a listing may still show.
    pub recent: BTreeSet<Key>,
    /// Whether a segment since the snapshot was rolled up by who could not fold it.
    pub blind: bool,
    /// The newest version of the model that segments and snapshots name: who cannot fold hands it on.
    pub model_version: u32,
    /// The state takes at most so much memory, about: what it took, and what was folded since.
    weight: u64,
    /// How many segments were folded since the start or the snapshot.
    folds: u64,
    /// The state after the last of the segments that were folded twice.
    pub witness: Option<Box<Witness>>,
    /// What the model made of such a segment when another time it made something else.
    pub impure: Option<Box<Witness>>,
    /// The state.
    pub folded: Folded,
}

impl Base {
    /// Before the first segment.
    pub fn initial(info: &SpaceInfo, content: impl Into<Content>) -> Self {
        Self {
            space: info.space.clone(),
            epoch: info.epoch,
            order: info.order,
            generation: Generation::ZERO,
            through: Key::MIN,
            full_at: 0,
            digest: None,
            covered: Covered::default(),
            count: 0,
            recent: BTreeSet::new(),
            blind: false,
            model_version: 0,
            weight: 0,
            folds: 0,
            witness: None,
            impure: None,
            folded: Folded::initial(content),
        }
    }

    /// From a snapshot; `None` when an older version of the model wrote it and the state must be rebuilt from the
    /// segments: it cannot be upgraded, or lists what that version rejected and this one may not.
    ///
    /// # Errors
    /// `Corrupt` when the snapshot is inconsistent or of another space, epoch or model, with a [`Misfit`] where the state
    /// is not what the model writes; `Invalid`, with a [`Newer`], when a newer version of the model wrote it.
    pub fn from_snapshot(
        snapshot: &Snapshot,
        info: &SpaceInfo,
        content: impl Into<Content>,
    ) -> Result<Option<Self>> {
        let (header, content) = (&snapshot.header, content.into());
        let another = !content.is_blind() && header.model != content.model().name();
        if header.space != info.space || header.epoch != info.epoch || another {
            return Err(Error::corrupt(format!(
                "the snapshot is of space {} epoch {} model {}",
                header.space, header.epoch, header.model
            )));
        }
        let state = StoredState {
            what: "snapshot",
            is_final: false,
            model_version: header.model_version,
            sealed: header.sealed,
            about: snapshot.header_json(),
            json: snapshot.state_json(),
            bytes_max: snapshot.unpacked_max(),
            rejected: &header.rejected,
            touched: &header.touched,
        };
        let weight = content.weigh(state.json);
        let Some(folded) = state.open(content, weight)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            space: info.space.clone(),
            epoch: info.epoch,
            order: info.order,
            generation: header.snapshot,
            through: header.through,
            full_at: header.full_at,
            digest: Some(header.segment),
            covered: header.covered.clone(),
            count: header.count,
            recent: header.recent_keys()?,
            blind: false,
            model_version: header.model_version,
            weight,
            folds: 0,
            witness: None,
            impure: None,
            folded,
        }))
    }

    /// Folds the next segment.
    ///
    /// # Errors
    /// `Corrupt` when it is not the next one of this chain; the base is unchanged then, unless the model must
    /// rebuild a base state that it cannot read.
    pub fn fold(&mut self, segment: &Segment) -> Result<()> {
        let header = &segment.header;
        invariants::next_segment(self, header)?;
        let content = self.folded.content();
        let version = entries_version(&segment.entries);
        if version > header.model_version.max(1) {
            return Err(Error::corrupt(format!(
                "segment {} names version {} of the model, and holds what version {version} wrote",
                header.segment, header.model_version
            )));
        }
        if let Some(newer) = content.is_newer(header.model_version) {
            return Err(newer.error(&format!("segment {}", header.segment)));
        }
        if let (Some(base), Some(state)) = (&header.base, &segment.base_state) {
            let content = content.clone();
            let state = StoredState {
                what: "segment",
                is_final: true,
                model_version: base.model_version,
                sealed: base.sealed,
                about: &base.about(),
                json: state,
                bytes_max: UNPACKED_BYTES_MAX,
                rejected: &base.rejected,
                touched: &base.touched,
            };
            self.weight = content.weigh(state.json);
            let Some(folded) = state.open(content, self.weight)? else {
                return Err(Error::invalid("the state that this epoch starts from is of a version that the model cannot upgrade")
                    .with_hint("give the model an `upgrade` from that version"));
            };
            self.folded = folded;
            self.count = base.count;
        }
        if !segment.entries.is_empty() {
            self.make_sure_that_fits(&segment.entries)?;
            self.fold_entries(header.segment, &segment.entries);
        }
        self.covered.extend(&header.carried);
        self.covered.extend(&header.covered);
        self.count = self.count.saturating_add(header.count);
        self.generation = header.segment;
        self.through = header.through;
        self.full_at = header.full_at;
        self.digest = Some(segment.digest);
        self.model_version = self.model_version.max(header.model_version);
        self.blind |= header.blind;
        self.remember(segment.entries.iter().map(|e| e.key));
        Ok(())
    }

    /// Where the state would grow beyond what this program may hold: from here on without a state.
    fn make_sure_that_fits(&mut self, entries: &[Entry]) -> Result<()> {
        let content = self.folded.content();
        if content.is_blind() || content.state_max() == u64::MAX {
            return Ok(());
        }
        let texts = entries.iter().map(|entry| entry.update.as_text());
        let more = texts
            .map(|text| content.weigh(text.as_bytes()))
            .sum::<u64>();
        let fits = |weight: u64| weight.saturating_add(more) <= content.state_max();
        if !fits(self.weight) {
            self.weight = self.folded.weight()?;
        }
        if fits(self.weight) {
            self.weight += more;
        } else {
            self.folded = Folded::initial(content.too_large());
        }
        Ok(())
    }

    fn fold_entries(&mut self, generation: Generation, entries: &[Entry]) {
        let fold = || self.folded.after(entries.iter().map(Step::from));
        let folded = fold();
        if entries.len() <= TWICE_ENTRIES_MAX {
            if self.folds.is_multiple_of(TWICE_EVERY)
                && let Some(witness) = Witness::of(generation, &folded)
            {
                self.witness = Witness::of(generation, &fold()).map(Box::new);
                self.compare_with(&witness);
            }
            self.folds += 1;
        }
        self.folded = folded;
    }

    /// Compares with what the model made of the same history another time. That it differs stops nobody, but has to be told.
    pub fn compare_with(&mut self, before: &Witness) {
        if self
            .witness
            .as_deref()
            .is_some_and(|now| now.contradicts(before))
        {
            self.impure.get_or_insert(Box::new(*before));
        }
    }

    fn remember(&mut self, keys: impl Iterator<Item = Key>) {
        if self.order == Order::Sequence {
            return; // `through` says it all: there are no late keys.
        }
        self.recent.extend(keys);
        let from = self.through.saturating_sub(RECENT_WINDOW_MILLIS);
        let to = self.through.saturating_add(RECENT_WINDOW_MILLIS);
        self.recent = self.recent.split_off(&from);
        // A key that only a wrong clock gives would be remembered, and its object kept, until its time has come.
        self.recent.retain(|key| *key <= to);
        while self.recent.len() > RECENT_KEYS_MAX {
            self.recent.pop_first();
        }
    }

    /// Packs the snapshot of this base. In an encrypted space its state is sealed with the random `salt`.
    ///
    /// # Errors
    /// `Internal` before the first segment, or when the state has no JSON form; `Denied` in an encrypted space whose keys
    /// are not at hand; `Corrupt` when the history is inconsistent.
    pub fn pack_snapshot(&self, salt: Salt) -> Result<Packed> {
        let mut header = self.snapshot_header()?;
        let content = self.folded.content();
        let summary = self.summary();
        if header.sealed.is_none() {
            header.rejected = summary.rejected;
            header.conflicts = summary.conflicts;
            header.touched = summary.touched;
            return Snapshot::pack(&header, |out| self.folded.write_state(out));
        }
        let about = serde_json::to_vec(&header)
            .map_err(|e| Error::internal("BUG: a header has no JSON form").with_source(e))?;
        let write = |out: &mut dyn Write| self.folded.write_state(out);
        let sealed = content.seal_state(&about, &summary, write, salt)?;
        Snapshot::pack(&header, |out| {
            write!(out, "\"{sealed}\"")
                .map_err(|e| Error::internal("BUG: writing to memory failed").with_source(e))
        })
    }

    /// What the next segment says of the model: the newest version of those that wrote its entries and what is before
    /// them, and of the one that folds it.
    pub fn rolls_up_as(&self, entries: &[Entry]) -> u32 {
        let written = self.model_version.max(entries_version(entries));
        if self.folded.content().is_blind() {
            written
        } else {
            written.max(self.folded.model().version())
        }
    }

    /// Goes on without a state: a newer version of the model was met. What is covered stays known.
    pub fn hold(&mut self, newer: Newer) {
        let content = self.folded.content().held(newer);
        self.folded = Folded::initial(content);
    }

    fn summary(&self) -> Summary {
        Summary {
            rejected: self.folded.rejected.clone(),
            conflicts: self.folded.conflicts(),
            touched: self.folded.touched.clone(),
        }
    }

    /// The header of this base's snapshot, without the summary of its state.
    fn snapshot_header(&self) -> Result<SnapshotHeader> {
        let digest = self
            .digest
            .ok_or_else(|| Error::internal("BUG: a snapshot before the first segment"))?;
        self.folded.check_readable()?;
        self.folded.check_consistent()?;
        let content = self.folded.content();
        let mut header = SnapshotHeader::new(&self.space, self.epoch, self.generation, digest);
        header.through = self.through;
        header.full_at = self.full_at;
        content.model().name().clone_into(&mut header.model);
        header.model_version = content.model().version();
        header.count = self.count;
        header.covered = self.covered.clone();
        header.recent = differences(&self.recent);
        header.sealed = content.state_key();
        Ok(header)
    }

    /// Whether a stored snapshot is the one that this base would write; `None` where its state cannot be looked at here.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be decrypted.
    pub fn is_snapshot(&self, snapshot: &Snapshot) -> Result<Option<bool>> {
        let content = self.folded.content();
        if content.is_blind() {
            return Ok(None);
        }
        let (Some(key), Some(newest)) = (snapshot.header.sealed, content.state_key()) else {
            let own = self.pack_snapshot(Salt::default())?;
            return Ok(Some(own.digest == snapshot.digest()));
        };
        if key > newest {
            return Ok(None);
        }
        // What is sealed twice is never the same: the states are compared, and the headers but for the key.
        let mut header = self.snapshot_header()?;
        header.sealed = Some(key);
        let (about, max) = (snapshot.header_json(), snapshot.unpacked_max());
        let stored = content.open_state(about, key, snapshot.state_json(), max)?;
        let same = stored.summary == self.summary() && stored.state == self.folded.state_json()?;
        Ok(Some(same && header == snapshot.header))
    }

    /// The key above which a writer of a timestamp space goes on, whatever its clock shows: `through`, and what is
    /// remembered just above it. A key that is remembered and was pruned looks free, and is read by nobody.
    pub fn reached(&self) -> Key {
        let horizon = self.through.saturating_add(AHEAD_MILLIS_MAX);
        let remembered = self.recent.range(..=horizon).next_back();
        remembered.map_or(self.through, |key| self.through.max(*key))
    }

    /// Is the object of this key, stored at `last_modified`, known to be covered? In a sequenced space everything up
    /// to `through` is. Else one that was stored well after the roll-up is another one: its key was pruned, and a
    /// writer that had been stalled found it free.
    pub fn knows(&self, key: Key, last_modified: i64) -> bool {
        let rolled_up = self.through.saturating_add(RECENT_WINDOW_MILLIS);
        match self.order {
            Order::Timestamp => self.recent.contains(&key) && clamp(last_modified) <= rolled_up,
            Order::Sequence => key <= self.through,
        }
    }
}

/// A state as it is stored, and what is said of it.
struct StoredState<'a> {
    /// What holds it, for messages.
    what: &'static str,
    /// What it lists as rejected is rejected for good: the history before it is gone.
    is_final: bool,
    model_version: u32,
    sealed: Option<KeyNumber>,
    /// What it is bound to, where it is sealed.
    about: &'a [u8],
    json: &'a [u8],
    /// How much it may unpack to.
    bytes_max: u64,
    rejected: &'a RejectedList,
    touched: &'a BTreeMap<String, UpdateId>,
}

impl StoredState<'_> {
    /// The state; `None` when it must be folded anew: the model cannot read it, or may apply what an older version rejected.
    fn open(&self, content: Content, weight: u64) -> Result<Option<Folded>> {
        if content.is_blind() {
            return Ok(Some(Folded::initial(content)));
        }
        if weight > content.state_max() {
            return Ok(Some(Folded::initial(content.too_large())));
        }
        let opened = match (content.seal(), self.sealed) {
            (Seal::Open(_), Some(key)) => {
                Some(content.open_state(self.about, key, self.json, self.bytes_max)?)
            }
            (Seal::Clear, None) => None,
            _ => return Err(sealed_otherwise(self.what)),
        };
        let json = opened.as_ref().map_or(self.json, |opened| &opened.state);
        let rejected = opened
            .as_ref()
            .map_or(self.rejected, |o| &o.summary.rejected);
        let is_older = self.model_version < content.model().version();
        if is_older && rejected.count > 0 && !self.is_final {
            return Ok(None);
        }
        let misfit = Misfit {
            rejected: rejected.count,
        };
        let folded = match Folded::from_json(content, self.model_version, json) {
            Err(error) if error.is_corrupt() => return Err(misfit.error(self.what)),
            folded => folded?,
        };
        // What the model passes over would be lost with the next snapshot, without a word.
        if let Some(folded) = folded.as_ref().filter(|_| !is_older)
            && !is_written_as(folded, json)
            && !is_the_same(&folded.state_json()?, json)
        {
            return Err(misfit.error(self.what));
        }
        Ok(folded.map(|mut folded| {
            let summary = opened.map(|opened| opened.summary);
            (folded.rejected, folded.touched) = match summary {
                Some(summary) => (summary.rejected, summary.touched),
                None => (self.rejected.clone(), self.touched.clone()),
            };
            folded
        }))
    }
}

/// Whether a state is written again just as it is stored. Nothing is kept of what is written.
fn is_written_as(folded: &Folded, stored: &[u8]) -> bool {
    let mut rest = Expected(stored);
    folded.write_state(&mut rest).is_ok() && rest.0.is_empty()
}

/// What is still to be written.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .strip_prefix(bytes)
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a stored state is what the model writes again: byte for byte, or spelled otherwise by another writer.
fn is_the_same(canonical: &[u8], stored: &[u8]) -> bool {
    let respelled = || {
        let value: serde_json::Value = serde_json::from_slice(stored).ok()?;
        let mut bytes = Vec::new();
        canonical::write(&value, &mut bytes).ok()?;
        Some(bytes)
    };
    canonical == stored || respelled().is_some_and(|bytes| bytes == canonical)
}

/// The newest version of the model that wrote these.
fn entries_version(entries: &[Entry]) -> u32 {
    let versions = entries.iter().map(|e| e.update.model_version());
    versions.max().unwrap_or(0)
}

/// A state that its own version of the model does not read, or reads in part: the state's form was changed, and the version
/// was not, or somebody else wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// How many updates it lists as rejected.
    pub rejected: u64,
}

impl Misfit {
    /// What an error is about, if it is about this.
    pub fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }

    fn error(self, what: &str) -> Error {
        Error::corrupt(format!(
            "the state in this {what} does not fit the model that it names"
        ))
        .with_hint(
            "was the model changed without a new `version`? Raise it, and give it an `upgrade`",
        )
        .with_source(self)
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its own version of the model writes another one")
    }
}

impl std::error::Error for Misfit {}

/// Who holds no key of an encrypted space must not be able to write a state for those who do.
fn sealed_otherwise(what: &str) -> Error {
    Error::corrupt(format!(
        "the state in this {what} is sealed where its space is not, or the other way round"
    ))
}

fn differences(keys: &BTreeSet<Key>) -> Vec<u64> {
    let mut before = 0;
    keys.iter()
        .map(|key| {
            let difference = key.get() - before;
            before = key.get();
            difference
        })
        .collect()
}
