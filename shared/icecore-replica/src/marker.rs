//! Whether the file of the database is what this program left there, before anything is done with it.
//!
//! A database that is lost or cut short looks like a new one to `SQLite`, which would delete its log too: the queue would be
//! gone without a word. A marker beside it says that it was whole once.

use icecore_core::{Error, Result};
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// `SQLite` keeps it for the program that a database is of: "icec".
pub(crate) const APPLICATION: i32 = 0x6963_6563;

/// With these bytes each database of `SQLite` begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER: usize = 100;

const TEXT: &str = "This folder is a local copy of an icecore store, with the updates that wait to be sent.\n\
    All of it is in replica.db. If that is lost, this file lets icecore say so.\n";

fn marker(folder: &Path) -> PathBuf {
    folder.join("replica.made")
}

/// Writes down, durably, that the database is whole.
pub(crate) fn set(folder: &Path) -> std::io::Result<()> {
    let path = marker(folder);
    if path.exists() {
        return Ok(());
    }
    let mut file = File::create(&path)?;
    file.write_all(TEXT.as_bytes())?;
    file.sync_all()?;
    // What is a directory elsewhere cannot be opened like this.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Whether the database can be opened: it is whole, or none was ever made here.
///
/// # Errors
/// `Corrupt` when the file is lost or cut short, `Invalid` when it is of another program. Nothing is changed.
pub(crate) fn check(folder: &Path, database: &Path) -> Result<()> {
    // In this order: another process may be making both.
    let was_made = marker(folder).exists() || folder.join("sync.lock").exists();
    let log = database.with_extension("db-wal");
    let log_bytes = fs::metadata(&log).map_or(0, |m| m.len());
    let (bytes, header) = match read_header(database) {
        Ok(read) => read,
        Err(e) if e.kind() == ErrorKind::NotFound && !was_made && log_bytes == 0 => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(lost("the replica's database is gone", folder).with_source(e));
        }
        // Opening it says what is wrong.
        Err(_) => return Ok(()),
    };
    if bytes == 0 {
        // Whoever made the file was stopped before it wrote anything.
        let is_new = !was_made && log_bytes == 0;
        return if is_new {
            Ok(())
        } else {
            Err(lost("the replica's database is empty", folder))
        };
    }
    if !header.starts_with(&MAGIC[..header.len().min(MAGIC.len())]) {
        return Err(foreign());
    }
    // The log may hold the rest.
    if log_bytes == 0 && (header.len() < HEADER || bytes < promised(&header)) {
        return Err(lost("the replica's database is cut short", folder));
    }
    Ok(())
}

fn read_header(database: &Path) -> std::io::Result<(u64, Vec<u8>)> {
    let file = File::open(database)?;
    let bytes = file.metadata()?.len();
    let mut header = Vec::new();
    file.take(HEADER as u64).read_to_end(&mut header)?;
    Ok((bytes, header))
}

/// The size of the file by its own header: pages of so many bytes.
fn promised(header: &[u8]) -> u64 {
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    // The count is good only where the last writer knew of it.
    if header[24..28] == header[92..96] {
        page * u64::from(pages)
    } else {
        0
    }
}

/// Whether an opened database is ours, or holds nothing yet.
///
/// # Errors
/// `Invalid` when it is of another program; `Corrupt` when ours holds nothing.
pub(crate) fn check_opened(connection: &Connection, folder: &Path) -> Result<()> {
    // First, for another process may be making both.
    let was_made = marker(folder).exists();
    let read =
        |sql: &str| -> rusqlite::Result<i64> { connection.query_row(sql, [], |row| row.get(0)) };
    let failed = crate::db::failed;
    let application = read("PRAGMA application_id").map_err(failed)?;
    let tables = read("SELECT count(*) FROM sqlite_schema").map_err(failed)?;
    let ours = read("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('space', 'queue', 'own', 'tail')")
        .map_err(failed)?;
    if tables == 0 && was_made {
        return Err(lost("the replica's database is empty", folder));
    }
    if tables == 0 {
        return Ok(());
    }
    // Older programs of ours set no number.
    if ours < 4 || ![0, i64::from(APPLICATION)].contains(&application) {
        return Err(foreign());
    }
    Ok(())
}

fn lost(message: &str, folder: &Path) -> Error {
    Error::corrupt(message).with_hint(format!(
        "nothing was changed; put replica.db back from a backup, with replica.db-wal if there is one; or name another --replica folder, or move {} away: that brings back all that was acknowledged, and not what was queued",
        folder.display()
    ))
}

fn foreign() -> Error {
    Error::invalid("this is no database of icecore")
        .with_hint("nothing was changed; name another --replica folder, or move the file elsewhere if it is not yours")
}
