//! The stored update objects against the segments: what is covered must be what was written.

use super::{Problem, Verifier, VerifyReport};
use crate::reader::listing::{Read, list_updates, read_updates};
use crate::rollup::is_quarantined;
use icecore_core::{
    Author, Base, Content, Digest, Entry, Error, Generation, Key, ObjectKey, Order, Result,
    Segment, Seq, SpaceInfo, Update, UpdateId, order,
};
use std::collections::BTreeMap;

/// Digests of what the stored update objects say, by id.
#[derive(Debug, Default)]
pub(super) struct StoredUpdates {
    digests: BTreeMap<UpdateId, Vec<(Key, Digest)>>,
    visible: BTreeMap<Key, order::Visible>,
    paths: BTreeMap<Key, String>,
    /// The keys that entries name, of updates that an object still holds.
    named: BTreeMap<UpdateId, Key>,
    /// Entries whose key has an object without them, and their segments.
    elsewhere: Vec<(Key, UpdateId, Generation)>,
    /// The greatest seq of each author in the segments so far.
    last: BTreeMap<Author, Seq>,
    /// What was missing when a later update of its author was rolled up, and in which segment that is.
    passed: BTreeMap<UpdateId, Generation>,
}

impl Verifier<'_> {
    pub(super) async fn read_updates(&mut self) -> Result<StoredUpdates> {
        let mut stored = StoredUpdates::default();
        let listed = list_updates(self.store, self.info, None).await?;
        for batch in listed.chunks(4_096) {
            for Read { loaded, body, .. } in read_updates(self.store, self.info, batch).await? {
                let path = ObjectKey::Update(self.info.space.clone(), self.info.epoch, loaded.key)
                    .to_string();
                if let Err(unread) = body
                    && (unread.is_newer()
                        || !is_quarantined(self.store, self.info, loaded.key).await?)
                {
                    self.problem(path.clone(), &with_hint(unread.error));
                }
                stored
                    .visible
                    .extend(loaded.visible().map(|visible| (loaded.key, visible)));
                for (id, update) in loaded
                    .object
                    .iter()
                    .flat_map(icecore_core::UpdateObject::entries)
                {
                    let digest = digest_of(self.base.folded.content(), id, update);
                    stored
                        .digests
                        .entry(id)
                        .or_default()
                        .push((loaded.key, digest));
                }
                stored.paths.insert(loaded.key, path);
            }
        }
        Ok(stored)
    }
}

fn with_hint(error: Error) -> Error {
    if error.hint().is_some() {
        return error;
    }
    error.with_hint(
        "run `icecore rollup --full`: it copies the object to quarantine, and nothing waits for it",
    )
}

/// What an update says, where that can be read; else how it is stored.
fn digest_of(content: &Content, id: UpdateId, update: &Update) -> Digest {
    let opened = content.open(id, update);
    let text = opened.as_deref().unwrap_or(update).as_text();
    Digest::of(text.as_bytes())
}

fn ids_of((_, author, first, count): order::Visible) -> impl Iterator<Item = UpdateId> + Clone {
    (0..count as u64).map(move |n| UpdateId {
        author,
        seq: first.saturating_add(n),
    })
}

impl StoredUpdates {
    /// Where an update object still is, its segment must hold the very same update. `base` is before the segment.
    pub(super) fn compare(&mut self, segment: &Segment, base: &Base, report: &mut VerifyReport) {
        let content = base.folded.content();
        for entry in &segment.entries {
            self.note_key(entry, segment, base);
            let Some(stored) = self.digests.get(&entry.id) else {
                continue;
            };
            let digest = digest_of(content, entry.id, &entry.update);
            // The same content may have been sealed twice, as by two imports of one file. Who has no key cannot compare
            // the contents: then the segment must hold one of them.
            if content.is_locked() && stored.iter().any(|(_, other)| *other == digest) {
                continue;
            }
            for (key, _) in stored.iter().filter(|(_, other)| *other != digest) {
                let error = Error::corrupt(format!("the update {} is not what segment {} holds", entry.id, segment.header.segment))
                    .with_hint("two writers used one author (a copied replica folder), or an object was changed");
                report
                    .problems
                    .push(Problem::of(self.paths[key].clone(), &error));
            }
        }
    }

