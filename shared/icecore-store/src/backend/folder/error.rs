//! What failed on which file.

use object_store::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// The same once more, for the other objects that it concerns.
pub(super) fn clone_kind(error: &Error) -> io::Error {
    match error {
        Error::PermissionDenied { .. } => ErrorKind::PermissionDenied.into(),
        Error::NotFound { .. } => ErrorKind::NotFound.into(),
        error => io::Error::other(error.to_string()),
    }
}

/// What failed on which file.
#[derive(Debug)]
pub(super) struct FolderError {
    pub(super) doing: &'static str,
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.doing, self.path.display())
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
