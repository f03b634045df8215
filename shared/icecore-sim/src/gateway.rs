//! A gateway and the bucket behind it, as one actor reaches them: its presigned requests go over its own network.
//!
//! The gateway is the real one, with its router. In place of an S3 server stands a double that carries out presigned
//! requests on the simulated bucket, in virtual time: it checks that a request has not expired and that every header
//! that is part of the signature is there, and leaves the signature itself to tests with real servers.

mod xml;

use crate::bucket::{SimBucket, lock};
use crate::clock::SimClock;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, Method, Response, StatusCode};
use icecore_core::{Author, Error};
use icecore_gateway::token::{
    Claims, Fetch, Right, Rights, Secret, SigningKey, SpacePattern, TokenSettings, Verifier, mint,
};
use icecore_gateway::{BucketAddress, Endpoint, Gateway, Keys, Limits, Presigner, router};
use icecore_store::backend::{
    Gateway as Transport, GatewayAddress, ServerTime, TokenSource, is_conditional_conflict,
};
use icecore_store::{Clock, Ids, Store};
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    UpdateVersion,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

const SECRET: &str = "the secret of a simulated gateway, long enough";
const BUCKET: &str = "bucket";
const BUCKET_URL: &str = "http://bucket.test";
const GATEWAY_URL: &str = "http://localhost";

/// What went over an actor's network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls of the gateway.
    pub calls: u64,
    /// Objects read from the bucket, or asked whether they changed.
    pub gets: u64,
    /// Of these, answered with "not modified".
    pub not_modified: u64,
    /// Pages of listings.
    pub lists: u64,
    /// Objects written.
    pub puts: u64,
}

/// The store of an actor that has a token and nothing else, and what it costs. `gateways` is the store as the gateway sees it, `view` the
/// bucket as the actor's own network shows it, `clock` the actor's clock, `right` one that is right. The token of an
/// `author` lets that one read and write; without one it lets its bearer do everything.
pub fn behind_a_gateway(
    gateways: &Store,
    view: &SimBucket,
    (clock, right): (&SimClock, &SimClock),
    ids: Arc<dyn Ids>,
    author: Option<Author>,
) -> (Store, Arc<Mutex<Traffic>>) {
    let traffic = Arc::new(Mutex::new(Traffic::default()));
    let secret: Secret = SECRET.parse().expect("a long secret");
    let settings = TokenSettings {
        hs256_secrets: vec![secret.clone()],
        ..TokenSettings::default()
    };
    let fetch: Arc<dyn Fetch> = Arc::new(NoIssuer);
    let verifier = Verifier::new(&settings, &fetch, Arc::new(right.clone())).expect("settings");
    let address = BucketAddress {
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: "root".to_owned(),
        endpoint: Endpoint::Server(BUCKET_URL.parse().expect("a URL")),
    };
    let limits = Limits {
        burst: u32::MAX,
        ..Limits::default()
    };
    let presigner = Presigner::new(address, Keys::new("sim", "sim", None));
    let gateway = Gateway::new(gateways.clone(), presigner, verifier, limits);
    let http = HttpClient::new(Network {
        router: router(&gateway),
        bucket: view.clone(),
        right: right.clone(),
        traffic: Arc::clone(&traffic),
    });
    let rights: Rights = match author {
        Some(_) => [Right::Read, Right::Write].into_iter().collect(),
        None => [Right::Admin].into_iter().collect(),
    };
    let year = 365 * 24 * 3_600 * 1_000;
    let mut claims = Claims::new("sim", vec![SpacePattern::all()], rights, right.now() + year);
    claims.author = author;
    let token = mint(&SigningKey::hs256(&secret), &claims).expect("a token");
    let server_time = Arc::new(ServerTime::new());
    let address = GatewayAddress::parse(&GATEWAY_URL.parse().expect("a URL")).expect("an address");
    let transport = Transport::new(
        address,
        TokenSource::Fixed(token),
        http,
        Arc::new(clock.clone()),
        Arc::clone(&server_time),
    );
    let clock = Arc::new(clock.clone());
    let store = Store::on(
        Arc::new(transport.clone()),
        Path::default(),
        clock,
        ids,
        server_time,
    )
    .with_broker(Arc::new(transport));
    (store, traffic)
}

/// No token of the simulation is an issuer's.
#[derive(Debug)]
struct NoIssuer;

#[async_trait]
impl Fetch for NoIssuer {
    async fn get(&self, _: &str) -> icecore_core::Result<Bytes> {
        Err(Error::unavailable("there is no issuer"))
    }
}

/// What an actor's HTTP client reaches.
#[derive(Debug)]
struct Network {
    router: Router,
    bucket: SimBucket,
    right: SimClock,
    traffic: Arc<Mutex<Traffic>>,
}

