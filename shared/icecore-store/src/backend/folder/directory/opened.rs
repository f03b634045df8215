//! A directory by its descriptor: names are looked up in this very directory, whatever is put in its place meanwhile. A path
//! that was looked at could lead elsewhere by the time that it is opened.

use super::{Kind, Stat, is_a_link, key_in};
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fstat, linkat, mkdirat, open, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A directory is opened so, and nothing else can be.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// A link is not followed, and a pipe does not keep who opens it waiting.
const FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A directory that is open.
#[derive(Debug)]
pub(in super::super) struct Directory {
    /// Below the root of the folder.
    key: String,
    /// For messages.
    path: PathBuf,
    handle: OwnedFd,
}

impl Directory {
    /// The root of a folder. It may be reached by links: whoever runs the program named it.
    pub(in super::super) fn root(path: &Path) -> io::Result<Self> {
        Ok(Self {
            key: String::new(),
            path: path.to_owned(),
            handle: open(path, DIRECTORY, Mode::empty())?,
        })
    }

    /// A directory in this one.
    pub(in super::super) fn child(&self, name: &str) -> io::Result<Self> {
        let opened = openat(
            &self.handle,
            name,
            DIRECTORY | OFlags::NOFOLLOW,
            Mode::empty(),
        );
        let handle = opened.map_err(|e| self.explained(name, e))?;
        Ok(Self {
            key: key_in(&self.key, name),
            path: self.path.join(name),
            handle,
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
        Ok(seen(&fstat(&self.handle)?).modified)
    }

    pub(in super::super) fn stat(&self, name: &str) -> io::Result<Stat> {
        let stat = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(seen(&stat))
    }

    /// A file to read; what is none is not found.
    pub(in super::super) fn open_file(&self, name: &str) -> io::Result<File> {
        let opened = openat(&self.handle, name, OFlags::RDONLY | FILE, Mode::empty());
        let file = match opened {
            Ok(handle) => File::from(handle),
            // A link; a socket.
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => {
                return Err(ErrorKind::NotFound.into());
            }
            Err(e) => return Err(e.into()),
        };
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    /// A new file to write.
    pub(in super::super) fn create_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | FILE;
        Ok(openat(&self.handle, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    /// A file that need not be there yet, and keeps what it has.
    pub(in super::super) fn file_to_lock(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | FILE;
        let opened = openat(&self.handle, name, flags, Mode::from_raw_mode(0o666));
        Ok(opened.map_err(|e| self.explained(name, e))?.into())
    }

    pub(in super::super) fn make_directory(&self, name: &str) -> io::Result<()> {
        Ok(mkdirat(&self.handle, name, Mode::from_raw_mode(0o777))?)
    }

    /// A second name of a file, if nobody has it.
    pub(in super::super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(linkat(
            &self.handle,
            from,
            &self.handle,
            to,
            AtFlags::empty(),
        )?)
    }

    pub(in super::super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    pub(in super::super) fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    pub(in super::super) fn remove_directory(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
    }

    /// Shows each name, but those that are no text. What it stands for is `None` where the file system does not say.
    pub(in super::super) fn names(
        &self,
        mut show: impl FnMut(&str, Option<Kind>) -> io::Result<()>,
    ) -> io::Result<()> {
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if !matches!(name, "." | "..") {
                show(name, kind(entry.file_type()))?;
            }
        }
        Ok(())
    }

    /// Makes what was changed of the names in it durable.
    pub(in super::super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.handle)?)
    }

    /// Says of a link that it is one. Nothing depends on this second look but the words.
    fn explained(&self, name: &str, error: Errno) -> io::Error {
        let is_link = || {
            let found = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW);
            found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink())
        };
        match error {
            Errno::LOOP | Errno::MLINK | Errno::NOTDIR if is_link() => is_a_link(),
            error => error.into(),
        }
    }
}

fn kind(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Directory),
        FileType::Unknown => None,
        _ => Some(Kind::Other),
    }
}

fn seen(stat: &rustix::fs::Stat) -> Stat {
    // Times before 1970 count as 1970: nobody wrote an object then.
    let seconds = u64::try_from(stat.st_mtime).unwrap_or_default();
    let nanoseconds = u64::try_from(stat.st_mtime_nsec).unwrap_or_default();
    let since = Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
    Stat {
        kind: kind(FileType::from_raw_mode(stat.st_mode)).unwrap_or(Kind::Other),
        inode: stat.st_ino,
        modified: SystemTime::UNIX_EPOCH + since,
        length: u64::try_from(stat.st_size).unwrap_or_default(),
    }
}
