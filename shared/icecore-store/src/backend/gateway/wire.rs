//! HTTP requests to the gateway and to the bucket: their retries, and what the answers mean.

use super::Gateway;
use crate::backend::server_time::parse_http_date;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, ETAG, HeaderMap, LAST_MODIFIED};
use http::{Request, StatusCode};
use icecore_core::wire::Signed;
use icecore_core::{Error, Result};
use object_store::client::{HttpErrorKind, HttpRequestBody, HttpResponse};
use std::time::Duration;

/// A hiccup is smoothed over here; whatever takes longer is the protocol's matter, which knows what it may repeat.
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// The most bytes of an answer that says what went wrong.
const FAULT_BYTES_MAX: usize = 64 << 10;

/// A request that can be sent more than once.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: http::Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// Whether it may be sent again when nobody knows what became of it.
    pub(super) repeat: bool,
}

impl Outgoing {
    /// A presigned request.
    pub(super) fn signed(signed: &Signed) -> Self {
        let headers = signed.headers.iter();
        Self {
            method: http::Method::from_bytes(signed.method.as_str().as_bytes()).unwrap_or_default(),
            url: signed.url.clone(),
            headers: headers.map(|(n, v)| (n.clone(), v.clone())).collect(),
            body: Bytes::new(),
            repeat: true,
        }
    }

    pub(super) fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self.repeat = false;
        self
    }

    pub(super) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn request(&self) -> Result<Request<HttpRequestBody>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.url);
        for (name, value) in &self.headers {
            // The client sets it from the body, and the body is what was signed.
            if !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("host") {
                request = request.header(name, value);
            }
        }
        request
            .body(HttpRequestBody::from(self.body.clone()))
            .map_err(|e| {
                Error::corrupt("the gateway gave an address that cannot be used").with_source(e)
            })
    }
}

impl Gateway {
    /// Sends a request, again if it failed for reasons that pass.
    pub(super) async fn send(&self, outgoing: &Outgoing) -> Result<HttpResponse> {
        let mut tries = 1;
        loop {
            let sent = self.send_once(outgoing).await;
            let again = match &sent {
                Ok(response) => {
                    outgoing.repeat
                        && (response.status().is_server_error() || is_too_many(response))
                }
                Err(failed) => outgoing.repeat && failed.passes,
            };
            if !again || tries == TRIES_MAX {
                return sent.map_err(|failed| failed.error);
            }
            self.inner.clock.sleep(PAUSE * tries).await;
            tries += 1;
        }
    }

    async fn send_once(&self, outgoing: &Outgoing) -> Result<HttpResponse, SendError> {
        let request = outgoing.request().map_err(|error| SendError {
            error,
            passes: false,
        })?;
        let sent = self.inner.clock.now();
        let response = self.inner.http.execute(request).await.map_err(|e| {
            let passes = e.kind() != HttpErrorKind::Decode;
            let error = Error::unavailable("the request got no answer")
                .with_hint("check the network; nothing is lost, it is tried again")
                .with_source(e);
            SendError { error, passes }
        })?;
        if let Some(date) = header(response.headers(), DATE) {
            let received = self.inner.clock.now();
            self.inner.server_time.observe_date(date, sent, received);
        }
        Ok(response)
    }
}

struct SendError {
    error: Error,
    passes: bool,
}

fn is_too_many(response: &HttpResponse) -> bool {
    response.status() == StatusCode::TOO_MANY_REQUESTS
}

/// A header as text.
pub(super) fn header(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// What the headers of an answer say of an object.
pub(super) struct ObjectHeaders {
    pub(super) e_tag: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub(super) last_modified: i64,
    pub(super) length: Option<u64>,
}

impl ObjectHeaders {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            e_tag: header(headers, ETAG).map(str::to_owned),
            last_modified: header(headers, LAST_MODIFIED)
                .and_then(parse_http_date)
                .unwrap_or_default(),
            length: header(headers, CONTENT_LENGTH).and_then(|n| n.parse().ok()),
        }
    }
}

/// Reads an answer's body, unless it is larger than it may be.
pub(super) async fn read_body(response: HttpResponse, bytes_max: usize) -> Result<Bytes> {
    use futures::TryStreamExt;
    let mut body = bytes::BytesMut::new();
    let mut chunks = response.into_body().bytes_stream();
    let failed = |e| {
        Error::unavailable("the answer broke off")
            .with_hint("check the network; nothing is lost, it is tried again")
            .with_source(e)
    };
    while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Error::corrupt(format!(
                "the answer has more than {bytes_max} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The text of an answer that says what went wrong, for an error's chain; empty when it cannot be read.
pub(super) async fn fault_text(response: HttpResponse) -> String {
    let body = read_body(response, FAULT_BYTES_MAX)
        .await
        .unwrap_or_default();
    String::from_utf8_lossy(&body).into_owned()
}
