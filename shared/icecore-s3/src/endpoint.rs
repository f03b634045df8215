//! The endpoint: from a request to its response.

use crate::admission::{self, Limits};
use crate::buckets::{Bounds, Buckets};
use crate::cors::Cors;
use crate::error::respond;
use crate::keys::Keys;
use crate::memory::{self, Memory};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use object_store::ObjectStore;
use object_store::path::Path;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::{Timestamp, TimestampFormat};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3ErrorCode, S3Result};
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

/// An object is held in memory while it is checked and written, so it must not be as large as S3 allows.
const BODY_MAX: u64 = 64 << 20;

/// A list of 1,000 keys to delete, each of 1,024 bytes, in XML.
const XML_MAX: usize = 4 << 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// Who sends a request: put into its extensions by the server, so that bodies of one address share what memory there is.
///
/// Whoever counts the addresses of a network as one says so here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(pub IpAddr);

pub(crate) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a store deletes the one version of an object that a tag names.
pub(crate) type DeleteVersion =
    Arc<dyn Fn(Path, String) -> BoxFuture<'static, object_store::Result<()>> + Send + Sync>;

/// An S3 endpoint over an object store.
///
/// # Contract
/// - Every request gets a response, with an `x-amz-request-id`; clones share their state and are cheap.
/// - Only requests that are signed by a known key are carried out, and only as far as they are signed: an `x-amz-`
///   header that was added to a signed request is refused.
/// - A body is written when its length and all its checksums are right, and as a whole or not at all. How durable
///   and how atomic a write is, is up to the store: conditions become its put modes.
/// - Bodies that are on their way in hold no more memory together than [`Builder::memory`] allows. It is taken as bytes
///   arrive, and neither one [`Peer`] nor those who write to one place (the first two parts of a key) hold more of it than
///   is left free for others: beyond that an upload is refused with `SlowDown` (503).
/// - The store must list in the order of its keys, as `InMemory`, a folder and S3 do.
///
/// Signatures are checked against the clock of this machine. A body that comes slowly is waited for: the server
/// that mounts the endpoint must limit the time of a request. It should also silence the target `s3s` of the logs,
/// which takes every refusal for an error of the server.
#[derive(Clone)]
pub struct Endpoint {
    service: S3Service,
    cors: Option<Arc<Cors>>,
    now: Option<Now>,
    limits: Limits,
    requests: Arc<AtomicU64>,
}

/// The settings of an [`Endpoint`].
#[derive(Clone)]
pub struct Builder {
    store: Arc<dyn ObjectStore>,
    buckets: Vec<(String, Path)>,
    allow_create: bool,
    keys: Keys,
    cors: Option<Cors>,
    now: Option<Now>,
    delete_version: Option<DeleteVersion>,
    body_max: u64,
    memory: Arc<Memory>,
}

impl Endpoint {
    /// Begins with the store that holds the objects; without keys every request is refused.
    pub fn builder(store: Arc<dyn ObjectStore>) -> Builder {
        Builder {
            store,
            buckets: Vec::new(),
            allow_create: false,
            keys: Keys::default(),
            cors: None,
            now: None,
            delete_version: None,
            body_max: BODY_MAX,
            memory: Arc::new(Memory::new(memory::BYTES)),
        }
    }

    /// Answers a request.
    pub async fn call<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let origin = parts.headers.get(ORIGIN).cloned();
        let is_head = parts.method == Method::HEAD;
        let id = self.next_id();
        let answer = if parts.method == Method::OPTIONS {
            Cors::preflight(self.cors.as_deref(), &parts.headers)
        } else {
            let body = Limited::new(body, self.limits.raw_body());
            let request = Request::from_parts(parts, Body::http_body_unsync(body));
            // What comes from the network must not end a connection, or a server, without an answer.
            let served = AssertUnwindSafe(self.serve(request)).catch_unwind().await;
            let outcome = served.unwrap_or_else(|_| Err(S3ErrorCode::InternalError.into()));
            outcome.unwrap_or_else(respond)
        };
        let mut response = with_request_id(answer, &id).await;
        let bodiless = [StatusCode::NOT_MODIFIED, StatusCode::NO_CONTENT];
        if is_head || bodiless.contains(&response.status()) {
            *response.body_mut() = Body::empty();
        }
        if bodiless.contains(&response.status()) {
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        self.stamp(&mut response, &id);
        if let Some(cors) = &self.cors {
            cors.apply(origin.as_ref(), response.headers_mut());
        }
        response
    }

    async fn serve(&self, request: Request<Body>) -> S3Result<Response<Body>> {
        let (mut parts, body) = request.into_parts();
        admission::check(&parts, &body, self.limits)?;
        admission::hoist(&mut parts)?;
        admission::dated(&mut parts);
        let request = Request::from_parts(parts, body);
        self.service
            .call(request)
            .await
            .map_err(|error| s3s::S3Error::with_source(S3ErrorCode::InternalError, error.into()))
    }

