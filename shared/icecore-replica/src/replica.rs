//! Opening a replica, and one space of it.

use crate::db::Db;
use crate::queue::{self, Made, NewUpdate, Pending};
use crate::saved;
use crate::sync::{Pulled, Tail};
use icecore_core::content::check_sealed_size;
use icecore_core::plan::KeyClock;
use icecore_core::tip::Stand;
use icecore_core::{
    Author, Content, Covered, Error, Folded, Key, Order, Result, Seal, SpaceInfo, SpaceName,
    UpdateId,
};
use icecore_store::{Reader, Store, new_author};
use rusqlite::Transaction;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one process waits for another one of the same replica to finish its sync.
const LOCK_WAIT_MAX: Duration = Duration::from_mins(1);
const LOCK_WAIT_STEP: Duration = Duration::from_millis(20);

const SPACES: &str = "SELECT name FROM space WHERE info IS NOT NULL
    OR EXISTS (SELECT 1 FROM queue WHERE queue.space = space.name) ORDER BY name";

/// A local copy of spaces of one store, on disk. Several processes may open one folder; they take turns.
///
/// Cheap to clone: clones share the database.
#[derive(Debug, Clone)]
pub struct Replica {
    store: Store,
    pub(crate) db: Arc<Mutex<Db>>,
    folder: Option<PathBuf>,
    /// Whose turn it is, where there is no folder with a lock for it.
    turn: Arc<AtomicBool>,
}

/// While it is held, no other session of the replica syncs, in whatever process.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The lock of the folder.
    Folder { _lock: File },
    /// That of a replica in memory.
    Memory(Arc<AtomicBool>),
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Self::Memory(taken) = self {
            taken.store(false, Ordering::Release);
        }
    }
}

impl Replica {
    /// Opens, or creates, the replica in `folder`.
    ///
    /// # Errors
    /// `Denied` when the folder cannot be used; `Invalid` when a newer program made it, or another one; `Corrupt` when its
    /// database is damaged, cut short or lost: then nothing is changed.
    pub fn open(store: Store, folder: &Path) -> Result<Self> {
        let db = Arc::new(Mutex::new(Db::open(folder)?));
        Ok(Self {
            store,
            db,
            folder: Some(folder.to_owned()),
            turn: Arc::default(),
        })
    }

    /// A replica in memory: for tests, and for programs that only read.
    ///
    /// # Errors
    /// `Internal` when `SQLite` fails.
    pub fn in_memory(store: Store) -> Result<Self> {
        Ok(Self {
            store,
            db: Arc::new(Mutex::new(Db::in_memory()?)),
            folder: None,
            turn: Arc::default(),
        })
    }

    /// The same database with another view of the store, as after a restart.
    #[must_use]
    pub fn reopened(&self, store: Store) -> Self {
        Self {
            store,
            db: Arc::clone(&self.db),
            folder: self.folder.clone(),
            turn: Arc::clone(&self.turn),
        }
    }

