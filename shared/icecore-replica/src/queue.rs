//! The durable queue: what was made on this device and is not acknowledged yet.

use crate::db::{Db, Durable, execute, failed};
use crate::once;
use crate::refusal::Refusal;
use icecore_core::fold::Step;
use icecore_core::{Author, Error, Key, Result, Seq, SpaceName, Update, UpdateId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::borrow::Cow;

/// An update to be made.
#[derive(Debug, Clone)]
pub struct NewUpdate {
    /// The update as it will be written.
    pub update: Update,
}

/// An update that waits to be acknowledged.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Its id, for ever.
    pub id: UpdateId,
    /// The update as its author wrote it.
    pub update: Update,
    /// The same as it is sent: sealed, in an encrypted space, once it is about to be sent.
    pub sealed: Option<Update>,
    /// When it was queued by the local clock, milliseconds since 1970 UTC.
    pub queued_at: i64,
    /// Whether a PUT of it was begun.
    pub attempted: bool,
    /// The last key of a sequenced space that its maker had seen, where that is known.
    pub made_after: Option<Key>,
}

impl Pending {
    /// What the bucket gets.
    pub fn stored(&self) -> &Update {
        self.sealed.as_ref().unwrap_or(&self.update)
    }

    /// What is to be folded of it: it comes after all that is stored.
    pub fn step(&self) -> Step<'_> {
        Step {
            id: self.id,
            key: Key::MAX,
            update: &self.update,
            opened: true,
        }
    }
}

/// The author and counter of a space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) author: Author,
    pub(crate) next_seq: Seq,
    pub(crate) own_last: Option<Key>,
}

/// Makes sure that the space has a row, with `author` as its writer if it is new.
pub(crate) fn ensure_space(db: &mut Db, space: &SpaceName, author: Author) -> Result<()> {
    let known: Option<i64> = db
        .read()
        .query_row(
            "SELECT 1 FROM space WHERE name = ?1",
            [space.as_str()],
            |row| row.get(0),
        )
        .optional()
        .map_err(failed)?;
    if known.is_some() {
        return Ok(());
    }
    db.write(Durable::Now, |t| {
        execute(
            t,
            "INSERT OR IGNORE INTO space (name, author, next_seq) VALUES (?1, ?2, 1)",
            params![space.as_str(), author.to_string()],
        )?;
        Ok(())
    })
}

