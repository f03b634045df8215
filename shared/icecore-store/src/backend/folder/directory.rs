//! A directory of the folder, held while something is done in it, and what stands in it.

#[cfg(not(unix))]
mod named;
#[cfg(unix)]
mod opened;

#[cfg(not(unix))]
pub(super) use named::Directory;
#[cfg(unix)]
pub(super) use opened::Directory;

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::time::SystemTime;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A symbolic link, a pipe, a device: none of the folder's.
    Other,
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) kind: Kind,
    /// Zero where the system has no such number.
    pub(super) inode: u64,
    pub(super) modified: SystemTime,
    pub(super) length: u64,
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            _ => Kind::Other,
        };
        Self {
            kind,
            inode,
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            length: metadata.len(),
        }
    }
}

impl Directory {
    /// Removes a directory and those in it, as long as there are no files.
    pub(super) fn remove_empty(&self, name: &str) -> io::Result<()> {
        let inside = self.child(name)?;
        let mut below = Vec::new();
        inside.names(|name, kind| {
            // The system refuses to remove what is not empty: a directory of which nobody says that it is one is left.
            if kind.is_some_and(|kind| kind != Kind::Directory) {
                return Err(ErrorKind::DirectoryNotEmpty.into());
            }
            below.push(name.to_owned());
            Ok(())
        })?;
        for name in below {
            inside.remove_empty(&name).map_err(|e| match e.kind() {
                ErrorKind::NotADirectory => ErrorKind::DirectoryNotEmpty.into(),
                _ => e,
            })?;
        }
        self.remove_directory(name)
    }
}

/// Whoever may write somewhere in the folder could place a link there, and have files of whoever reads the store shown to
/// others, or written.
fn is_a_link() -> io::Error {
    let text = "symbolic links in a store are not followed: put the files themselves there";
    io::Error::new(ErrorKind::PermissionDenied, text)
}

/// The key of what stands in the directory of another key.
fn key_in(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}