    /// An author's updates stand in the author's order, and none without the earlier ones (I11). `base` is before the
    /// segment.
    ///
    /// A seq may be left out: it was missing for good when the one after it was rolled up. Should it come back, it is
    /// folded, for nothing is dropped, and stands after what its author wrote later: that is named.
    pub(super) fn check_order(
        &mut self,
        segment: &Segment,
        path: &str,
        base: &Base,
        report: &mut VerifyReport,
    ) {
        let mut covered = base.covered.clone();
        covered.extend(&segment.header.carried);
        for entry in &segment.entries {
            let UpdateId { author, seq } = entry.id;
            let last = self.last.entry(author).or_insert(seq);
            if *last > seq {
                let error = Error::corrupt(format!(
                    "the update {} stands after update {last} of its author, who wrote it before that one",
                    entry.id
                ))
                .with_hint("it was missing when the later one was rolled up, and came back; nothing is lost, but look whether it has put an older value over a newer one; `icecore compress` begins a history from the state as it is");
                report.problems.push(Problem::of(path.to_owned(), &error));
            }
            *last = seq.max(*last);
            let before = Seq::new(seq.get() - 1).map(|seq| UpdateId { author, seq });
            if let Ok(before) = before
                && !covered.contains(before)
            {
                self.passed.insert(before, segment.header.segment);
            }
            covered.insert(entry.id);
            self.passed.remove(&entry.id);
        }
    }

    /// The object under an entry's key is the one that the entry is from. Another one may have taken the key since that
    /// was pruned; then no segment up to this one holds what is in it.
    fn note_key(&mut self, entry: &Entry, segment: &Segment, base: &Base) {
        if self.digests.contains_key(&entry.id) {
            self.named.insert(entry.id, entry.key);
        }
        let Some(stored) = self.visible.get(&entry.key) else {
            return;
        };
        let mut ids = ids_of(*stored);
        let rolled_up =
            |id: UpdateId| base.covered.contains(id) || segment.header.covered.contains(id);
        if !ids.clone().any(|id| id == entry.id) && ids.all(rolled_up) {
            self.elsewhere
                .push((entry.key, entry.id, segment.header.segment));
        }
    }

    /// Whether all that the object under a key holds was taken from other objects, which are pruned or hold it: then it is an
    /// attempt that landed late, when the key looked free.
    fn is_another_attempt(&self, key: Key) -> bool {
        let holds = |id: UpdateId, from: Key| {
            let stored = self.visible.get(&from);
            from != key && stored.is_none_or(|stored| ids_of(*stored).any(|there| there == id))
        };
        let stored = self.visible.get(&key);
        stored.is_some_and(|stored| {
            ids_of(*stored).all(|id| self.named.get(&id).is_some_and(|from| holds(id, *from)))
        })
    }

    /// Names entries that are not from where they say.
    fn check_keys(&self, report: &mut VerifyReport) {
        for (key, id, generation) in &self.elsewhere {
            if self.is_another_attempt(*key) {
                continue;
            }
            let error = Error::corrupt(format!(
                "segment {generation} says that the update {id} is from here, and it is not"
            ))
            .with_hint("the segment, or the object, was changed: restore it from a backup or a versioned bucket");
            report
                .problems
                .push(Problem::of(self.paths[key].clone(), &error));
        }
    }

    /// Names what was left out: for good, unless it is stored after all.
    fn left_out(&self, info: &SpaceInfo, report: &mut VerifyReport) {
        let mut stored = BTreeMap::new();
        for visible in self.visible.values() {
            stored.extend(ids_of(*visible).map(|id| (id, visible.0)));
        }
        for (id, generation) in &self.passed {
            let Some(key) = stored.get(id) else {
                report.missing.push(id.to_string());
                continue;
            };
            let path = ObjectKey::Segment(info.space.clone(), info.epoch, *generation);
            let error = Error::corrupt(format!(
                "the segment holds a later update of {} and not the update {id}, which is stored under the key {key}",
                id.author
            ))
            .with_hint("it came back after it had been missing; the next roll-up takes it, after the later ones");
            report.problems.push(Problem::of(path.to_string(), &error));
        }
    }

    /// Counts what waits, and names the gaps in it.
    pub(super) fn finish(self, base: &Base, info: &SpaceInfo, report: &mut VerifyReport) {
        self.check_keys(report);
        self.left_out(info, report);
        let covered = |v: &order::Visible| ids_of(*v).all(|id| base.covered.contains(id));
        let (done, waiting): (Vec<_>, Vec<_>) = self.visible.into_values().partition(covered);
        report.covered_objects = done.len() as u64;
        report.waiting_objects = waiting.len() as u64;
        for id in order::gaps(waiting.iter().copied(), &base.covered) {
            let error = Error::corrupt(format!(
                "the update {id} is missing, a later one of its author is there"
            ))
            .with_hint(
                "restore its object from a backup or a versioned bucket, and look into quarantine; after `icecore compress` its author's next sync publishes it again",
            );
            report.problems.push(Problem::of(
                ObjectKey::updates(&info.space, info.epoch),
                &error,
            ));
        }
        if info.order == Order::Sequence {
            for (key, ..) in waiting.iter().filter(|v| v.0 <= base.through) {
                let error = Error::corrupt(
                    "an update object below what was rolled up: void in a sequenced space",
                )
                .with_hint("its writer was told to write it again; run `icecore prune`");
                report
                    .problems
                    .push(Problem::of(self.paths[key].clone(), &error));
            }
        }
    }
}