pub(crate) fn writer(connection: &Connection, space: &SpaceName) -> Result<Writer> {
    let (author, next_seq, own_last): (String, i64, Option<i64>) = connection
        .prepare_cached("SELECT author, next_seq, own_last FROM space WHERE name = ?1")
        .and_then(|mut select| {
            select.query_row([space.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        })
        .map_err(failed)?;
    Ok(Writer {
        author: author.parse()?,
        next_seq: Seq::new(unsigned(next_seq)).map_err(damaged)?,
        own_last: own_last
            .map(|key| Key::new(unsigned(key)).map_err(damaged))
            .transpose()?,
    })
}

/// When and how an update is queued.
pub(crate) struct Made<'a> {
    /// The local time.
    pub(crate) now: i64,
    /// It is about to be sent.
    pub(crate) attempted: bool,
    /// The last key of a sequenced space that its maker has seen.
    pub(crate) after: Option<Key>,
    /// Seals it for an encrypted space, where that is known and its keys are at hand.
    pub(crate) seal: &'a dyn Fn(UpdateId, &Update) -> Result<Option<Update>>,
}

/// Queues updates durably and gives each its id; they are made once the id of the first is known. Those that are about
/// to be sent are marked as such at once, which saves a transaction of their own (see [`mark_attempted`]).
pub(crate) fn enqueue<'a>(
    db: &mut Db,
    space: &SpaceName,
    made: &Made<'_>,
    make: impl FnOnce(&Transaction<'_>, UpdateId) -> Result<Cow<'a, [NewUpdate]>>,
) -> Result<Vec<UpdateId>> {
    db.write(Durable::Now, |t| {
        let Writer { author, mut next_seq, .. } = writer(t, space)?;
        let updates = make(t, UpdateId { author, seq: next_seq })?;
        let mut ids = Vec::with_capacity(updates.len());
        let mut insert = t
            .prepare_cached("INSERT INTO queue (space, author, seq, text, queued_at, attempted, made_after, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
            .map_err(failed)?;
        let after = made.after.map(|key| signed(key.get()));
        for new in updates.iter() {
            // What cannot be read back must never get into the queue: it would stand in everything's way.
            Update::from_text(new.update.as_text().to_owned())?;
            let id = UpdateId { author, seq: next_seq };
            let sealed = (made.seal)(id, &new.update)?;
            let sealed = sealed.as_ref().map(Update::as_text);
            insert
                .execute(params![space.as_str(), author.to_string(), signed(next_seq.get()), new.update.as_text(), made.now, made.attempted, after, sealed])
                .map_err(failed)?;
            ids.push(id);
            next_seq = next_seq.next().ok_or_else(|| Error::internal("an author has used up its seqs"))?;
        }
        set_next_seq(t, space, next_seq)?;
        Ok(ids)
    })
}

/// Queues updates that have an id already (an own update that a new epoch lacks), before the others; `false` for one that is
/// queued already.
pub(crate) fn requeue(
    t: &Transaction<'_>,
    space: &SpaceName,
    id: UpdateId,
    (text, sealed): (&str, Option<&str>),
    now: i64,
) -> Result<bool> {
    let inserted = execute(
        t,
        "INSERT OR IGNORE INTO queue (space, author, seq, text, sealed, queued_at, attempted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
        params![
            space.as_str(),
            id.author.to_string(),
            signed(id.seq.get()),
            text,
            sealed,
            now
        ],
    )?;
    Ok(inserted > 0)
}

/// Author, seq, text, when it was queued, whether a PUT was begun, the last key that was seen, the text as it is sent.
type Row = (String, i64, String, i64, bool, Option<i64>, Option<String>);

/// What is pending, in the order in which it must be published: each author's in the order of its seqs, the
/// authors in the order in which this replica used them (`UUIDv7` sorts by time).
pub(crate) fn pending(
    connection: &Connection,
    space: &SpaceName,
    limit: usize,
) -> Result<Vec<Pending>> {
    let mut select = connection
        .prepare_cached(
            "SELECT author, seq, text, queued_at, attempted, made_after, sealed FROM queue WHERE space = ?1 ORDER BY author, seq LIMIT ?2",
        )
        .map_err(failed)?;
    let rows = select
        .query_map(
            params![space.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ))
            },
        )
        .map_err(failed)?;
    rows.map(|row| {
        let (author, seq, text, queued_at, attempted, made_after, sealed): Row =
            row.map_err(failed)?;
        let stored = |text| Update::from_stored(text).map_err(damaged);
        Ok(Pending {
            id: id(&author, seq)?,
            update: stored(text)?,
            sealed: sealed.map(stored).transpose()?,
            queued_at,
            attempted,
            made_after: made_after
                .map(|key| Key::new(unsigned(key)).map_err(damaged))
                .transpose()?,
        })
    })
    .collect()
}

/// Keeps how an update is sent: a second attempt must send the very same.
pub(crate) fn keep_sealed(
    t: &Transaction<'_>,
    space: &SpaceName,
    id: UpdateId,
    sealed: &Update,
) -> Result<()> {
    execute(
        t,
        "UPDATE queue SET sealed = ?4 WHERE space = ?1 AND author = ?2 AND seq = ?3",
        params![
            space.as_str(),
            id.author.to_string(),
            signed(id.seq.get()),
            sealed.as_text()
        ],
    )?;
    Ok(())
}

