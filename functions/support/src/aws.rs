//! Signed calls of AWS's own APIs, by their JSON protocol: one call of an API does not need its SDK.

use crate::variables::Variables;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use futures::TryStreamExt;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use icecore_core::{Error, Result};
use icecore_store::Clock;
use icecore_store::backend::Connector;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use url::Url;

/// How often a call is tried, and how long one try may take: a function has little time.
const TRIES: u32 = 3;
const TIMEOUT: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(100);

/// Where an API is, and as whom to call it.
#[derive(Clone)]
pub struct Endpoint {
    /// The service as signatures name it: `sqs`, `ssm`.
    pub service: &'static str,
    /// Where requests go.
    pub url: Url,
    /// Its region.
    pub region: String,
    credentials: Credentials,
}

impl Endpoint {
    /// A service at `url`, or where the environment says: `AWS_ENDPOINT_URL_{SERVICE}` or `AWS_ENDPOINT_URL`.
    /// Credentials are those of the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the variable that is missing or cannot be read.
    pub fn new(service: &'static str, url: Url, variables: Variables<'_>) -> Result<Self> {
        let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
        let named = match variables.url(&own)? {
            Some(named) => Some(named),
            None => variables.url("AWS_ENDPOINT_URL")?,
        };
        let mut url = named.unwrap_or(url);
        url.set_path("/");
        url.set_query(None);
        Ok(Self {
            service,
            url,
            region: variables.region().to_owned(),
            credentials: Credentials::new(
                variables.required("AWS_ACCESS_KEY_ID")?,
                variables.required("AWS_SECRET_ACCESS_KEY")?,
                variables.get("AWS_SESSION_TOKEN").map(str::to_owned),
                None,
                "environment",
            ),
        })
    }
}

impl fmt::Debug for Endpoint {
    // Not derived: it holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("service", &self.service)
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// A client of one service.
#[derive(Debug)]
pub struct Api {
    endpoint: Endpoint,
    client: HttpClient,
    clock: Arc<dyn Clock>,
    content: &'static str,
}

impl Api {
    /// A client of a service that speaks version `1.0` or `1.1` of the JSON protocol. No request is made.
    ///
    /// # Errors
    /// `Internal` when no HTTP client can be made.
    pub fn new(endpoint: Endpoint, version: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let plain = endpoint.url.scheme() == "http";
        let options = ClientOptions::new()
            .with_timeout(TIMEOUT)
            .with_allow_http(plain);
        let client = Connector
            .connect(&options)
            .map_err(|e| Error::internal("no HTTP client can be made").with_source(e))?;
        Ok(Self {
            endpoint,
            client,
            clock,
            content: match version {
                "1.0" => "application/x-amz-json-1.0",
                _ => "application/x-amz-json-1.1",
            },
        })
    }

    /// Calls `target` with a JSON body, a few times if the service is in trouble; returns the answer's JSON.
    ///
    /// # Errors
    /// `Unavailable`; `Denied`, `NotFound` or `Invalid` with the service's own word for it.
    pub async fn call(&self, target: &str, body: &impl serde::Serialize) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(body).map_err(|e| bug("a call has a JSON form", e))?;
        let mut tries = 1;
        loop {
            match self.call_once(target, body.clone()).await {
                Err(error) if error.is_unavailable() && tries < TRIES => {
                    self.clock.sleep(PAUSE.saturating_mul(tries)).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn call_once(&self, target: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let request = self.signed(target, body)?;
        let service = self.endpoint.service;
        let response = self.client.execute(request).await.map_err(|e| {
            Error::unavailable(format!("the service {service} did not answer")).with_source(e)
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
                Error::unavailable(format!("the answer of {service} broke off")).with_source(e)
            })?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(self.refused(status, &answer, target))
    }

    fn signed(&self, target: &str, body: Vec<u8>) -> Result<HttpRequest> {
        let url = &self.endpoint.url;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let headers = [
            (HOST.as_str(), host.as_str()),
            (CONTENT_TYPE.as_str(), self.content),
            ("x-amz-target", target),
        ];
        let since = u64::try_from(self.clock.now()).unwrap_or(0);
        let identity = self.endpoint.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.endpoint.region)
            .name(self.endpoint.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(since))
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| bug("all parameters are given", e))?
            .into();
        let signable = SignableRequest::new(
            "POST",
            url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(&body),
        );
        let signable = signable.map_err(|e| bug("the request can be signed", e))?;
        let signed =
            sign(signable, &parameters).map_err(|e| bug("the request can be signed", e))?;
        let (instructions, _) = signed.into_parts();
        let mut request = Request::builder().method(Method::POST).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request
            .body(HttpRequestBody::from(body))
            .map_err(|e| bug("the request has a form", e))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn refused(&self, status: StatusCode, answer: &[u8], target: &str) -> Error {
        /// What a service says of an error.
        #[derive(Default, Deserialize)]
        struct Said {
            #[serde(rename = "__type", default)]
            code: String,
        }
        let said: Said = serde_json::from_slice(answer).unwrap_or_default();
        let code = said.code.rsplit('#').next().unwrap_or_default();
        let service = self.endpoint.service;
        let message = format!("the service {service} answered {status} {code}");
        let action = target.rsplit('.').next().unwrap_or_default();
        match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Error::denied(message)
                .with_hint(format!("the function's role needs {service}:{action}")),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Error::unavailable(message)
            }
            _ if code == "AccessDeniedException" => Error::denied(message)
                .with_hint(format!("the function's role needs {service}:{action}")),
            _ if code.contains("NotFound") => Error::not_found(message),
            _ => Error::invalid(message).with_hint("check the name, and the region"),
        }
    }
}

fn bug(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal(format!("BUG: {what}")).with_source(source)
}
