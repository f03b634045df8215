//! The tables of a replica.

use crate::marker;
use icecore_core::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Params, Transaction, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// The version of the tables; a newer one is refused.
const TABLES_VERSION: i64 = 3;

/// How long a process waits for another one of the same replica to finish a transaction.
const BUSY_MAX: Duration = Duration::from_secs(10);

/// As many as this crate has.
const STATEMENTS_KEPT: usize = 64;

const TABLES: &str = "
    -- One row per space that this replica has touched.
    CREATE TABLE space (
        name       TEXT PRIMARY KEY,
        author     TEXT NOT NULL,
        next_seq   INTEGER NOT NULL,
        own_last   INTEGER,             -- the last key that this author wrote
        info       TEXT,                -- space.json as last read
        listed_at  INTEGER,             -- server time of the last complete listing
        listed_to  INTEGER,             -- the time from which the next one starts
        synced_at  INTEGER,             -- local time of the last complete sync
        problem    TEXT,                -- why the last sync failed
        found      TEXT,                -- gaps and unreadable objects, as last seen
        saves      INTEGER NOT NULL DEFAULT 0  -- counts changes of what a reader saved
    ) STRICT;
    -- Updates that are not acknowledged, in the order of their making.
    CREATE TABLE queue (
        position   INTEGER PRIMARY KEY AUTOINCREMENT,
        space      TEXT NOT NULL,
        author     TEXT NOT NULL,
        seq        INTEGER NOT NULL,
        text       TEXT NOT NULL,
        queued_at  INTEGER NOT NULL,
        attempted  INTEGER NOT NULL DEFAULT 0,
        made_after INTEGER,             -- in a sequenced space, the last key that its maker had seen
        sealed     TEXT,                -- in an encrypted space, the update as it is sent
        UNIQUE (space, author, seq)
    ) STRICT;
    -- Own acknowledged updates, kept as long as a new epoch may lack them.
    CREATE TABLE own (
        space      TEXT NOT NULL,
        author     TEXT NOT NULL,
        seq        INTEGER NOT NULL,
        key        INTEGER NOT NULL,
        text       TEXT NOT NULL,
        acked_at   INTEGER NOT NULL,
        PRIMARY KEY (space, author, seq)
    ) STRICT, WITHOUT ROWID;
    -- Updates that a sequenced space's new state refused: for a person.
    CREATE TABLE refused (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        space      TEXT NOT NULL,
        text       TEXT NOT NULL,
        reason     TEXT NOT NULL,
        refused_at INTEGER NOT NULL,
        since      TEXT NOT NULL DEFAULT '[]'  -- ids of what changed since it was made
    ) STRICT;
    -- The newest snapshot that was used and the segments since, as stored in the bucket.
    CREATE TABLE layer (
        space      TEXT NOT NULL,
        generation INTEGER NOT NULL,
        snapshot   INTEGER NOT NULL,
        bytes      BLOB NOT NULL,
        PRIMARY KEY (space, generation, snapshot)
    ) STRICT;
    -- Visible update objects that the base does not cover, as stored in the bucket.
    CREATE TABLE tail (
        space         TEXT NOT NULL,
        key           INTEGER NOT NULL,
        last_modified INTEGER NOT NULL,
        bytes         BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) STRICT, WITHOUT ROWID;
";

