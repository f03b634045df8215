//! An S3 server in this process, over any object store, with faults on demand: an [`Endpoint`] on a port.
//!
//! Requests must be signed (`SigV4`, in the header or presigned) with [`ACCESS_KEY`] and [`SECRET_KEY`]. The store
//! must list in the order of its keys, as `InMemory` and a folder do. A bucket is the first part of the paths in the
//! store.

mod faults;

pub use faults::Fault;

use faults::Faults;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use icecore_s3::{Body, Endpoint};
use object_store::ObjectStore;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The access key that the server knows.
pub const ACCESS_KEY: &str = "icecore-test";

/// The secret that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "icecore-test-secret";

/// The bucket that exists from the start.
pub const BUCKET: &str = "icecore";

/// Larger than any object of a test.
const BODY_MAX: u64 = 256 << 20;

/// A running server; it stops, and its connections break, when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    endpoint: String,
    faults: Arc<Faults>,
    accepting: AbortHandle,
}

/// Starts a server for `store` on a free port of this machine.
///
/// # Errors
/// When no port can be had.
pub async fn start(store: Arc<dyn ObjectStore>) -> io::Result<S3Server> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let service = Endpoint::builder(store)
        .bucket(BUCKET)
        .allow_create(true)
        .key(ACCESS_KEY, SECRET_KEY)
        .body_max(BODY_MAX)
        .build();
    let faults = Arc::new(Faults::default());
    let accepting = tokio::spawn(accept(listener, service, Arc::clone(&faults)));
    Ok(S3Server {
        endpoint,
        faults,
        accepting: accepting.abort_handle(),
    })
}

impl S3Server {
    /// Where it listens: `http://127.0.0.1:port`, to be addressed by path.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address of a store in its bucket, for `--store`.
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// The environment variables with which a client reaches it.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Lets the next PUT of an object whose key contains `key_part` go wrong. Faults queue up: each is used
    /// once, in the order in which they were set.
    pub fn fail_next_put(&self, key_part: &str, fault: Fault) {
        self.faults.push(key_part, fault);
    }

    /// Faults that were set and have not happened yet.
    pub fn pending_faults(&self) -> usize {
        self.faults.len()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves until aborted; the connections are aborted with it, since the set owns them.
async fn accept(listener: TcpListener, service: Endpoint, faults: Arc<Faults>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // A connection that cannot be accepted concerns its client only.
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, service.clone(), Arc::clone(&faults)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, service: Endpoint, faults: Arc<Faults>) {
    let answer = service_fn(|request| answer(request, service.clone(), Arc::clone(&faults)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    // It fails when the client goes away or a fault breaks it.
    drop(connection.await);
}

async fn answer(
    request: Request<Incoming>,
    service: Endpoint,
    faults: Arc<Faults>,
) -> io::Result<Response<Body>> {
    let fault = faults.take(request.method(), request.uri().path());
    if let Some(response) = fault.and_then(Fault::refusal) {
        return Ok(response);
    }
    let response = service.call(request).await;
    match fault {
        // An error closes the connection without an answer.
        Some(Fault::LostResponse) => Err(io::Error::other("the response was lost on purpose")),
        _ => Ok(response),
    }
}
