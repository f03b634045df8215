//! Listing a directory tree in the order of its keys, touching only what the caller asked for.

use super::directory::{Directory, Kind};
use super::durable::{HIDDEN, Root};
use super::object_meta;
use super::staged::TEMPORARY;
use object_store::path::{Path, PathPart};
use object_store::{Error, ObjectMeta, Result};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::SystemTime;

/// A walk over the objects under a prefix that come after an offset.
///
/// Names are read directory by directory, filtered and sorted; a file is stat'ed only when it is its turn.
pub(super) struct Walk {
    root: Arc<Root>,
    offset: Option<Path>,
    /// The directories still to visit, the deepest last.
    pending: Vec<Level>,
}

/// A directory, and what is still to visit of it.
struct Level {
    key: String,
    /// Held from one object to the next, so that each is looked at in the very directory; not while nobody asks for more.
    directory: Option<Directory>,
    entries: std::vec::IntoIter<Entry>,
}

struct Entry {
    /// The key; of a directory with a slash at the end, so that entries sort as their keys do.
    key: String,
    is_directory: bool,
}

impl Walk {
    pub(super) fn new(
        root: Arc<Root>,
        prefix: Option<&Path>,
        offset: Option<Path>,
    ) -> Result<Self> {
        let prefix = prefix.map_or("", AsRef::as_ref);
        let top = Level::read(&root, prefix.trim_end_matches('/'), offset.as_ref())?;
        Ok(Self {
            root,
            offset,
            pending: vec![top],
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<ObjectMeta>> {
        while let Some(level) = self.pending.last_mut() {
            let Some(entry) = level.entries.next() else {
                self.pending.pop();
                continue;
            };
            if entry.is_directory {
                let key = entry.key.trim_end_matches('/');
                let inside = Level::read(&self.root, key, self.offset.as_ref())?;
                self.pending.push(inside);
            } else if let Some(meta) = level.stat(&self.root, &entry.key)? {
                return Ok(Some(meta));
            }
        }
        Ok(None)
    }

    /// Holds no directory until the next object is asked for: it may take a while, and there are only so many descriptors.
    pub(super) fn rest(&mut self) {
        for level in &mut self.pending {
            level.directory = None;
        }
    }
}

/// The objects of one directory, and its directories that hold any.
pub(super) fn one_level(
    root: &Arc<Root>,
    prefix: Option<&Path>,
) -> Result<(Vec<ObjectMeta>, Vec<Path>)> {
    let prefix = prefix.map_or("", AsRef::as_ref);
    let (mut objects, mut directories) = (Vec::new(), Vec::new());
    let mut level = Level::read(root, prefix.trim_end_matches('/'), None)?;
    while let Some(entry) = level.entries.next() {
        if !entry.is_directory {
            objects.extend(level.stat(root, &entry.key)?);
            continue;
        }
        // Directories outlive their objects; on a bucket an empty one does not exist.
        let path = Path::parse(&entry.key)?;
        if Walk::new(Arc::clone(root), Some(&path), None)?
            .next()?
            .is_some()
        {
            directories.push(path);
        }
    }
    Ok((objects, directories))
}

impl Level {
    fn read(root: &Root, key: &str, offset: Option<&Path>) -> Result<Self> {
        let prefix = Path::parse(key)?;
        let directory = match root.open(prefix.as_ref()) {
            Ok(directory) => Some(directory),
            // A prefix without objects, a file in its place, or a directory that went away meanwhile.
            Err(Error::NotFound { .. }) if root.directory().is_dir() => None,
            Err(e) => return Err(e),
        };
        let entries = match &directory {
            Some(directory) => entries(root, directory, offset)?,
            None => Vec::new(),
        };
        Ok(Self {
            key: key.to_owned(),
            directory,
            entries: entries.into_iter(),
        })
    }

    /// What is known of an object in this directory; nothing where it is none any more.
    fn stat(&mut self, root: &Root, key: &str) -> Result<Option<ObjectMeta>> {
        let directory = match self.directory.take() {
            Some(directory) => directory,
            None => match root.open(&self.key) {
                // It went away meanwhile.
                Err(Error::NotFound { .. }) if root.directory().is_dir() => return Ok(None),
                directory => directory?,
            },
        };
        let location = Path::parse(key)?;
        let name = key.rsplit('/').next().unwrap_or(key);
        let meta = match directory.stat(name) {
            // A pipe or a device would block whoever opens it, a link would lead elsewhere.
            Ok(stat) => (stat.kind == Kind::File).then(|| object_meta(location, &stat)),
            // Deleted since its name was read.
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(root.failed_in("read", (&directory, name), e)),
        };
        self.directory = Some(directory);
        Ok(meta)
    }
}

fn entries(root: &Root, directory: &Directory, offset: Option<&Path>) -> Result<Vec<Entry>> {
    let base = match directory.key() {
        "" => String::new(),
        key => format!("{key}/"),
    };
    // Where the offset is not in this directory, all of the directory follows it.
    let offset = offset.and_then(|offset| offset.as_ref().strip_prefix(base.as_str()));
    let mut entries = Vec::new();
    let listed = directory.names(|part, kind| {
        // Most names of a long history end here, so nothing is asked or allocated before.
        if offset.is_some_and(|offset| part < offset && !offset.starts_with(part)) {
            return Ok(());
        }
        if !is_object_name(part) {
            return Ok(());
        }
        let Ok(kind) = known(directory, part, kind) else {
            return Ok(());
        };
        if kind == Kind::Other {
            return Ok(());
        }
        let is_directory = kind == Kind::Directory;
        let slash = if is_directory { "/" } else { "" };
        let part = format!("{part}{slash}");
        if offset.is_none_or(|offset| may_follow(&part, is_directory, offset)) {
            let key = format!("{base}{part}");
            entries.push(Entry { key, is_directory });
        }
        Ok(())
    });
    listed.map_err(|e| root.failed("list", directory.path(), e))?;
    root.settle(directory)?;
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// What a name stands for, also where the file system does not say it with the name.
fn known(directory: &Directory, name: &str, kind: Option<Kind>) -> io::Result<Kind> {
    kind.map_or_else(|| directory.stat(name).map(|stat| stat.kind), Ok)
}

/// Whether `name`, or something in the directory `name`, comes after `offset`.
fn may_follow(name: &str, is_directory: bool, offset: &str) -> bool {
    name > offset || (is_directory && offset.starts_with(name))
}

fn is_object_name(name: &str) -> bool {
    !name.starts_with(HIDDEN) && PathPart::parse(name).is_ok()
}

pub(super) fn remove_leftovers(root: &Root, older_than: SystemTime) -> Result<usize> {
    remove_leftovers_in(root, &root.open("")?, older_than)
}

fn remove_leftovers_in(
    root: &Root,
    directory: &Directory,
    older_than: SystemTime,
) -> Result<usize> {
    let failed = |source| root.failed("clean", directory.path(), source);
    let (mut removed, mut below) = (0, Vec::new());
    let cleaned = directory.names(|name, kind| {
        if known(directory, name, kind).is_ok_and(|kind| kind == Kind::Directory) {
            below.push(name.to_owned());
        } else if name.starts_with(TEMPORARY)
            && directory
                .stat(name)
                .is_ok_and(|stat| stat.modified < older_than)
        {
            directory.remove_file(name)?;
            removed += 1;
        }
        Ok(())
    });
    cleaned.map_err(failed)?;
    for name in below {
        match directory.child(&name) {
            Ok(inside) => removed += remove_leftovers_in(root, &inside, older_than)?,
            // Whoever writes an object in its place removes what is empty.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(root.failed_in("clean", (directory, &name), e)),
        }
    }
    Ok(removed)
}
