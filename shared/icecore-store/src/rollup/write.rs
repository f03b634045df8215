//! Writing the next segment and the snapshot of it: put-if-absent, invariants first.

use super::{Run, Warm, diverged};
use crate::bucket::{Bucket, Content, PutNew, Version};
use crate::reader::Reader;
use crate::reader::base::{fold, list_layers};
use crate::reader::stamp::Stamp;
use crate::store::Store;
use bytes::Bytes;
use icecore_core::layers::Packed;
use icecore_core::plan::key::vouched;
use icecore_core::{
    Base, Entry, Error, Generation, Key, ObjectKey, Order, Result, Segment, SegmentHeader,
    Snapshot, SpaceInfo, invariants,
};

/// How often a PUT of a segment or snapshot whose outcome is unknown is repeated.
const TRIES: u32 = 5;

/// The content of the next segment.
pub(super) struct Part {
    pub(super) entries: Vec<Entry>,
    pub(super) through: Key,
    pub(super) full_at: i64,
}

/// A snapshot that was written or was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotWritten {
    /// Its generation.
    pub generation: Generation,
    /// Its packed bytes.
    pub bytes: u64,
}

impl Run<'_> {
    /// Writes the next segment and folds it; `false` when another roll-up was faster.
    pub(super) async fn write_segment(&mut self, warm: &mut Warm, part: Part) -> Result<bool> {
        let base = &warm.base;
        let next = base.generation.saturating_add(1);
        let mut header = SegmentHeader::new(&self.info.space, self.info.epoch, next, base.digest);
        header.through = part.through;
        header.full_at = part.full_at;
        header.rolled_at = self.store.now();
        header.model_version = base.rolls_up_as(&part.entries);
        header.blind = base.folded.content().is_blind();
        header.covered = part.entries.iter().map(|e| e.id).collect();
        header.count = part.entries.len() as u64;
        invariants::next_segment(base, &header)?;
        let packed = Segment::pack(&header, None, &part.entries)?;
        let bytes = packed.bytes.len() as u64;
        let digest = packed.digest;
        let key = ObjectKey::Segment(self.info.space.clone(), self.info.epoch, next);
        self.store.crash_point("rollup.before_segment");
        let Some(stamp) = put_layer(self.store, &key, packed).await? else {
            return Ok(false);
        };
        self.store.crash_point("rollup.after_segment");
        let reached = match self.info.order {
            Order::Sequence => warm.base.through,
            Order::Timestamp => vouched(warm.base.through, self.store.now()),
        };
        let is_late = |e: &&Entry| e.key <= reached && reached > Key::MIN;
        self.report.late += part.entries.iter().filter(is_late).count() as u64;
        let before = base.covered.clone();
        let segment = Segment {
            header,
            base_state: None,
            entries: part.entries,
            digest,
        };
        fold(self.info, &mut warm.base, &segment)?;
        warm.stamp = Some(stamp);
        invariants::before_snapshot(&before, &segment.header, &warm.base)?;
        warm.bytes_since += bytes;
        self.report.segments += 1;
        self.report.updates += segment.header.count;
        self.report.segment_bytes += bytes;
        Ok(true)
    }

    pub(super) async fn snapshot_if_due(&mut self, warm: &mut Warm) -> Result<()> {
        let since = warm.snapshot.map_or(Generation::ZERO, |s| s.0);
        let segments = warm.base.generation.get().saturating_sub(since.get());
        let rule = self.store.settings.snapshot;
        // No state stands for a history that a person has to look at first. Its segments are written all the same.
        if let Some(rejected) = &warm.base.folded.inconsistent {
            self.report.inconsistent = Some(rejected.clone());
            return Ok(());
        }
        // Whoever holds the keys and knows the model writes them.
        if warm.base.folded.content().is_blind() || has_newer_keys(self.store, warm).await? {
            return Ok(());
        }
        if segments == 0 || !rule.is_due(warm.snapshot.map(|s| s.1), warm.bytes_since, segments) {
            return Ok(());
        }
        self.store.crash_point("rollup.before_snapshot");
        let written = write_snapshot(self.store, self.info, warm).await?;
        self.store.crash_point("rollup.after_snapshot");
        warm.snapshot = Some((written.generation, written.bytes));
        warm.bytes_since = 0;
        self.report.snapshots += 1;
        self.report.snapshot_bytes += written.bytes;
        Ok(())
    }
}

/// Writes the snapshot of a base. One that is there must hold the same bytes.
pub(crate) async fn write_snapshot(
    store: &Store,
    info: &SpaceInfo,
    warm: &Warm,
) -> Result<SnapshotWritten> {
    let generation = warm.base.generation;
    let packed = warm
        .base
        .pack_snapshot(store.salt(warm.base.folded.content()))?;
    let bytes = packed.bytes.len() as u64;
    let key = ObjectKey::Snapshot(info.space.clone(), info.epoch, generation);
    if put_layer(store, &key, packed).await?.is_none() {
        let stored = store
            .bucket
            .get(&key)
            .await?
            .map(|got| Snapshot::unpack_at_most(&got.bytes, store.settings.unpacked_max))
            .transpose()?;
        // Another version of the model may have written it; then it is not ours to compare.
        let same_model =
            |s: &Snapshot| s.header.model_version == warm.base.folded.model().version();
        if let Some(stored) = stored.filter(same_model)
            && warm.base.is_snapshot(&stored)? == Some(false)
        {
            return Err(diverged("snapshot", generation).with_object(key.to_string()));
        }
    }
    Ok(SnapshotWritten { generation, bytes })
}

