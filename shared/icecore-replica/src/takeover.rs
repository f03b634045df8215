//! One replica takes over what another one of the same store holds that nobody else has.

use crate::db::{Db, Durable, execute, failed};
use crate::queue;
use crate::replica::Replica;
use icecore_core::{Result, StoreId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, params_from_iter};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What only a replica has, and no bucket: the rest is read again.
const TABLES: [&str; 4] = ["queue", "own", "once", "refused"];

/// Numbers that a table gives by itself.
const NUMBERED: [&str; 3] = ["position", "number", "id"];

/// What is read of a saved `space.json` here: also of one that is newer.
#[derive(Deserialize)]
struct Named {
    store: StoreId,
}

type Row = BTreeMap<String, Value>;

/// The stores whose spaces the replica in `folder` has read; one that only ever queued knows none.
///
/// # Errors
/// As [`Replica::open`].
pub fn stores_in(folder: &Path) -> Result<BTreeSet<StoreId>> {
    let db = Db::open(folder)?;
    Ok(spaces(db.read())?.into_values().flatten().collect())
}

/// Each space with the store that it was read from.
fn spaces(connection: &Connection) -> Result<BTreeMap<String, Option<StoreId>>> {
    let mut select = connection
        .prepare("SELECT name, info FROM space")
        .map_err(failed)?;
    let rows = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    rows.map(|row| {
        let (name, info): (String, Option<String>) = row.map_err(failed)?;
        let named = info.and_then(|info| serde_json::from_str::<Named>(&info).ok());
        Ok((name, named.map(|named| named.store)))
    })
    .collect()
}

impl Replica {
    /// Takes over what waits in another replica of the same store: its queue, under the same ids, and what a person has
    /// to settle. What is of another store stays there, and so does what nobody can tell, where the other replica has read
    /// several. Returns how many updates were waiting. It can be repeated, and cut anywhere.
    ///
    /// # Errors
    /// `Unavailable` while another process syncs one of the two; errors of the databases.
    pub async fn take_over(&self, other: &Path, store: StoreId) -> Result<u64> {
        let other = Self::open(self.store().clone(), other)?;
        let (_lock, _others) = (self.lock().await?, other.lock().await?);
        let spaces = spaces(other.db().read())?;
        let only_this = spaces.values().flatten().all(|of| *of == store);
        let ours: Vec<&String> = spaces
            .iter()
            .filter(|(_, of)| of.map_or(only_this, |of| of == store))
            .map(|(name, _)| name)
            .collect();
        let mut waiting = 0;
        for space in ours {
            let held = held(other.db().read(), space)?;
            if held.iter().all(|(_, rows)| rows.is_empty()) {
                continue;
            }
            waiting += held[0].1.len() as u64;
            self.db().write(Durable::Now, |t| {
                insert_space(t, other.db().read(), space)?;
                for (table, rows) in &held {
                    rows.iter().try_for_each(|row| insert(t, table, row))?;
                }
                Ok(())
            })?;
            // Only now: a crash in between leaves both, and one id counts once.
            other.db().write(Durable::Now, |t| {
                for table in TABLES {
                    execute(t, &format!("DELETE FROM {table} WHERE space = ?1"), [space])?;
                }
                Ok(())
            })?;
        }
        Ok(waiting)
    }
}

fn held(connection: &Connection, space: &str) -> Result<Vec<(&'static str, Vec<Row>)>> {
    TABLES
        .iter()
        .map(|&table| Ok((table, rows(connection, table, "space", space)?)))
        .collect()
}

