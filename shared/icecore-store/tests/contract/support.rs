//! Real time and fresh randomness, and S3 servers to talk to.

use icecore_sim::s3_server::{self, S3Server};
use icecore_store::backend::{self, Backend, Connector};
use icecore_store::ports;
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpConnector, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ClientOptions, ObjectStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The machine's clock: these tests talk to real disks and servers.
#[derive(Debug)]
pub(crate) struct Clock;

#[async_trait::async_trait]
impl ports::Clock for Clock {
    fn now(&self) -> i64 {
        i64::try_from(self.monotonic().as_millis()).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    fn monotonic(&self) -> Duration {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Numbers that no earlier run has used.
#[derive(Debug)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    pub(crate) fn new() -> Self {
        let nanos = ports::Clock::monotonic(&Clock).as_nanos();
        Self(AtomicU64::new(u64::try_from(nanos).unwrap()))
    }
}

impl ports::Ids for Ids {
    fn random(&self) -> u128 {
        let n = u128::from(self.0.fetch_add(1, Ordering::Relaxed));
        n.wrapping_mul(0x2545_f491_4f6c_dd1d_9e37_79b9_7f4a_7c15)
    }
}

/// Where a server is that `cargo xtask test` starts. `None` when there is none and the test is to be skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn server(variable: &str) -> Option<String> {
    let address = env(variable);
    if address.is_none() {
        assert_ne!(
            env("ICECORE_REQUIRE_TOOLS").as_deref(),
            Some("1"),
            "{variable} is not set, and ICECORE_REQUIRE_TOOLS=1 demands it"
        );
        println!("skipped: {variable} is not set");
    }
    address
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment says which tools there are"
)]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(crate) async fn s3_server(store: Arc<dyn ObjectStore>) -> S3Server {
    s3_server::start(store).await.unwrap()
}

pub(crate) fn open(url: &str, environment: Vec<(String, String)>) -> Backend {
    backend::open(url, environment.into_iter(), Arc::new(Clock)).unwrap()
}

pub(crate) fn credentials(endpoint: &str, access_key: &str, secret: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", access_key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// `object_store` has no call for it, but can sign one.
pub(crate) async fn create_bucket(endpoint: &str, bucket: &str) {
    let signer = AmazonS3Builder::new()
        .with_http_connector(Connector)
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build()
        .unwrap();
    let minute = Duration::from_mins(1);
    let url = signer
        .signed_url(http::Method::PUT, &Path::default(), minute)
        .await
        .unwrap();
    let request = http::Request::put(url.as_str())
        .body(HttpRequestBody::empty())
        .unwrap();
    let options = ClientOptions::new().with_allow_http(true);
    let client = Connector.connect(&options).unwrap();
    let response = client.execute(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().bytes().await.unwrap();
    assert!(
        status.is_success(),
        "{status} {}",
        String::from_utf8_lossy(&body)
    );
}
