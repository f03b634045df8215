//! From what a back end reports to what a caller does about it.

use icecore_core::wire::Refusal;
use icecore_core::{Error, ErrorKind};
use object_store::Error as StoreError;
use std::error::Error as StdError;
use std::io;

/// What is said at an error's place in the chain that is worth knowing, and what it means.
///
/// The status and code of an HTTP answer reach us only as text, so this is a table of texts; the first
/// that occurs wins, the precise ones stand before the general ones.
const SYMPTOMS: &[(&str, ErrorKind, &str)] = &[
    (
        "NoSuchBucket",
        ErrorKind::NotFound,
        "the bucket does not exist: create it first, or check the name in --store",
    ),
    (
        "ContainerNotFound",
        ErrorKind::NotFound,
        "the container does not exist: create it first, or check the name in --store",
    ),
    (
        "ExpiredToken",
        ErrorKind::Denied,
        "the session token has expired: sign in again and set AWS_SESSION_TOKEN and its keys anew",
    ),
    (
        "TokenRefreshRequired",
        ErrorKind::Denied,
        "the session token has expired: sign in again and set AWS_SESSION_TOKEN and its keys anew",
    ),
    (
        "InvalidAccessKeyId",
        ErrorKind::Denied,
        "the server does not know this access key: check AWS_ACCESS_KEY_ID and that it belongs to this endpoint",
    ),
    (
        "SignatureDoesNotMatch",
        ErrorKind::Denied,
        "check AWS_SECRET_ACCESS_KEY and AWS_REGION",
    ),
    (
        "AuthorizationHeaderMalformed",
        ErrorKind::Denied,
        "the bucket is in another region: set AWS_REGION to it",
    ),
    (
        "RequestTimeTooSkewed",
        ErrorKind::Denied,
        "the clock of this machine is wrong by more than 15 minutes: set it",
    ),
    (
        "PermanentRedirect",
        ErrorKind::Invalid,
        "the bucket is in another region: set AWS_REGION to it",
    ),
    (
        "without LOCATION",
        ErrorKind::Invalid,
        "the bucket is in another region: set AWS_REGION to it",
    ),
    (
        "EntityTooLarge",
        ErrorKind::Invalid,
        "the server does not accept bodies of this size",
    ),
    (
        "QuotaExceeded",
        ErrorKind::Unavailable,
        "the server's quota is used up: free space or raise it",
    ),
    (
        "InsufficientStorage",
        ErrorKind::Unavailable,
        "the server's disk is full: free space on it",
    ),
    (
        "ConditionalRequestConflict",
        ErrorKind::Unavailable,
        "another writer was at the same object: try again",
    ),
    (
        "OperationAborted",
        ErrorKind::Unavailable,
        "another request was changing the same object or bucket: try again",
    ),
    (
        "SlowDown",
        ErrorKind::Unavailable,
        "the server asks to slow down: try again later",
    ),
    (
        "169.254.169.254",
        ErrorKind::Denied,
        "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    (
        "169.254.170.",
        ErrorKind::Denied,
        "the container's credential service did not answer: check the task's role",
    ),
    ("HTTP error", ErrorKind::Unavailable, UNREACHABLE),
    (
        "429 Too Many Requests",
        ErrorKind::Unavailable,
        "the server asks to slow down: try again later",
    ),
    ("408 Request Timeout", ErrorKind::Unavailable, TRY_LATER),
    ("status code: 5", ErrorKind::Unavailable, TRY_LATER),
    // A listing or a bulk delete has no path, so its status is not looked at by `object_store`.
    ("status code: 401", ErrorKind::Denied, CREDENTIALS),
    ("status code: 403", ErrorKind::Denied, CREDENTIALS),
    (
        "status code: 404",
        ErrorKind::NotFound,
        "check the endpoint and the name of the bucket",
    ),
    (
        "status code: 400",
        ErrorKind::Invalid,
        "the server did not accept the request: check the endpoint and the name of the bucket",
    ),
];

const UNREACHABLE: &str =
    "check the network, and AWS_ENDPOINT_URL if it is set; nothing is lost meanwhile";
const TRY_LATER: &str = "the server is in trouble: try again later";
const CREDENTIALS: &str =
    "check that the credentials are set and allow this on the bucket and the prefix";
const PERMISSIONS: &str = "check the owner and the permissions of the folder";
const READ_ONLY: &str =
    "the disk is mounted read-only: remount it for writing, or choose another folder";
const DISK_FULL: &str = "the disk is full: free some space";
const NO_FOLDER: &str =
    "create the folder first, check the path in --store, or mount the disk that it is on";