/// Whether an update was sealed under a key that the space's keyring did not have when it was read, and has now.
async fn has_newer_keys(store: &Store, warm: &Warm) -> Result<bool> {
    if warm.base.folded.unknown_key.is_none() {
        return Ok(false);
    }
    let open = store.space(&warm.base.space).await?;
    Ok(!warm.base.folded.content().fits(&open.info))
}

/// Writes the snapshot that a roll-up could not write, where one is due: of an encrypted space whose keys it does not hold,
/// or of a model that it does not know. For whoever reads the space and can.
///
/// # Errors
/// As a roll-up.
pub async fn write_due_snapshot(store: &Store, reader: &Reader) -> Result<Option<SnapshotWritten>> {
    let (info, base) = (&reader.info, &reader.base);
    info.check_writable()?;
    if !base.blind || base.folded.content().is_blind() || base.generation <= reader.snapshot {
        return Ok(None);
    }
    let mut layers = list_layers(store, info, reader.snapshot.saturating_sub(1)).await?;
    if layers.snapshots.is_empty() {
        // A reader that was restored does not know which generation has one.
        layers = list_layers(store, info, Generation::ZERO).await?;
    }
    let newest = layers.snapshots.range(..=base.generation).next_back();
    let since = newest.map_or(Generation::ZERO, |(generation, _)| *generation);
    let is_after = |(generation, _): &(&Generation, &u64)| {
        **generation > since && **generation <= base.generation
    };
    let after = layers.segments.iter().filter(is_after);
    let (segments, bytes) = after.fold((0, 0), |(n, sum), (_, bytes)| (n + 1, sum + bytes));
    let rule = store.settings.snapshot;
    let mut warm = Warm::of(base.clone());
    warm.snapshot = newest.map(|(generation, bytes)| (*generation, *bytes));
    let due = segments > 0 && rule.is_due(warm.snapshot.map(|s| s.1), bytes, segments);
    if !due || base.folded.inconsistent.is_some() || has_newer_keys(store, &warm).await? {
        return Ok(None);
    }
    store.crash_point("sync.before_snapshot");
    let written = write_snapshot(store, info, &warm).await?;
    store.crash_point("sync.after_snapshot");
    Ok(Some(written))
}

/// Writes the first segment of an epoch that continues another from a state, and the snapshot of it.
pub(crate) async fn write_first(
    store: &Store,
    info: &SpaceInfo,
    header: SegmentHeader,
    state: &[u8],
) -> Result<()> {
    let packed = Segment::pack(&header, Some(state), &[])?;
    let digest = packed.digest;
    let key = ObjectKey::Segment(info.space.clone(), info.epoch, header.segment);
    if put_layer(store, &key, packed).await?.is_none() {
        return Err(Error::conflict("another new epoch is being written")
            .with_object(key.to_string())
            .with_hint("look at the space again, then repeat the command"));
    }
    store.crash_point("epoch.after_segment");
    let mut base = Base::initial(info, store.content(info)?);
    base.fold(&Segment {
        header,
        base_state: Some(state.to_vec()),
        entries: Vec::new(),
        digest,
    })?;
    write_snapshot(store, info, &Warm::of(base)).await?;
    Ok(())
}

/// Put-if-absent of a segment or snapshot, repeated while the outcome is unknown; `None` when another one is
/// there. Ours, stored by an attempt whose response was lost, counts as written.
pub(crate) async fn put_layer(
    store: &Store,
    key: &ObjectKey,
    packed: Packed,
) -> Result<Option<Stamp>> {
    let body = Bytes::from(packed.bytes);
    let mut tries = 0;
    loop {
        match store
            .bucket
            .put_new(key, body.clone(), Content::Layer)
            .await
        {
            Ok(PutNew::Stored(version)) => {
                let e_tag = version.as_ref().and_then(Version::e_tag);
                return Ok(Some(stamp(&body, e_tag)));
            }
            Ok(PutNew::Taken) => return is_ours(&store.bucket, key, &body).await,
            Err(error) if error.is_unavailable() && tries < TRIES => {
                store.back_off(tries).await;
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn is_ours(bucket: &Bucket, key: &ObjectKey, body: &Bytes) -> Result<Option<Stamp>> {
    let got = bucket.get(key).await?.filter(|got| got.bytes == *body);
    Ok(got.map(|got| stamp(body, got.version.e_tag())))
}

fn stamp(body: &Bytes, e_tag: Option<&str>) -> Stamp {
    Stamp {
        bytes: body.len() as u64,
        e_tag: e_tag.map(str::to_owned),
    }
}
