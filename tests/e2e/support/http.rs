//! HTTP as a stranger's client speaks it: nothing is repeated, nothing repaired.

use icecore_store::backend::Connector;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

/// A client, with a runtime of its own.
#[derive(Debug)]
pub(crate) struct Http {
    client: HttpClient,
    runtime: Runtime,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// Its body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// A presigned request, to be sent as it is or tampered with.
#[derive(Debug, Clone)]
pub(crate) struct Presigned {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Presigned {
    /// As the gateway gives it.
    pub(crate) fn of(signed: &Value) -> Self {
        let text = |name: &str| signed[name].as_str().expect("text").to_owned();
        let headers = signed["headers"].as_object().cloned().unwrap_or_default();
        Self {
            method: text("method"),
            url: text("url"),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, value.as_str().expect("text").to_owned()))
                .collect(),
        }
    }

    /// Without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.headers.remove(name).is_some(), "{name} was signed");
        self
    }

    /// With another value of a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With another text in its address.
    pub(crate) fn replaced(mut self, from: &str, to: &str) -> Self {
        assert!(self.url.contains(from), "{from}");
        self.url = self.url.replace(from, to);
        self
    }
}

impl Http {
    pub(crate) fn new() -> Self {
        let options = ClientOptions::new().with_allow_http(true);
        Self {
            client: Connector.connect(&options).expect("a client"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        }
    }

    /// Sends a request.
    pub(crate) fn send(&self, request: &Presigned, body: &str) -> Answer {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(&request.url);
        for (name, value) in &request.headers {
            // The client sends the length that the body has.
            if name != "content-length" {
                builder = builder.header(name, value);
            }
        }
        let request = builder
            .body(HttpRequestBody::from(body.to_owned()))
            .expect("a request");
        self.runtime.block_on(async {
            let response = self.client.execute(request).await.expect("an answer");
            let status = response.status().as_u16();
            let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            };
            let headers = response.headers().iter().map(header).collect();
            let bytes = response.into_body().bytes().await.expect("a body");
            Answer {
                status,
                headers,
                body: String::from_utf8_lossy(&bytes).into_owned(),
            }
        })
    }

    /// Calls the gateway.
    pub(crate) fn call(&self, method: &str, url: &str, token: &str, body: &Value) -> Answer {
        let mut headers = BTreeMap::new();
        if !token.is_empty() {
            headers.insert("authorization".to_owned(), format!("Bearer {token}"));
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Presigned {
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
        };
        self.send(&request, &body)
    }
}

/// The body of a request for slots.
pub(crate) fn write_request(author: &str, body: &str) -> Value {
    write_request_in("0001-0000000000000000", author, body)
}

/// The same, for the epoch of this name.
pub(crate) fn write_request_in(epoch: &str, author: &str, body: &str) -> Value {
    let sha256 = icecore_core::Digest::of(body.as_bytes()).to_string();
    json!({ "write": {
        "epoch": epoch,
        "author": author,
        "keys": { "after": { "seen": 0, "reached": 0, "stride": 1 } },
        "objects": [{ "bytes": body.len(), "sha256": sha256 }],
        "spare": 2,
    } })
}
