//! `POST /api/sync/activity` over HTTP.
//!
//! It asks for no token, so it listens on this machine only unless it is told otherwise; then a proxy in front has to say
//! who may call.

use crate::hub::{Hub, SyncRequest};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use icecore::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::future::{Future, IntoFuture};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Where a client syncs.
pub const SYNC_PATH: &str = "/api/sync/activity";
/// What to send there.
const SYNC_HINT: &str = r#"send {"lastSyncTimestamp": 0, "events": [{"id": "…", "attemptId": "…", "type": "START", "occurredAt": 1678886401000, "createdAt": 1678886401000, "source": "user"}]}"#;
/// What a client asks for that asks for something else.
const ENDPOINT_HINT: &str = "use POST /api/sync/activity";
/// The longest body: a thousand events take about 200 KiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a call may take, its body included. What was stored by then stays stored.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a server that stops waits for calls that are worked on and answers that are read. Whoever is slower is cut off:
/// what was stored stays stored, and the call can be repeated.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// How often what waits for the bucket is sent.
const SEND_EVERY: Duration = Duration::from_secs(5);

/// The endpoints.
pub fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route(SYNC_PATH, post(sync))
        .route("/healthz", get(async || "ok\n"))
        .fallback(no_endpoint)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(in_time))
        .with_state(hub)
}

/// Listens, tells the address (port 0 is any that is free), and answers until told to stop.
///
/// # Errors
/// `Denied` when it cannot listen there.
pub async fn serve(
    hub: Hub,
    (address, port): (IpAddr, u16),
    tell: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let failed = |e| {
        Error::denied("cannot listen")
            .with_object(SocketAddr::new(address, port).to_string())
            .with_hint("choose another --port; 0 is any that is free")
            .with_source(e)
    };
    let listener = TcpListener::bind((address, port)).await.map_err(failed)?;
    tell(listener.local_addr().map_err(failed)?);
    let hub = Arc::new(hub);
    let mut sending = JoinSet::new();
    sending.spawn(send(Arc::clone(&hub)));
    let (serving_all, draining) = oneshot::channel();
    let stop = async move {
        stop.await;
        drop(serving_all);
    };
    let serving = axum::serve(listener, router(hub)).with_graceful_shutdown(stop);
    tokio::select! {
        served = serving.into_future() => served.map_err(failed),
        () = drained(draining) => Ok(()),
    }
}

/// Some time after the other end is gone: nobody who is still served is waited for any more.
#[expect(
    clippy::disallowed_methods,
    reason = "a server's edge measures real time; nothing behind it does"
)]
async fn drained(draining: oneshot::Receiver<()>) {
    let (Ok(()) | Err(_)) = draining.await;
    tokio::time::sleep(DRAIN_TIME_MAX).await;
}

/// Sends what could not be sent while its client waited: that client may never call again.
#[expect(
    clippy::disallowed_methods,
    reason = "a server's edge measures real time; nothing behind it does"
)]
async fn send(hub: Arc<Hub>) {
    loop {
        tokio::time::sleep(SEND_EVERY).await;
        // Whoever calls meanwhile is told why it fails.
        drop(hub.send_waiting().await);
    }
}

/// What may stand behind the `?`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    /// Whether each event comes with its server time: a client that wants the merged order of the devices sorts by it.
    #[serde(default)]
    server_times: bool,
}

async fn sync(
    State(hub): State<Arc<Hub>>,
    options: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    check_type(&headers)?;
    let Query(options) = options.map_err(|e| {
        Error::invalid(format!(
            "the query is not as it has to be: {}",
            e.body_text()
        ))
        .with_object("query")
        .with_hint("leave it out, or ask for ?serverTimes=true")
    })?;
    let body = body.map_err(|rejection| Refused {
        status: rejection.status(),
        error: Error::invalid("the body cannot be read")
            .with_object("body")
            .with_hint(format!(
                "a body has at most {BODY_BYTES_MAX} bytes: send the events in several calls"
            )),
    })?;
    let request: SyncRequest = serde_json::from_slice(&body).map_err(|e| {
        Error::invalid(format!("the body is not as it has to be: {e}"))
            .with_object("body")
            .with_hint(SYNC_HINT)
    })?;
    let answer = hub.call(request, options.server_times).await?;
    Ok(Json(answer).into_response())
}

/// A web page of somebody else can make a browser send plain text here, but not JSON.
fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    let given = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let name = given.unwrap_or_default().split(';').next();
    if name.is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refused {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        error: Error::invalid("the body is not said to be JSON")
            .with_object("content-type")
            .with_hint("send the header Content-Type: application/json"),
    })
}

async fn no_endpoint() -> Refused {
    let error = Error::not_found("there is no such endpoint").with_hint(ENDPOINT_HINT);
    error.into()
}

async fn no_method() -> Refused {
    Refused {
        status: StatusCode::METHOD_NOT_ALLOWED,
        error: Error::invalid("not by this method").with_hint(ENDPOINT_HINT),
    }
}

/// Gives up a call that takes too long.
#[expect(
    clippy::disallowed_methods,
    reason = "a server's edge measures real time; nothing behind it does"
)]
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(CALL_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refused::from(
            Error::unavailable("the call took too long")
                .with_hint("repeat it: what was stored is not stored twice"),
        )
        .into_response(),
    }
}

/// A refusal, as a client reads it.
#[derive(Debug, Serialize)]
struct Refusal<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// An error with its status.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    error: Error,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = Refusal {
            code: self.error.kind().code(),
            message: self.error.to_string(),
            object: self.error.object(),
            hint: self.error.hint(),
        };
        (self.status, Json(refusal)).into_response()
    }
}
