//! From the errors of a store to those of S3.

use http::{Response, StatusCode};
use http_body_util::LengthLimitError;
use object_store::Error as StoreError;
use s3s::{Body, S3Error, S3ErrorCode, StdError, s3_error};
use std::error::Error;
use std::io::{self, ErrorKind};

/// The error as a response.
pub(crate) fn respond(error: S3Error) -> Response<Body> {
    let status = error.status_code();
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
    })
}

/// What the client can do about a failure of the store. What only the operator can mend keeps its words to itself:
/// they may name files.
pub(crate) fn failed(error: StoreError) -> S3Error {
    match error {
        StoreError::NotFound { .. } => s3_error!(NoSuchKey),
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => unmet(),
        StoreError::NotModified { .. } => s3_error!(NotModified),
        StoreError::PermissionDenied { .. } => s3_error!(AccessDenied),
        StoreError::NotSupported { source } => {
            S3Error::with_message(S3ErrorCode::InvalidArgument, source.to_string())
        }
        StoreError::InvalidPath { .. } => unsupported_key(),
        StoreError::NotImplemented { .. } => s3_error!(NotImplemented),
        error => match io_kind(&error) {
            Some(ErrorKind::InvalidFilename) => s3_error!(KeyTooLongError),
            Some(
                ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty,
            ) => s3_error!(
                InvalidArgument,
                "the store cannot hold an object and others below it"
            ),
            _ => {
                // Here is the last place that knows: the response does not say it.
                tracing::error!(error = &error as &dyn Error, "the store failed");
                S3Error::internal_error(error)
            }
        },
    }
}

pub(crate) fn unmet() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "a condition of the request does not hold"
    )
}

/// Whether a part that was asked for is not there. Stores have no error of their own for it.
pub(crate) fn is_outside(error: &StoreError) -> bool {
    matches!(error, StoreError::Generic { .. }) && io_kind(error).is_none()
}

pub(crate) fn unsupported_key() -> S3Error {
    s3_error!(
        InvalidArgument,
        "the key is not supported: it has an empty part, `.` or `..` in it, or ends with `/`; there are no folders to be made"
    )
}

/// A body that ended early, was too long or did not match its signature.
pub(crate) fn broken_body(error: StdError) -> S3Error {
    let error = match error.downcast::<S3Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    // The library's own errors have no public type, and do not name their source.
    let text = error.to_string();
    if sources(&*error).any(<dyn Error>::is::<LengthLimitError>) || text.contains("length limit") {
        return too_large();
    }
    let code = if text.contains("Sha256Mismatch") {
        return sha256_mismatch();
    } else if text.contains("SignatureMismatch") {
        S3ErrorCode::SignatureDoesNotMatch
    } else {
        S3ErrorCode::IncompleteBody
    };
    S3Error::with_source(code, error)
}

fn sha256_mismatch() -> S3Error {
    let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
    let mut error = S3Error::with_message(code, "the body is not the one that was signed");
    error.set_status_code(StatusCode::BAD_REQUEST);
    error
}

pub(crate) fn too_large() -> S3Error {
    s3_error!(EntityTooLarge, "the body is too large")
}

fn io_kind(error: &StoreError) -> Option<ErrorKind> {
    sources(error).find_map(|source| Some(source.downcast_ref::<io::Error>()?.kind()))
}

/// The error and its sources, the outermost first.
fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
