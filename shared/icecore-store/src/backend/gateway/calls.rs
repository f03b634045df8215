//! The gateway's HTTP API.

use super::Gateway;
use super::wire::{Outgoing, fault_text, header, read_body};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use icecore_core::wire::{
    Op, Refusal, SignRequest, SignResponse, Signed, SpaceList, SyncRequest, SyncResponse,
};
use icecore_core::{Error, Result, SpaceName};
use object_store::client::HttpResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Read;

/// The most bytes of an answer, packed and unpacked. A gateway's own limits are far below.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// A gateway signs no more requests than this in one call.
pub(super) const OPS_MAX: usize = 1_000;

const TOKEN_HINT: &str = "give a token in ICECORE_TOKEN, or the file that holds it in ICECORE_TOKEN_FILE; what is queued stays queued";

impl Gateway {
    /// `POST /v1/spaces/{space}/sync`.
    pub(super) async fn sync(
        &self,
        space: &SpaceName,
        request: &SyncRequest,
    ) -> Result<SyncResponse> {
        let path = format!("/v1/spaces/{space}/sync");
        let sent = self.inner.clock.now();
        let answer: SyncResponse = self.post(&path, request).await?;
        self.saw_time(answer.now, sent);
        *self.author_lock() = answer.author;
        Ok(answer)
    }

    /// `POST /v1/spaces/{space}/sign`, or `POST /v1/sign` for what belongs to no space; in calls of as many as it
    /// takes.
    pub(super) async fn sign(
        &self,
        space: Option<&SpaceName>,
        ops: Vec<Op>,
    ) -> Result<Vec<Signed>> {
        let path = match space {
            Some(space) => format!("/v1/spaces/{space}/sign"),
            None => "/v1/sign".to_owned(),
        };
        let mut all = Vec::with_capacity(ops.len());
        for chunk in ops.chunks(OPS_MAX) {
            let request = SignRequest {
                ops: chunk.to_vec(),
            };
            let sent = self.inner.clock.now();
            let answer: SignResponse = self.post(&path, &request).await?;
            self.saw_time(answer.now, sent);
            if answer.signed.len() != chunk.len() {
                return Err(
                    Error::corrupt("the gateway did not sign what it was asked to")
                        .with_hint("this program and the gateway may be of different versions"),
                );
            }
            all.extend(answer.signed);
        }
        Ok(all)
    }

    /// `GET /v1/spaces`.
    pub(super) async fn spaces(&self) -> Result<SpaceList> {
        self.call(http::Method::GET, "/v1/spaces", Bytes::new())
            .await
    }

    fn saw_time(&self, now: i64, sent: i64) {
        let received = self.inner.clock.now();
        self.inner.server_time.observe_exact(now, sent, received);
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = serde_json::to_vec(body)
            .map_err(|e| Error::internal("BUG: a request has no JSON form").with_source(e))?;
        self.call(http::Method::POST, path, body.into()).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: http::Method,
        path: &str,
        body: Bytes,
    ) -> Result<T> {
        let mut renewed = false;
        loop {
            let token = self.inner.token.get()?;
            let mut outgoing = Outgoing {
                method: method.clone(),
                url: self.inner.address.endpoint(path),
                headers: vec![(ACCEPT_ENCODING.to_string(), "gzip".to_owned())],
                body: body.clone(),
                repeat: true,
            };
            if !body.is_empty() {
                outgoing = outgoing.with_header(CONTENT_TYPE.as_str(), "application/json");
            }
            if let Some(token) = &token {
                outgoing = outgoing.with_header(AUTHORIZATION.as_str(), format!("Bearer {token}"));
            }
            let response = self
                .send(&outgoing)
                .await
                .map_err(|e| e.with_object(format!("{} {path}", self.inner.address)))?;
            if response.status().is_success() {
                return parse(response).await;
            }
            if response.status() == StatusCode::UNAUTHORIZED
                && !renewed
                && self.inner.token.renew(token.as_deref())?
            {
                renewed = true;
                continue;
            }
            let error_is_about_tokens = response.status() == StatusCode::UNAUTHORIZED;
            let error = refused(response).await;
            // The gateway tells how to send a token; a person wants to know where to put it.
            return Err(match &token {
                None if error_is_about_tokens => error.with_hint(TOKEN_HINT),
                _ => error,
            });
        }
    }
}

async fn parse<T: DeserializeOwned>(response: HttpResponse) -> Result<T> {
    let packed = header(response.headers(), CONTENT_ENCODING) == Some("gzip");
    let body = read_body(response, ANSWER_BYTES_MAX).await?;
    let no_gateway = || {
        Error::corrupt("the answer is none of a gateway's")
            .with_hint("check the address in --store; this program and the gateway may be of different versions")
    };
    let parsed = if packed {
        let mut unpacked = Vec::new();
        let most = ANSWER_BYTES_MAX as u64 + 1;
        let read = GzDecoder::new(&body[..])
            .take(most)
            .read_to_end(&mut unpacked);
        read.map_err(|e| no_gateway().with_source(e))?;
        serde_json::from_slice(&unpacked)
    } else {
        serde_json::from_slice(&body)
    };
    parsed.map_err(|e| no_gateway().with_source(e))
}

/// What a gateway says when it refuses, or whoever stands in front of it.
async fn refused(response: HttpResponse) -> Error {
    let status = response.status();
    let text = fault_text(response).await;
    if let Ok(refusal) = serde_json::from_str::<Refusal>(&text) {
        let has_hint = refusal.hint.is_some();
        let error = Error::from(refusal);
        return if status == StatusCode::UNAUTHORIZED && !has_hint {
            error.with_hint(TOKEN_HINT)
        } else {
            error
        };
    }
    let message = format!("the gateway answered {status}");
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::denied(message).with_hint(TOKEN_HINT)
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Error::unavailable(message).with_hint("it is tried again later; nothing is lost")
        }
        status if status.is_server_error() => {
            Error::unavailable(message).with_hint("it is tried again later; nothing is lost")
        }
        _ => Error::invalid(message)
            .with_hint("there may be no gateway at this address: check --store"),
    }
}
