//! Merging: each update keeps its author and seq; what is there is skipped.

use super::read::Imported;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::progress::Progress;
use icecore_core::plan::KeyClock;
use icecore_core::{Covered, Error, Key, Order, Result, SpaceInfo, Update, UpdateId, UpdateObject};
use icecore_replica::SpaceReplica;
use icecore_store::history::find_updates;
use icecore_store::publish::{publish, publish_at, write_head};
use icecore_store::{Reader, Store};
use serde_json::json;
use std::collections::BTreeMap;

/// How often another writer may take the next key of a sequenced space before the import gives up.
const SEQUENCE_TRIES_MAX: u32 = 100;

pub(super) async fn run(
    context: &Context,
    space: &mut SpaceReplica,
    lines: Vec<Imported>,
) -> Outcome {
    let lines = lines
        .into_iter()
        .filter_map(|line| Some((line.id?, line.update)));
    let reader = space.reader()?;
    let there = present(reader);
    let (skipped, new): (Vec<_>, Vec<_>) = lines.partition(|(id, _)| there.contains(*id));
    compare(reader, &skipped).await?;
    if reader.info.order == Order::Sequence {
        check_against_state(reader, &new)?;
    }
    let (store, info) = (reader.store().clone(), reader.info.clone());
    let new = sealed(reader, new)?;
    let mut target = Target {
        keys: KeyClock::new(None, reader.largest_key()),
        end: reader.sequence_end(),
        store: &store,
        info: &info,
    };
    let imported = new.len() as u64;
    let progress = Progress::of(&context.clock, "importing", imported);
    let mut done = 0;
    for object in objects(new) {
        let carried = object.updates.len() as u64;
        target
            .put(&object)
            .await
            .map_err(|error| repeatable(error, done))?;
        done += carried;
        progress.at(done, imported);
    }
    drop(progress);
    if imported > 0 {
        finish(space, &store, &info, &target).await?;
    }
    let skipped = skipped.len() as u64;
    let result = json!({ "space": info.space, "imported": imported, "skipped": skipped });
    context.out.result(&result, || {
        let there = if skipped == 0 {
            String::new()
        } else {
            format!(", skipped {skipped} that were there")
        };
        format!(
            "{}: imported {}{there}",
            info.space,
            count(imported, "update")
        )
    })
}

/// What the store holds, as last seen.
fn present(reader: &Reader) -> Covered {
    let mut there = reader.base.covered.clone();
    for object in reader.tail.values().filter_map(|l| l.object.as_ref()) {
        for (id, _) in object.entries() {
            there.insert(id);
        }
    }
    there
}

/// What is skipped must be what is there: another update under the same id would be lost silently. Of what was
/// compressed or redacted only the id is known.
async fn compare(reader: &Reader, skipped: &[(UpdateId, Update)]) -> Result<()> {
    let tail = reader.tail_entries().into_iter().map(|e| (e.id, e.update));
    let mut stored: BTreeMap<UpdateId, Update> = tail.collect();
    let covered = skipped
        .iter()
        .map(|(id, _)| *id)
        .filter(|id| !stored.contains_key(id))
        .collect();
    let newest = reader.base.generation;
    stored.extend(find_updates(reader.store(), &reader.info, newest, &covered).await?);
    let content = reader.base.folded.content();
    let differs = |id: UpdateId, update: &Update| {
        let there = stored.get(&id);
        // What cannot be opened is shown, exported and imported as it is stored.
        there.is_some_and(|stored| match content.open(id, stored) {
            Ok(there) => !is_same(update, &there),
            Err(_) => !is_same(update, stored),
        })
    };
    let other = skipped.iter().find(|(id, update)| differs(*id, update));
    match other {
        None => Ok(()),
        Some((id, _)) => Err(Error::conflict(
            "the space holds another update under this author and seq",
        )
        .with_object(id.to_string())
        .with_hint("nothing was imported; `--replay` appends the updates of the file as new ones")),
    }
}

/// The updates as they are to be stored: sealed, in an encrypted space.
fn sealed(reader: &Reader, new: Vec<(UpdateId, Update)>) -> Result<Vec<(UpdateId, Update)>> {
    let (content, store) = (reader.base.folded.content(), reader.store());
    new.into_iter()
        .map(|(id, update)| {
            let sealed = content.seal_update(id, &update, store.salt(content));
            let sealed = sealed.map_err(|e| e.with_object(id.to_string()))?;
            Ok((id, sealed.unwrap_or(update)))
        })
        .collect()
}