    /// One space; no request is made, so it works offline.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn space(&self, space: &SpaceName) -> Result<SpaceReplica> {
        let author = new_author(&*self.store.clock, &*self.store.ids);
        queue::ensure_space(&mut self.db(), space, author)?;
        Ok(SpaceReplica {
            replica: self.clone(),
            space: space.clone(),
            reader: None,
            saves: -1,
            keys: KeyClock::default(),
            pulled: false,
            late: Pulled::default(),
            lead: None,
            known: None,
            barred: None,
            unsettled: false,
            tail: Tail::default(),
        })
    }

    /// The spaces that this replica has read or has updates for, sorted. One that was only asked for is none.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn spaces(&self) -> Result<Vec<SpaceName>> {
        let db = self.db();
        let mut select = db.read().prepare(SPACES).map_err(crate::db::failed)?;
        let names = select
            .query_map([], |row| row.get::<_, String>(0))
            .map_err(crate::db::failed)?;
        names
            .map(|name| name.map_err(crate::db::failed)?.parse())
            .collect()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn db(&self) -> MutexGuard<'_, Db> {
        // A panic while the lock was held rolled its transaction back: the database is whole.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the other processes, and the other sessions, of this replica: one author has one update in flight at a time.
    pub(crate) async fn lock(&self) -> Result<Turn> {
        match &self.folder {
            Some(folder) => self.lock_folder(folder).await,
            None => self.lock_memory().await,
        }
    }

    async fn lock_memory(&self) -> Result<Turn> {
        let start = self.store.clock.monotonic();
        while self.turn.swap(true, Ordering::Acquire) {
            self.wait_for_turn(start, Path::new("memory")).await?;
        }
        Ok(Turn::Memory(Arc::clone(&self.turn)))
    }

    /// A step of waiting, unless it took too long already.
    async fn wait_for_turn(&self, start: Duration, path: &Path) -> Result<()> {
        if self.store.clock.monotonic().saturating_sub(start) > LOCK_WAIT_MAX {
            return Err(
                Error::unavailable("another process is syncing this replica")
                    .with_object(path.display().to_string())
                    .with_hint("wait for it to finish, or use another --replica folder"),
            );
        }
        self.store.clock.sleep(LOCK_WAIT_STEP).await;
        Ok(())
    }

    async fn lock_folder(&self, folder: &Path) -> Result<Turn> {
        let path = folder.join("sync.lock");
        // Opened for reading where it is there: opening and closing it for writing costs more than the lock. On NFS
        // only a file that is open for writing can be locked.
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(_) => open_to_lock(&path)?,
        };
        let mut writable = false;
        let start = self.store.clock.monotonic();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Turn::Folder { _lock: file }),
                Err(std::fs::TryLockError::WouldBlock) => {
                    self.wait_for_turn(start, &path).await?;
                }
                Err(std::fs::TryLockError::Error(_)) if !writable => {
                    (file, writable) = (open_to_lock(&path)?, true);
                }
                Err(std::fs::TryLockError::Error(e)) => {
                    return Err(Error::denied("the replica folder cannot be locked")
                        .with_object(path.display().to_string())
                        .with_source(e));
                }
            }
        }
    }
}

fn open_to_lock(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    options.open(path).map_err(|e| {
        Error::denied("the replica folder cannot be written")
            .with_object(path.display().to_string())
            .with_source(e)
    })
}

/// One space of a replica: what the bucket is known to hold, and what waits to get there.
#[derive(Debug)]
pub struct SpaceReplica {
    pub(crate) replica: Replica,
    pub(crate) space: SpaceName,
    pub(crate) reader: Option<Reader>,
    pub(crate) saves: i64,
    pub(crate) keys: KeyClock,
    pub(crate) pulled: bool,
    /// What was pulled and no sync has returned yet.
    pub(crate) late: Pulled,
    /// What another session of the same process knows of the space, where this one has read nothing itself.
    lead: Option<Lead>,
    /// The ids that the reader holds, where they are known.
    pub(crate) known: Option<Covered>,
    /// The author that access is bound to, where another replica writes as it: nothing can be sent.
    pub(crate) barred: Option<Author>,
    /// A flush of this session was given up or failed: what it sent may be stored.
    pub(crate) unsettled: bool,
    /// Whether to roll up what nobody else does.
    pub(crate) tail: Tail,
}

/// What has to be known of a space to queue an update for it.
#[derive(Debug)]
struct Lead {
    order: Order,
    content: Content,
    sequence_end: Option<Key>,
    /// What is queued before, by the monotonic clock, is about to be sent: the epoch is looked at again after it.
    sends_until: Option<Duration>,
}

impl SpaceReplica {
    /// Goes by what another session of this process has read of the space, so that queueing reads nothing itself. To be
    /// told again after each sync of that one, and whether it succeeded: only then is what is queued about to be sent.
    pub fn follow(&mut self, other: &Self, succeeded: bool) {
        self.lead = other.reader.as_ref().map(|reader| Lead {
            order: reader.info.order,
            content: reader.base.folded.content().clone(),
            sequence_end: (reader.info.order == Order::Sequence).then(|| reader.sequence_end()),
            sends_until: reader
                .checked_until()
                .filter(|_| succeeded && other.pulled && other.barred.is_none()),
        });
        if self.lead.is_some() {
            self.reader = None;
        }
    }

