//! A file of lines that only grows: what an app's own server has to remember of its clients, such as the order in which it
//! first saw what it gives out.
//!
//! ```
//! use icecore::LineLog;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("seen");
//! let (mut log, text) = LineLog::open(&path, "the log of what was seen")?;
//! assert!(text.is_empty());
//! log.append(b"1\n2\n")?;
//! drop(log);
//!
//! let (_log, text) = LineLog::open(&path, "the log of what was seen")?;
//! assert_eq!(text, b"1\n2\n");
//! # Ok::<(), icecore::Error>(())
//! ```

use icecore_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file of lines that only grows. One process has it open at a time.
#[derive(Debug)]
pub struct LineLog {
    /// What it is, in errors.
    name: &'static str,
    path: PathBuf,
    file: File,
    /// How much of the file is whole lines; what follows is left of a write that failed.
    len: u64,
}

impl LineLog {
    /// Opens the file, or an empty one, and reads its whole lines. `name` is what errors call it.
    ///
    /// # Errors
    /// `Denied` when the file cannot be used, `Unavailable` while another process uses it.
    pub fn open(path: &Path, name: &'static str) -> Result<(Self, Vec<u8>)> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(|e| failed(name, path, e))?;
        // Two servers that append to one log would write into each other's lines.
        file.try_lock().map_err(|e| {
            Error::unavailable("another server uses this log")
                .with_object(path.display().to_string())
                .with_hint("end it, or give this one a --replica folder of its own")
                .with_source(e)
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)
            .map_err(|e| failed(name, path, e))?;
        // A line without an end was cut by a crash: nobody was told of it, for that happens after it is on disk.
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        text.truncate(whole);
        let log = Self {
            name,
            path: path.to_owned(),
            file,
            len: whole as u64,
        };
        Ok((log, text))
    }

    /// How many bytes its whole lines have.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no line.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends whole lines: durable when it returns.
    ///
    /// # Errors
    /// `Denied` when the file cannot be written; then nothing was appended.
    pub fn append(&mut self, lines: &[u8]) -> Result<()> {
        let (file, len) = (&mut self.file, self.len);
        let written = file
            .set_len(len)
            .and_then(|()| file.seek(SeekFrom::Start(len)))
            .and_then(|_| file.write_all(lines))
            .and_then(|()| file.sync_all());
        written.map_err(|e| failed(self.name, &self.path, e))?;
        if len == 0 {
            // The name is to outlive a power cut too.
            let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(|e| failed(self.name, &self.path, e))?;
        }
        self.len += lines.len() as u64;
        Ok(())
    }

    /// So many bytes from a place on, fewer at the end.
    ///
    /// # Errors
    /// `Denied` when the file cannot be read.
    pub fn read(&mut self, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let file = &mut self.file;
        let read = file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(bytes).read_to_end(&mut text));
        read.map_err(|e| failed(self.name, &self.path, e))?;
        Ok(text)
    }

    /// A line's JSON.
    ///
    /// # Errors
    /// `Corrupt` when it is none of `T`.
    pub fn parse<'a, T: Deserialize<'a>>(&self, line: &'a [u8]) -> Result<T> {
        serde_json::from_slice(line).map_err(|e| self.unreadable().with_source(e))
    }

    /// Checks the version that the first line names.
    ///
    /// # Errors
    /// `Invalid` for another one than 1.
    pub fn check_version(&self, version: u32) -> Result<()> {
        if version == 1 {
            return Ok(());
        }
        Err(Error::invalid("a newer program wrote this log")
            .with_object(self.path.display().to_string())
            .with_hint("update this program; nothing was changed"))
    }

    /// What a line that makes no sense is reported as.
    pub fn unreadable(&self) -> Error {
        Error::corrupt(format!("{} cannot be read", self.name))
            .with_object(self.path.display().to_string())
            .with_hint("delete it: no event is lost, and clients get everything once more")
    }
}

/// A value as a line of JSON.
///
/// # Errors
/// `Internal` for what has no JSON form.
pub fn line_of(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)
        .map_err(|e| Error::internal("a line of a log has no JSON form").with_source(e))?;
    line.push(b'\n');
    Ok(line)
}

fn failed(name: &str, path: &Path, error: std::io::Error) -> Error {
    Error::denied(format!("{name} cannot be read or written"))
        .with_object(path.display().to_string())
        .with_hint("check the folder's owner and permissions, and the space on its disk")
        .with_source(error)
}
