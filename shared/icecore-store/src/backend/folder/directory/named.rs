//! A directory by its path, where the system has no way to look up names in an open one: it is looked at before it is used,
//! and whoever swaps it for a link in between is faster.

use super::{Kind, Stat, is_a_link, key_in};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A directory that was there when it was looked at.
#[derive(Debug)]
pub(in super::super) struct Directory {
    /// Below the root of the folder.
    key: String,
    path: PathBuf,
}

impl Directory {
    /// The root of a folder. It may be reached by links: whoever runs the program named it.
    pub(in super::super) fn root(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            key: String::new(),
            path: path.to_owned(),
        })
    }

    /// A directory in this one.
    pub(in super::super) fn child(&self, name: &str) -> io::Result<Self> {
        let path = self.path.join(name);
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_symlink() {
            return Err(is_a_link());
        }
        if !metadata.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            key: key_in(&self.key, name),
            path,
        })
    }

    pub(in super::super) fn key(&self) -> &str {
        &self.key
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// When a name in it changed last.
    pub(in super::super) fn modified(&self) -> io::Result<SystemTime> {
        fs::metadata(&self.path)?.modified()
    }

    pub(in super::super) fn stat(&self, name: &str) -> io::Result<Stat> {
        let metadata = fs::symlink_metadata(self.path.join(name))?;
        Ok(Stat::from(&metadata))
    }

    /// A file to read; what is none is not found.
    pub(in super::super) fn open_file(&self, name: &str) -> io::Result<File> {
        if self.stat(name)?.kind == Kind::File {
            File::open(self.path.join(name))
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    /// A new file to write.
    pub(in super::super) fn create_file(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        options.open(self.path.join(name))
    }

    /// A file that need not be there yet, and keeps what it has.
    pub(in super::super) fn file_to_lock(&self, name: &str) -> io::Result<File> {
        if self.stat(name).is_ok_and(|stat| stat.kind == Kind::Other) {
            return Err(is_a_link());
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.open(self.path.join(name))
    }

    pub(in super::super) fn make_directory(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    /// A second name of a file, if nobody has it.
    pub(in super::super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.path.join(from), self.path.join(to))
    }

    pub(in super::super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    pub(in super::super) fn remove_file(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    pub(in super::super) fn remove_directory(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Shows each name, but those that are no text. What it stands for is `None` where the file system does not say.
    pub(in super::super) fn names(
        &self,
        mut show: impl FnMut(&str, Option<Kind>) -> io::Result<()>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let kind = entry.file_type().ok().map(|kind| match kind {
                kind if kind.is_file() => Kind::File,
                kind if kind.is_dir() => Kind::Directory,
                _ => Kind::Other,
            });
            show(name, kind)?;
        }
        Ok(())
    }

    /// Nothing: Windows cannot sync a directory and does not need to.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "other systems can"
    )]
    pub(in super::super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
