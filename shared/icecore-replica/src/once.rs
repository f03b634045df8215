//! Updates that their caller names, so that one that is told twice is queued once: a script that does not know whether its
//! first call was heard calls again.

use crate::db::{execute, failed};
use crate::queue::{self, NewUpdate, signed, unsigned};
use crate::replica::SpaceReplica;
use icecore_core::{Author, Digest, Error, Key, Result, SpaceName, Update, UpdateId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::borrow::Cow;

/// As many names are remembered for each space; the oldest are forgotten first. By number and not by time: a clock may be
/// wrong.
pub const NAMES_KEPT: i64 = 10_000;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// What became of an update with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    /// Its id, of the first time.
    pub id: UpdateId,
    /// It was queued by this call.
    pub is_new: bool,
    /// Where the first call's was stored, as far as that is known.
    pub key: Option<Key>,
}

impl SpaceReplica {
    /// Queues an update under a name of the caller's, unless one was queued under this name before, by whatever process of
    /// this replica. The last [`NAMES_KEPT`] of a space are remembered.
    ///
    /// # Errors
    /// `Invalid` for a name that is empty, too long or has control characters; `Conflict` when another update was queued
    /// under it; otherwise as [`SpaceReplica::enqueue`].
    pub fn enqueue_once(&mut self, name: &str, new: &NewUpdate) -> Result<Once> {
        check_name(name)?;
        let digest = digest_of(&new.update);
        let space = self.space.clone();
        let mut found = None;
        let ids = self.queue_up(|t, first| {
            found = find(t, &space, name, &digest)?;
            if found.is_some() {
                return Ok(Cow::Owned(Vec::new()));
            }
            keep(t, &space, name, (first, &digest))?;
            Ok(Cow::Borrowed(std::slice::from_ref(new)))
        })?;
        Ok(match (found, ids.first()) {
            (Some(found), _) => found,
            (None, Some(id)) => Once {
                id: *id,
                is_new: true,
                key: None,
            },
            (None, None) => {
                return Err(Error::internal(
                    "BUG: an update was neither found nor queued",
                ));
            }
        })
    }
}

fn check_name(name: &str) -> Result<()> {
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid("this name cannot be kept")
        .with_object(format!("{name:?}"))
        .with_hint(format!(
            "it has 1 to {NAME_BYTES_MAX} bytes and no control characters"
        )))
}

/// What is asked for: the time at which a call is made is no part of it.
fn digest_of(update: &Update) -> String {
    let text = match update.parts() {
        Some(parts) => format!("{} {} {:?}", parts.kind, parts.data.get(), parts.resolves),
        None => update.as_text().to_owned(),
    };
    Digest::of(text.as_bytes()).to_string()
}

fn find(
    connection: &Connection,
    space: &SpaceName,
    name: &str,
    digest: &str,
) -> Result<Option<Once>> {
    let row: Option<(String, i64, String, Option<i64>)> = connection
        .prepare_cached("SELECT author, seq, digest, key FROM once WHERE space = ?1 AND name = ?2")
        .and_then(|mut select| {
            select.query_row(params![space.as_str(), name], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        })
        .optional()
        .map_err(failed)?;
    let Some((author, seq, known, key)) = row else {
        return Ok(None);
    };
    let id = queue::id(&author, seq)?;
    if known != digest {
        return Err(Error::conflict("another update was made under this name")
            .with_object(format!("{name:?}, {id}"))
            .with_hint(
                "nothing was queued; a name stands for one update: choose another one for this",
            ));
    }
    Ok(Some(Once {
        id,
        is_new: false,
        key: key.and_then(|key| Key::new(unsigned(key)).ok()),
    }))
}

fn keep(
    t: &Transaction<'_>,
    space: &SpaceName,
    name: &str,
    (id, digest): (UpdateId, &str),
) -> Result<()> {
    execute(
        t,
        "INSERT INTO once (space, name, author, seq, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            space.as_str(),
            name,
            id.author.to_string(),
            signed(id.seq.get()),
            digest
        ],
    )?;
    execute(
        t,
        "DELETE FROM once WHERE space = ?1 AND number <= (SELECT number FROM once WHERE space = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        params![space.as_str(), NAMES_KEPT],
    )?;
    Ok(())
}

/// A queued update goes on under another id.
pub(crate) fn renamed(
    t: &Transaction<'_>,
    space: &SpaceName,
    (old, was): (Author, i64),
    (new, seq): (Author, i64),
) -> Result<()> {
    execute(
        t,
        "UPDATE once SET author = ?4, seq = ?5 WHERE space = ?1 AND author = ?2 AND seq = ?3",
        params![space.as_str(), old.to_string(), was, new.to_string(), seq],
    )?;
    Ok(())
}

/// An update was never sent, and those after it move up: its name is free again.
pub(crate) fn refused(t: &Transaction<'_>, space: &SpaceName, id: UpdateId) -> Result<()> {
    let (author, seq) = (id.author.to_string(), signed(id.seq.get()));
    execute(
        t,
        "DELETE FROM once WHERE space = ?1 AND author = ?2 AND seq = ?3",
        params![space.as_str(), author, seq],
    )?;
    Ok(())
}

/// Those after one that was taken out of the queue have moved up.
pub(crate) fn closed_gap(t: &Transaction<'_>, space: &SpaceName, id: UpdateId) -> Result<()> {
    let (author, seq) = (id.author.to_string(), signed(id.seq.get()));
    execute(
        t,
        "UPDATE once SET seq = seq - 1 WHERE space = ?1 AND author = ?2 AND seq > ?3",
        params![space.as_str(), author, seq],
    )?;
    Ok(())
}