fn is_same(one: &Update, other: &Update) -> bool {
    match (one.parts(), other.parts()) {
        (Some(one), Some(other)) => {
            one.at == other.at
                && one.kind == other.kind
                && one.data.get() == other.data.get()
                && one.resolves == other.resolves
        }
        _ => one == other,
    }
}

/// A sequenced space takes no update that its state refuses.
fn check_against_state(reader: &Reader, new: &[(UpdateId, Update)]) -> Result<()> {
    let mut folded = reader.state();
    for (id, update) in new {
        if !folded.apply_opened(*id, Key::MAX, update) {
            let reason = folded.last_reason().unwrap_or_default();
            return Err(Error::conflict(format!(
                "the state refuses an update of the file: {reason}"
            ))
            .with_object(id.to_string())
            .with_hint(
                "nothing was imported; take the update out of the file, or import into a new space",
            ));
        }
    }
    Ok(())
}

/// As few objects as keep the order of the file: one author's consecutive updates each.
fn objects(new: Vec<(UpdateId, Update)>) -> Vec<UpdateObject> {
    let mut objects = Vec::new();
    let mut run: Vec<(UpdateId, Update)> = Vec::new();
    for (id, update) in new {
        let follows = run
            .last()
            .is_some_and(|(last, _)| last.author == id.author && last.seq.next() == Some(id.seq));
        if !follows {
            cut(std::mem::take(&mut run), &mut objects);
        }
        run.push((id, update));
    }
    cut(run, &mut objects);
    objects
}

fn cut(mut run: Vec<(UpdateId, Update)>, objects: &mut Vec<UpdateObject>) {
    while let Some((first, _)) = run.first() {
        let first = *first;
        let fitting = UpdateObject::fitting(run.iter().map(|(_, update)| update)).min(run.len());
        let rest = run.split_off(fitting);
        objects.push(UpdateObject::new(
            first.author,
            first.seq,
            run.into_iter().map(|(_, update)| update).collect(),
        ));
        run = rest;
    }
}

struct Target<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    keys: KeyClock,
    end: Key,
}

impl Target<'_> {
    async fn put(&mut self, object: &UpdateObject) -> Result<()> {
        if self.info.order == Order::Timestamp {
            return publish(self.store, self.info, object, &mut self.keys)
                .await
                .map(drop);
        }
        for _ in 0..SEQUENCE_TRIES_MAX {
            self.end = self.end.saturating_add(1);
            match publish_at(self.store, self.info, object, self.end).await {
                Ok(_) => return Ok(()),
                // Another writer was first: the next key is free, or taken in turn.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Err(
            Error::conflict("other writers were faster a hundred times in a row")
                .with_object(self.info.space.to_string()),
        )
    }
}

fn repeatable(error: Error, done: u64) -> Error {
    let again = format!(
        "{} imported; import again, what is there is skipped",
        count(done, "update")
    );
    let hint = error
        .hint()
        .map_or(again.clone(), |hint| format!("{hint}; {again}"));
    error.with_hint(hint)
}

/// Tells the others, and reads it back.
async fn finish(
    space: &mut SpaceReplica,
    store: &Store,
    info: &SpaceInfo,
    target: &Target<'_>,
) -> Result<()> {
    let last = target.keys.own_last().unwrap_or(target.end);
    let head = space.reader()?.head(last);
    if let Err(error) = write_head(store, info, &head).await {
        tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
    }
    space.pull().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::{Author, Seq};

    #[test]
    fn the_order_of_the_file_is_kept_in_few_objects() {
        let id = |author: u64, seq| UpdateId {
            author: Author::from_parts(author, 0),
            seq: Seq::new(seq).unwrap(),
        };
        let update =
            Update::from_text(r#"{"at":"2026-01-01T00:00:00Z","kind":"k","data":1}"#.to_owned())
                .unwrap();
        let ids = [id(1, 1), id(1, 2), id(2, 7), id(1, 3), id(1, 5)];
        let objects = objects(ids.iter().map(|id| (*id, update.clone())).collect());
        let shapes: Vec<_> = objects
            .iter()
            .map(|o| (o.author, o.seq.get(), o.updates.len()))
            .collect();
        let author = |n| Author::from_parts(n, 0);
        assert_eq!(
            shapes,
            [
                (author(1), 1, 2),
                (author(2), 7, 1),
                (author(1), 3, 1),
                (author(1), 5, 1)
            ]
        );
    }
}
