//! What icecore expects of every back end, run on memory, a folder, the S3 server of `icecore-sim` and, where
//! `ICECORE_TEST_S3_ENDPOINT` names one, an S3 server that somebody else wrote; and on Azure's emulator, where
//! `AZURITE_BLOB_STORAGE_URL` says where it is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod probing;
mod processes;
mod s3;
mod support;

use contract::Subject;
use icecore_store::backend::{Backend, Folder, probe};
use icecore_store::ports::Ids as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use std::sync::Arc;
use support::{Clock, Ids, open, s3_server};

#[tokio::test(flavor = "multi_thread")]
async fn contract_in_memory() {
    contract::run(&Subject {
        store: Arc::new(InMemory::new()),
        prefix: Path::from("a/prefix"),
        nests: true,
        is_azure: false,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contract_in_a_folder() {
    let directory = tempfile::tempdir().unwrap();
    contract::run(&Subject {
        store: Arc::new(Folder::new(directory.path())),
        prefix: Path::default(),
        nests: false,
        is_azure: false,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contract_on_the_s3_server_in_process() {
    let server = s3_server(Arc::new(InMemory::new())).await;
    let backend = open(&server.url("a/prefix"), server.environment());
    contract::run(&Subject::of(&backend, true)).await;
    assert!(backend.server_time.is_known());
    assert_eq!(backend.server_time.offset(), 0, "one machine has one clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn contract_on_the_s3_server_over_a_folder() {
    let directory = tempfile::tempdir().unwrap();
    let server = s3_server(Arc::new(Folder::new(directory.path()))).await;
    let backend = open(&server.url(""), server.environment());
    contract::run(&Subject::of(&backend, false)).await;
}

/// An independent server (`LocalStack` with signature validation) keeps us from testing our own mistakes
/// against themselves.
#[tokio::test(flavor = "multi_thread")]
async fn contract_on_an_outside_s3_server() {
    let Some(endpoint) = support::server("ICECORE_TEST_S3_ENDPOINT") else {
        return;
    };
    let ids = Ids::new();
    let bucket = format!("icecore-{:x}", ids.random() >> 96);
    let environment = support::credentials(&endpoint, "test", "test");
    support::create_bucket(&endpoint, &bucket).await;
    let backend = open(&format!("s3://{bucket}/a/prefix"), environment);
    keeps_the_contract(&backend, &ids).await;
}

/// Microsoft's own emulator. It answers other codes than S3 does, and `object_store` speaks to it in another way.
#[tokio::test(flavor = "multi_thread")]
async fn contract_on_azures_emulator() {
    if support::server("AZURITE_BLOB_STORAGE_URL").is_none() {
        return;
    }
    let ids = Ids::new();
    let url = format!("az://icecore/contract-{:x}/prefix", ids.random() >> 96);
    let environment = vec![("AZURE_STORAGE_USE_EMULATOR".to_owned(), "true".to_owned())];
    let backend = open(&url, environment);
    keeps_the_contract(&backend, &ids).await;
}

/// What a server that somebody else wrote must show: the contract, its time, and what `init` asks.
async fn keeps_the_contract(backend: &Backend, ids: &Ids) {
    contract::run(&Subject::of(backend, true)).await;
    assert!(backend.server_time.is_known());
    let skew = backend.server_time.offset().abs();
    assert!(skew < 2000, "the server's clock is {skew} ms off");
    let report = probe(&backend.store, &backend.prefix, &Clock, ids)
        .await
        .unwrap();
    assert_eq!(report.warnings, [""; 0]);
}
