//! Requests signed by AWS's own code, and a server for the endpoint.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use icecore_s3::{Builder, Endpoint};
use icecore_store::backend::Folder;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use sha2::{Digest, Sha256};
use std::string::FromUtf8Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

pub(crate) const ACCESS: &str = "access";
pub(crate) const SECRET: &str = "secret";
pub(crate) const BUCKET: &str = "bucket";

/// Where requests are addressed to, in process.
const HOST: &str = "localhost:9000";

/// What the endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> String {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_default();
        rest.split_once('<').unwrap_or_default().0.to_owned()
    }

    /// The status and the code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.element("Code"))
    }
}

/// A request that is not signed yet.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) key: (String, String),
    pub(crate) host: String,
}

impl Draft {
    pub(crate) fn new(method: &'static str, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            key: (ACCESS.to_owned(), SECRET.to_owned()),
            host: HOST.to_owned(),
        }
    }

    pub(crate) fn put(key: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        let mut draft = Self::new("PUT", &format!("/{BUCKET}/{key}"));
        draft.body = body;
        draft.with("content-length", &length)
    }

    pub(crate) fn get(key: &str) -> Self {
        Self::new("GET", &format!("/{BUCKET}/{key}"))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn from(mut self, access: &str, secret: &str) -> Self {
        self.key = (access.to_owned(), secret.to_owned());
        self
    }

    /// Signed in its header.
    pub(crate) fn signed(self) -> Request<Full<Bytes>> {
        let digest = Sha256::digest(&self.body);
        self.signed_as(&hex(&digest))
    }

    /// Signed in its header, with this for the hash of the body.
    pub(crate) fn signed_as(mut self, digest: &str) -> Request<Full<Bytes>> {
        let mut settings = settings();
        settings.signature_location = SignatureLocation::Headers;
        let body = SignableBody::Precomputed(digest.to_owned());
        let (added, _) = self.sign(settings, body, now());
        self.headers.extend(added);
        self.unsigned()
    }

    /// The target of a presigned URL, which signs the headers of the draft.
    pub(crate) fn presign(&self, at: SystemTime, expires: Duration) -> String {
        let mut settings = settings();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(expires);
        let (_, query) = self.sign(settings, SignableBody::UnsignedPayload, at);
        let separator = if self.target.contains('?') { '&' } else { '?' };
        format!("{}{separator}{query}", self.target)
    }

    /// Presigned for a minute, from now on.
    pub(crate) fn presigned(mut self) -> Self {
        self.target = self.presign(now(), Duration::from_mins(1));
        self
    }

    pub(crate) fn unsigned(self) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.target)
            .header("host", &self.host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body)).unwrap()
    }

    fn sign(
        &self,
        settings: SigningSettings,
        body: SignableBody<'_>,
        at: SystemTime,
    ) -> (Vec<(String, String)>, String) {
        let (access, secret) = &self.key;
        let identity = Credentials::new(access, secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(at)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let uri = format!("http://{}{}?{query}", self.host, canonical(path));
        let headers = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let request = SignableRequest::new(self.method, uri, headers, body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let headers = instructions.headers();
        let headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in instructions.params() {
            query.append_pair(name, value);
        }
        (headers, query.finish())
    }
}

/// The path as the server reads it, so that odd ways to write it get past its signature.
fn canonical(path: &str) -> String {
    let Ok(decoded) = decode(path.as_bytes()) else {
        return path.to_owned();
    };
    let mut canonical = String::new();
    for byte in decoded.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            canonical.push(char::from(byte));
        } else {
            canonical.push('%');
            canonical.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    canonical
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

/// What a path says, without the percent signs.
fn decode(mut path: &[u8]) -> Result<String, FromUtf8Error> {
    let mut decoded = Vec::new();
    while let Some((first, rest)) = path.split_first() {
        path = rest;
        let hex = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped.filter(|_| *first == b'%') {
            Some(byte) => {
                decoded.push(byte);
                path = &rest[2..];
            }
            None => decoded.push(*first),
        }
    }
    String::from_utf8(decoded)
}

fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

#[expect(
    clippy::disallowed_methods,
    reason = "signatures are checked against the clock of the machine"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn sha256(body: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(body))
}

pub(crate) fn on(store: Arc<dyn ObjectStore>) -> Endpoint {
    builder(store).build()
}

fn builder(store: Arc<dyn ObjectStore>) -> Builder {
    Endpoint::builder(store).bucket(BUCKET).key(ACCESS, SECRET)
}

pub(crate) fn in_memory() -> Endpoint {
    on(Arc::new(InMemory::new()))
}

/// On a folder, in a directory of its own inside another.
pub(crate) fn in_folder() -> (TempDir, Endpoint) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let folder = Folder::new(root);
    let endpoint = builder(Arc::new(folder.clone())).delete_version(move |path, tag| {
        let folder = folder.clone();
        async move { folder.delete_version(&path, &tag).await }
    });
    (directory, endpoint.build())
}

pub(crate) async fn send<B>(endpoint: &Endpoint, request: Request<B>) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = endpoint.call(request).await.into_parts();
    assert!(parts.headers.contains_key("x-amz-request-id"));
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

/// The names and values in a map of headers.
pub(crate) fn set(request: &mut Request<Full<Bytes>>, name: &str, value: &str) {
    let name = HeaderName::try_from(name).unwrap();
    let value = HeaderValue::try_from(value).unwrap();
    request.headers_mut().insert(name, value);
}

/// Serves on a port of this machine until the runtime ends, and returns the address.
pub(crate) async fn serve(endpoint: Endpoint) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let endpoint = endpoint.clone();
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), endpoint);
            // It fails when the client goes away.
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    address
}

/// Sends a request over a connection of its own.
pub(crate) async fn send_to(address: &str, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}
