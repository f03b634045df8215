//! The Lambda Runtime API, and a function that it feeds.

use super::{Answered, Asked, serve, with_body};
use http::Method;
use serde_json::Value;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// A function in a process of its own, and the Runtime API that feeds it.
#[derive(Debug)]
pub struct Lambda {
    events: Sender<(Value, u64)>,
    answers: Receiver<(bool, Value)>,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Lambda {
    /// Starts a program as a function of this name, with this environment and no other.
    pub async fn start(program: &str, name: &str, environment: &[(String, String)]) -> Self {
        let (events, due) = channel::<(Value, u64)>(1);
        let (done, answers) = channel(1);
        let due = Arc::new(tokio::sync::Mutex::new(due));
        let address = serve(move |asked| {
            let (due, done) = (Arc::clone(&due), done.clone());
            async move { runtime_api(asked, &due, &done).await }
        })
        .await;
        let mut child = Command::new(program)
            .env_clear()
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it works in a test");
        let lines = BufReader::new(child.stdout.take().expect("it works in a test")).lines();
        Self {
            events,
            answers,
            child,
            lines,
        }
    }

    /// One invocation: what the function answers.
    ///
    /// # Errors
    /// What the function reports as its error.
    pub async fn invoke(&mut self, event: Value, deadline: u64) -> Result<Value, Value> {
        self.events
            .send((event, deadline))
            .await
            .expect("it works in a test");
        let (ok, body) = tokio::select! {
            answer = self.answers.recv() => answer.expect("it works in a test"),
            status = self.child.wait() => panic!("the function ended with {status:?}"),
        };
        if ok { Ok(body) } else { Err(body) }
    }

    /// The most memory that was ever resident in its process, in bytes, where the system tells.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// The line that the newest invocation logged.
    pub async fn line(&mut self) -> Value {
        serde_json::from_str(
            &self
                .lines
                .next_line()
                .await
                .expect("it works in a test")
                .expect("it works in a test"),
        )
        .expect("it works in a test")
    }
}

async fn runtime_api(
    asked: Asked,
    due: &tokio::sync::Mutex<Receiver<(Value, u64)>>,
    done: &Sender<(bool, Value)>,
) -> Answered {
    let path = asked.path.strip_prefix("/2018-06-01/runtime/invocation/");
    match (asked.method.clone(), path.expect("it works in a test")) {
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
                    "arn:aws:lambda:us-east-1:123456789012:function:of-test",
                ),
                ("lambda-runtime-trace-id", "Root=1-2-3"),
            ] {
                response.headers_mut().insert(
                    http::HeaderName::from_bytes(name.as_bytes()).expect("it works in a test"),
                    value.parse().expect("it works in a test"),
                );
            }
            response
        }
        (Method::POST, "request-1/response") => {
            done.send((true, asked.json()))
                .await
                .expect("it works in a test");
            with_body(202, "")
        }
        (Method::POST, "request-1/error") => {
            done.send((false, asked.json()))
                .await
                .expect("it works in a test");
            with_body(202, "")
        }
        other => panic!("the runtime API has no {other:?}"),
    }
}
