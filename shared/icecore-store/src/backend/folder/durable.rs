//! Writing to a directory so that it is all there after a power cut, or not there at all.

use super::directory::{Directory, Kind, Stat};
use super::error::{FolderError, clone_kind};
use super::staged::{Staged, new_temporary};
use super::{attributes, e_tag};
use object_store::path::Path;
use object_store::{Error, PutMode, PutPayload, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What a name begins with when it is the folder's own and no object.
pub(super) const HIDDEN: &str = ".icecore-";
const LOCK: &str = ".icecore-lock";

/// Clocks of file systems tick as slowly as every 10 ms (and 2 s on FAT); versions closer than this are
/// told apart by moving the newer one forward.
const COARSE_CLOCK: Duration = Duration::from_secs(4);

/// The directory of a store and what this process knows about it.
#[derive(Debug)]
pub(super) struct Root {
    directory: PathBuf,
    /// Directories whose own entries are known to be on disk, up to the root: another process may have
    /// made one and died before it fsynced the parent, so the first write of each process sees to it.
    durable: Mutex<BTreeSet<PathBuf>>,
    /// Whether the names above the root are known to be on disk.
    reachable: AtomicBool,
    /// Directories that were read, and when they were last changed then: all names up to that change are on disk.
    settled: Mutex<BTreeMap<PathBuf, SystemTime>>,
}

/// A change of a directory that is so old has been written back by every file system, whoever made it.
const WRITTEN_BACK: Duration = Duration::from_mins(10);
/// Two changes that are closer may have the same time: as clocks of file systems tick.
const TICK: Duration = Duration::from_millis(100);

/// How often a directory is made for a file, if somebody always removes it before the file is there.
const TRIES_MAX: usize = 4;

impl Root {
    pub(super) fn new(directory: PathBuf) -> Self {
        let durable = Mutex::new(BTreeSet::new());
        Self {
            directory,
            durable,
            reachable: AtomicBool::new(false),
            settled: Mutex::new(BTreeMap::new()),
        }
    }

    pub(super) fn directory(&self) -> &FilePath {
        &self.directory
    }

    pub(super) fn create(&self) -> Result<()> {
        let failed = |source| self.failed("create the folder", &self.directory, source);
        let made = self
            .directory
            .ancestors()
            .take_while(|d| !d.exists())
            .count();
        fs::create_dir_all(&self.directory).map_err(failed)?;
        self.sync_way(made).map_err(failed)
    }

    /// Makes the name of the folder durable, and those of all directories above it: a process that made them may have
    /// died before it synced them. The lowest `made` are this one's own; of the others what cannot be synced, for want of
    /// rights as a rule, was there before anybody made a store.
    fn sync_way(&self, made: usize) -> io::Result<()> {
        let here = FilePath::new(".");
        for (number, above) in self.directory.ancestors().skip(1).enumerate() {
            let is_here = above.as_os_str().is_empty();
            let synced = sync_directory(if is_here { here } else { above });
            if number < made {
                synced?;
            }
        }
        Ok(())
    }

    /// The directory of a prefix, opened from the root part by part: below the root no symbolic link is followed.
    pub(super) fn open(&self, prefix: &str) -> Result<Directory> {
        let failed = |source| self.failed("open", &self.directory, source);
        let mut directory = Directory::root(&self.directory).map_err(failed)?;
        for part in parts(prefix) {
            directory = directory
                .child(part)
                .map_err(|e| self.failed_in("open", (&directory, part), e))?;
        }
        Ok(directory)
    }

    /// As [`failed`](Self::failed), of what has this name in a directory.
    pub(super) fn failed_in(
        &self,
        doing: &'static str,
        (directory, name): (&Directory, &str),
        source: io::Error,
    ) -> Error {
        self.failed(doing, &directory.path().join(name), source)
    }

    /// Turns a failure into the error that callers can act on. What is not there because the whole folder
    /// is not there must not look like a missing object.
    pub(super) fn failed(&self, doing: &'static str, path: &FilePath, source: io::Error) -> Error {
        let kind = source.kind();
        let absent = matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
        if absent && !self.directory.is_dir() {
            let doing = "find the folder";
            let directory = self.directory.clone();
            let path = directory.display().to_string();
            let source = FolderError {
                doing,
                path: directory,
                source,
            }
            .into();
            return Error::NotFound { path, source };
        }
        let text = path.display().to_string();
        let error = FolderError {
            doing,
            path: path.to_owned(),
            source,
        };
        match kind {
            _ if absent => Error::NotFound {
                path: text,
                source: error.into(),
            },
            ErrorKind::AlreadyExists => Error::AlreadyExists {
                path: text,
                source: error.into(),
            },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::PermissionDenied {
                    path: text,
                    source: error.into(),
                }
            }
            _ => Error::Generic {
                store: "Folder",
                source: error.into(),
            },
        }
    }

    /// Writes an object, with its encoded attributes if there are any, and returns its tag.
    pub(super) fn put(
        &self,
        location: &Path,
        payload: &PutPayload,
        attributes: Option<&[u8]>,
        mode: &PutMode,
    ) -> Result<String> {
        let (above, name) = split(location)?;
        let directory = self.make(above, false)?;
        match directory.stat(name) {
            Ok(there) if there.kind == Kind::Directory => self.make_way(&directory, name)?,
            Ok(_) if *mode == PutMode::Create => return Err(self.taken(&directory, name)),
            Ok(_) | Err(_) => {}
        }
        let staged = self.stage(directory, payload, attributes)?;
        let e_tag = match mode {
            PutMode::Create => self.publish_new(&staged, name)?,
            PutMode::Overwrite => {
                let _lock = self.lock()?;
                self.replace(&staged, name)?
            }
            PutMode::Update(version) => {
                let _lock = self.lock()?;
                self.check_version(&staged.directory, name, version.e_tag.as_deref())?;
                self.replace(&staged, name)?
            }
        };
        self.sync(&staged.directory)?;
        Ok(e_tag)
    }

    /// Deletes what is there; what is not there is deleted too.
    pub(super) fn delete(&self, locations: Vec<Result<Path>>) -> Vec<Result<Path>> {
        let mut changed = BTreeMap::new();
        let mut results = Vec::with_capacity(locations.len());
        let lock = self.lock();
        for location in locations {
            results.push(location.and_then(|location| {
                let (above, name) = split(&location)?;
                if let Err(error) = &lock {
                    let path = self.path(location.as_ref());
                    return Err(self.failed("lock", &path, clone_kind(error)));
                }
                let directory = match self.open(above) {
                    // Nothing is there, or an object.
                    Err(Error::NotFound { .. }) if self.directory.is_dir() => return Ok(location),
                    directory => directory?,
                };
                match directory.remove_file(name) {
                    Ok(()) => drop(changed.insert(above.to_owned(), directory)),
                    Err(e) if self.is_no_object(&directory, name, &e) => {}
                    Err(e) => return Err(self.failed_in("delete", (&directory, name), e)),
                }
                Ok(location)
            }));
        }
        drop(lock);
        for directory in changed.values() {
            if let Err(error) = self.sync(directory) {
                results.push(Err(error));
            }
        }
        results
    }

    /// Deletes an object if it is still the one with this tag.
    pub(super) fn delete_version(&self, location: &Path, e_tag: &str) -> Result<()> {
        let (above, name) = split(location)?;
        let directory = match self.open(above) {
            Err(Error::NotFound { .. }) if self.directory.is_dir() => {
                return Err(refused(&self.path(location.as_ref()), IS_MISSING));
            }
            directory => directory?,
        };
        let lock = self.lock()?;
        self.check_version(&directory, name, Some(e_tag))?;
        let failed = |e| self.failed_in("delete", (&directory, name), e);
        directory.remove_file(name).map_err(failed)?;
        drop(lock);
        self.sync(&directory)
    }

    /// Whether a file could not be deleted because it is none: nothing is there, or a directory.
    fn is_no_object(&self, directory: &Directory, name: &str, error: &io::Error) -> bool {
        let is_directory = |there: Stat| there.kind == Kind::Directory;
        let absent = error.kind() == ErrorKind::NotFound;
        (absent || directory.stat(name).is_ok_and(is_directory)) && self.directory.is_dir()
    }

    /// Removes the directories that deleted objects left behind under the name of a new one. Whoever just wants to write there
    /// makes them again.
    fn make_way(&self, directory: &Directory, name: &str) -> Result<()> {
        let target = directory.path().join(name);
        let _lock = self.lock()?;
        // What is made again is not on disk because something of this name was.
        self.with_durable(|durable| durable.retain(|known| !known.starts_with(&target)));
        self.with_settled(|settled| settled.retain(|known, _| !known.starts_with(&target)));
        match directory.remove_empty(name) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
                Err(in_the_way(&target, ErrorKind::IsADirectory))
            }
            Err(e) => Err(self.failed("create", &target, e)),
        }
    }

    /// Writes the bytes to a hidden file of the same directory and fsyncs it, with what is attached to it: both
    /// appear together.
    fn stage(
        &self,
        directory: Directory,
        payload: &PutPayload,
        attributes: Option<&[u8]>,
    ) -> Result<Staged> {
        let (directory, name, file) = self.create_temporary(directory)?;
        let staged = Staged::new(directory, name, file);
        let failed = |source| self.failed_in("write", (&staged.directory, &staged.name), source);
        let mut file = &staged.file;
        let written = payload.iter().try_for_each(|bytes| file.write_all(bytes));
        written.map_err(failed)?;
        if let Some(attributes) = attributes {
            self.attach(&staged, attributes)?;
        }
        staged.file.sync_all().map_err(failed)?;
        Ok(staged)
    }

    fn attach(&self, staged: &Staged, attributes: &[u8]) -> Result<()> {
        let written = attributes::write(&staged.file, attributes);
        written.or_else(|source| match source.kind() {
            // Headers are worth keeping, and not worth losing the object for.
            ErrorKind::Unsupported if !attributes::has_metadata(attributes) => Ok(()),
            ErrorKind::Unsupported => Err(attributes::unsupported(
                "the file system of the folder has no extended attributes, which metadata need",
            )),
            _ => {
                let (directory, name) = (&staged.directory, staged.name.as_str());
                Err(self.failed_in("attach the metadata to", (directory, name), source))
            }
        })
    }

    /// A new hidden file in this directory, or in the one that is made in its place: somebody may have removed it since.
    fn create_temporary(&self, mut directory: Directory) -> Result<(Directory, String, File)> {
        let mut tries = 0;
        loop {
            tries += 1;
            match new_temporary(&directory) {
                Ok((name, file)) => return Ok((directory, name, file)),
                Err(e) if e.kind() == ErrorKind::NotFound && tries < TRIES_MAX => {
                    directory = self.make(directory.key(), true)?;
                }
                Err(e) => return Err(self.failed("create a file in", directory.path(), e)),
            }
        }
    }

    /// Gives the staged file its name if nobody has it; a hard link is atomic among all processes.
    fn publish_new(&self, staged: &Staged, name: &str) -> Result<String> {
        let directory = &staged.directory;
        let failed = |source| self.failed_in("create", (directory, name), source);
        let linked = match directory.link(&staged.name, name) {
            // FAT, exFAT and some network file systems have no hard links: there the lock decides.
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::Unsupported
                ) =>
            {
                let _lock = self.lock()?;
                match directory.stat(name) {
                    Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                    Err(_) => staged.rename(name),
                }
            }
            linked => linked,
        };
        match linked {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                return Err(self.taken(directory, name));
            }
            Err(e) => return Err(failed(e)),
        }
        staged.e_tag().map_err(failed)
    }

    /// The caller may recognise its own earlier write in the occupant and count it as acknowledged, so the
    /// occupant's name must be durable before it is reported; its bytes were before it got the name, and the directory since
    /// it was [made](Self::make).
    fn taken(&self, directory: &Directory, name: &str) -> Error {
        match self.sync(directory) {
            Ok(()) => self.failed_in("create", (directory, name), ErrorKind::AlreadyExists.into()),
            Err(error) => error,
        }
    }

    /// Puts the staged file in the place of the current version, if any. Needs the lock.
    fn replace(&self, staged: &Staged, name: &str) -> Result<String> {
        let failed = |source| self.failed_in("replace", (&staged.directory, name), source);
        let fresh = staged.file.metadata().and_then(|m| m.modified());
        let fresh = fresh.map_err(failed)?;
        if let Ok(old) = staged.directory.stat(name)
            && old
                .modified
                .duration_since(fresh)
                .is_ok_and(|ahead| ahead < COARSE_CLOCK)
        {
            // Two quick writes may share a time and a re-used inode; the tag must still change.
            let next = old.modified + Duration::from_micros(1);
            staged.file.set_modified(next).map_err(failed)?;
            staged.file.sync_all().map_err(failed)?;
        }
        staged.rename(name).map_err(failed)?;
        staged.e_tag().map_err(failed)
    }

    fn check_version(
        &self,
        directory: &Directory,
        name: &str,
        expected: Option<&str>,
    ) -> Result<()> {
        let refused = |why: &str| refused(&directory.path().join(name), why);
        let expected = expected.ok_or_else(|| refused("an update names no e_tag"))?;
        match directory.stat(name) {
            Ok(there) if e_tag(&there) == expected => Ok(()),
            Ok(there) => Err(refused(&format!("{} is not {expected}", e_tag(&there)))),
            Err(e) if e.kind() == ErrorKind::NotFound && self.directory.is_dir() => {
                Err(refused(IS_MISSING))
            }
            Err(e) => Err(self.failed_in("read", (directory, name), e)),
        }
    }

    /// Excludes the other writers of this folder, in this and other processes, until it is dropped.
    fn lock(&self) -> Result<File> {
        let locked = Directory::root(&self.directory).and_then(|root| {
            let file = root.file_to_lock(LOCK)?;
            file.lock()?;
            Ok(file)
        });
        locked.map_err(|e| self.failed("lock", &self.directory.join(LOCK), e))
    }

    /// The directory of a prefix, to write in. It and those above it are made, and their names fsynced, once per process.
    fn make(&self, prefix: &str, again: bool) -> Result<Directory> {
        let path = self.path(prefix);
        if !again && self.with_durable(|durable| durable.contains(&path)) {
            match self.open(prefix) {
                // Somebody removed it since it was last seen, or put an object in its place.
                Err(Error::NotFound { .. }) => {}
                opened => return opened,
            }
        }
        let failed = |source| self.failed("write", &path, source);
        let mut directory = Directory::root(&self.directory).map_err(failed)?;
        let mut above = Vec::new();
        for part in parts(prefix) {
            let child = self.make_child(&directory, part)?;
            above.push(std::mem::replace(&mut directory, child));
        }
        for directory in above.iter().rev() {
            self.sync(directory)?;
        }
        if !self.reachable.swap(true, Ordering::Relaxed) {
            self.sync_way(0)
                .map_err(|e| self.failed("sync", &path, e))?;
        }
        self.with_durable(|durable| durable.insert(path));
        Ok(directory)
    }

    /// A directory in another, made where it is missing.
    fn make_child(&self, directory: &Directory, name: &str) -> Result<Directory> {
        let made = match directory.make_directory(name) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
            Ok(()) | Err(_) => Ok(()),
        };
        // It may be there all the same, where nothing can be made.
        let opened = directory.child(name).or_else(|e| made.and(Err(e)));
        opened.map_err(|e| match e.kind() {
            ErrorKind::NotADirectory => {
                in_the_way(&directory.path().join(name), ErrorKind::NotADirectory)
            }
            _ => self.failed_in("create", (directory, name), e),
        })
    }

    /// Makes sure that what was just found in `directory` is there after a power cut too: whoever made it may have been
    /// killed before it fsynced the name, and readers act on what they see. Costs nothing while nothing changes.
    pub(super) fn settle(&self, directory: &Directory) -> Result<()> {
        let path = directory.path();
        let changed = directory.modified();
        let changed = changed.map_err(|e| self.failed("read", path, e))?;
        let known = self.with_settled(|settled| settled.get(path).copied());
        if known == Some(changed) {
            return Ok(());
        }
        if known.is_none() && !directory.key().is_empty() {
            let above = directory.key().rsplit_once('/');
            match self.open(above.map_or("", |(above, _)| above)) {
                Ok(above) => self.settle(&above)?,
                // It went away meanwhile, with all that was found in it.
                Err(Error::NotFound { .. }) if self.directory.is_dir() => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        let age = age(changed);
        if age.is_none_or(|age| age < WRITTEN_BACK) {
            match directory.sync() {
                Err(e) if !is_never_synced(&e) => return Err(self.failed("sync", path, e)),
                Ok(()) | Err(_) => {}
            }
        }
        // FAT keeps whole seconds only, and just the even ones.
        let whole = changed
            .duration_since(SystemTime::UNIX_EPOCH)
            .is_ok_and(|t| t.subsec_nanos() == 0);
        if age.is_some_and(|age| age > if whole { COARSE_CLOCK } else { TICK }) {
            self.with_settled(|settled| settled.insert(path.to_owned(), changed));
        }
        Ok(())
    }

    fn with_settled<T>(&self, f: impl FnOnce(&mut BTreeMap<PathBuf, SystemTime>) -> T) -> T {
        f(&mut self.settled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_durable<T>(&self, f: impl FnOnce(&mut BTreeSet<PathBuf>) -> T) -> T {
        f(&mut self.durable.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sync(&self, directory: &Directory) -> Result<()> {
        let synced = directory.sync();
        synced.map_err(|e| self.failed("sync", directory.path(), e))
    }

    /// Where something of this key lies, for messages.
    fn path(&self, key: &str) -> PathBuf {
        let mut path = self.directory.clone();
        path.extend(parts(key));
        path
    }
}

/// The parts of a key.
fn parts(key: &str) -> impl Iterator<Item = &str> {
    key.split('/').filter(|part| !part.is_empty())
}

/// The directory of an object, and its name there.
pub(super) fn split(location: &Path) -> Result<(&str, &str)> {
    let key = location.as_ref();
    if key.is_empty() || parts(key).any(|part| part.starts_with(HIDDEN)) {
        return Err(Error::NotSupported {
            source: format!("the key {location:?} is empty or reserved by the folder").into(),
        });
    }
    Ok(key.rsplit_once('/').unwrap_or(("", key)))
}

const IS_MISSING: &str = "the object does not exist";

/// A condition that does not hold.
fn refused(path: &FilePath, why: &str) -> Error {
    Error::Precondition {
        path: path.display().to_string(),
        source: why.into(),
    }
}

/// One directory cannot hold both `a` and `a/b`.
fn in_the_way(path: &FilePath, what: ErrorKind) -> Error {
    let source = FolderError {
        doing: "create",
        path: path.to_owned(),
        source: io::Error::new(
            what,
            "a folder cannot hold an object and others below it: choose another name",
        ),
    };
    Error::Generic {
        store: "Folder",
        source: source.into(),
    }
}

/// Entries of a directory are data of the directory. Windows cannot sync one and does not need to.
fn sync_directory(directory: &FilePath) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// How long ago a file system made a change; none where that is in the future.
#[expect(
    clippy::disallowed_methods,
    reason = "it is compared with times of files, which come from the clock of this machine too"
)]
fn age(changed: SystemTime) -> Option<Duration> {
    SystemTime::now().duration_since(changed).ok()
}

/// Who cannot sync cannot have made it either: a folder that may only be read, or a file system without syncs.
fn is_never_synced(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidInput
            | ErrorKind::Unsupported
    )
}