/// Marks the updates of a PUT that is about to begin; durable before it does. A replica that lost the mark in a power
/// cut would take its own update for another writer's, and publish it twice.
pub(crate) fn mark_attempted(
    db: &mut Db,
    space: &SpaceName,
    first: UpdateId,
    end: Seq,
) -> Result<()> {
    db.write(Durable::Now, |t| {
        execute(t,
            "UPDATE queue SET attempted = 1 WHERE space = ?1 AND author = ?2 AND seq >= ?3 AND seq < ?4 AND attempted = 0",
            params![space.as_str(), first.author.to_string(), signed(first.seq.get()), signed(end.get())],
        )?;
        Ok(())
    })
}

/// None of these was sent after all: nobody gave access to the bucket.
pub(crate) fn unmark_attempted(
    db: &mut Db,
    space: &SpaceName,
    first: UpdateId,
    end: Seq,
) -> Result<()> {
    db.write(Durable::Soon, |t| {
        execute(t,
            "UPDATE queue SET attempted = 0 WHERE space = ?1 AND author = ?2 AND seq >= ?3 AND seq < ?4",
            params![space.as_str(), first.author.to_string(), signed(first.seq.get()), signed(end.get())],
        )?;
        Ok(())
    })
}

/// Is this an update that was acknowledged, and is queued again?
pub(crate) fn is_own(connection: &Connection, space: &SpaceName, id: UpdateId) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM own WHERE space = ?1 AND author = ?2 AND seq = ?3")
        .and_then(|mut select| {
            select.exists(params![
                space.as_str(),
                id.author.to_string(),
                signed(id.seq.get())
            ])
        })
        .map_err(failed)
}

/// Moves acknowledged updates from the queue to the own ones.
pub(crate) fn acknowledge(
    t: &Transaction<'_>,
    space: &SpaceName,
    first: UpdateId,
    end: Seq,
    stored: (Key, i64),
) -> Result<()> {
    let (key, now) = stored;
    let author = first.author.to_string();
    let range = params![
        space.as_str(),
        author,
        signed(first.seq.get()),
        signed(end.get()),
        signed(key.get()),
        now
    ];
    execute(t,
        "INSERT OR REPLACE INTO own (space, author, seq, key, text, acked_at)
         SELECT space, author, seq, ?5, coalesce(sealed, text), ?6 FROM queue WHERE space = ?1 AND author = ?2 AND seq >= ?3 AND seq < ?4",
        range,
    )?;
    execute(
        t,
        "UPDATE once SET key = ?5 WHERE space = ?1 AND author = ?2 AND seq >= ?3 AND seq < ?4",
        params![
            space.as_str(),
            author,
            signed(first.seq.get()),
            signed(end.get()),
            signed(key.get())
        ],
    )?;
    execute(
        t,
        "DELETE FROM queue WHERE space = ?1 AND author = ?2 AND seq >= ?3 AND seq < ?4",
        params![
            space.as_str(),
            author,
            signed(first.seq.get()),
            signed(end.get())
        ],
    )?;
    execute(
        t,
        "UPDATE space SET own_last = ?2 WHERE name = ?1",
        params![space.as_str(), signed(key.get())],
    )?;
    Ok(())
}

pub(crate) fn set_next_seq(t: &Transaction<'_>, space: &SpaceName, next: Seq) -> Result<()> {
    execute(
        t,
        "UPDATE space SET next_seq = ?2 WHERE name = ?1",
        params![space.as_str(), signed(next.get())],
    )?;
    Ok(())
}

