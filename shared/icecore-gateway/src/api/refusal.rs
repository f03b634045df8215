//! What an error looks like: one table from what went wrong to the status.

use crate::token::TokenFault;
use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use icecore_core::wire::Refusal;
use icecore_core::{Error, ErrorKind};
use std::time::Duration;

/// A request that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    error: Error,
    challenge: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: Error) -> Self {
        Self {
            status,
            error,
            challenge: None,
            retry_after: None,
        }
    }

    /// Too many guests come at once.
    pub(crate) fn too_many_guests(wait: Duration) -> Self {
        let error = Error::unavailable("too many new guests come at once")
            .with_hint("wait as long as the header Retry-After says");
        Self {
            retry_after: Some(wait),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, error)
        }
    }

    /// One token writes too much.
    pub(crate) fn too_much(wait: Duration) -> Self {
        let error = Error::unavailable("this token writes too much at once")
            .with_object("write.objects")
            .with_hint("wait as long as the header Retry-After says; whoever runs the gateway can allow more in `limits`");
        Self {
            retry_after: Some(wait),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, error)
        }
    }

    /// A space holds as much as it may.
    pub(crate) fn full(error: Error) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    }

    /// One token calls too often.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let error = Error::unavailable("this token makes too many calls")
            .with_hint("wait as long as the header Retry-After says; poll with the presigned requests, which need no call");
        Self {
            retry_after: Some(wait),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, error)
        }
    }
}

/// The one table from what went wrong to the status.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::new(status(error.kind()), error)
    }
}

impl From<TokenFault> for Refused {
    fn from(fault: TokenFault) -> Self {
        let challenge = fault.needs_other_token().then(|| fault.challenge());
        let error = Error::from(fault);
        let status = match challenge {
            Some(_) => StatusCode::UNAUTHORIZED,
            None => status(error.kind()),
        };
        Self {
            challenge,
            ..Self::new(status, error)
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            // The chain below may name hosts and paths: it is for the log, not for the client.
            let source = std::error::Error::source(&self.error).map(ToString::to_string);
            tracing::error!(error = %self.error, source, "a request failed");
        }
        let mut response = (self.status, Json(Refusal::from(&self.error))).into_response();
        if let Some(challenge) = self.challenge {
            let value = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs().saturating_add(1);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The answer to a path that is none of ours.
pub(crate) async fn no_endpoint(uri: Uri) -> Refused {
    let path: String = uri.path().chars().take(200).collect();
    Error::not_found("there is no such endpoint")
        .with_object(path)
        .with_hint("GET /v1/openapi.json describes all")
        .into()
}

/// The answer to a method that an endpoint does not have.
pub(crate) async fn wrong_method(method: Method) -> Refused {
    let error = Error::invalid(format!("the endpoint has no method {method}"))
        .with_hint("GET /v1/openapi.json describes all");
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, error)
}
