//! The keys of a served folder: made once, kept in `serve.json`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_core::{Error, Result};
use icecore_store::Ids;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// The file's name within the folder.
const FILE: &str = "serve.json";

/// Keys that nobody chose.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Format version.
    v: u32,
    /// The access key of the S3 endpoint.
    pub(crate) access_key: String,
    /// The secret that belongs to it.
    pub(crate) secret_key: String,
    /// What tokens are signed with: HS256, base64.
    pub(crate) token_secret: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    fn new(ids: &dyn Ids) -> Self {
        let random = || -> Vec<u8> {
            let halves = [ids.random(), ids.random()];
            halves.iter().flat_map(|half| half.to_be_bytes()).collect()
        };
        let secret_key = STANDARD.encode(random()).replace(['/', '+', '='], "x");
        Self {
            v: 1,
            access_key: format!("ICECORE{:016X}", ids.random() >> 64),
            secret_key,
            token_secret: STANDARD.encode(random()),
        }
    }

    /// The keys in `folder`; made, durably and for the owner's eyes only, where there are none.
    ///
    /// # Errors
    /// `Denied` when the file cannot be read or written, `Corrupt` when it does not parse.
    pub(crate) fn open(folder: &Path, ids: &dyn Ids) -> Result<Self> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(json) => Self::parse(&path, &json),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let secrets = Self::new(ids);
                // Another process may be making them at the same time: whoever is first wins.
                secrets
                    .write(folder, &path, ids)
                    .map_err(|e| failed(&path, e))?;
                let json = fs::read(&path).map_err(|e| failed(&path, e))?;
                Self::parse(&path, &json)
            }
            Err(e) => Err(failed(&path, e)),
        }
    }

    fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|e| {
            Error::corrupt("the keys of the served folder cannot be read")
                .with_object(path.display().to_string())
                .with_hint("restore the file from a backup, or delete it: new keys are made, and all tokens end")
                .with_source(e)
        })
    }

    fn write(&self, folder: &Path, path: &Path, ids: &dyn Ids) -> std::io::Result<()> {
        let temporary = folder.join(format!(".{FILE}-{:032x}", ids.random()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        let json = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        file.write_all(&json)?;
        file.sync_all()?;
        let linked = match fs::hard_link(&temporary, path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        };
        fs::remove_file(&temporary)?;
        linked?;
        File::open(folder)?.sync_all()
    }
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::denied("the keys of the served folder cannot be read or written")
        .with_object(path.display().to_string())
        .with_hint("check the owner and the permissions of the folder")
        .with_source(error)
}