    /// Queues updates durably and gives each its id. Works offline; nothing is sent.
    ///
    /// # Errors
    /// Errors of the replica's database; then nothing is queued.
    pub fn enqueue(&mut self, updates: &[NewUpdate]) -> Result<Vec<UpdateId>> {
        self.queue_up(|_, _| Ok(Cow::Borrowed(updates)))
    }

    pub(crate) fn queue_up<'a>(
        &mut self,
        make: impl FnOnce(&Transaction<'_>, UpdateId) -> Result<Cow<'a, [NewUpdate]>>,
    ) -> Result<Vec<UpdateId>> {
        // Neither ever changes, so a reader at hand knows them, however old it is.
        let known = |info: &SpaceInfo| (info.order, info.keyring.is_some());
        let lead = self.lead.as_ref().filter(|_| self.reader.is_none());
        let (order, encrypted) = match (&self.reader, lead) {
            (Some(reader), _) => known(&reader.info),
            (None, Some(lead)) => (lead.order, !matches!(lead.content.seal(), Seal::Clear)),
            (None, None) => saved::info(self.replica.db().read(), &self.space)?
                .as_ref()
                .map(known)
                .unwrap_or_default(),
        };
        let is_led = lead.is_some();
        if order == Order::Sequence && !is_led {
            self.restore()?;
        }
        let store = &self.replica.store;
        let lead = self.lead.as_ref().filter(|_| is_led);
        let after = match lead {
            Some(lead) => lead.sequence_end,
            None => self
                .reader
                .as_ref()
                .filter(|reader| reader.info.order == Order::Sequence)
                .map(Reader::sequence_end),
        };
        // Whether what is queued now is about to be sent: the next flush need not look at the space first.
        // Behind a gateway it is not known yet whether it will be sent, nor as whom.
        let has_access = store.broker().is_none();
        let is_looked_at = match lead {
            Some(lead) => lead
                .sends_until
                .is_some_and(|until| store.clock.monotonic() < until),
            None => self.pulled && !self.pull_is_overdue(),
        };
        let sending = has_access && is_looked_at;
        // Sealed now it is sent without a transaction of its own.
        let content = match lead {
            Some(lead) => Some(&lead.content),
            None => self.reader.as_ref().map(|r| r.base.folded.content()),
        };
        let content = content.filter(|content| sending && !content.is_locked());
        let made = Made {
            now: store.clock.now(),
            // Else the flush seals it first.
            attempted: sending && content.is_some(),
            after,
            seal: &|id, update| match content {
                Some(content) => content.seal_update(id, update, store.salt(content)),
                None if encrypted => check_sealed_size(update).map(|()| None),
                None => Ok(None),
            },
        };
        queue::enqueue(&mut self.replica.db(), &self.space, &made, make)
    }

    /// As [`SpaceReplica::enqueue`], with updates that are made once the id of the first is known; the others
    /// follow one by one.
    ///
    /// # Errors
    /// As [`SpaceReplica::enqueue`], and what `make` returns.
    pub fn enqueue_from(
        &mut self,
        make: impl FnOnce(UpdateId) -> Result<Vec<NewUpdate>>,
    ) -> Result<Vec<UpdateId>> {
        self.queue_up(|_, first| make(first).map(Cow::Owned))
    }