/// Says what failed (`doing` on `path`, such as "write the update"), how to react, and what to try next.
///
/// The error of the back end stays underneath as the source.
pub fn from_object_store(error: StoreError, doing: &str, path: &str) -> Error {
    let told = chain(&error).find_map(|error| error.downcast_ref::<Error>());
    let (kind, hint) = match told {
        Some(told) => (told.kind(), told.hint()),
        None => diagnose(&error),
    };
    let message = match told {
        // It says what was answered.
        Some(told) => Refusal::from(told).message,
        None => format!("cannot {doing}"),
    };
    let mapped = Error::new(kind, message).with_object(path);
    let mapped = match hint {
        Some(hint) => mapped.with_hint(hint),
        None => mapped,
    };
    mapped.with_source(error)
}

/// An error of ours on its way through `object_store`: [`from_object_store`] finds it again.
pub(super) fn wrapped(error: Error) -> StoreError {
    StoreError::Generic {
        store: "gateway",
        source: error.into(),
    }
}

/// Whether a conditional put met another one in flight (409): neither taken nor written, so the same key
/// can be tried again. `object_store` reports it as `AlreadyExists`, which here would be wrong.
pub fn is_conditional_conflict(error: &StoreError) -> bool {
    if !matches!(error, StoreError::AlreadyExists { .. }) {
        return false;
    }
    // Azure and its emulator answer 409 where others answer 412: there it does mean "taken".
    let taken = ["BlobAlreadyExists", "412 Precondition"];
    let text = chain_text(error);
    text.contains("409 Conflict") && !taken.iter().any(|code| text.contains(code))
}

/// Whether a conditional put was refused because of what is there: the key is taken, or its version is
/// another (412).
pub fn is_already_exists(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }
    ) && !is_conditional_conflict(error)
}

/// Whether there is no room for what was to be written: to wait brings none.
pub(crate) fn is_full(error: &Error) -> bool {
    use io::ErrorKind as Io;
    const CODES: [&str; 2] = ["QuotaExceeded", "InsufficientStorage"];
    chain(error).any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(io) => matches!(io.kind(), Io::StorageFull | Io::QuotaExceeded),
        None => CODES.iter().any(|code| cause.to_string().contains(code)),
    })
}

fn diagnose(error: &StoreError) -> (ErrorKind, Option<&'static str>) {
    if is_conditional_conflict(error) {
        return (
            ErrorKind::Unavailable,
            Some("another writer was at the same object: try again"),
        );
    }
    let text = chain_text(error);
    let (kind, hint) = match error {
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => {
            return (ErrorKind::Conflict, None);
        }
        StoreError::NotFound { .. } if text.contains("cannot find the folder") => {
            return (ErrorKind::NotFound, Some(NO_FOLDER));
        }
        StoreError::NotFound { .. } => (ErrorKind::NotFound, None),
        StoreError::NotModified { .. } | StoreError::JoinError { .. } => {
            (ErrorKind::Internal, None)
        }
        StoreError::InvalidPath { .. }
        | StoreError::NotSupported { .. }
        | StoreError::NotImplemented { .. }
        | StoreError::UnknownConfigurationKey { .. } => (ErrorKind::Invalid, None),
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            (ErrorKind::Denied, Some(CREDENTIALS))
        }
        _ => (ErrorKind::Unavailable, None),
    };
    if let Some(source) = io_error(error) {
        return diagnose_io(source).unwrap_or((kind, hint));
    }
    let symptom = SYMPTOMS
        .iter()
        .find(|(symptom, _, _)| text.contains(symptom));
    symptom.map_or((kind, hint), |&(_, kind, hint)| (kind, Some(hint)))
}

fn diagnose_io(error: &io::Error) -> Option<(ErrorKind, Option<&'static str>)> {
    use io::ErrorKind as Io;
    Some(match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Unavailable, Some(DISK_FULL)),
        Io::ReadOnlyFilesystem => (ErrorKind::Denied, Some(READ_ONLY)),
        Io::PermissionDenied => (ErrorKind::Denied, Some(PERMISSIONS)),
        Io::NotADirectory | Io::IsADirectory | Io::InvalidFilename => (ErrorKind::Invalid, None),
        Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown
        | Io::TimedOut => (ErrorKind::Unavailable, Some(UNREACHABLE)),
        _ => return None,
    })
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn io_error(error: &StoreError) -> Option<&io::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn chain_text(error: &StoreError) -> String {
    let mut text = String::new();
    for error in chain(error) {
        text.push_str(&error.to_string());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
