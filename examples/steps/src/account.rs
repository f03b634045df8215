//! Who this device writes as: a file beside the local copy, for its owner's eyes.

use crate::event::Id;
use icecore::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "account.json";

/// A token: it is written to the file, and shown to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The token itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text.trim().to_owned())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A space, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The space: of a guest it is the id too.
    pub space: String,
    /// For the gateway; none where the store is a folder or a bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// Who this device writes as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Account {
    /// Somebody, at a store.
    Known {
        /// The store, or the gateway to it.
        store: String,
        /// The guest that this device began as.
        guest: Owner,
        /// The user that the guest turned out to be; what is written goes there from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Owner>,
        /// The session that is open on this device.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<Id>,
    },
    /// Nobody any more: the account was erased, and nothing of it is kept.
    Erased {},
}

impl Account {
    /// Reads the file in a folder; `None` where there is none.
    ///
    /// # Errors
    /// `Denied` when it cannot be read, `Corrupt` when it is not such a file.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(&path, e)),
        };
        let account = serde_json::from_slice(&json).map_err(|e| {
            Error::corrupt("the account on this device cannot be read")
                .with_object(path.display().to_string())
                .with_hint("restore the file from a backup; a guest's token cannot be had again")
                .with_source(e)
        });
        account.map(Some)
    }

    /// Writes the file, whole or not at all, with the mode 0600: it holds tokens.
    ///
    /// # Errors
    /// `Denied` when it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let json = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::internal("an account has no JSON form").with_source(e))?;
        let written = fs::create_dir_all(folder).and_then(|()| replace(folder, &path, &json));
        written.map_err(|e| failed(&path, e))
    }
}

fn replace(folder: &Path, path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = folder.join(format!(".{FILE}-{}", Id::new()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Whatever was wrong is reported; this one can only fail for the same reason.
        drop(fs::remove_file(&temporary));
    }
    written?;
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::denied("the account on this device cannot be read or written")
        .with_object(path.display().to_string())
        .with_hint("check the folder's owner and permissions, and the space on its disk")
        .with_source(error)
}
