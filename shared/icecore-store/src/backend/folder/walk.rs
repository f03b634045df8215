//! Listing a directory tree in the order of its keys, touching only what the caller asked for.

use super::durable::{HIDDEN, Root, TEMPORARY};
use super::object_meta;
use object_store::path::{Path, PathPart};
use object_store::{ObjectMeta, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::SystemTime;

/// A walk over the objects under a prefix that come after an offset.
///
/// Names are read directory by directory, filtered and sorted; a file is stat'ed only when it is its turn.
pub(super) struct Walk {
    root: Arc<Root>,
    offset: Option<Path>,
    /// The entries still to visit, the deepest directory last.
    pending: Vec<std::vec::IntoIter<Entry>>,
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
        let top = read_directory(&root, prefix.trim_end_matches('/'), offset.as_ref())?;
        let pending = vec![top.into_iter()];
        Ok(Self {
            root,
            offset,
            pending,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<ObjectMeta>> {
        while let Some(directory) = self.pending.last_mut() {
            let Some(entry) = directory.next() else {
                self.pending.pop();
                continue;
            };
            if entry.is_directory {
                let key = entry.key.trim_end_matches('/');
                let inside = read_directory(&self.root, key, self.offset.as_ref())?;
                self.pending.push(inside.into_iter());
            } else if let Some(meta) = stat(&self.root, &entry.key)? {
                return Ok(Some(meta));
            }
        }
        Ok(None)
    }
}

/// The objects of one directory, and its directories that hold any.
pub(super) fn one_level(
    root: &Arc<Root>,
    prefix: Option<&Path>,
) -> Result<(Vec<ObjectMeta>, Vec<Path>)> {
    let prefix = prefix.map_or("", AsRef::as_ref);
    let (mut objects, mut directories) = (Vec::new(), Vec::new());
    for entry in read_directory(root, prefix.trim_end_matches('/'), None)? {
        if !entry.is_directory {
            objects.extend(stat(root, &entry.key)?);
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

fn read_directory(root: &Root, key: &str, offset: Option<&Path>) -> Result<Vec<Entry>> {
    let directory = root.inside(Path::parse(key)?.as_ref())?;
    let failed = |source| root.failed("list", &directory, source);
    let names = match fs::read_dir(&directory) {
        Ok(names) => names,
        // A prefix without objects, a file in its place, or a directory that went away meanwhile.
        Err(e)
            if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                && root.directory().is_dir() =>
        {
            return Ok(Vec::new());
        }
        Err(e) => return Err(failed(e)),
    };
    let base = if key.is_empty() {
        String::new()
    } else {
        format!("{key}/")
    };
    // Where the offset is not in this directory, all of the directory follows it.
    let offset = offset.and_then(|offset| offset.as_ref().strip_prefix(base.as_str()));
    let mut entries = Vec::new();
    for name in names {
        let name = name.map_err(failed)?;
        let file_name = name.file_name();
        let Some(part) = file_name.to_str() else {
            continue;
        };
        // Most names of a long history end here, so nothing is asked or allocated before.
        if offset.is_some_and(|offset| part < offset && !offset.starts_with(part)) {
            continue;
        }
        let Ok(kind) = name.file_type() else { continue };
        if !is_object_name(part) {
            continue;
        }
        if kind.is_symlink() {
            continue;
        }
        let is_directory = kind.is_dir();
        let slash = if is_directory { "/" } else { "" };
        let part = format!("{part}{slash}");
        if offset.is_none_or(|offset| may_follow(&part, is_directory, offset)) {
            let key = format!("{base}{part}");
            entries.push(Entry { key, is_directory });
        }
    }
    root.settle(&directory)?;
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// Whether `name`, or something in the directory `name`, comes after `offset`.
fn may_follow(name: &str, is_directory: bool, offset: &str) -> bool {
    name > offset || (is_directory && offset.starts_with(name))
}

fn is_object_name(name: &str) -> bool {
    !name.starts_with(HIDDEN) && PathPart::parse(name).is_ok()
}

fn stat(root: &Root, key: &str) -> Result<Option<ObjectMeta>> {
    let location = Path::parse(key)?;
    let path = root.path(&location);
    match fs::symlink_metadata(&path) {
        // A pipe or a device would block whoever opens it.
        Ok(metadata) => Ok(metadata.is_file().then(|| object_meta(location, &metadata))),
        // Deleted since its name was read.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(root.failed("read", &path, e)),
    }
}

pub(super) fn remove_leftovers(root: &Root, older_than: SystemTime) -> Result<usize> {
    remove_leftovers_in(root, root.directory(), older_than)
}

fn remove_leftovers_in(root: &Root, directory: &FilePath, older_than: SystemTime) -> Result<usize> {
    let failed = |source| root.failed("clean", directory, source);
    let mut removed = 0;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            removed += remove_leftovers_in(root, &entry.path(), older_than)?;
            continue;
        }
        let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        let old = |m: fs::Metadata| m.modified().is_ok_and(|time| time < older_than);
        if is_temporary && entry.metadata().is_ok_and(old) {
            fs::remove_file(entry.path()).map_err(failed)?;
            removed += 1;
        }
    }
    Ok(removed)
}
