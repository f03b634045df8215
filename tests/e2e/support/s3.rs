//! A bucket of its own on a real S3 server.

use crate::support::command::Place;
use icecore_store::backend::Connector;
use object_store::ClientOptions;
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpConnector, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::Signer;
use std::time::Duration;

/// Creates a bucket that no other test uses, and returns a place for a store in it.
pub(crate) async fn bucket_on(endpoint: &str) -> Place {
    // The name of a temporary folder is unique on this machine.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = folder
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .to_lowercase();
    let bucket = format!("icecore{}", name.replace('.', "-"));
    create(endpoint, &bucket).await;
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Place::at(format!("s3://{bucket}/a/prefix"), environment.to_vec())
}

/// `object_store` has no call for it, but can sign one.
async fn create(endpoint: &str, bucket: &str) {
    let signer = AmazonS3Builder::new()
        .with_http_connector(Connector)
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build()
        .expect("a client");
    let minute = Duration::from_mins(1);
    let url = signer
        .signed_url(http::Method::PUT, &Path::default(), minute)
        .await
        .expect("a signature");
    let request = http::Request::put(url.as_str())
        .body(HttpRequestBody::empty())
        .expect("a request");
    let options = ClientOptions::new().with_allow_http(true);
    let client = Connector.connect(&options).expect("a client");
    let response = client.execute(request).await.expect("an answer");
    assert!(response.status().is_success(), "{}", response.status());
}
