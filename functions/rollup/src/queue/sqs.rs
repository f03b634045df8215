//! Amazon SQS, by its JSON protocol and signed requests: one call of its API does not need its SDK.

use super::Queue;
use crate::config::SqsSettings;
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use futures::TryStreamExt;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use icecore_core::{Error, Result};
use icecore_store::Clock;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The most messages in one call, by SQS.
const MESSAGES_PER_CALL: usize = 10;
/// How often a call is tried, and how long one try may take: it is made when the time is nearly up.
const TRIES: u32 = 3;
const TIMEOUT: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(100);
const CONTENT: &str = "application/x-amz-json-1.0";
const TARGET: &str = "AmazonSQS.SendMessageBatch";

/// A queue of Amazon SQS, or of a server that speaks its protocol.
pub struct SqsQueue {
    settings: SqsSettings,
    credentials: Credentials,
    client: HttpClient,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Call<'a> {
    queue_url: &'a str,
    entries: Vec<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    id: String,
    message_body: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    failed: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: String,
}

impl SqsQueue {
    /// A queue. No request is made.
    ///
    /// # Errors
    /// `Internal` when no HTTP client can be made.
    pub fn new(settings: &SqsSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let plain = settings.endpoint.scheme() == "http";
        let options = ClientOptions::new()
            .with_timeout(TIMEOUT)
            .with_allow_http(plain);
        let client = ReqwestConnector::default()
            .connect(&options)
            .map_err(|e| Error::internal("no HTTP client can be made").with_source(e))?;
        let credentials = Credentials::new(
            &settings.access_key_id,
            &settings.secret_access_key,
            settings.session_token.clone(),
            None,
            "environment",
        );
        Ok(Self {
            settings: settings.clone(),
            credentials,
            client,
            clock,
        })
    }

    async fn send_batch(&self, bodies: &[String]) -> Result<()> {
        let entries = bodies.iter().enumerate();
        let call = Call {
            queue_url: &self.settings.queue_url,
            entries: entries
                .map(|(n, body)| Message {
                    id: n.to_string(),
                    message_body: body,
                })
                .collect(),
        };
        let body = serde_json::to_vec(&call).map_err(|e| bug("a call has a JSON form", e))?;
        let mut tries = 1;
        loop {
            match self.call(body.clone()).await {
                Err(error) if error.is_unavailable() && tries < TRIES => {
                    self.clock.sleep(PAUSE.saturating_mul(tries)).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn call(&self, body: Vec<u8>) -> Result<()> {
        let request = self.signed(body)?;
        let response = self.client.execute(request).await.map_err(|e| {
            self.failed(Error::unavailable("the queue did not answer"))
                .with_source(e)
        })?;
        let status = response.status();
        let chunks = response.into_body().bytes_stream();
        let answer: Vec<u8> = chunks
            .try_fold(Vec::new(), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .map_err(|e| {
                self.failed(Error::unavailable("the queue's answer broke off"))
                    .with_source(e)
            })?;
        if !status.is_success() {
            return Err(self.refused(status, &answer));
        }
        let answer: Answer = serde_json::from_slice(&answer).map_err(|e| {
            self.failed(Error::unavailable("the queue's answer does not parse"))
                .with_source(e)
        })?;
        match answer.failed.first() {
            None => Ok(()),
            Some(refused) => Err(self.failed(Error::unavailable(format!(
                "the queue did not take {} messages: {}",
                answer.failed.len(),
                refused.code
            )))),
        }
    }

    fn signed(&self, body: Vec<u8>) -> Result<HttpRequest> {
        let endpoint = &self.settings.endpoint;
        let host = match (endpoint.host_str(), endpoint.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let headers = [
            (HOST.as_str(), host.as_str()),
            (CONTENT_TYPE.as_str(), CONTENT),
            ("x-amz-target", TARGET),
        ];
        let since = u64::try_from(self.clock.now()).unwrap_or(0);
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.settings.region)
            .name("sqs")
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(since))
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| bug("all parameters are given", e))?
            .into();
        let signable = SignableRequest::new(
            "POST",
            endpoint.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(&body),
        );
        let signable = signable.map_err(|e| bug("the request can be signed", e))?;
        let signed =
            sign(signable, &parameters).map_err(|e| bug("the request can be signed", e))?;
        let (instructions, _) = signed.into_parts();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(endpoint.as_str());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request
            .body(HttpRequestBody::from(body))
            .map_err(|e| bug("the request has a form", e))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn refused(&self, status: StatusCode, answer: &[u8]) -> Error {
        /// What SQS says of an error.
        #[derive(Default, Deserialize)]
        struct Said {
            #[serde(rename = "__type", default)]
            code: String,
        }
        let said: Said = serde_json::from_slice(answer).unwrap_or_default();
        let code = said.code.rsplit('#').next().unwrap_or_default();
        let message = format!("the queue answered {status} {code}");
        self.failed(match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                Error::denied(message).with_hint("the function needs sqs:SendMessage on this queue")
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Error::unavailable(message)
            }
            _ => Error::invalid(message).with_hint("check ICECORE_QUEUE_URL and the region"),
        })
    }

    fn failed(&self, error: Error) -> Error {
        error.with_object(&self.settings.queue_url)
    }
}

fn bug(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal(format!("BUG: {what}")).with_source(source)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, bodies: Vec<String>) -> Result<()> {
        for batch in bodies.chunks(MESSAGES_PER_CALL) {
            self.send_batch(batch).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsQueue")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
