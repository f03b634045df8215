//! What can be made to go wrong, once each.

use http::Method;
use s3s::{HttpResponse, S3Error, S3ErrorCode};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How a PUT goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered 409 `ConditionalRequestConflict`: another conditional request was in flight. Nothing is written.
    Conflict,
    /// Answered 503 `SlowDown`. Nothing is written.
    SlowDown,
    /// Answered 500 `InternalError`. Nothing is written.
    InternalError,
    /// Answered 400 `ExpiredToken`: the credentials were temporary. Nothing is written.
    ExpiredToken,
    /// Carried out, and the connection closed without an answer.
    LostResponse,
}

impl Fault {
    /// The answer to give instead of carrying the request out.
    pub(super) fn refusal(self) -> Option<HttpResponse> {
        let code = match self {
            Self::Conflict => S3ErrorCode::ConditionalRequestConflict,
            Self::SlowDown => S3ErrorCode::SlowDown,
            Self::InternalError => S3ErrorCode::InternalError,
            Self::ExpiredToken => S3ErrorCode::ExpiredToken,
            Self::LostResponse => return None,
        };
        S3Error::with_message(code, "on purpose")
            .to_http_response()
            .ok()
    }
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    queue: Mutex<VecDeque<(String, Fault)>>,
}

impl Faults {
    pub(super) fn push(&self, key_part: &str, fault: Fault) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back((key_part.to_owned(), fault));
    }

    pub(super) fn len(&self) -> usize {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The first fault meant for this request. `path` is `/bucket/key`.
    pub(super) fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        let (_, key) = path.strip_prefix('/')?.split_once('/')?;
        if method != Method::PUT {
            return None;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let at = queue
            .iter()
            .position(|(part, _)| key.contains(part.as_str()))?;
        queue.remove(at).map(|(_, fault)| fault)
    }
}
