//! A store that was put back to an older state: what this replica has and the store does not.

use crate::db::{execute, failed};
use crate::queue::{self, damaged, signed, unsigned};
use crate::replica::SpaceReplica;
use icecore_core::{Covered, Key, Result, Segment, SpaceName, Update, UpdateId, UpdateObject};
use icecore_store::Reader;
use icecore_store::reader::Polled;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An own acknowledged update that the store no longer holds.
#[derive(Debug)]
pub(super) struct OwnMissing {
    pub(super) id: UpdateId,
    pub(super) text: String,
}

/// What a replica has noticed of a store that was put back to an older state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When it was noticed, milliseconds since 1970 UTC by the local clock.
    pub noticed_at: i64,
    /// The updates that this replica had read and that the store does not hold, by author. Each is published again by the
    /// replica that wrote it; then it is no longer listed here.
    pub missing: Covered,
}

/// An update of somebody else that the store holds no more, as this replica read it.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Which update.
    pub id: UpdateId,
    /// The key that it was stored under.
    pub key: Key,
    /// The update as it was stored.
    pub update: Update,
}

impl SpaceReplica {
    /// What was noticed of a store that was put back to an older state; `None` once nothing is missing any more.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn restored(&mut self) -> Result<Option<Restored>> {
        let noticed = load(self.replica.db().read(), &self.space)?;
        let Some(Restored {
            noticed_at,
            missing,
        }) = noticed
        else {
            return Ok(None);
        };
        // What was published again since the last look is not missing any more.
        self.restore()?;
        let missing: Covered = match &self.reader {
            Some(reader) => reader.lacking(&missing),
            None => missing,
        };
        Ok((!missing.is_empty()).then_some(Restored {
            noticed_at,
            missing,
        }))
    }

    /// Updates of others that the store held when this replica read them, and holds no more; as far as their text is known
    /// here. Those of this replica are not among them: they are published again.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn lost(&self) -> Result<Vec<Lost>> {
        let db = self.replica.db();
        let mut select = db
            .read()
            .prepare_cached(
                "SELECT author, seq, key, text FROM lost WHERE space = ?1 ORDER BY author, seq",
            )
            .map_err(failed)?;
        let rows = select
            .query_map([self.space.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .map_err(failed)?;
        rows.map(|row| {
            let (author, seq, key, text): (String, i64, i64, String) = row.map_err(failed)?;
            Ok(Lost {
                id: queue::id(&author, seq)?,
                key: Key::new(unsigned(key)).map_err(damaged)?,
                update: Update::from_stored(text).map_err(damaged)?,
            })
        })
        .collect()
    }

    /// The own acknowledged updates that the store no longer holds. What only no listing has shown is looked for by its
    /// key, and joins the tail.
    pub(super) async fn own_missing(
        &self,
        reader: &mut Reader,
        polled: &mut Polled,
    ) -> Result<Vec<OwnMissing>> {
        if !polled.checked && !polled.new_epoch {
            return Ok(Vec::new());
        }
        let all = polled.new_epoch || polled.lost.is_some();
        let own = own(self.replica.db().read(), &self.space, all)?;
        let absent = |reader: &Reader, own: Vec<(UpdateId, Key, String)>| -> Vec<_> {
            let shown = reader.shown();
            let is_there = |id| reader.base.covered.contains(id) || shown.contains(id);
            own.into_iter().filter(|(id, ..)| !is_there(*id)).collect()
        };
        let mut missing = absent(reader, own);
        // A listing that missed what landed meanwhile shows a hole that is none: another one, begun now, does not.
        if missing.iter().any(|(id, ..)| reader.has(*id)) {
            let more = reader.look_at_all().await?;
            polled.bodies.extend(more.bodies);
            polled.covered.extend(more.covered);
            missing = absent(reader, missing);
        }
        let keys: BTreeSet<Key> = missing.iter().map(|(_, key, _)| *key).collect();
        if !keys.is_empty() {
            polled.bodies.extend(reader.look_for(&keys).await?);
            missing = absent(reader, missing);
        }
        let missing = missing.into_iter();
        Ok(missing
            .map(|(id, _, text)| OwnMissing { id, text })
            .collect())
    }
}

