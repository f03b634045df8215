//! What a gateway does for guests, by HTTP. Everything else that a device does with a gateway the replica does.

use crate::account::{Owner, Token};
use futures::StreamExt;
use http::{Method, Request, header};
use icecore::{Author, Error, ErrorKind, Result};
use icecore_store::backend::Connector;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// Linking forwards what the guest wrote, for up to 15 seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Answers of these calls have a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A gateway's address, with a way to get there.
#[derive(Debug)]
pub struct Gateway {
    url: String,
    client: HttpClient,
}

#[derive(Debug, Deserialize)]
struct NewUser {
    space: String,
    token: String,
}

/// What a link did.
#[derive(Debug, Clone, Deserialize)]
pub struct Linked {
    /// Updates that this call forwarded; 0 when an earlier one did.
    pub updates: u64,
    /// Whether all of it is there.
    pub complete: bool,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    code: String,
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

impl Gateway {
    /// Whether a store's address is that of a gateway.
    pub fn is_at(store: &str) -> bool {
        store.starts_with("https://") || store.starts_with("http://")
    }

    /// The gateway at a URL. No request is made.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn at(url: &str) -> Result<Self> {
        let options = ClientOptions::new()
            .with_timeout(ANSWER_TIME_MAX)
            // The replica has refused plain HTTP beyond this machine.
            .with_allow_http(url.starts_with("http://"));
        let client = Connector
            .connect(&options)
            .map_err(|e| Error::internal("cannot set up an HTTP client").with_source(e))?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            client,
        })
    }

    /// `POST /v1/users`: a guest with a space of its own.
    ///
    /// # Errors
    /// What the gateway refuses; `Unavailable` when it does not answer.
    pub async fn guest(&self, model: &str) -> Result<Owner> {
        let body = json!({ "model": { "name": model } });
        let user: NewUser = self
            .call(Method::POST, "/v1/users", None, Some(&body))
            .await?;
        Ok(Owner {
            space: user.space,
            token: Some(Token::from(user.token)),
        })
    }

    /// `POST /v1/users/{id}/link`: the guest turned out to be the user. It can be repeated.
    ///
    /// # Errors
    /// As [`Gateway::guest`]; `Conflict` when the guest is linked to another one.
    pub async fn link(&self, guest: &Owner, user: &Owner) -> Result<Linked> {
        let path = format!("/v1/users/{}/link", guest.space);
        let guest_token = guest.token.as_ref().map(Token::secret);
        let body = json!({ "guest_token": guest_token, "into": user.space });
        self.call(Method::POST, &path, user.token.as_ref(), Some(&body))
            .await
    }

    /// `DELETE /v1/spaces/{space}`: everything in it. It can be repeated.
    ///
    /// # Errors
    /// As [`Gateway::guest`].
    pub async fn erase(&self, owner: &Owner) -> Result<()> {
        let path = format!("/v1/spaces/{}", owner.space);
        let _: Value = self
            .call(Method::DELETE, &path, owner.token.as_ref(), None)
            .await?;
        Ok(())
    }

    /// `POST /v1/spaces/{space}/sync` with nothing to write: whether the token lets this author write there. Nothing
    /// is asked of the bucket, and nothing changes.
    ///
    /// # Errors
    /// `Denied` when it does not; otherwise as [`Gateway::guest`].
    pub async fn may_write(&self, owner: &Owner, author: Author) -> Result<()> {
        let path = format!("/v1/spaces/{}/sync", owner.space);
        let keys = json!({ "after": { "seen": 0, "reached": 0, "stride": 1 } });
        // Of which epoch does not matter: what is written is nothing.
        let write = json!({ "epoch": "0001-0000000000000000", "author": author, "keys": keys, "objects": [] });
        let body = json!({ "write": write });
        let _: Value = self
            .call(Method::POST, &path, owner.token.as_ref(), Some(&body))
            .await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: Option<&Token>,
        body: Option<&Value>,
    ) -> Result<T> {
        let url = format!("{}{path}", self.url);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.secret());
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let body = body.map_or_else(HttpRequestBody::empty, |body| body.to_string().into());
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|e| {
                Error::invalid("this request cannot be made")
                    .with_hint("check the gateway's address and the token for stray characters")
                    .with_source(e)
            })?;
        let response = self.client.execute(request).await.map_err(silent)?;
        let status = response.status();
        let mut answer = Vec::new();
        let mut chunks = response.into_body().bytes_stream();
        while let Some(chunk) = chunks.next().await {
            answer.extend_from_slice(&chunk.map_err(silent)?);
            if answer.len() > ANSWER_BYTES_MAX {
                return Err(no_gateway(&url));
            }
        }
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|e| no_gateway(&url).with_source(e));
        }
        Err(refusal(&answer).unwrap_or_else(|| no_gateway(&url)))
    }
}

fn silent(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::unavailable("the gateway does not answer")
        .with_hint("try again later: nothing is lost, and the call can be repeated")
        .with_source(error)
}

fn no_gateway(url: &str) -> Error {
    Error::invalid("this does not answer as a gateway does")
        .with_object(url)
        .with_hint("name the address that `icecore serve` prints")
}

/// What the gateway says, as the error that it is there.
fn refusal(answer: &[u8]) -> Option<Error> {
    let refusal: Refusal = serde_json::from_slice(answer).ok()?;
    let error = Error::new(ErrorKind::from_code(&refusal.code)?, refusal.message);
    Some(match refusal.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    })
}
