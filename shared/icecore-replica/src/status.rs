//! How far a replica is, and why it is stuck.

use crate::db::{Db, Durable, execute, failed};
use crate::queue;
use crate::replica::SpaceReplica;
use crate::saved::Found;
use crate::sync::Restored;
use icecore_core::fold::RejectedList;
use icecore_core::{
    Author, Conflict, Epoch, Error, Generation, Key, Newer, Result, SpaceName, UpdateId,
};
use rusqlite::params;
use serde::Serialize;

/// What a person, or a program that watches, wants to know of a replica.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The space.
    pub space: SpaceName,
    /// Who writes here.
    pub author: Author,
    /// Updates that are not acknowledged.
    pub queued: u64,
    /// How long the oldest of them has waited, in milliseconds.
    pub oldest_queued_ms: Option<i64>,
    /// Updates that a sequenced space's state refused.
    pub refused: u64,
    /// The epoch, as last seen.
    pub epoch: Option<Epoch>,
    /// The newest segment folded.
    pub generation: Option<Generation>,
    /// How far it reaches.
    pub through: Option<Key>,
    /// Update objects after it that are known.
    pub tail: u64,
    /// Milliseconds since the last complete listing of updates, by the server's clock.
    pub lag_ms: Option<i64>,
    /// How far the server's clock is ahead of the local one, in milliseconds; 0 while they agree to a second.
    pub clock_offset_ms: i64,
    /// When the last sync was complete, milliseconds since 1970 UTC by the local clock.
    pub synced_at: Option<i64>,
    /// The version of the model that the space needs, where the last sync found that this program has an older one: it
    /// shows what it last saw, and sends nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_version: Option<u32>,
    /// Why the last sync failed, with what to do about it.
    pub problem: Option<String>,
    /// Updates that must exist and were not found.
    pub gaps: Vec<String>,
    /// Objects that could not be read, with the reason.
    pub unreadable: Vec<String>,
    /// The segment of which this program's model made two different states: it looks at something else than the updates, or
    /// was changed without a new version. Other replicas may show something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impure: Option<Generation>,
    /// What the store lacks since it was put back to an older state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
}

/// An update that was set aside.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// Its number here.
    pub id: i64,
    /// The update's JSON.
    pub update: String,
    /// Why the state refused it.
    pub reason: String,
    /// What others wrote since it was made.
    pub since: Vec<UpdateId>,
}

/// What waits for a person.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// Rules that the state breaks.
    pub conflicts: Vec<Conflict>,
    /// Updates in the history that the model rejected.
    pub rejected: RejectedList,
    /// Own updates that were never sent because the state refuses them.
    pub refused: Vec<Refused>,
}

impl SpaceReplica {
    /// How far this space is, as of the last sync; no request is made.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn status(&mut self) -> Result<Status> {
        self.restore()?;
        let restored = self.restored()?;
        let store = self.replica.store().clone();
        let (now, server_now) = (store.clock.now(), store.now());
        let db = self.replica.db();
        let (queued, oldest): (i64, Option<i64>) = db
            .read()
            .query_row(
                "SELECT count(*), min(queued_at) FROM queue WHERE space = ?1",
                [self.space.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(failed)?;
        let (synced_at, problem, needs) = db
            .read()
            .query_row(
                "SELECT synced_at, problem, needs FROM space WHERE name = ?1",
                [self.space.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .map_err(failed)?;
        let refused: i64 = db
            .read()
            .query_row(
                "SELECT count(*) FROM refused WHERE space = ?1",
                [self.space.as_str()],
                |row| row.get(0),
            )
            .map_err(failed)?;
        let author = queue::writer(db.read(), &self.space)?.author;
        let found = Found::load(db.read(), &self.space)?;
        let reader = self.reader.as_ref();
        Ok(Status {
            space: self.space.clone(),
            author,
            queued: queue::unsigned(queued),
            oldest_queued_ms: oldest.map(|at| now.saturating_sub(at)),
            refused: queue::unsigned(refused),
            epoch: reader.map(|r| r.info.epoch),
            generation: reader.map(|r| r.base.generation),
            through: reader.map(|r| r.base.through),
            tail: reader.map_or(0, |r| r.tail.len() as u64),
            lag_ms: reader
                .and_then(|r| r.listed_at)
                .map(|at| server_now.saturating_sub(at)),
            clock_offset_ms: store.clock_offset(),
            synced_at,
            needs_version: needs,
            problem,
            gaps: found.gaps,
            unreadable: found.unreadable,
            impure: found.impure.map(|witness| witness.generation),
            restored,
        })
    }

    /// What waits for a person in this space.
    ///
    /// # Errors
    /// `NotFound` before the first sync; errors of the replica's database.
    pub fn waiting(&mut self) -> Result<Waiting> {
        let state = self.state()?;
        let db = self.replica.db();
        let mut select = db
            .read()
            .prepare_cached(
                "SELECT id, text, reason, since FROM refused WHERE space = ?1 ORDER BY id",
            )
            .map_err(failed)?;
        let rows = select
            .query_map([self.space.as_str()], |row| {
                Ok(Refused {
                    id: row.get(0)?,
                    update: row.get(1)?,
                    reason: row.get(2)?,
                    since: ids(&row.get::<_, String>(3)?),
                })
            })
            .map_err(failed)?;
        let refused = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
        Ok(Waiting {
            conflicts: state.conflicts(),
            rejected: state.rejected,
            refused,
        })
    }

    /// Drops an update that was set aside, once a person has settled it. `false` when there is none.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn drop_refused(&mut self, id: i64) -> Result<bool> {
        self.replica.db().write(Durable::Now, |t| {
            let dropped = t
                .execute(
                    "DELETE FROM refused WHERE space = ?1 AND id = ?2",
                    params![self.space.as_str(), id],
                )
                .map_err(failed)?;
            Ok(dropped > 0)
        })
    }
}

/// What is kept only to be shown: ids that cannot be read are left out.
fn ids(json: &str) -> Vec<UpdateId> {
    let ids: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

/// Keeps how the last sync went.
pub(crate) fn note_outcome(
    db: &mut Db,
    space: &SpaceName,
    now: i64,
    error: Option<&Error>,
) -> Result<()> {
    let needs = error.and_then(Newer::of).map(|newer| newer.needed);
    let problem = error.map(icecore_store::reader::view::with_hint);
    db.write(Durable::Soon, |t| {
        execute(
            t,
            "UPDATE space SET problem = ?2, needs = ?4, synced_at = CASE WHEN ?2 IS NULL THEN ?3 ELSE synced_at END WHERE name = ?1",
            params![space.as_str(), problem, now, needs],
        )?;
        Ok(())
    })
}