/// From version 2 to 3, also for a new one.
const TO_VERSION_3: &str = "
    -- Updates that were queued under a key of the caller's, so that they are queued once.
    CREATE TABLE once (
        number     INTEGER PRIMARY KEY AUTOINCREMENT,
        space      TEXT NOT NULL,
        name       TEXT NOT NULL,       -- the caller's key
        author     TEXT NOT NULL,
        seq        INTEGER NOT NULL,
        digest     TEXT NOT NULL,       -- of what was to be queued
        key        INTEGER,             -- where it is stored, once it is
        UNIQUE (space, name)
    ) STRICT;
    CREATE INDEX once_by_id ON once (space, author, seq);
    -- The version of the model that the space needs, where this program has an older one.
    ALTER TABLE space ADD COLUMN needs INTEGER;
    -- What listings have said of the newest segment that was folded.
    ALTER TABLE space ADD COLUMN stamp TEXT;
    -- By which the object is known again.
    ALTER TABLE tail ADD COLUMN e_tag TEXT;
    -- What was noticed of a store that was put back to an older state.
    ALTER TABLE space ADD COLUMN restored TEXT;
    -- Whether a segment was seen to hold it.
    ALTER TABLE own ADD COLUMN covered INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX own_open ON own (space, author, seq) WHERE covered = 0;
    -- Updates of others that the store held and holds no more, as they were stored.
    CREATE TABLE lost (
        space      TEXT NOT NULL,
        author     TEXT NOT NULL,
        seq        INTEGER NOT NULL,
        key        INTEGER NOT NULL,
        text       TEXT NOT NULL,
        PRIMARY KEY (space, author, seq)
    ) STRICT, WITHOUT ROWID;
";

/// From version 1 to 2.
const TO_VERSION_2: &str = "
    ALTER TABLE queue ADD COLUMN made_after INTEGER;
    ALTER TABLE queue ADD COLUMN sealed TEXT;
    ALTER TABLE refused ADD COLUMN since TEXT NOT NULL DEFAULT '[]';
";

/// What only saves time: made whatever the version is, and of no meaning to a program that does not know it.
const CACHES: &str = "
    -- The newest snapshot of a space as it unpacks.
    CREATE TABLE IF NOT EXISTS kept (
        space      TEXT PRIMARY KEY,
        generation INTEGER NOT NULL,
        plain      BLOB NOT NULL
    ) STRICT;
";

/// How durable a transaction must be when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// It survives a power cut: nothing else knows of it.
    Now,
    /// It survives a crash of the process; after a power cut the bucket still knows.
    Soon,
}

/// The database of one replica.
#[derive(Debug)]
pub(crate) struct Db {
    connection: Connection,
    /// What the connection is set to, as far as this process has set it.
    durable: Option<Durable>,
}

