//! What every request passes through: limits first, then the endpoint, then what every answer carries.

use super::Gateway;
use super::answer::Signatures;
use super::refusal::Refused;
use crate::observer::Call;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use futures::future::{Either, select};
use icecore_core::{Error, Result};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Shorter answers are not worth packing.
const PACKED_BYTES_MIN: usize = 1_024;

/// More of a body that is too large is not taken in: whoever sends so much sees its connection end.
const DISCARDED_BYTES_MAX: usize = 4 << 20;

/// Which pages may call the gateway from a browser: exact origins, such as `https://app.example.org`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeSet<String>);

impl Origins {
    /// These origins.
    ///
    /// # Errors
    /// `Invalid` for what is no origin: a scheme and a host, maybe a port, and no path.
    pub fn new(origins: impl IntoIterator<Item = String>) -> Result<Self> {
        let checked = |origin: String| {
            match url::Url::parse(&origin) {
            Ok(url) if url.origin().ascii_serialization() == origin => Ok(origin),
            _ => Err(Error::invalid(format!("{origin:?} is no origin"))
                .with_hint("write it as browsers send it: https://app.example.org, without a path or a slash at its end")),
        }
        };
        origins
            .into_iter()
            .map(checked)
            .collect::<Result<_>>()
            .map(Self)
    }

    fn of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let known = origin.to_str().is_ok_and(|origin| self.0.contains(origin));
        known.then(|| origin.clone())
    }
}

/// Takes a request in, and its answer out.
pub(crate) async fn pass(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let started = gateway.clock().monotonic();
    let id = request_id(&gateway);
    let method = request.method().clone();
    // The pattern, never the path: what a client makes up does not belong into logs and metrics.
    let endpoint = request.extensions().get::<MatchedPath>();
    let endpoint = endpoint.map_or("-", MatchedPath::as_str).to_owned();
    let headers = request.headers().clone();
    let origin = gateway.origins.of(&headers);
    let response = if is_preflight(&method, &headers) {
        preflight(origin.is_some())
    } else {
        match limited(&gateway, request, next).await {
            Ok(response) => response,
            Err(refused) => refused.into_response(),
        }
    };
    let mut response = packed(response, &headers).await;
    dress(response.headers_mut(), origin);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = gateway.clock().monotonic().saturating_sub(started);
    if let Some(observer) = &gateway.observer {
        observer.answered(&Call {
            request_id: &id,
            method: method.as_str(),
            endpoint: &endpoint,
            status: response.status().as_u16(),
            took,
            signed: response.extensions().get().map_or(0, |Signatures(n)| *n),
        });
    }
    tracing::info!(
        request_id = id,
        %method,
        endpoint,
        status = response.status().as_u16(),
        took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

fn request_id(gateway: &Gateway) -> String {
    format!("{:032x}", gateway.store.ids.random())
}

/// Reads the body within its limits, and runs the endpoint within its time.
async fn limited(gateway: &Gateway, request: Request, next: Next) -> Result<Response, Refused> {
    let limits = &gateway.limits;
    let (parts, body) = request.into_parts();
    let declared = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|n| n.to_str().ok()?.parse().ok());
    if declared.is_some_and(|n: u64| n > limits.body_bytes_max as u64) {
        // A client that is still sending would see a broken connection instead of the answer.
        within(gateway, limits.body_timeout, discard(body)).await;
        return Err(too_large(limits.body_bytes_max));
    }
    let read = read_whole(body, limits.body_bytes_max);
    let body = within(gateway, limits.body_timeout, read)
        .await
        .ok_or_else(|| {
            let error = Error::unavailable("the request's body did not arrive in time")
                .with_hint("send it again on a better connection");
            Refused::new(StatusCode::REQUEST_TIMEOUT, error)
        })?;
    let request = Request::from_parts(parts, Body::from(body?));
    let answer = within(gateway, limits.call_timeout, next.run(request)).await;
    answer.ok_or_else(|| {
        Error::unavailable("the call took too long")
            .with_hint("the bucket is slow: try again later; nothing is lost")
            .into()
    })
}

pub(super) async fn within<T>(
    gateway: &Gateway,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let work = std::pin::pin!(work);
    match select(work, gateway.clock().sleep(limit)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// Takes in what a client sends, up to a point, and keeps nothing of it.
async fn discard(body: Body) {
    let mut left: usize = DISCARDED_BYTES_MAX;
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn too_large(most: usize) -> Refused {
    let error = Error::invalid(format!("the request's body has more than {most} bytes"))
        .with_hint("make several calls");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

/// Reads a whole body, and keeps none of the pieces that it came in: of those there may be as many as bytes.
async fn read_whole(body: Body, most: usize) -> Result<Bytes, Refused> {
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|e| unreadable(&e))?;
        if bytes.len() + piece.len() > most {
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

fn unreadable(error: &axum::Error) -> Refused {
    let sources = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let mut kinds = sources.filter_map(|e| Some(e.downcast_ref::<std::io::Error>()?.kind()));
    // The server that took the body in has no memory for more.
    if kinds.any(|kind| kind == std::io::ErrorKind::ResourceBusy) {
        return Error::unavailable("too much is being sent from here at once")
            .with_hint("try again in a moment, with fewer calls side by side")
            .into();
    }
    Error::invalid("the request's body broke off").into()
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(allowed: bool) -> Response {
    if !allowed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (ACCESS_CONTROL_MAX_AGE, "3600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What every answer carries.
fn dress(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        // Answers hold presigned addresses.
        (CACHE_CONTROL, "no-store"),
        (VARY, "origin, accept-encoding"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("x-request-id, retry-after");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Packs an answer where the client takes it and it is worth it.
async fn packed(response: Response, request: &HeaderMap) -> Response {
    let takes = |header: &HeaderValue| header.to_str().is_ok_and(|text| text.contains("gzip"));
    if !request.get(ACCEPT_ENCODING).is_some_and(takes) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // All of our bodies are in memory already.
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match gzip(&body) {
        Some(gzip) if body.len() >= PACKED_BYTES_MIN => {
            parts.headers.remove(CONTENT_LENGTH);
            parts
                .headers
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, Body::from(gzip))
        }
        _ => Response::from_parts(parts, Body::from(body)),
    }
}

fn gzip(body: &Bytes) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
