//! The real program, between a Lambda Runtime API, a parameter store and an S3 server.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore_core::{ModelRef, Order};
use icecore_function::system::{OsIds, SystemClock};
use icecore_gateway::token::{Claims, Right, Secret, SigningKey, SpacePattern, mint};
use icecore_sim::cloud::{Lambda, Ssm};
use icecore_sim::s3_server::{self, BUCKET, S3Server};
use icecore_store::backend::ServerTime;
use icecore_store::{Clock, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_icecore-gateway-function");
const SECRET: &str = "a secret of the tests, long enough to be one";
const PARAMETER: &str = "/icecore/token-settings";

struct Cloud {
    server: S3Server,
    ssm: String,
}

impl Cloud {
    async fn new(settings: &str) -> Self {
        let objects = Arc::new(InMemory::new());
        let server = s3_server::start(Arc::clone(&objects) as _).await.unwrap();
        let clock = Arc::new(SystemClock::new());
        let root = Path::from(BUCKET).join("store");
        let store = Store::on(
            objects,
            root,
            clock,
            Arc::new(OsIds),
            Arc::new(ServerTime::new()),
        );
        store.create().await.unwrap();
        let space = "todo".parse().unwrap();
        let model = ModelRef::named("document");
        store
            .create_space(&space, model, Order::Timestamp)
            .await
            .unwrap();
        let parameters = BTreeMap::from([(PARAMETER.to_owned(), settings.to_owned())]);
        let ssm = Ssm::start(parameters).await;
        Self { server, ssm }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.server.environment();
        for (name, value) in [
            ("ICECORE_STORE", self.server.url("store").as_str()),
            ("ICECORE_SETTINGS_PARAMETER", PARAMETER),
            ("ICECORE_ALLOWED_ORIGINS", "https://app.example.org"),
            ("AWS_ENDPOINT_URL_SSM", &self.ssm),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        environment
    }
}

fn settings() -> String {
    json!({ "tokens": { "hs256_secrets": [SECRET] } }).to_string()
}

fn token() -> String {
    let secret: Secret = SECRET.parse().unwrap();
    let rights = [Right::Read, Right::Write].into_iter().collect();
    let hour = SystemClock::new().now() + 3_600_000;
    let claims = Claims::new("test", vec![SpacePattern::all()], rights, hour);
    mint(&SigningKey::hs256(&secret), &claims).unwrap()
}

/// A request as a function URL passes it on.
fn event(method: &str, path: &str, token: &str, body: &Value) -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/function_url.json");
    let mut event: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["body"] = json!(body.to_string());
    if !token.is_empty() {
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    }
    event
}

fn deadline() -> u64 {
    u64::try_from(SystemClock::new().now() + 30_000).unwrap()
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_function_url_are_answered() {
    let cloud = Cloud::new(&settings()).await;
    let mut function = Lambda::start(PROGRAM, "gateway-of-test", &cloud.environment()).await;
    let look = event(
        "POST",
        "/v1/spaces/todo/sync",
        &token(),
        &json!({ "look": {} }),
    );
    let answer = function.invoke(look, deadline()).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    let found = body(&answer);
    assert!(
        found["found"]["space"]["body"]
            .as_str()
            .unwrap()
            .contains("\"todo\"")
    );
    // The line that it logs of each call holds its metrics.
    let line = function.line().await;
    assert_eq!(
        (&line["Calls"], &line["Failed"]),
        (&json!(1), &json!(0)),
        "{line}"
    );
    assert!(line["Signed"].as_u64().unwrap() > 0);
    assert_eq!(line["FunctionName"], "gateway-of-test");
    assert_eq!(line["endpoint"], "/v1/spaces/{space}/sync");
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        .as_array()
        .unwrap();
    for metric in metrics {
        let name = metric["Name"].as_str().unwrap();
        assert!(line[name].is_number(), "{name}");
    }
    assert!(!line.to_string().contains("todo"), "it names no space");
    // What it signs is good at the bucket.
    let urls = found["found"]["urls"].as_array().unwrap();
    let poll = urls
        .iter()
        .find(|url| url["request"]["path"] == "spaces/todo/space.json");
    let url = poll.unwrap()["signed"]["url"].as_str().unwrap();
    assert!(url.starts_with(cloud.server.endpoint()), "{url}");

    let anonymous = event("POST", "/v1/spaces/todo/sync", "", &json!({ "look": {} }));
    let answer = function.invoke(anonymous, deadline()).await.unwrap();
    assert_eq!(answer["statusCode"], 401);
    let unknown = event(
        "POST",
        "/v1/spaces/none/sync",
        &token(),
        &json!({ "look": {} }),
    );
    assert_eq!(
        function.invoke(unknown, deadline()).await.unwrap()["statusCode"],
        404
    );
    let health = event("GET", "/healthz", "", &Value::Null);
    assert_eq!(
        function.invoke(health, deadline()).await.unwrap()["statusCode"],
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_good_settings_ends_with_the_reason() {
    let no_tokens = Cloud::new("{}").await;
    let broken = Cloud::new("{\"tokens\":{\"hs256_secrets\":[\"hush\"]}}").await;
    let mut elsewhere = no_tokens.environment();
    elsewhere.push(("ICECORE_SETTINGS_PARAMETER".to_owned(), "/other".to_owned()));
    let cases = [
        (no_tokens.environment(), "no tokens would be accepted"),
        (broken.environment(), "the settings are wrong"),
        (elsewhere, "ParameterNotFound"),
        (Vec::new(), "ICECORE_SETTINGS_PARAMETER"),
    ];
    for (environment, reason) in cases {
        let output = tokio::process::Command::new(PROGRAM)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
            .env("AWS_LAMBDA_FUNCTION_NAME", "gateway-of-test")
            .output()
            .await
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success() && said.contains(reason),
            "{reason}: {said}"
        );
        assert!(!said.contains("hush"), "{said}");
    }
}