    /// What waits to be acknowledged, in the order in which it will be published; at most `limit`.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn pending(&self, limit: usize) -> Result<Vec<Pending>> {
        queue::pending(self.replica.db().read(), &self.space, limit)
    }

    /// The state: what the bucket was last seen to hold, and the pending updates on top.
    ///
    /// # Errors
    /// `NotFound` before the first sync; `Denied` in an encrypted space whose keys are not at hand; `Corrupt` when the
    /// model declared the history inconsistent, naming the update; errors of the replica's database.
    pub fn state(&mut self) -> Result<Folded> {
        let folded = self.folded()?;
        folded.check_consistent()?;
        Ok(folded)
    }

    /// The same; of a history that the model declared inconsistent, the state before the impossible update.
    ///
    /// # Errors
    /// `NotFound` before the first sync; errors of the replica's database.
    pub fn folded(&mut self) -> Result<Folded> {
        let pending = self.pending(usize::MAX)?;
        let reader = self.reader()?;
        let own = pending.iter().filter(|p| !reader.has(p.id));
        let own: Vec<_> = own.map(Pending::step).collect();
        let folded = reader.state_with(&own);
        folded.check_readable()?;
        Ok(folded)
    }

    /// Tells where a [`icecore_core::Tip`] has to go to show the state: for a program that keeps one, so that what is there
    /// already is not folded again.
    ///
    /// # Errors
    /// As [`SpaceReplica::folded`].
    pub fn stand(&mut self, show: &mut dyn FnMut(&Stand<'_>)) -> Result<()> {
        let pending = self.pending(usize::MAX)?;
        let reader = self.reader()?;
        reader.base.folded.check_readable()?;
        let own = pending.iter().filter(|p| !reader.has(p.id));
        let mut steps = reader.tail_steps();
        steps.extend(own.map(Pending::step));
        show(&Stand {
            base: &reader.base.folded,
            at: Some(reader.at()),
            steps: &steps,
        });
        Ok(())
    }

    /// As whom this replica writes to the space.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn author(&self) -> Result<Author> {
        Ok(queue::writer(self.replica.db().read(), &self.space)?.author)
    }

    /// The reader as it was last saved, without any request.
    ///
    /// # Errors
    /// `NotFound` before the first sync; errors of the replica's database.
    pub fn reader(&mut self) -> Result<&mut Reader> {
        self.restore()?;
        if self.reader.is_none() {
            return Err(self.not_here()?);
        }
        self.reader.as_mut().ok_or_else(|| not_seen(&self.space))
    }

    /// Why there is no reader without a request.
    fn not_here(&self) -> Result<Error> {
        let seen = saved::info(self.replica.db().read(), &self.space)?.is_some();
        Ok(if seen {
            let message = format!(
                "what this replica saved of the space {} is of another version of its model, and this one cannot read it",
                self.space
            );
            Error::invalid(message)
                .with_hint(
                    "sync while the store can be reached: it is read anew, and nothing is lost",
                )
                .with_source(Unusable)
        } else {
            not_seen(&self.space)
        })
    }

    /// The reader in memory, while the lock of the replica keeps others from saving a newer one.
    pub(crate) fn held_reader(&mut self) -> Result<&mut Reader> {
        if self.reader.is_none() {
            self.restore()?;
        }
        self.reader.as_mut().ok_or_else(|| not_seen(&self.space))
    }

    /// Loads the saved reader, unless the one in memory is as new. `true` when another process has saved a newer one.
    pub(crate) fn restore(&mut self) -> Result<bool> {
        let mut db = self.replica.db();
        let saves = saved::saves(db.read(), &self.space)?;
        let newer = self.reader.is_some() && saves != self.saves;
        if self.reader.is_none() || newer {
            let loaded = saved::load(db.read(), &self.replica.store, &self.space)?;
            (self.known, self.saves) = (None, saves);
            if let Some(unpacked) = loaded.as_ref().and_then(|l| l.unpacked.as_ref()) {
                saved::keep(&mut db, &self.space, unpacked);
            }
            self.reader = loaded.map(|loaded| loaded.reader);
        }
        Ok(newer)
    }

    /// Counts what was saved of the space, by whatever process: while it is the same, so is what the bucket is known to
    /// hold.
    ///
    /// # Errors
    /// Errors of the replica's database.
    pub fn saves(&self) -> Result<i64> {
        saved::saves(self.replica.db().read(), &self.space)
    }

    /// The replica that it is part of.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The space's name.
    pub fn name(&self) -> &SpaceName {
        &self.space
    }
}

/// What a replica saved cannot be read by this version of the model: it is read anew by the next sync.
#[derive(Debug)]
pub struct Unusable;

impl Unusable {
    /// Whether an error is about this.
    pub fn is(error: &Error) -> bool {
        let source = std::error::Error::source(error);
        source.is_some_and(<dyn std::error::Error>::is::<Self>)
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another version of the model wrote it")
    }
}

impl std::error::Error for Unusable {}

fn not_seen(space: &SpaceName) -> Error {
    Error::not_found(format!("this replica has not seen the space {space} yet"))
        .with_hint("run `icecore sync` while the store can be reached")
}