/// Own acknowledged updates: those that no segment was seen to hold, or all.
fn own(
    connection: &Connection,
    space: &SpaceName,
    all: bool,
) -> Result<Vec<(UpdateId, Key, String)>> {
    let select = if all {
        "SELECT author, seq, key, text FROM own WHERE space = ?1 ORDER BY author, seq"
    } else {
        "SELECT author, seq, key, text FROM own WHERE space = ?1 AND covered = 0 ORDER BY author, seq"
    };
    let mut select = connection.prepare_cached(select).map_err(failed)?;
    let rows = select
        .query_map([space.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .map_err(failed)?;
    rows.map(|row| {
        let (author, seq, key, text): (String, i64, i64, String) = row.map_err(failed)?;
        let key = Key::new(unsigned(key)).map_err(damaged)?;
        Ok((queue::id(&author, seq)?, key, text))
    })
    .collect()
}

/// Own acknowledged updates are queued again, under the same ids, before what was pending; returns those that were not
/// queued already.
pub(super) fn requeue_own(
    t: &Transaction<'_>,
    reader: &Reader,
    missing: &[OwnMissing],
    now: i64,
) -> Result<Covered> {
    let space = &reader.info.space;
    let mut requeued = Covered::default();
    for OwnMissing { id, text } in missing {
        let stored = Update::from_stored(text.clone()).map_err(damaged)?;
        let opened = reader.base.folded.content().open(*id, &stored);
        let clear = opened.as_deref().unwrap_or(&stored).as_text();
        let sealed = reader.info.keyring.as_ref().map(|_| stored.as_text());
        if queue::requeue(t, space, *id, (clear, sealed), now)? {
            requeued.insert(*id);
        }
    }
    Ok(requeued)
}

/// Marks the own updates that segments hold: they need not be looked at with every poll.
pub(super) fn mark_covered(t: &Transaction<'_>, reader: &Reader, polled: &Polled) -> Result<()> {
    let space = &reader.info.space;
    if polled.new_epoch || polled.lost.is_some() {
        execute(
            t,
            "UPDATE own SET covered = 0 WHERE space = ?1",
            [space.as_str()],
        )?;
    }
    for (id, ..) in own(t, space, false)? {
        if reader.base.covered.contains(id) {
            execute(
                t,
                "UPDATE own SET covered = 1 WHERE space = ?1 AND author = ?2 AND seq = ?3",
                params![space.as_str(), id.author.to_string(), signed(id.seq.get())],
            )?;
        }
    }
    Ok(())
}

/// Before what was saved is replaced: keeps the updates of others that the store holds no more, as far as they are here.
pub(super) fn keep_lost(t: &Transaction<'_>, space: &SpaceName, lost: &Covered) -> Result<()> {
    let mut keep = t
        .prepare_cached("INSERT OR IGNORE INTO lost (space, author, seq, key, text) VALUES (?1, ?2, ?3, ?4, ?5)")
        .map_err(failed)?;
    let mut keep = |id: UpdateId, key: i64, update: &Update| {
        if !lost.contains(id) {
            return Ok(());
        }
        let (author, seq) = (id.author.to_string(), signed(id.seq.get()));
        keep.execute(params![space.as_str(), author, seq, key, update.as_text()])
            .map(drop)
            .map_err(failed)
    };
    for (key, bytes) in rows(t, space, "SELECT key, bytes FROM tail WHERE space = ?1")? {
        // What a newer program wrote is none that can be told by its id.
        let Ok(object) = UpdateObject::from_json(&bytes) else {
            continue;
        };
        for (id, update) in object.entries() {
            keep(id, key, update)?;
        }
    }
    let segments = "SELECT generation, bytes FROM layer WHERE space = ?1 AND NOT snapshot";
    for (_, bytes) in rows(t, space, segments)? {
        for entry in Segment::unpack(&bytes).map_err(damaged)?.entries {
            keep(entry.id, signed(entry.key.get()), &entry.update)?;
        }
    }
    Ok(())
}

fn rows(t: &Transaction<'_>, space: &SpaceName, sql: &str) -> Result<Vec<(i64, Vec<u8>)>> {
    let mut select = t.prepare_cached(sql).map_err(failed)?;
    let rows = select
        .query_map([space.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Notes what is missing now; what has come back is no longer listed.
pub(super) fn note(
    t: &Transaction<'_>,
    reader: &Reader,
    newly: Option<&Covered>,
    now: i64,
) -> Result<Option<Restored>> {
    let space = &reader.info.space;
    let before = load(t, space)?;
    if before.is_none() && newly.is_none() {
        return Ok(None);
    }
    let mut missing = before
        .as_ref()
        .map(|r| r.missing.clone())
        .unwrap_or_default();
    missing.extend(newly.unwrap_or(&Covered::default()));
    let missing = reader.lacking(&missing);
    for id in missing_texts(t, space)? {
        if reader.has(id) {
            execute(
                t,
                "DELETE FROM lost WHERE space = ?1 AND author = ?2 AND seq = ?3",
                params![space.as_str(), id.author.to_string(), signed(id.seq.get())],
            )?;
        }
    }
    let noticed_at = before.map_or(now, |restored| restored.noticed_at);
    let restored = (!missing.is_empty()).then_some(Restored {
        noticed_at: if newly.is_some() { now } else { noticed_at },
        missing,
    });
    let text = restored
        .as_ref()
        .map(|restored| serde_json::to_string(restored).expect("BUG: ids have a JSON form"));
    execute(
        t,
        "UPDATE space SET restored = ?2 WHERE name = ?1",
        params![space.as_str(), text],
    )?;
    Ok(restored)
}

fn missing_texts(t: &Transaction<'_>, space: &SpaceName) -> Result<Vec<UpdateId>> {
    let mut select = t
        .prepare_cached("SELECT author, seq FROM lost WHERE space = ?1")
        .map_err(failed)?;
    let rows = select
        .query_map([space.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    rows.map(|row| {
        let (author, seq): (String, i64) = row.map_err(failed)?;
        queue::id(&author, seq)
    })
    .collect()
}

fn load(connection: &Connection, space: &SpaceName) -> Result<Option<Restored>> {
    let text: Option<Option<String>> = connection
        .prepare_cached("SELECT restored FROM space WHERE name = ?1")
        .and_then(|mut select| {
            select
                .query_row([space.as_str()], |row| row.get(0))
                .optional()
        })
        .map_err(failed)?;
    // What is kept only to be shown: what cannot be read is left out.
    Ok(text
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok()))
}
