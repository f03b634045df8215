//! The two calls over HTTP: `POST /EventService/Sync` and `GET /EventService/SyncFromServer`.
//!
//! They ask for no token, so the server listens on this machine only unless it is told otherwise; then a proxy in front has
//! to say who may call, and who that is.

use crate::event_log::Place;
use crate::hub::{Hub, read_events};
use crate::id::UserId;
use crate::pace::wait;
use crate::wire::Event;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use icecore::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::future::{Future, IntoFuture};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

/// The longest body: it has room for a picture that is far too large, which is then refused for what it is.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long `Sync` may take, its body included. What was stored by then stays stored.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(30);
/// The most clients that stream at the same time.
pub const STREAMS_MAX: usize = 1_000;
/// The most calls of `Sync` that are worked on at the same time; others wait.
pub const CALLS_MAX: usize = 64;
/// How long a server that stops waits for calls that are worked on and answers that are read. Whoever is slower is cut off:
/// what was stored stays stored, and the call can be repeated.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
/// Who calls, as a proxy in front has found out.
pub const USER_HEADER: &str = "x-user-uuid";
/// Where a stream is to begin, as browsers say it by themselves when they connect again.
const LAST_EVENT_ID: &str = "last-event-id";

/// What the calls share.
#[derive(Debug, Clone)]
struct Shared {
    hub: Arc<Hub>,
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// The endpoints.
pub fn router(hub: Arc<Hub>) -> Router {
    let shared = Shared {
        hub,
        calls: Arc::new(Semaphore::new(CALLS_MAX)),
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
    };
    Router::new()
        .route("/EventService/Sync", post(sync))
        .route("/EventService/SyncFromServer", get(sync_from_server))
        .route("/healthz", get(async || "ok\n"))
        .fallback(no_endpoint)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared)
}

/// Listens, tells the address (port 0 is any that is free), and answers until told to stop. What others write is looked
/// for every so often.
///
/// # Errors
/// `Denied` when it cannot listen there.
pub async fn serve(
    hub: Hub,
    (address, port): (IpAddr, u16),
    every: Duration,
    tell: impl FnOnce(SocketAddr) -> Result<()>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let failed = |e| {
        Error::denied("cannot listen")
            .with_object(SocketAddr::new(address, port).to_string())
            .with_hint("choose another --port; 0 is any that is free")
            .with_source(e)
    };
    let hub = Arc::new(hub);
    let listener = TcpListener::bind((address, port)).await.map_err(failed)?;
    tell(listener.local_addr().map_err(failed)?)?;
    let mut looking = JoinSet::new();
    looking.spawn(look(Arc::clone(&hub), every));
    let streaming = Arc::clone(&hub);
    let (serving_all, draining) = oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        streaming.end();
        drop(serving_all);
    };
    let drained = async move {
        let (Ok(()) | Err(_)) = draining.await;
        wait(DRAIN_TIME_MAX).await;
    };
    tokio::select! {
        served = axum::serve(listener, router(hub)).with_graceful_shutdown(stop).into_future() => served.map_err(failed),
        () = drained => Ok(()),
    }
}

/// Looks for what others wrote, and sends what could not be sent.
async fn look(hub: Arc<Hub>, every: Duration) {
    let mut said = None;
    loop {
        let trouble = hub.refresh().await.err().map(|error| error.to_string());
        if trouble != said {
            let text = trouble.as_deref().unwrap_or("the store answers again");
            // That stderr is closed is no reason to stop.
            drop(writeln!(std::io::stderr(), "! {text}"));
            said = trouble;
        }
        wait(every).await;
    }
}

/// The answer to `Sync`.
#[derive(Debug, Serialize)]
struct SubmitEventOutput {
    events: Vec<Event>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server's edge measures real time; nothing behind it does"
)]
async fn sync(
    State(Shared { hub, calls, .. }): State<Shared>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Json<SubmitEventOutput>, Refused> {
    let call = async move {
        check_type(&headers)?;
        let user = user(&headers)?;
        let one_of_some = calls.acquire_owned().await;
        let body = <Bytes as axum::extract::FromRequest<()>>::from_request(request, &()).await;
        let body = body.map_err(|rejection| Refused {
            status: rejection.status(),
            error: Error::invalid("the body cannot be read")
                .with_object("body")
                .with_hint(format!(
                    "a body has at most {BODY_BYTES_MAX} bytes: send the events in several calls"
                )),
        })?;
        let events = read_events(&body)?;
        // Not cut off where the client goes away: what is stored then is stored in whole.
        let call = async move {
            let _one_of_some = one_of_some;
            hub.submit(events, user.as_ref()).await
        };
        let events = tokio::spawn(call).await;
        let events = events.map_err(|e| Error::internal("the call broke off").with_source(e))??;
        Ok(Json(SubmitEventOutput { events }))
    };
    match tokio::time::timeout(CALL_TIME_MAX, call).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::unavailable("the call took too long")
            .with_hint("repeat it: what was stored is not stored twice")
            .into()),
    }
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

fn user(headers: &HeaderMap) -> Result<Option<UserId>> {
    let mut values = headers.get_all(USER_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Error::invalid("the caller is named twice")
            .with_object(USER_HEADER)
            .with_hint("the proxy has to replace the header that a client sends, not to add one"));
    }
    // What is no text is no id either.
    let user = value.to_str().unwrap_or_default().parse();
    user.map(Some)
        .map_err(|e: Error| e.with_object(USER_HEADER))
}

/// Where a stream is to begin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    #[serde(default)]
    after: String,
}

async fn sync_from_server(
    State(Shared { hub, streams, .. }): State<Shared>,
    from: Result<Query<Begin>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let Query(from) = from.map_err(|_| {
        Error::invalid("the address is not as it has to be")
            .with_hint("use GET /EventService/SyncFromServer?after=ID, or without after")
    })?;
    // A browser that connects again repeats the address, and says in the header what it got since.
    let last = headers
        .get(LAST_EVENT_ID)
        .map(|v| v.to_str().unwrap_or("?"));
    let after = last.filter(|last| !last.is_empty()).unwrap_or(&from.after);
    let after: Option<Place> = match after {
        "" => None,
        after => Some(after.parse()?),
    };
    let permit = streams.try_acquire_owned().map_err(|e| {
        Error::unavailable(format!("{STREAMS_MAX} clients stream already"))
            .with_hint("connect again later, or to another server of this chat")
            .with_source(e)
    })?;
    let events = hub.events(after).map(move |next| {
        let _ends_with_the_stream = &permit;
        let given = next?;
        let event = sse::Event::default().id(given.place.to_string());
        Ok::<_, Error>(event.data(given.json))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

async fn no_endpoint() -> Refused {
    Error::not_found("there is no such endpoint")
        .with_hint("use POST /EventService/Sync or GET /EventService/SyncFromServer")
        .into()
}

async fn no_method() -> Refused {
    Refused {
        status: StatusCode::METHOD_NOT_ALLOWED,
        error: Error::invalid("not by this method")
            .with_hint("use POST /EventService/Sync or GET /EventService/SyncFromServer"),
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
