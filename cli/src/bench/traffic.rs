//! HTTP requests to a gateway and to its bucket, counted where they leave a client.

use super::number::exact;
use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use icecore_core::{Error, Result};
use icecore_store::backend::Connector;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// HTTP requests by where they went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub(super) calls: u64,
    pub(super) gets: u64,
    pub(super) not_modified: u64,
    pub(super) lists: u64,
    pub(super) others: u64,
}

impl Traffic {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            gets: self.gets - before.gets,
            not_modified: self.not_modified - before.not_modified,
            lists: self.lists - before.lists,
            others: self.others - before.others,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            gets: self.gets + other.gets,
            not_modified: self.not_modified + other.not_modified,
            lists: self.lists + other.lists,
            others: self.others + other.others,
        }
    }

    /// All of them, calls of the gateway too.
    pub(super) fn requests(self) -> u64 {
        self.calls + self.gets + self.lists + self.others
    }

    /// As S3 Standard bills them in us-east-1.
    pub(super) fn dollars(self) -> f64 {
        exact((self.lists + self.others) * 5_000 + self.gets * 400) / 1e9
    }
}

/// The traffic of one client so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter(Arc<Mutex<Traffic>>);

impl Counter {
    pub(super) fn now(&self) -> Traffic {
        *self.lock()
    }

    /// An HTTP client whose requests are counted here.
    pub(super) fn client(&self) -> Result<HttpClient> {
        let options = ClientOptions::new().with_allow_http(true);
        let inner = Connector
            .connect(&options)
            .map_err(|e| Error::invalid("no HTTP client can be made").with_source(e))?;
        Ok(HttpClient::new(Counted {
            inner,
            counter: self.clone(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what passes.
#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    counter: Counter,
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let is_call = request.uri().path().starts_with("/v1/");
        let lists = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("list-type=2"));
        let is_get = request.method() == Method::GET;
        let response = self.inner.execute(request).await?;
        let mut traffic = self.counter.lock();
        let count = match (is_call, lists, is_get) {
            (true, ..) => &mut traffic.calls,
            (_, true, _) => &mut traffic.lists,
            (_, _, true) => &mut traffic.gets,
            _ => &mut traffic.others,
        };
        *count += 1;
        if response.status() == StatusCode::NOT_MODIFIED {
            traffic.not_modified += 1;
        }
        Ok(response)
    }
}
