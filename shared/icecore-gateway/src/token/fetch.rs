//! How the keys of an issuer are had.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::{Either, select};
use futures::{StreamExt, pin_mut};
use http::header::ACCEPT;
use http::{Request, StatusCode};
use icecore_core::{Error, Result};
use icecore_store::Clock;
use icecore_store::backend::Connector;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// The longest answer: the keys of the largest issuers take a few KiB.
pub const FETCH_BYTES_MAX: usize = 1024 * 1024;

/// How long an answer may take. Somebody waits for it with a token in hand.
pub const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Gets what lies at a URL.
///
/// # Contract
/// `get` returns the body of an answer 200 of at most [`FETCH_BYTES_MAX`], or an error within about
/// [`FETCH_TIME_MAX`]: `Invalid` for a URL that is neither `https` nor on this machine, `Unavailable`
/// otherwise. It does not try again.
#[async_trait]
pub trait Fetch: Debug + Send + Sync {
    /// The body that the URL has now.
    async fn get(&self, url: &str) -> Result<Bytes>;
}

/// [`Fetch`] by HTTP.
#[derive(Debug)]
pub struct HttpFetch {
    clock: Arc<dyn Clock>,
    https: HttpClient,
    /// For this machine, where nobody listens in. Apart from the other, so that no redirect of an `https` URL
    /// leads to plain HTTP.
    http: HttpClient,
}

impl HttpFetch {
    /// Connects as `object_store` does by default; the clock measures the time limit.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self> {
        let connect = |options: ClientOptions| {
            let client = Connector.connect(&options);
            client.map_err(|e| Error::internal("cannot set up an HTTP client").with_source(e))
        };
        Ok(Self {
            clock,
            https: connect(ClientOptions::new())?,
            http: connect(ClientOptions::new().with_allow_http(true))?,
        })
    }

    async fn answer(&self, url: &Url) -> Result<Bytes> {
        let client = if url.scheme() == "https" {
            &self.https
        } else {
            &self.http
        };
        let request = Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .body(HttpRequestBody::empty())
            .map_err(|e| Error::invalid("this URL cannot be asked for").with_source(e))?;
        let unanswered = |e| Error::unavailable("no answer").with_source(e);
        let response = client.execute(request).await.map_err(unanswered)?;
        if response.status() != StatusCode::OK {
            let status = response.status().as_u16();
            return Err(Error::unavailable(format!("the answer is HTTP {status}")));
        }
        let mut body = BytesMut::new();
        let mut chunks = response.into_body().bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(unanswered)?;
            if body.len() + chunk.len() > FETCH_BYTES_MAX {
                return Err(Error::unavailable(format!(
                    "the answer is longer than {FETCH_BYTES_MAX} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn get(&self, url: &str) -> Result<Bytes> {
        let url = checked_url(url)?;
        let answer = self.answer(&url);
        let time_is_up = self.clock.sleep(FETCH_TIME_MAX);
        pin_mut!(answer, time_is_up);
        let result = match select(answer, time_is_up).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Error::unavailable(format!(
                "no answer within {} s",
                FETCH_TIME_MAX.as_secs()
            ))),
        };
        result.map_err(|error| error.with_object(without_query(&url)))
    }
}

/// A URL that may be asked: `https`, or `http` on this machine.
///
/// # Errors
/// `Invalid` for any other, and for one with a user name or a fragment.
pub(super) fn checked_url(text: &str) -> Result<Url> {
    // The text is not shown: it may hold a password.
    let url = Url::parse(text)
        .map_err(|e| Error::invalid("the URL of an issuer cannot be read").with_source(e))?;
    let may_ask = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_this_machine(&url),
        _ => false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none();
    if may_ask && is_plain && url.fragment().is_none() {
        return Ok(url);
    }
    Err(Error::invalid("this is no URL that keys may come from")
        .with_object(without_query(&url))
        .with_hint("use https without a user name or `#`; http is only for localhost"))
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// For messages: no user, no password, no query, for these may be secret.
fn without_query(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}
