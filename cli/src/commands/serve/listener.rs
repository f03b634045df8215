//! Connections: each within its limits, all ended in good order.

use super::arriving::{Arriving, Watched};
use super::connections::{Connections, Place, Places, State};
use super::dispatch::Service;
use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT, HeaderValue};
use axum::http::{Request, Response, StatusCode};
use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use icecore_s3::Peer;
use icecore_store::Clock;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

/// How long the head of a request may take to arrive; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the first request of a connection may take to arrive.
const FIRST_TIMEOUT: Duration = Duration::from_secs(10);
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
    (clock, places): (Arc<dyn Clock>, Places),
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Connections::new(places));
    let mut stop = pin!(stop);
    loop {
        let (stream, address) = match select(pin!(listener.accept()), &mut stop).await {
            Either::Left((Ok((stream, address)), _)) => (stream, address.ip()),
            // One that cannot be accepted concerns its client only; out of files, one that waits has to go.
            Either::Left((Err(error), _)) => {
                tracing::debug!(%error, "a connection was not accepted");
                connections.make_room();
                clock.sleep(Duration::from_millis(10)).await;
                continue;
            }
            Either::Right(_) => break,
        };
        let Some(place) = connections.admit(network(address), clock.monotonic()) else {
            continue;
        };
        let client = Client {
            address,
            state: Arc::clone(&place.state),
            clock: Arc::clone(&clock),
        };
        let connection = graceful.watch(connection(stream, service.clone(), client));
        tokio::spawn(keep(connection, place, Arc::clone(&clock)));
    }
    drop(listener);
    let ended = pin!(graceful.shutdown());
    select(ended, clock.sleep(GRACE)).await;
}

/// Lets a connection live until it ends, has to make room, or has asked for nothing.
async fn keep(connection: impl Future, place: Place, clock: Arc<dyn Clock>) {
    let silent = async {
        clock.sleep(FIRST_TIMEOUT).await;
        if place.state.has_asked() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        // It fails when its client goes away.
        _ = connection => {}
        () = place.state.closed() => {}
        () = silent => {}
    }
}

/// Whose connections are counted together: whoever has one address of the sixth version has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Who is at the other end of a connection, and how it stands.
#[derive(Clone)]
struct Client {
    address: IpAddr,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
}

fn connection(
    stream: TcpStream,
    service: Service,
    client: Client,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    // Small answers must not wait for more to come.
    drop(stream.set_nodelay(true));
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let stream = Watched {
        stream: Box::pin(stream),
        state: Arc::clone(&client.state),
        clock: Arc::clone(&client.clock),
    };
    let answer = move |request: Request<Incoming>| answer(service.clone(), client.clone(), request);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
}

async fn answer(
    service: Service,
    client: Client,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let Client {
        address,
        state,
        clock,
    } = client;
    state.asked();
    let expects = request.headers().contains_key(EXPECT);
    let peer = Peer(network(address));
    let taken = service.share(request.uri().path(), peer);
    let taken = taken.map(|share| Arc::new(Mutex::new(share)));
    let (parts, body) = request.into_parts();
    let (body, rest) = Arriving::new(body, Arc::clone(&state), Arc::clone(&clock), taken.clone());
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(peer);
    let answered = Box::pin(service.answer(request));
    let mut response = match select(answered, clock.sleep(REQUEST_TIMEOUT)).await {
        Either::Left((Ok(response), _)) => response,
        Either::Right(((), answered)) => {
            drop(answered);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            response
        }
    };
    state.works(false);
    drop(taken);
    // Who still waits for leave to send does not send.
    let is_read = rest.is_empty() || (!expects && rest.drain(&*clock).await);
    if !is_read {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        if !expects {
            tokio::spawn(rest.discard(clock));
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_sixth_version_counts_by_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
