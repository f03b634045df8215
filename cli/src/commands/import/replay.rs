//! Replaying: everything becomes new updates of this replica.

use super::read::Imported;
use crate::commands::publish::{self, Print};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use icecore_core::{Result, Update, UpdateId};
use icecore_replica::{NewUpdate, SpaceReplica};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) async fn run(
    context: &Context,
    space: &mut SpaceReplica,
    lines: Vec<Imported>,
) -> Outcome {
    // What is not of the form of an update had no effect where it comes from, and cannot be written again.
    let (lines, skipped): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .partition(|line| line.update.parts().is_some());
    let skipped = skipped.len() as u64;
    let now = context.clock.now();
    let ids = space.enqueue_from(|first| renamed(&lines, first, now))?;
    publish::sync(context, space, Print::Nothing).await?;
    let imported = ids.len() as u64;
    let result = json!({ "space": space.name(), "imported": imported, "skipped": skipped });
    context.out.result(&result, || {
        let left_out = if skipped == 0 {
            String::new()
        } else {
            format!(", left out {skipped} that had no effect")
        };
        format!(
            "{}: appended {}{left_out}",
            space.name(),
            count(imported, "update")
        )
    })
}

/// The updates under their new ids, the first of which is given. Where one settles a rejected update of the
/// file, it settles that under its new id.
fn renamed(lines: &[Imported], first: UpdateId, now: i64) -> Result<Vec<NewUpdate>> {
    let new_ids: BTreeMap<String, String> = lines
        .iter()
        .zip(0..)
        .filter_map(|(line, i)| {
            let new = UpdateId {
                seq: first.seq.saturating_add(i),
                ..first
            };
            Some((line.id?.to_string(), new.to_string()))
        })
        .collect();
    lines
        .iter()
        .map(|line| {
            Ok(NewUpdate {
                update: settle_renamed(&line.update, &new_ids, now)?,
            })
        })
        .collect()
}

/// A time that cannot be read is the present one: what is made here must have one.
fn settle_renamed(update: &Update, new_ids: &BTreeMap<String, String>, now: i64) -> Result<Update> {
    let Some(parts) = update.parts() else {
        return Ok(update.clone());
    };
    let at = icecore_core::time::from_rfc3339(&parts.at);
    let new = parts.resolves.as_deref().and_then(|id| new_ids.get(id));
    if at.is_ok() && new.is_none() {
        return Ok(update.clone());
    }
    let resolves = new.map(String::as_str).or(parts.resolves.as_deref());
    Update::new(at.unwrap_or(now), &parts.kind, parts.data, resolves).map_err(|e| match new {
        Some(new) => e.with_object(new.clone()),
        None => e,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::{Author, Seq};

    #[test]
    fn what_is_settled_is_named_by_its_new_id() {
        let id = |author: u64, seq| UpdateId {
            author: Author::from_parts(author, 0),
            seq: Seq::new(seq).unwrap(),
        };
        let text = |resolves: &str| {
            format!(
                r#"{{"at":"2026-01-01T00:00:00.000Z","kind":"k","data":1,"resolves":"{resolves}"}}"#
            )
        };
        let line = |id, resolves: &str| Imported {
            line: 1,
            id: Some(id),
            update: Update::from_text(text(resolves)).unwrap(),
        };
        let lines = [
            line(id(1, 4), "3f2a90b1c4d5"),
            line(id(2, 1), &id(1, 4).to_string()),
        ];
        let renamed = renamed(&lines, id(9, 5), 0).unwrap();
        assert_eq!(renamed[0].update.as_text(), text("3f2a90b1c4d5"));
        assert_eq!(renamed[1].update.as_text(), text(&id(9, 5).to_string()));
    }
}
