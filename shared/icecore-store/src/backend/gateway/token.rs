//! As whom to ask a gateway.

use icecore_core::{Error, Result};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The most bytes of a token: a gateway refuses longer ones.
const TOKEN_BYTES_MAX: u64 = 8 * 1024;

/// Where a token comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// This very token.
    Fixed(String),
    /// A file, which is read again when the gateway refuses the token that was in it: whoever renews tokens writes it.
    File(PathBuf),
    /// There is none: the gateway will say what it needs.
    None,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(_) => f.write_str("Fixed(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::None => f.write_str("None"),
        }
    }
}

/// A token as last read.
pub(super) struct Token {
    source: TokenSource,
    read: Mutex<Option<String>>,
}

impl Token {
    pub(super) fn new(source: TokenSource) -> Self {
        Self {
            source,
            read: Mutex::default(),
        }
    }

    /// The token to send, if there is one.
    pub(super) fn get(&self) -> Result<Option<String>> {
        match &self.source {
            TokenSource::None => Ok(None),
            TokenSource::Fixed(token) => Ok(Some(token.clone())),
            TokenSource::File(path) => {
                let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
                if read.is_none() {
                    *read = Some(read_token(path)?);
                }
                Ok(read.clone())
            }
        }
    }

    /// After a token was refused: whether there is another one now.
    pub(super) fn renew(&self, refused: Option<&str>) -> Result<bool> {
        let TokenSource::File(path) = &self.source else {
            return Ok(false);
        };
        let token = read_token(path)?;
        let is_new = refused != Some(token.as_str());
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(is_new)
    }
}

fn read_token(path: &PathBuf) -> Result<String> {
    let failed = |e: std::io::Error| {
        Error::denied("the file with the token cannot be read")
            .with_object(path.display().to_string())
            .with_hint("check ICECORE_TOKEN_FILE")
            .with_source(e)
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > TOKEN_BYTES_MAX {
        return Err(Error::denied("the file is too large for a token")
            .with_object(path.display().to_string())
            .with_hint("check ICECORE_TOKEN_FILE"));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    // Some editors begin a text with a byte order mark.
    Ok(text.trim_start_matches('\u{feff}').trim().to_owned())
}