/// Gives all pending updates of `old` new ids: somebody else writes as that author. Each goes on as the only update of its
/// heir, or, where it has none, of the new author, from the seq `first` on. Returns the new author, which comes after them.
pub(crate) fn change_author(
    t: &Transaction<'_>,
    space: &SpaceName,
    old: Author,
    (new, first): (Author, Seq),
    heir: &dyn Fn(UpdateId, &Update) -> Option<Author>,
) -> Result<Author> {
    let all = pending(t, space, usize::MAX)?;
    let waiting: Vec<&Pending> = all.iter().filter(|p| p.id.author == old).collect();
    let heirs: Vec<Option<Author>> = waiting.iter().map(|p| heir(p.id, &p.update)).collect();
    // What is queued from now on comes after them.
    let new = match heirs.iter().flatten().map(|heir| heir.millis()).max() {
        Some(last) if last >= new.millis() => new.later_than(last),
        _ => new,
    };
    let mut seq = first;
    for (pending, heir) in waiting.into_iter().zip(heirs) {
        // Another copy may have sent it under that id.
        let (author, own_seq, attempted) = match heir {
            Some(heir) => (heir, Seq::FIRST, true),
            None => (new, seq, false),
        };
        let (was, is) = (pending.id, (author, signed(own_seq.get())));
        once::renamed(t, space, (was.author, signed(was.seq.get())), is)?;
        execute(
            t,
            "UPDATE queue SET author = ?4, seq = ?5, attempted = ?6, sealed = NULL WHERE space = ?1 AND author = ?2 AND seq = ?3",
            params![
                space.as_str(),
                was.author.to_string(),
                signed(was.seq.get()),
                author.to_string(),
                is.1,
                attempted
            ],
        )?;
        if heir.is_none() {
            seq = seq.saturating_add(1);
        }
    }
    execute(
        t,
        "UPDATE space SET author = ?2, next_seq = ?3, own_last = NULL WHERE name = ?1",
        params![space.as_str(), new.to_string(), signed(seq.get())],
    )?;
    Ok(new)
}

/// Takes a pending update out of the queue, and keeps it for a person.
pub(crate) fn set_aside(
    t: &Transaction<'_>,
    space: &SpaceName,
    refused: &Pending,
    refusal: &Refusal,
    now: i64,
) -> Result<()> {
    let since: Vec<String> = refusal.since.iter().map(|e| e.id.to_string()).collect();
    let since = serde_json::to_string(&since).expect("BUG: text has a JSON form");
    execute(
        t,
        "INSERT INTO refused (space, text, reason, refused_at, since) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            space.as_str(),
            refused.update.as_text(),
            refusal.reason,
            now,
            since
        ],
    )?;
    execute(
        t,
        "DELETE FROM queue WHERE space = ?1 AND author = ?2 AND seq = ?3",
        params![
            space.as_str(),
            refused.id.author.to_string(),
            signed(refused.id.seq.get())
        ],
    )?;
    once::refused(t, space, refused.id)
}

/// Takes the first pending update out of the queue of a sequenced space whose state refuses it, keeps it for a
/// person, and closes the gap in the seqs.
pub(crate) fn refuse(
    t: &Transaction<'_>,
    space: &SpaceName,
    refused: &Pending,
    refusal: &Refusal,
    now: i64,
) -> Result<()> {
    set_aside(t, space, refused, refusal, now)?;
    once::closed_gap(t, space, refused.id)?;
    let (author, seq) = (refused.id.author.to_string(), signed(refused.id.seq.get()));
    // Row by row from the lowest: two rows must never share a seq on the way.
    let later: Vec<i64> = {
        let mut select = t
            .prepare("SELECT position FROM queue WHERE space = ?1 AND author = ?2 AND seq > ?3 ORDER BY seq")
            .map_err(failed)?;
        let rows = select
            .query_map(params![space.as_str(), author, seq], |row| row.get(0))
            .map_err(failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)?
    };
    for position in later {
        execute(
            t,
            "UPDATE queue SET seq = seq - 1, attempted = 0, sealed = NULL WHERE position = ?1",
            [position],
        )?;
    }
    execute(
        t,
        "UPDATE space SET next_seq = next_seq - 1 WHERE name = ?1 AND author = ?2",
        params![space.as_str(), author],
    )?;
    Ok(())
}

pub(crate) fn id(author: &str, seq: i64) -> Result<UpdateId> {
    Ok(UpdateId {
        author: author.parse()?,
        seq: Seq::new(unsigned(seq)).map_err(damaged)?,
    })
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// What the replica's own database holds is not what was put there.
pub(crate) fn damaged(error: Error) -> Error {
    Error::corrupt("the replica's database holds what it cannot hold")
        .with_hint("keep the file; a new --replica folder gets back all that was acknowledged")
        .with_source(error)
}