impl Db {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("replica.db");
        std::fs::create_dir_all(folder).map_err(|e| cannot_open(folder, e))?;
        let at = |e: Error| e.with_object(path.display().to_string());
        marker::check(folder, &path).map_err(at)?;
        let connection = Connection::open(&path).map_err(|e| cannot_open(&path, e))?;
        connection.busy_timeout(BUSY_MAX).map_err(failed)?;
        marker::check_opened(&connection, folder).map_err(at)?;
        let db = Self::prepare(connection, Some(folder)).map_err(at)?;
        // From here on it is missed when it is lost.
        marker::set(folder).map_err(|e| cannot_open(folder, e))?;
        Ok(db)
    }

    pub(crate) fn in_memory() -> Result<Self> {
        Self::prepare(Connection::open_in_memory().map_err(failed)?, None)
    }

    fn prepare(connection: Connection, folder: Option<&Path>) -> Result<Self> {
        connection.busy_timeout(BUSY_MAX).map_err(failed)?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .map_err(failed)?;
        // On macOS a plain fsync leaves the bytes in the disk's own cache; elsewhere this changes nothing.
        connection
            .pragma_update(None, "fullfsync", "on")
            .map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        // Else SQLite plans some statements anew for each value that is bound, a quarter of what a publish takes here.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(failed)?;
        let mut db = Self {
            connection,
            durable: None,
        };
        db.write(Durable::Now, |transaction| {
            let version: i64 = transaction
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .map_err(failed)?;
            if version > TABLES_VERSION {
                return Err(Error::invalid(format!(
                    "the replica is of version {version}, this program knows {TABLES_VERSION}"
                ))
                .with_hint("update this program; nothing was changed"));
            }
            if let Some(folder) = folder.filter(|_| version == 0) {
                sync_way(folder);
            }
            if version < TABLES_VERSION {
                if version < 2 {
                    let change = if version == 0 { TABLES } else { TO_VERSION_2 };
                    transaction.execute_batch(change).map_err(failed)?;
                }
                transaction.execute_batch(TO_VERSION_3).map_err(failed)?;
                transaction
                    .pragma_update(None, "application_id", marker::APPLICATION)
                    .map_err(failed)?;
                transaction
                    .pragma_update(None, "user_version", TABLES_VERSION)
                    .map_err(failed)?;
            }
            transaction.execute_batch(CACHES).map_err(failed)
        })?;
        Ok(db)
    }

    /// Runs `change` in one transaction: all of it or nothing.
    pub(crate) fn write<T>(
        &mut self,
        durable: Durable,
        change: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.set_durable(durable)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let result = change(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(result)
    }

    fn set_durable(&mut self, durable: Durable) -> Result<()> {
        if self.durable == Some(durable) {
            return Ok(());
        }
        let synchronous = if durable == Durable::Now {
            "full"
        } else {
            "normal"
        };
        self.connection
            .pragma_update(None, "synchronous", synchronous)
            .map_err(failed)?;
        self.durable = Some(durable);
        Ok(())
    }

    /// Holds what another one holds, and nothing else.
    #[cfg(feature = "copies")]
    pub(crate) fn take_all_of(&mut self, other: &Self) -> Result<()> {
        const PAGES: std::ffi::c_int = 1_000;
        rusqlite::backup::Backup::new(&other.connection, &mut self.connection)
            .and_then(|backup| backup.run_to_completion(PAGES, Duration::ZERO, None))
            .map_err(failed)
    }

    pub(crate) fn read(&self) -> &Connection {
        &self.connection
    }
}

/// Runs a statement, and keeps it prepared for the next time: preparing costs more than most of them do.
pub(crate) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params))
        .map_err(failed)
}

/// Makes the names of a folder and of all directories above it durable. Before the tables are: a process that finds
/// them knows that a power cut does not take the folder away, whoever made it and died.
fn sync_way(folder: &Path) {
    for directory in folder.ancestors() {
        let is_here = directory.as_os_str().is_empty();
        let directory = if is_here { Path::new(".") } else { directory };
        // What was there before may not be readable for us; Windows cannot sync a directory and does not need to.
        if let Ok(opened) = std::fs::File::open(directory)
            && let Err(error) = opened.sync_all()
        {
            tracing::debug!(%error, directory = %directory.display(), "not synced");
        }
    }
}

/// An error of the replica's own database.
pub(crate) fn failed(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let code = error.sqlite_error_code();
    let wrapped = match code {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            Error::unavailable("another process holds the replica")
                .with_hint("wait for it to finish, or use another --replica folder")
        }
        _ if is_disk_full(&error) => Error::unavailable("the disk of the replica is full")
            .with_hint("free some space; nothing was changed"),
        Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => {
            Error::denied("the replica cannot be written")
                .with_hint("check the permissions of the --replica folder")
        }
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => Error::corrupt(
            "the replica's database is damaged",
        )
        .with_hint("keep the file; a new --replica folder gets back all that was acknowledged"),
        Some(Code::SystemIoFailure) => Error::denied("the disk of the replica fails")
            .with_hint("check the disk, and whether it is full; nothing was changed"),
        _ => Error::internal("the replica's database failed"),
    };
    wrapped.with_source(error)
}

/// `SQLite` says so in two ways: a file of shared memory that cannot grow is an I/O error of its own.
fn is_disk_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|e| e.extended_code);
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || code == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

fn cannot_open(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::denied("the replica folder cannot be used")
        .with_object(path.display().to_string())
        .with_hint("check the path given with --replica and its permissions")
        .with_source(error)
}