    /// The number of the request, behind the time where that is known: unlike any other of these days.
    fn next_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let now = self.now.as_ref().map(|now| now());
        format!("{:011X}{number:08X}", now.unwrap_or_default())
    }

    fn stamp(&self, response: &mut Response<Body>, id: &str) {
        let now = self.now.as_ref().map(|now| now());
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::try_from(id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(date) = now.and_then(http_date) {
            headers.insert(DATE, date);
        }
    }
}

/// An error names its request, as operators are asked for it.
async fn with_request_id(response: Response<Body>, id: &str) -> Response<Body> {
    const END: &str = "</Error>";
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (parts, body) = response.into_parts();
    // Errors are made here, and small.
    let collected = body.collect().await;
    let bytes = collected.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let named = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_suffix(END))
        .map(|text| Bytes::from(format!("{text}<RequestId>{id}</RequestId>{END}")));
    let body = named.unwrap_or(bytes);
    let mut response = Response::from_parts(parts, Body::from(body));
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}

fn http_date(now_ms: i64) -> Option<HeaderValue> {
    let since = Duration::from_millis(u64::try_from(now_ms).ok()?);
    let time = SystemTime::UNIX_EPOCH.checked_add(since)?;
    let mut text = Vec::new();
    Timestamp::from(time)
        .format(TimestampFormat::HttpDate, &mut text)
        .ok()?;
    HeaderValue::from_bytes(&text).ok()
}

impl Builder {
    /// A bucket that exists: the objects whose path in the store begins with its name.
    #[must_use]
    pub fn bucket(self, name: impl Into<String>) -> Self {
        let name = name.into();
        let prefix = Path::from(name.as_str());
        self.bucket_at(name, prefix)
    }

    /// A bucket that exists: the objects under `prefix` of the store; all of it, where the prefix is empty.
    #[must_use]
    pub fn bucket_at(mut self, name: impl Into<String>, prefix: Path) -> Self {
        self.buckets.push((name.into(), prefix));
        self
    }

    /// Whether clients may create further buckets, which are forgotten with the endpoint (their objects stay). They
    /// may not unless this is set.
    #[must_use]
    pub fn allow_create(mut self, allowed: bool) -> Self {
        self.allow_create = allowed;
        self
    }

    /// A key that may do everything. There can be several.
    #[must_use]
    pub fn key(mut self, access: impl Into<String>, secret: impl Into<String>) -> Self {
        self.keys.insert(access.into(), secret.into());
        self
    }

    /// The web pages that may send requests; none unless this is set.
    #[must_use]
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// The time in milliseconds since 1970, for the `Date` of responses, which have none unless this is set.
    #[must_use]
    pub fn now(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.now = Some(Arc::new(now));
        self
    }

    /// How the store deletes an object only if it still has the tag that is named, in one step; fails with `Precondition` where
    /// it has another. `object_store` has no word for it. Deletions with conditions are refused unless this is set.
    #[must_use]
    pub fn delete_version<F>(
        mut self,
        delete: impl Fn(Path, String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = object_store::Result<()>> + Send + 'static,
    {
        self.delete_version = Some(Arc::new(move |path, tag| delete(path, tag).boxed()));
        self
    }

    /// The largest object that can be written; 64 MiB unless this is set, and never more than what one alone may hold of the
    /// memory for bodies.
    #[must_use]
    pub fn body_max(mut self, bytes: u64) -> Self {
        self.body_max = bytes;
        self
    }

    /// The memory for all bodies that are on their way in; 512 MiB of its own unless this is set.
    #[must_use]
    pub fn memory(mut self, memory: Arc<Memory>) -> Self {
        self.memory = memory;
        self
    }

    /// The endpoint.
    pub fn build(self) -> Endpoint {
        let memory = self.memory;
        let body_max = self.body_max.min(memory.body_max());
        let limits = Limits::new(body_max);
        let bounds = Bounds { body_max, memory };
        let allow_create = self.allow_create;
        let ways = (self.delete_version, self.now.clone());
        let buckets = Buckets::new(self.store, (self.buckets, allow_create), bounds, ways);
        let mut service = S3ServiceBuilder::new(buckets);
        service.set_auth(self.keys);
        let mut config = S3Config::default();
        config.xml_max_body_size = XML_MAX;
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Endpoint {
            service: service.build(),
            cors: self.cors.map(Arc::new),
            now: self.now,
            limits,
            requests: Arc::default(),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("cors", &self.cors)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("buckets", &self.buckets)
            .field("keys", &self.keys)
            .field("cors", &self.cors)
            .finish_non_exhaustive()
    }
}

impl<B> tower::Service<Request<B>> for Endpoint
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let endpoint = self.clone();
        async move { Ok(endpoint.call(request).await) }.boxed()
    }
}

impl<B> hyper::service::Service<Request<B>> for Endpoint
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let endpoint = self.clone();
        async move { Ok(endpoint.call(request).await) }.boxed()
    }
}
