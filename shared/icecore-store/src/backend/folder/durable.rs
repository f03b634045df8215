//! Writing to a directory so that it is all there after a power cut, or not there at all.

use super::error::{FolderError, clone_kind};
use super::{attributes, e_tag, parents};
use object_store::path::Path;
use object_store::{Error, PutMode, PutPayload, Result};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What a name begins with when it is the folder's own and no object.
pub(super) const HIDDEN: &str = ".icecore-";
pub(super) const TEMPORARY: &str = ".icecore-tmp-";
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

/// Names of temporary files are unique within the process; across processes `create_new` decides.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

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

    /// The file of an object. It may be a link itself, which is never followed.
    pub(super) fn file(&self, location: &Path) -> Result<PathBuf> {
        if location.as_ref().is_empty() || location.parts().any(|p| p.as_ref().starts_with(HIDDEN))
        {
            return Err(Error::NotSupported {
                source: format!("the key {location:?} is empty or reserved by the folder").into(),
            });
        }
        let above = location
            .as_ref()
            .rsplit_once('/')
            .map_or("", |(above, _)| above);
        let mut path = self.inside(above)?;
        path.extend(location.as_ref().rsplit('/').next());
        Ok(path)
    }

    /// The file of an object in a directory that was just read.
    pub(super) fn path(&self, location: &Path) -> PathBuf {
        let mut path = self.directory.clone();
        path.extend(location.as_ref().split('/'));
        path
    }

    /// The directory of a prefix. Whoever may write somewhere in the folder could place a symbolic link there, and have files
    /// of whoever reads the store shown to others, or written: below the root none is followed.
    pub(super) fn inside(&self, prefix: &str) -> Result<PathBuf> {
        let mut path = self.directory.clone();
        for part in prefix.split('/').filter(|part| !part.is_empty()) {
            path.push(part);
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
                let link =
                    "symbolic links in a store are not followed: put the files themselves there";
                let source = io::Error::new(ErrorKind::PermissionDenied, link);
                return Err(self.failed("follow", &path, source));
            }
        }
        Ok(path)
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
        let target = self.file(location)?;
        let directory = target.parent().unwrap_or(&self.directory);
        match fs::symlink_metadata(&target) {
            Ok(there) if there.is_dir() => self.make_way(&target)?,
            Ok(_) if *mode == PutMode::Create => return Err(self.taken(&target)),
            Ok(_) | Err(_) => {}
        }
        let staged = self.stage(directory, payload, attributes)?;
        let e_tag = match mode {
            PutMode::Create => self.publish_new(&staged, &target)?,
            PutMode::Overwrite => {
                let _lock = self.lock()?;
                self.replace(&staged, &target)?
            }
            PutMode::Update(version) => {
                let _lock = self.lock()?;
                self.check_version(&target, version.e_tag.as_deref())?;
                self.replace(&staged, &target)?
            }
        };
        self.sync(directory)?;
        Ok(e_tag)
    }

    /// Deletes what is there; what is not there is deleted too.
    pub(super) fn delete(&self, locations: Vec<Result<Path>>) -> Vec<Result<Path>> {
        let mut deleted = Vec::new();
        let mut results = Vec::with_capacity(locations.len());
        let lock = self.lock();
        for location in locations {
            results.push(location.and_then(|location| {
                let path = self.file(&location)?;
                if let Err(error) = &lock {
                    return Err(self.failed("lock", &path, clone_kind(error)));
                }
                match fs::remove_file(&path) {
                    Ok(()) => deleted.push(path),
                    Err(e) if self.is_no_object(&path, &e) => {}
                    Err(e) => return Err(self.failed("delete", &path, e)),
                }
                Ok(location)
            }));
        }
        drop(lock);
        for directory in parents(deleted.iter()) {
            if let Err(error) = self.sync(directory) {
                results.push(Err(error));
            }
        }
        results
    }

    /// Deletes an object if it is still the one with this tag.
    pub(super) fn delete_version(&self, location: &Path, e_tag: &str) -> Result<()> {
        let path = self.file(location)?;
        let lock = self.lock()?;
        self.check_version(&path, Some(e_tag))?;
        fs::remove_file(&path).map_err(|e| self.failed("delete", &path, e))?;
        drop(lock);
        self.sync(path.parent().unwrap_or(&self.directory))
    }

    /// Whether a file could not be deleted because it is none: nothing is there, or a directory, or a file in the place of a
    /// directory above.
    fn is_no_object(&self, path: &FilePath, error: &io::Error) -> bool {
        let absent = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        let is_directory = || fs::symlink_metadata(path).is_ok_and(|there| there.is_dir());
        (absent || is_directory()) && self.directory.is_dir()
    }

    /// Removes the directories that deleted objects left behind under the name of a new one. Whoever just wants to write there
    /// makes them again.
    fn make_way(&self, target: &FilePath) -> Result<()> {
        let _lock = self.lock()?;
        // What is made again is not on disk because something of this name was.
        self.with_durable(|durable| durable.retain(|known| !known.starts_with(target)));
        self.with_settled(|settled| settled.retain(|known, _| !known.starts_with(target)));
        match remove_empty(target) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
                Err(in_the_way(target, ErrorKind::IsADirectory))
            }
            Err(e) => Err(self.failed("create", target, e)),
        }
    }

    /// Writes the bytes to a hidden file of the same directory and fsyncs it, with what is attached to it: both
    /// appear together.
    fn stage(
        &self,
        directory: &FilePath,
        payload: &PutPayload,
        attributes: Option<&[u8]>,
    ) -> Result<Staged> {
        self.ensure(directory, false)?;
        let (path, file) = match Self::create_temporary(directory) {
            // Somebody removed the directory since it was last seen, or put an object in its place.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                self.ensure(directory, true)?;
                Self::create_temporary(directory)
            }
            result => result,
        }
        .map_err(|e| self.failed("create a file in", directory, e))?;
        let moved = Cell::new(false);
        let staged = Staged { path, file, moved };
        let failed = |source| self.failed("write", &staged.path, source);
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
            _ => Err(self.failed("attach the metadata to", &staged.path, source)),
        })
    }

    fn create_temporary(directory: &FilePath) -> io::Result<(PathBuf, File)> {
        let process = std::process::id();
        loop {
            let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
            let path = directory.join(format!("{TEMPORARY}{process:x}-{number:x}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                // A leftover of a dead process that had the same id.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Gives the staged file its name if nobody has it; a hard link is atomic among all processes.
    fn publish_new(&self, staged: &Staged, target: &FilePath) -> Result<String> {
        let failed = |source| self.failed("create", target, source);
        let linked = match fs::hard_link(&staged.path, target) {
            // FAT, exFAT and some network file systems have no hard links: there the lock decides.
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::Unsupported
                ) =>
            {
                let _lock = self.lock()?;
                match fs::symlink_metadata(target) {
                    Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                    Err(_) => staged.rename(target),
                }
            }
            linked => linked,
        };
        match linked {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(self.taken(target)),
            Err(e) => return Err(failed(e)),
        }
        Ok(e_tag(&staged.file.metadata().map_err(failed)?))
    }

    /// The caller may recognise its own earlier write in the occupant and count it as acknowledged, so the
    /// occupant's name must be durable before it is reported; its bytes were before it got the name.
    fn taken(&self, target: &FilePath) -> Error {
        let directory = target.parent().unwrap_or(&self.directory);
        let synced = self
            .ensure(directory, false)
            .and_then(|()| self.sync(directory));
        match synced {
            Ok(()) => self.failed("create", target, ErrorKind::AlreadyExists.into()),
            Err(error) => error,
        }
    }

    /// Puts the staged file in the place of the current version, if any. Needs the lock.
    fn replace(&self, staged: &Staged, target: &FilePath) -> Result<String> {
        let failed = |source| self.failed("replace", target, source);
        let fresh = staged
            .file
            .metadata()
            .and_then(|m| m.modified())
            .map_err(failed)?;
        let old = fs::symlink_metadata(target).and_then(|m| m.modified());
        if let Ok(old) = old
            && old
                .duration_since(fresh)
                .is_ok_and(|ahead| ahead < COARSE_CLOCK)
        {
            // Two quick writes may share a time and a re-used inode; the tag must still change.
            staged
                .file
                .set_modified(old + Duration::from_micros(1))
                .map_err(failed)?;
            staged.file.sync_all().map_err(failed)?;
        }
        staged.rename(target).map_err(failed)?;
        Ok(e_tag(&staged.file.metadata().map_err(failed)?))
    }

    fn check_version(&self, target: &FilePath, expected: Option<&str>) -> Result<()> {
        let refused = |why: String| Error::Precondition {
            path: target.display().to_string(),
            source: why.into(),
        };
        let expected = expected.ok_or_else(|| refused("an update names no e_tag".to_owned()))?;
        match fs::symlink_metadata(target) {
            Ok(metadata) if e_tag(&metadata) == expected => Ok(()),
            Ok(metadata) => Err(refused(format!("{} is not {expected}", e_tag(&metadata)))),
            Err(e) if e.kind() == ErrorKind::NotFound && self.directory.is_dir() => {
                Err(refused("the object does not exist".to_owned()))
            }
            Err(e) => Err(self.failed("read", target, e)),
        }
    }

    /// Excludes the other writers of this folder, in this and other processes, until it is dropped.
    fn lock(&self) -> Result<File> {
        let path = self.directory.join(LOCK);
        let failed = |source| self.failed("lock", &path, source);
        let options = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = options.map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Makes `directory` and fsyncs the entries of it and of its parents, once per process.
    fn ensure(&self, directory: &FilePath, again: bool) -> Result<()> {
        let known = |durable: &mut BTreeSet<PathBuf>| durable.contains(directory);
        if !again && self.with_durable(known) {
            return Ok(());
        }
        if !self.directory.is_dir() {
            return Err(self.failed("write", directory, ErrorKind::NotFound.into()));
        }
        fs::create_dir_all(directory).map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                in_the_way(directory, ErrorKind::NotADirectory)
            }
            _ => self.failed("create", directory, e),
        })?;
        for ancestor in directory.ancestors().skip(1) {
            if !ancestor.starts_with(&self.directory) {
                break;
            }
            self.sync(ancestor)?;
        }
        if !self.reachable.swap(true, Ordering::Relaxed) {
            self.sync_way(0)
                .map_err(|e| self.failed("sync", directory, e))?;
        }
        self.with_durable(|durable| durable.insert(directory.to_owned()));
        Ok(())
    }

    /// Makes sure that what was just found in `directory` is there after a power cut too: whoever made it may have been
    /// killed before it fsynced the name, and readers act on what they see. Costs nothing while nothing changes.
    pub(super) fn settle(&self, directory: &FilePath) -> Result<()> {
        let changed = match fs::metadata(directory).and_then(|m| m.modified()) {
            Ok(changed) => changed,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(self.failed("read", directory, e)),
        };
        let known = self.with_settled(|settled| settled.get(directory).copied());
        if known == Some(changed) {
            return Ok(());
        }
        if known.is_none()
            && let Some(above) = directory.parent()
            && above.starts_with(&self.directory)
        {
            self.settle(above)?;
        }
        let age = age(changed);
        if age.is_none_or(|age| age < WRITTEN_BACK) {
            match sync_directory(directory) {
                Err(e) if !is_never_synced(&e) => return Err(self.failed("sync", directory, e)),
                Ok(()) | Err(_) => {}
            }
        }
        // FAT keeps whole seconds only, and just the even ones.
        let whole = changed
            .duration_since(SystemTime::UNIX_EPOCH)
            .is_ok_and(|t| t.subsec_nanos() == 0);
        if age.is_some_and(|age| age > if whole { COARSE_CLOCK } else { TICK }) {
            self.with_settled(|settled| settled.insert(directory.to_owned(), changed));
        }
        Ok(())
    }

    fn with_settled<T>(&self, f: impl FnOnce(&mut BTreeMap<PathBuf, SystemTime>) -> T) -> T {
        f(&mut self.settled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_durable<T>(&self, f: impl FnOnce(&mut BTreeSet<PathBuf>) -> T) -> T {
        f(&mut self.durable.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sync(&self, directory: &FilePath) -> Result<()> {
        sync_directory(directory).map_err(|e| self.failed("sync", directory, e))
    }
}

/// A complete, fsynced file that has no name yet; its temporary name goes away with it.
struct Staged {
    path: PathBuf,
    file: File,
    /// Renamed into place: the path is free again, for another process too.
    moved: Cell<bool>,
}

impl Staged {
    fn rename(&self, target: &FilePath) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.moved.set(true);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.moved.get() {
            // A leftover is hidden and harmless.
            drop(fs::remove_file(&self.path));
        }
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

/// Removes a directory and those in it, as long as there are no files.
fn remove_empty(directory: &FilePath) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        remove_empty(&entry.path())?;
    }
    fs::remove_dir(directory)
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