#[async_trait]
impl HttpService for Network {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.as_bytes().cloned().unwrap_or_default();
        if parts.uri.host() == Some("localhost") {
            lock(&self.traffic).calls += 1;
            let request = http::Request::from_parts(parts, Body::from(body));
            let answered = self.router.clone().oneshot(request).await;
            let (parts, body) = answered.expect("it answers always").into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await;
            let body = body.expect("it is in memory");
            return Ok(Response::from_parts(parts, HttpResponseBody::from(body)));
        }
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let key = parts
            .uri
            .path()
            .strip_prefix("/bucket/")
            .unwrap_or_default();
        let asked = Asked {
            method: &parts.method,
            key: &percent_decoded(key),
            query: &query,
            headers: &parts.headers,
        };
        if !asked.is_signed(self.right.true_now()) {
            return Ok(answer(StatusCode::FORBIDDEN, "AccessDenied"));
        }
        let answered = match self.carry_out(&asked, body).await {
            Ok(response) => Ok(response),
            Err(error) => refusal(error),
        };
        let mut traffic = lock(&self.traffic);
        match *asked.method {
            Method::GET if query.contains_key("list-type") => traffic.lists += 1,
            Method::GET => traffic.gets += 1,
            Method::PUT => traffic.puts += 1,
            _ => {}
        }
        let unchanged = |r: &HttpResponse| r.status() == StatusCode::NOT_MODIFIED;
        traffic.not_modified += u64::from(answered.as_ref().is_ok_and(unchanged));
        answered
    }
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn answer(status: StatusCode, body: impl Into<String>) -> HttpResponse {
    let mut response = Response::new(HttpResponseBody::from(body.into()));
    *response.status_mut() = status;
    response
}

/// What a server would have answered where the simulated bucket returns an error; nothing, where no answer arrives.
fn refusal(error: StoreError) -> Result<HttpResponse, HttpError> {
    let status = match &error {
        error if is_conditional_conflict(error) => StatusCode::CONFLICT,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => {
            StatusCode::PRECONDITION_FAILED
        }
        StoreError::NotFound { .. } => StatusCode::NOT_FOUND,
        StoreError::NotModified { .. } => StatusCode::NOT_MODIFIED,
        error if error.to_string().contains("status code: 500") => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        error if error.to_string().contains("status code: 503") => StatusCode::SERVICE_UNAVAILABLE,
        _ => return Err(HttpError::new(HttpErrorKind::Interrupted, error)),
    };
    Ok(answer(status, error.to_string()))
}

/// A presigned request.
struct Asked<'a> {
    method: &'a Method,
    key: &'a str,
    query: &'a BTreeMap<String, String>,
    headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn is_signed(&self, now: i64) -> bool {
        let query = |name: &str| self.query.get(name).map(String::as_str);
        let date = query("X-Amz-Date").and_then(|date| {
            let date = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").ok()?;
            Some(date.and_utc().timestamp_millis())
        });
        let seconds = query("X-Amz-Expires").and_then(|n| n.parse::<i64>().ok());
        let (Some(date), Some(seconds)) = (date, seconds) else {
            return false;
        };
        let signed = query("X-Amz-SignedHeaders").unwrap_or_default();
        // An HTTP client sets these two by itself.
        let is_there = |name: &str| {
            matches!(name, "host" | "content-length") || self.headers.contains_key(name)
        };
        now <= date + seconds * 1_000 && signed.split(';').all(is_there)
    }

    fn header(&self, name: impl http::header::AsHeaderName) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }
}

impl Network {
    async fn carry_out(&self, asked: &Asked<'_>, body: Bytes) -> Result<HttpResponse, StoreError> {
        let path = Path::parse(asked.key)?;
        match *asked.method {
            Method::GET if asked.query.contains_key("list-type") => {
                xml::list(&self.bucket, asked.query)
                    .await
                    .map(|page| answer(StatusCode::OK, page))
            }
            Method::GET | Method::HEAD => self.get(asked, &path).await,
            Method::PUT => self.put(asked, &path, body).await,
            Method::DELETE => {
                self.bucket.delete(&path).await?;
                Ok(answer(StatusCode::NO_CONTENT, ""))
            }
            _ => Ok(answer(StatusCode::METHOD_NOT_ALLOWED, "")),
        }
    }

    async fn get(&self, asked: &Asked<'_>, path: &Path) -> Result<HttpResponse, StoreError> {
        let options = GetOptions {
            if_none_match: asked.header(IF_NONE_MATCH),
            head: *asked.method == Method::HEAD,
            ..GetOptions::default()
        };
        let got = self.bucket.get_opts(path, options).await?;
        let meta = got.meta.clone();
        let body = got.bytes().await?;
        let mut response = Response::new(HttpResponseBody::from(body));
        let headers = response.headers_mut();
        let text = |text: String| text.parse().expect("a header");
        headers.insert("content-length", text(meta.size.to_string()));
        headers.insert(
            LAST_MODIFIED,
            text(http_date(meta.last_modified.timestamp_millis())),
        );
        if let Some(tag) = meta.e_tag {
            headers.insert(ETAG, text(tag));
        }
        Ok(response)
    }

    async fn put(
        &self,
        asked: &Asked<'_>,
        path: &Path,
        body: Bytes,
    ) -> Result<HttpResponse, StoreError> {
        if let Some(source) = asked.header("x-amz-copy-source") {
            let from = source.strip_prefix("/bucket/").unwrap_or_default();
            let from = Path::parse(percent_decoded(from))?;
            self.bucket
                .copy_opts(&from, path, CopyOptions::default())
                .await?;
            return Ok(answer(StatusCode::OK, "<CopyObjectResult/>"));
        }
        let mode = match (asked.header(IF_NONE_MATCH), asked.header(IF_MATCH)) {
            (Some(_), _) => PutMode::Create,
            (None, Some(tag)) => PutMode::Update(UpdateVersion {
                e_tag: Some(tag),
                version: None,
            }),
            (None, None) => PutMode::Overwrite,
        };
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        let put = self.bucket.put_opts(path, body.into(), options).await?;
        let mut response = answer(StatusCode::OK, "");
        if let Some(tag) = put.e_tag {
            response
                .headers_mut()
                .insert(ETAG, tag.parse().expect("a header"));
        }
        Ok(response)
    }
}

fn http_date(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
