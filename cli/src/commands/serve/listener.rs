//! Connections: each within its limits, all ended in good order.

use super::dispatch::Service;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use icecore_store::Clock;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 4_096;
/// How long the head of a request may take to arrive; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// What is read of a connection at once: the longest head, with a token of 8 KiB, fits.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long a request may take from its head to its answer's head.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a client may take none of what it asked for.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long requests that are under way may take to end when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until `stop`, then lets what is under way end.
pub(super) async fn serve(
    listener: TcpListener,
    service: Service,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = match select(std::pin::pin!(accepted), &mut stop).await {
            Either::Left(((Ok(place), Ok((stream, _))), _)) => (place, stream),
            // One that cannot be accepted concerns its client only; out of files, waiting helps.
            Either::Left(_) => {
                clock.sleep(Duration::from_millis(10)).await;
                continue;
            }
            Either::Right(_) => break,
        };
        let connection = graceful.watch(connection(stream, service.clone(), Arc::clone(&clock)));
        tokio::spawn(async move {
            // It fails when its client goes away.
            drop(connection.await);
            drop(place);
        });
    }
    drop(listener);
    let ended = std::pin::pin!(graceful.shutdown());
    select(ended, clock.sleep(GRACE)).await;
}

fn connection(
    stream: TcpStream,
    service: Service,
    clock: Arc<dyn Clock>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    // Small answers must not wait for more to come.
    drop(stream.set_nodelay(true));
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let answer =
        move |request: Request<Incoming>| answer(service.clone(), Arc::clone(&clock), request);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service_fn(answer))
}

async fn answer(
    service: Service,
    clock: Arc<dyn Clock>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let answered = std::pin::pin!(service.answer(request));
    match select(answered, clock.sleep(REQUEST_TIMEOUT)).await {
        Either::Left((response, _)) => response,
        Either::Right(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            Ok(response)
        }
    }
}
