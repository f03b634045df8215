//! The stored update objects against the segments: what is covered must be what was written.

use super::{Problem, Verifier, VerifyReport};
use crate::reader::listing::{Read, list_updates, read_updates};
use crate::rollup::is_quarantined;
use icecore_core::{
    Base, Content, Digest, Error, Key, ObjectKey, Order, Result, Segment, SpaceInfo, Update,
    UpdateId, order,
};
use std::collections::BTreeMap;

/// Digests of what the stored update objects say, by id.
#[derive(Debug, Default)]
pub(super) struct StoredUpdates {
    digests: BTreeMap<UpdateId, Vec<(Key, Digest)>>,
    visible: Vec<order::Visible>,
    paths: BTreeMap<Key, String>,
}

impl Verifier<'_> {
    pub(super) async fn read_updates(&mut self) -> Result<StoredUpdates> {
        let mut stored = StoredUpdates::default();
        let listed = list_updates(self.store, self.info, None).await?;
        for batch in listed.chunks(4_096) {
            for Read { loaded, body } in read_updates(self.store, self.info, batch).await? {
                let path = ObjectKey::Update(self.info.space.clone(), self.info.epoch, loaded.key)
                    .to_string();
                if let Err(unread) = body
                    && (unread.is_newer()
                        || !is_quarantined(self.store, self.info, loaded.key).await?)
                {
                    self.problem(path.clone(), &with_hint(unread.error));
                }
                stored.visible.extend(loaded.visible());
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

impl StoredUpdates {
    /// Where an update object still is, its segment must hold the very same update.
    pub(super) fn compare(
        &mut self,
        segment: &Segment,
        content: &Content,
        report: &mut VerifyReport,
    ) {
        for entry in &segment.entries {
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

    /// Counts what waits, and names the gaps in it.
    pub(super) fn finish(self, base: &Base, info: &SpaceInfo, report: &mut VerifyReport) {
        let covered = |v: &order::Visible| {
            (0..v.3 as u64).all(|i| {
                base.covered.contains(UpdateId {
                    author: v.1,
                    seq: v.2.saturating_add(i),
                })
            })
        };
        let (done, waiting): (Vec<_>, Vec<_>) = self.visible.into_iter().partition(covered);
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
