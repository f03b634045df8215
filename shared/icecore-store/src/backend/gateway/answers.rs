//! What the bucket answered: an error that says what to do, or an object.

use super::desk::PreparedBody;
use super::wire::{ObjectHeaders, fault_text, header};
use crate::backend::wrapped;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{self, StreamExt, TryStreamExt};
use http::StatusCode;
use http::header::CONTENT_RANGE;
use icecore_core::Error;
use icecore_core::wire::{AUTHOR_HEADER, AUTHOR_METADATA};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error as StoreError, GetOptions, GetResult, GetResultPayload,
    ObjectMeta, Result as StoreResult,
};
use std::ops::Range;

/// Whether the bucket may have refused a presigned request for its signature: it has ended, or the credentials that it
/// was signed with have (400 `ExpiredToken`).
pub(super) fn is_refused(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST
    )
}

/// The error for an answer of the bucket that is no success.
pub(super) async fn failed(
    response: object_store::client::HttpResponse,
    doing: &str,
    path: &str,
) -> Error {
    let status = response.status();
    let text = fault_text(response).await;
    let message = format!("cannot {doing}: the bucket answered {status}");
    let error = match status {
        // 400 ExpiredToken, 403 "Request has expired".
        status if is_refused(status) && text.to_lowercase().contains("expired") => {
            Error::unavailable(message).with_hint(
                "what the gateway signed had ended: the network is slow, or the gateway's credentials are being renewed; \
                 it is tried again, and nothing is lost",
            )
        }
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Error::denied(message).with_hint(
            "the gateway's own credentials may lack rights, or its clock may be wrong; nothing is lost",
        ),
        StatusCode::NOT_FOUND => Error::not_found(message),
        // Two conditional writes met: the same one again decides.
        StatusCode::CONFLICT => Error::unavailable(message)
            .with_hint("another writer was at the same object: try again"),
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
            && status != StatusCode::REQUEST_TIMEOUT => Error::invalid(message)
            .with_hint("the gateway's bucket does not take the request: tell whoever runs the gateway"),
        _ => Error::unavailable(message).with_hint("it is tried again; nothing is lost"),
    };
    error
        .with_object(path.to_owned())
        .with_source(std::io::Error::other(text))
}

/// The range and the whole size that `bytes 0-9/100` tells.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let last: u64 = last.parse().ok()?;
    Some((
        first.parse().ok()?..last.checked_add(1)?,
        size.parse().ok()?,
    ))
}

fn author_attribute(author: Option<&str>) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(author) = author {
        attributes.insert(
            Attribute::Metadata(AUTHOR_METADATA.into()),
            author.to_owned().into(),
        );
    }
    attributes
}

/// An object that came with the answer to a look.
pub(super) fn prepared(
    location: &Path,
    body: PreparedBody,
    options: &GetOptions,
) -> StoreResult<GetResult> {
    let bytes = Bytes::from(body.body);
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: DateTime::from_timestamp_millis(body.last_modified).unwrap_or_default(),
        size: bytes.len() as u64,
        e_tag: body.e_tag,
        version: None,
    };
    options.check_preconditions(&meta)?;
    Ok(GetResult {
        range: 0..meta.size,
        meta,
        attributes: author_attribute(body.author.as_deref()),
        payload: GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed()),
        extensions: object_store::Extensions::default(),
    })
}

pub(super) async fn answered(
    response: object_store::client::HttpResponse,
    location: &Path,
) -> StoreResult<GetResult> {
    let path = location.to_string();
    match response.status() {
        status if status.is_success() => {}
        StatusCode::NOT_MODIFIED => {
            return Err(StoreError::NotModified {
                path,
                source: "not modified".into(),
            });
        }
        status => {
            let source = Box::new(failed(response, "read the object", location.as_ref()).await);
            return Err(match status {
                StatusCode::NOT_FOUND => StoreError::NotFound { path, source },
                StatusCode::PRECONDITION_FAILED => StoreError::Precondition { path, source },
                _ => wrapped(*source),
            });
        }
    }
    let headers = ObjectHeaders::of(response.headers());
    let length = headers.length.unwrap_or_default();
    let (range, size) = header(response.headers(), CONTENT_RANGE)
        .and_then(parse_content_range)
        .unwrap_or((0..length, length));
    let author = response.headers().get(AUTHOR_HEADER);
    let attributes = author_attribute(author.and_then(|a| a.to_str().ok()));
    let body = response.into_body().bytes_stream();
    let body = body
        .map_err(|e| wrapped(Error::unavailable("the object broke off on its way").with_source(e)));
    Ok(GetResult {
        payload: GetResultPayload::Stream(body.boxed()),
        meta: ObjectMeta {
            location: location.clone(),
            last_modified: DateTime::from_timestamp_millis(headers.last_modified)
                .unwrap_or_default(),
            size,
            e_tag: headers.e_tag,
            version: None,
        },
        range,
        attributes,
        extensions: object_store::Extensions::default(),
    })
}