/// Rows with all their columns but the numbers that the table gave.
fn rows(connection: &Connection, table: &str, by: &str, value: &str) -> Result<Vec<Row>> {
    let mut select = connection
        .prepare(&format!("SELECT * FROM {table} WHERE {by} = ?1"))
        .map_err(failed)?;
    let names: Vec<String> = select.column_names().map(str::to_owned).collect();
    let rows = select
        .query_map([value], |row| {
            let columns = names.iter().enumerate();
            let columns = columns.map(|(i, name)| Ok((name.clone(), row.get(i)?)));
            columns.collect::<rusqlite::Result<Row>>()
        })
        .map_err(failed)?;
    let numbered = |row: &Row| {
        let mut row = row.clone();
        row.retain(|name, _| !NUMBERED.contains(&name.as_str()));
        row
    };
    rows.map(|row| Ok(numbered(&row.map_err(failed)?)))
        .collect()
}

/// Who wrote there goes on here, where nobody wrote yet. What was read is not taken along: it is read again.
fn insert_space(t: &Transaction<'_>, other: &Connection, space: &str) -> Result<()> {
    for row in rows(other, "space", "name", space)? {
        let kept = ["name", "author", "next_seq", "own_last"];
        let row = row
            .into_iter()
            .filter(|(name, _)| kept.contains(&name.as_str()));
        insert_or_ignore(t, "space", &row.collect())?;
    }
    Ok(())
}

fn insert(t: &Transaction<'_>, table: &str, row: &Row) -> Result<()> {
    match table {
        "refused" if is_refused(t, row)? => return Ok(()),
        "own" | "once" | "refused" => return insert_or_ignore(t, table, row).map(drop),
        _ => {}
    }
    if is_own(t, row)? || insert_or_ignore(t, table, row)? {
        return Ok(());
    }
    let there = "SELECT text FROM queue WHERE space = ?1 AND author = ?2 AND seq = ?3";
    let text: Option<Value> = t
        .query_row(there, params_from_iter(id_of(row)), |found| found.get(0))
        .optional()
        .map_err(failed)?;
    if text.as_ref() == row.get("text") {
        return Ok(());
    }
    // Two copies of one folder went on under one author: this update gets an id of its own.
    let name = match &row["space"] {
        Value::Text(name) => name.parse()?,
        _ => return Ok(()),
    };
    let writer = queue::writer(t, &name)?;
    let mut row = row.clone();
    row.insert("author".to_owned(), writer.author.to_string().into());
    row.insert(
        "seq".to_owned(),
        queue::signed(writer.next_seq.get()).into(),
    );
    row.insert("attempted".to_owned(), 0.into());
    row.insert("sealed".to_owned(), Value::Null);
    insert_or_ignore(t, table, &row)?;
    queue::set_next_seq(t, &name, writer.next_seq.saturating_add(1))
}

fn id_of(row: &Row) -> [&Value; 3] {
    ["space", "author", "seq"].map(|name| &row[name])
}

/// An earlier attempt took it over, and it was published since.
fn is_own(t: &Transaction<'_>, row: &Row) -> Result<bool> {
    let own = "SELECT text FROM own WHERE space = ?1 AND author = ?2 AND seq = ?3";
    let text: Option<Value> = t
        .query_row(own, params_from_iter(id_of(row)), |found| found.get(0))
        .optional()
        .map_err(failed)?;
    let is = |name| text.is_some() && text.as_ref() == row.get(name);
    Ok(is("text") || is("sealed"))
}

/// An earlier attempt took it over: the numbers of this table are no ids.
fn is_refused(t: &Transaction<'_>, row: &Row) -> Result<bool> {
    t.prepare_cached("SELECT 1 FROM refused WHERE space = ?1 AND text = ?2 AND refused_at = ?3")
        .and_then(|mut select| {
            let by = ["space", "text", "refused_at"].map(|name| &row[name]);
            select.exists(params_from_iter(by))
        })
        .map_err(failed)
}

/// `true` when the row was not there.
fn insert_or_ignore(t: &Transaction<'_>, table: &str, row: &Row) -> Result<bool> {
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    let places: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "INSERT OR IGNORE INTO {table} ({}) VALUES ({})",
        names.join(", "),
        places.join(", ")
    );
    Ok(execute(t, &sql, params_from_iter(row.values()))? > 0)
}
