//! The real program, between a Lambda Runtime API, an S3 server and an SQS endpoint.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "support/site.rs"]
mod site;

use async_trait::async_trait;
use icecore_rollup::system::{OsIds, SystemClock};
use icecore_sim::cloud::{Lambda, Sqs};
use icecore_sim::s3_server::{self, BUCKET, S3Server};
use icecore_store::backend::ServerTime;
use icecore_store::verify::verify;
use icecore_store::{Clock, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};
use site::{Site, name};
use std::sync::Arc;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_icecore-rollup-function");

/// A clock that is a minute behind: what it stamps is settled at once.
#[derive(Debug)]
struct MinuteAgo(SystemClock);

#[async_trait]
impl Clock for MinuteAgo {
    fn now(&self) -> i64 {
        self.0.now() - 60_000
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

/// An S3 server with a store in it, and the environment of a function for it.
struct Cloud {
    site: Site,
    server: S3Server,
    sqs: Sqs,
    sqs_endpoint: String,
}

impl Cloud {
    async fn new(spaces: usize) -> Self {
        let objects = Arc::new(InMemory::new());
        let server = s3_server::start(Arc::clone(&objects) as _).await.unwrap();
        let store = Store::on(
            objects,
            Path::from(BUCKET).join("store"),
            Arc::new(MinuteAgo(SystemClock::new())),
            Arc::new(OsIds),
            Arc::new(ServerTime::new()),
        );
        let (sqs, sqs_endpoint) = Sqs::start().await;
        Self {
            site: Site::new(store, spaces, "document").await,
            server,
            sqs,
            sqs_endpoint,
        }
    }

    async fn function(&self) -> Lambda {
        let mut environment = self.server.environment();
        for (name, value) in [
            ("ICECORE_STORE", self.server.url("store").as_str()),
            (
                "ICECORE_QUEUE_URL",
                "https://sqs.us-east-1.amazonaws.com/123456789012/spaces",
            ),
            ("AWS_ENDPOINT_URL_SQS", &self.sqs_endpoint),
            ("AWS_SESSION_TOKEN", "a-session"),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        // The S3 server here knows no sessions and looks at no token.
        Lambda::start(PROGRAM, "rollup-of-test", &environment).await
    }
}

fn event(file: &str) -> Value {
    let path = format!("{}/testdata/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A deadline so many seconds from now.
fn within(seconds: i64) -> u64 {
    u64::try_from(SystemClock::new().now() + seconds * 1_000).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_roll_up() {
    let mut cloud = Cloud::new(4).await;
    let mut function = cloud.function().await;
    // In each: whether an empty one is read depends on the time of day at which its upkeep is due.
    for space in 0..4 {
        cloud.site.write(space, "merge", r#"{"a":1}"#).await;
    }
    let report = function
        .invoke(event("scheduler"), within(60))
        .await
        .unwrap();
    assert_eq!(
        (&report["updates"], &report["failures"]),
        (&json!(4), &json!([]))
    );
    assert_eq!(cloud.site.rolled_up(0).await, 1);
    let line = function.line().await;
    assert_eq!(
        (&line["FunctionName"], &line["Updates"]),
        (&json!("rollup-of-test"), &json!(4))
    );
    cloud.site.write(1, "merge", r#"{"a":2}"#).await;
    let answer = function.invoke(event("sqs_one"), within(60)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(cloud.site.rolled_up(1).await, 2);
    assert_eq!(cloud.site.state(1).await, r#"{"a":2}"#);
    assert_eq!(function.line().await["report"]["warm_spaces"], 4);
    let answer = function
        .invoke(event("sqs_malformed"), within(60))
        .await
        .unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
    let error = function
        .invoke(json!({ "work": "sing" }), within(60))
        .await
        .unwrap_err();
    assert_eq!(error["errorType"], "Icecore.Invalid");
    assert_eq!(cloud.sqs.take().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_near_deadline_hands_the_rest_to_the_queue() {
    let mut cloud = Cloud::new(30).await;
    let mut function = cloud.function().await;
    cloud.site.write_everywhere(30).await;
    cloud.sqs.refuse_next();
    let report = function.invoke(json!({}), within(8)).await.unwrap();
    assert_eq!(
        (&report["spaces"], report["left"].as_array().unwrap().len()),
        (&json!(0), 30)
    );
    let asked = cloud.sqs.take();
    assert_eq!(asked.len(), 1, "one call, after one that was refused");
    let header = |name: &str| asked[0].headers[name].to_str().unwrap();
    assert_eq!(header("x-amz-target"), "AmazonSQS.SendMessageBatch");
    assert_eq!(header("content-type"), "application/x-amz-json-1.0");
    assert_eq!(header("x-amz-security-token"), "a-session");
    let signature = header("authorization");
    assert!(
        signature.starts_with("AWS4-HMAC-SHA256 Credential=icecore-test/"),
        "{signature}"
    );
    for part in [
        "/us-east-1/sqs/aws4_request",
        "x-amz-target",
        "host",
        "Signature=",
    ] {
        assert!(signature.contains(part), "{signature}");
    }
    let call = asked[0].json();
    assert_eq!(
        call["QueueUrl"],
        "https://sqs.us-east-1.amazonaws.com/123456789012/spaces"
    );
    let entries = call["Entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "25 spaces and the rest");
    let records = entries.iter().map(|entry| {
        json!({
            "messageId": entry["Id"],
            "body": entry["MessageBody"],
            "eventSource": "aws:sqs",
        })
    });
    let back = json!({ "Records": records.collect::<Vec<_>>() });
    let answer = function.invoke(back, within(60)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    for space in 0..30 {
        assert_eq!(cloud.site.rolled_up(space).await, 1, "space {space}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_lose_and_double_nothing() {
    const ROUNDS: u64 = 5;
    const SPACES: usize = 10;
    let mut cloud = Cloud::new(SPACES).await;
    let (mut one, mut other) = (cloud.function().await, cloud.function().await);
    let mut updates = 0;
    for _ in 0..ROUNDS {
        cloud.site.write_everywhere(SPACES).await;
        let (a, b) = tokio::join!(
            one.invoke(json!({}), within(60)),
            other.invoke(json!({}), within(60))
        );
        for report in [a.unwrap(), b.unwrap()] {
            assert_eq!(report["failures"], json!([]));
            updates += report["updates"].as_u64().unwrap();
        }
    }
    let report = one.invoke(json!({}), within(60)).await.unwrap();
    updates += report["updates"].as_u64().unwrap();
    // Two that saw the same wrote the same bytes, and each takes the segment for its own: both may have counted it.
    assert!(updates >= ROUNDS * SPACES as u64, "{updates}");
    for space in 0..SPACES {
        assert_eq!(cloud.site.rolled_up(space).await, ROUNDS);
        let report = verify(&cloud.site.store, &name(space), &mut |_, _| {})
            .await
            .unwrap();
        assert_eq!(report.problems, []);
    }
}

#[tokio::test]
async fn an_environment_that_names_no_store_ends_it_with_the_reason() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_icecore-rollup-function"))
        .env_clear()
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("ICECORE_STORE"),
        "{said}"
    );
}
