//! Merging: each update keeps its author and seq; what is there is skipped.

use super::batch;
use super::read::Imported;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::progress::Progress;
use icecore_core::{Covered, Error, Key, Order, Result, SpaceInfo, Update, UpdateId};
use icecore_replica::SpaceReplica;
use icecore_store::epochs::again::Again;
use icecore_store::history::find_updates;
use icecore_store::publish::write_head;
use icecore_store::{Reader, Store};
use serde_json::json;
use std::collections::BTreeMap;

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
    let imported = new.len() as u64;
    let progress = Progress::of(&context.clock, "importing", imported);
    let new = sealed(reader, batch::ordered(reader.state(), &new)?)?;
    let mut target = Again::after(reader);
    let mut done = 0;
    let published = target
        .publish_in_order(new, &mut |more| {
            done += more;
            progress.at(done, imported);
        })
        .await;
    published.map_err(|error| repeatable(error, done))?;
    let last = target.last();
    drop(progress);
    if imported > 0 {
        finish(space, &store, &info, last).await?;
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
            let reason = folded
                .last_reason()
                .map_or_else(String::new, ToString::to_string);
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
    last: Key,
) -> Result<()> {
    let head = space.reader()?.head(last);
    if let Err(error) = write_head(store, info, &head).await {
        tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
    }
    space.pull().await.map(drop)
}
