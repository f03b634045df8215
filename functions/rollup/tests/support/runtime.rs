//! What stands around a function in production, in this process: the Lambda Runtime API, and an SQS endpoint.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a test stops at what it did not expect"
)]

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::future::Future;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// A request of which the body was read.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Answered = Response<Full<Bytes>>;

/// Serves on a free port of this machine, until the test ends; returns `127.0.0.1:port`.
async fn serve<F, Fut>(answer: F) -> String
where
    F: Fn(Asked) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Answered> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
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
    response.body(Full::new(body.into())).unwrap()
}

/// A function in a process of its own, and the Runtime API that feeds it.
pub struct Lambda {
    events: Sender<(Value, u64)>,
    answers: Receiver<(bool, Value)>,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Lambda {
    pub async fn start(environment: &[(String, String)]) -> Self {
        let (events, due) = channel::<(Value, u64)>(1);
        let (done, answers) = channel(1);
        let due = Arc::new(tokio::sync::Mutex::new(due));
        let address = serve(move |asked| {
            let (due, done) = (Arc::clone(&due), done.clone());
            async move { runtime_api(asked, &due, &done).await }
        })
        .await;
        let mut child = Command::new(env!("CARGO_BIN_EXE_icecore-rollup-function"))
            .env_clear()
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "rollup-of-test")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            events,
            answers,
            child,
            lines,
        }
    }

    /// One invocation: what the function answers, or what it reports as its error.
    pub async fn invoke(&mut self, event: Value, deadline: u64) -> Result<Value, Value> {
        self.events.send((event, deadline)).await.unwrap();
        let (ok, body) = tokio::select! {
            answer = self.answers.recv() => answer.unwrap(),
            status = self.child.wait() => panic!("the function ended with {status:?}"),
        };
        if ok { Ok(body) } else { Err(body) }
    }

    /// The line that the newest invocation logged.
    pub async fn line(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }
}

async fn runtime_api(
    asked: Asked,
    due: &tokio::sync::Mutex<Receiver<(Value, u64)>>,
    done: &Sender<(bool, Value)>,
) -> Answered {
    let path = asked.path.strip_prefix("/2018-06-01/runtime/invocation/");
    match (asked.method.clone(), path.unwrap()) {
        (Method::GET, "next") => {
            let Some((event, deadline)) = due.lock().await.recv().await else {
                // The test is over, and the process about to be killed.
                return std::future::pending().await;
            };
            let mut response = with_body(200, event.to_string());
            for (name, value) in [
                ("lambda-runtime-aws-request-id", "request-1"),
                ("lambda-runtime-deadline-ms", &deadline.to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:us-east-1:123456789012:function:rollup-of-test",
                ),
                ("lambda-runtime-trace-id", "Root=1-2-3"),
            ] {
                response.headers_mut().insert(
                    http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    value.parse().unwrap(),
                );
            }
            response
        }
        (Method::POST, "request-1/response") => {
            done.send((true, asked.json())).await.unwrap();
            with_body(202, "")
        }
        (Method::POST, "request-1/error") => {
            done.send((false, asked.json())).await.unwrap();
            with_body(202, "")
        }
        other => panic!("the runtime API has no {other:?}"),
    }
}

/// An SQS endpoint that takes what is signed.
#[derive(Clone, Default)]
pub struct Sqs {
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Calls that are to be answered with 503 first.
    refuse: Arc<Mutex<u32>>,
}

impl Sqs {
    /// Starts it; returns it and its endpoint.
    pub async fn start() -> (Self, String) {
        let sqs = Self::default();
        let serving = sqs.clone();
        let address = serve(move |asked| {
            let answer = serving.answer(asked);
            async move { answer }
        })
        .await;
        (sqs, format!("http://{address}"))
    }

    pub fn refuse_next(&self) {
        *self.refuse.lock().unwrap() += 1;
    }

    /// What was asked of it since the last look.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn answer(&self, asked: Asked) -> Answered {
        let mut refuse = self.refuse.lock().unwrap();
        if *refuse > 0 {
            *refuse -= 1;
            return with_body(503, r#"{"__type":"com.amazonaws.sqs#ServiceUnavailable"}"#);
        }
        let entries = asked.json()["Entries"].as_array().unwrap().clone();
        let successful: Vec<Value> = entries.iter().map(|e| json!({ "Id": e["Id"] })).collect();
        self.asked.lock().unwrap().push(asked);
        with_body(
            200,
            json!({ "Successful": successful, "Failed": [] }).to_string(),
        )
    }
}
