//! Presigned requests: from a method and a path to an address that anybody can use until it expires.
//!
//! Signature Version 4 in the query, as documented under "Authenticating Requests: Using Query Parameters" in the
//! S3 API reference. It is pure computation: the bucket is asked nothing.

mod environment;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use icecore_core::wire::{Method, Signed};
use icecore_core::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};
use url::Url;

/// What stays as it is in a path: the unreserved characters of RFC 3986 and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');
/// What stays as it is in a query: the unreserved characters.
const QUERY: &AsciiSet = &PATH.add(b'/');

/// As whom the gateway signs.
#[derive(Clone)]
pub struct Keys {
    identity: Identity,
}

impl Keys {
    /// An access key with its secret, and a session token where they are temporary.
    pub fn new(access: &str, secret: &str, session: Option<&str>) -> Self {
        let credentials = Credentials::new(
            access,
            secret,
            session.map(str::to_owned),
            None,
            "icecore-gateway",
        );
        Self {
            identity: credentials.into(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Where the bucket is for the clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// On AWS: the bucket's own host name.
    Aws,
    /// Another server, addressed by path: `http://127.0.0.1:8333`.
    Server(Url),
    /// This gateway's own address, as the client knows it: the bucket is served beside it.
    Beside,
}

/// A bucket, and the store's place in it.
#[derive(Debug, Clone)]
pub struct BucketAddress {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The root of the store within it; empty, or without slashes at its ends.
    pub prefix: String,
    /// Where it is.
    pub endpoint: Endpoint,
}

/// Signs requests to one bucket.
#[derive(Debug, Clone)]
pub struct Presigner {
    address: BucketAddress,
    keys: Keys,
}

/// A request that is to be signed.
#[derive(Debug, Clone)]
pub(crate) struct Unsigned {
    pub(crate) method: Method,
    /// Below the store's root; empty for the bucket itself.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) expires_in: Duration,
}

impl Unsigned {
    pub(crate) fn new(method: Method, path: impl Into<String>, expires_in: Duration) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: BTreeMap::new(),
            expires_in,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

impl Presigner {
    /// A presigner for a bucket.
    pub fn new(address: BucketAddress, keys: Keys) -> Self {
        Self { address, keys }
    }

    /// The place of a path in the bucket: below the store's root.
    pub(crate) fn in_bucket(&self, path: &str) -> String {
        match self.address.prefix.as_str() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.address.bucket
    }

    /// The bucket's address for a client that reached this gateway at `own`.
    fn base(&self, own: &str) -> String {
        let bucket = &self.address.bucket;
        let region = &self.address.region;
        match &self.address.endpoint {
            // A name with dots does not fit the certificate of *.s3.REGION.amazonaws.com.
            Endpoint::Aws if bucket.contains('.') => {
                format!("https://s3.{region}.amazonaws.com/{bucket}")
            }
            Endpoint::Aws => format!("https://{bucket}.s3.{region}.amazonaws.com"),
            Endpoint::Server(server) => {
                format!("{}/{bucket}", server.as_str().trim_end_matches('/'))
            }
            Endpoint::Beside => format!("{own}/{bucket}"),
        }
    }

    /// Signs a request at the time `now`, milliseconds since 1970 UTC, for a client that reached the gateway at `own`
    /// (`https://host`).
    ///
    /// # Errors
    /// `Internal`: a header or an address that cannot be signed, which none of ours is.
    pub(crate) fn sign(&self, request: &Unsigned, own: &str, now: i64) -> Result<Signed> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.expires_in = Some(request.expires_in);
        let now = Duration::from_millis(u64::try_from(now).unwrap_or(0));
        let failed = |e: &dyn fmt::Display| Error::internal(format!("cannot sign a request: {e}"));
        let params = v4::SigningParams::builder()
            .identity(&self.keys.identity)
            .region(&self.address.region)
            .name("s3")
            .time(SystemTime::UNIX_EPOCH + now)
            .settings(settings)
            .build()
            .map_err(|e| failed(&e))?;
        let uri = self.uri(request, own);
        let signable = SignableRequest::new(
            request.method.as_str(),
            uri.as_str(),
            request
                .headers
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str())),
            SignableBody::UnsignedPayload,
        );
        let signable = signable.map_err(|e| failed(&e))?;
        let signed = sign(signable, &params.into()).map_err(|e| failed(&e))?;
        let (_, added) = signed.into_parts().0.into_parts();
        let mut url = uri;
        for (name, value) in &added {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, QUERY));
        }
        Ok(Signed {
            method: request.method,
            url,
            headers: request.headers.clone(),
            expires_in_ms: u64::try_from(request.expires_in.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn uri(&self, request: &Unsigned, own: &str) -> String {
        let mut uri = self.base(own);
        uri.push('/');
        if !request.path.is_empty() {
            uri.extend(utf8_percent_encode(&self.in_bucket(&request.path), PATH));
        }
        for (n, (name, value)) in request.query.iter().enumerate() {
            uri.push(if n == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, QUERY));
        }
        uri
    }
}
