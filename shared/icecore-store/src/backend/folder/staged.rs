//! A body on the disk that has no name yet.

use super::directory::{Directory, Stat};
use super::e_tag;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the name of a temporary file begins with.
pub(super) const TEMPORARY: &str = ".icecore-tmp-";

/// Names of temporary files are unique within the process; across processes `create_new` decides.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// A complete, fsynced file that has no name yet; its temporary name goes away with it.
pub(super) struct Staged {
    pub(super) directory: Directory,
    pub(super) name: String,
    pub(super) file: File,
    /// Renamed into place: the name is free again, for another process too.
    moved: Cell<bool>,
}

impl Staged {
    pub(super) fn new(directory: Directory, name: String, file: File) -> Self {
        let moved = Cell::new(false);
        Self {
            directory,
            name,
            file,
            moved,
        }
    }

    pub(super) fn rename(&self, name: &str) -> io::Result<()> {
        self.directory.rename(&self.name, name)?;
        self.moved.set(true);
        Ok(())
    }

    pub(super) fn e_tag(&self) -> io::Result<String> {
        Ok(e_tag(&Stat::from(&self.file.metadata()?)))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.moved.get() {
            // A leftover is hidden and harmless.
            drop(self.directory.remove_file(&self.name));
        }
    }
}

/// A new temporary file in a directory.
pub(super) fn new_temporary(directory: &Directory) -> io::Result<(String, File)> {
    let process = std::process::id();
    loop {
        let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TEMPORARY}{process:x}-{number:x}");
        match directory.create_file(&name) {
            Ok(file) => return Ok((name, file)),
            // A leftover of a dead process that had the same id.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}
