//! What stands around a function in production, in this process: the Lambda Runtime API, SQS and SSM.

mod lambda;
mod services;

pub use lambda::Lambda;
pub use services::{Sqs, Ssm};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::future::Future;
use tokio::net::TcpListener;

/// A request of which the body was read.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Asked {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

type Answered = Response<Full<Bytes>>;

/// Serves on a free port of this machine, until the test ends; returns `127.0.0.1:port`.
async fn serve<F, Fut>(answer: F) -> String
where
    F: Fn(Asked) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Answered> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("it works in a test");
    let address = listener
        .local_addr()
        .expect("it works in a test")
        .to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let asked = Asked {
                        method: parts.method,
                        path: parts.uri.path().to_owned(),
                        headers: parts.headers,
                        body: body.collect().await?.to_bytes(),
                    };
                    Ok::<_, hyper::Error>(answer(asked).await)
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

fn with_body(status: u16, body: impl Into<Bytes>) -> Answered {
    let response = Response::builder().status(status);
    response
        .body(Full::new(body.into()))
        .expect("it works in a test")
}
