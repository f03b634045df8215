//! What reaches the protocol when an S3 server or the network misbehaves.

use crate::support::{credentials, open, s3_server};
use futures::TryStreamExt;
use icecore_core::{Error, ErrorKind};
use icecore_sim::s3_server::{ACCESS_KEY, Fault, S3Server, SECRET_KEY};
use icecore_store::backend::{
    Backend, from_object_store, is_already_exists, is_conditional_conflict,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutResult, UpdateVersion};
use std::sync::Arc;

async fn server() -> (S3Server, Backend) {
    let server = s3_server(Arc::new(InMemory::new())).await;
    let backend = open(&server.url(""), server.environment());
    (server, backend)
}

async fn put(backend: &Backend, key: &str, mode: PutMode) -> object_store::Result<PutResult> {
    backend
        .store
        .put_opts(&Path::from(key), "x".into(), mode.into())
        .await
}

fn mapped(error: object_store::Error) -> Error {
    from_object_store(error, "write the update", "a")
}

#[tokio::test]
async fn a_conflict_of_requests_is_not_a_taken_key() {
    let (server, backend) = server().await;
    server.fail_next_put("a", Fault::Conflict);
    let error = put(&backend, "a", PutMode::Create).await.unwrap_err();
    assert!(is_conditional_conflict(&error), "{error:?}");
    assert!(!is_already_exists(&error), "{error:?}");
    assert_eq!(mapped(error).kind(), ErrorKind::Unavailable);
    put(&backend, "a", PutMode::Create).await.unwrap();
    let error = put(&backend, "a", PutMode::Create).await.unwrap_err();
    assert!(!is_conditional_conflict(&error), "{error:?}");
    assert!(is_already_exists(&error), "{error:?}");
    assert_eq!(mapped(error).kind(), ErrorKind::Conflict);
}

/// `object_store` repeats an If-Match that met another one by itself.
#[tokio::test]
async fn a_conflict_of_updates_is_repeated() {
    let (server, backend) = server().await;
    let first = put(&backend, "a", PutMode::Create).await.unwrap();
    server.fail_next_put("a", Fault::Conflict);
    let update = PutMode::Update(UpdateVersion {
        e_tag: first.e_tag,
        version: None,
    });
    put(&backend, "a", update).await.unwrap();
    assert_eq!(server.pending_faults(), 0);
}

#[tokio::test]
async fn a_hiccup_is_smoothed_over_and_more_is_reported() {
    let (server, backend) = server().await;
    server.fail_next_put("a", Fault::SlowDown);
    server.fail_next_put("a", Fault::InternalError);
    put(&backend, "a", PutMode::Create).await.unwrap();
    for _ in 0..3 {
        server.fail_next_put("b", Fault::SlowDown);
    }
    let error = mapped(put(&backend, "b", PutMode::Create).await.unwrap_err());
    assert_eq!(server.pending_faults(), 0);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.hint().unwrap().contains("slow down"), "{error:?}");
}

/// Credentials that were good until a moment ago: nothing is stored, and the error says what to renew.
#[tokio::test]
async fn expired_credentials_are_named() {
    let (server, backend) = server().await;
    server.fail_next_put("a", Fault::ExpiredToken);
    let error = mapped(put(&backend, "a", PutMode::Create).await.unwrap_err());
    assert_eq!(
        (error.kind(), server.pending_faults()),
        (ErrorKind::Denied, 0)
    );
    assert!(error.hint().unwrap().contains("expired"), "{error:?}");
    put(&backend, "a", PutMode::Create).await.unwrap();
}

/// The write landed, its answer did not arrive, the HTTP client repeated it: the key is taken, by ourselves.
#[tokio::test]
async fn a_lost_response_looks_like_a_taken_key() {
    let (server, backend) = server().await;
    server.fail_next_put("a", Fault::LostResponse);
    let error = put(&backend, "a", PutMode::Create).await.unwrap_err();
    assert!(is_already_exists(&error), "{error:?}");
    let body = backend
        .store
        .get(&Path::from("a"))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(body, "x");
}

#[tokio::test]
async fn what_an_operator_got_wrong_is_named() {
    use ErrorKind::{Denied, NotFound, Unavailable};
    let (server, _) = server().await;
    let there = server.endpoint();
    // A port on which nobody listens any more.
    let gone = {
        let stopped = s3_server(Arc::new(InMemory::new())).await;
        stopped.endpoint().to_owned()
    };
    let cases = [
        (
            (there, "icecore", ACCESS_KEY, "wrong"),
            Denied,
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            (there, "icecore", "wrong", SECRET_KEY),
            Denied,
            "AWS_ACCESS_KEY_ID",
        ),
        (
            (there, "other", ACCESS_KEY, SECRET_KEY),
            NotFound,
            "create it first",
        ),
        (
            (&gone, "icecore", ACCESS_KEY, SECRET_KEY),
            Unavailable,
            "check the network",
        ),
    ];
    for ((endpoint, bucket, access_key, secret), kind, hint) in cases {
        let environment = credentials(endpoint, access_key, secret);
        let backend = open(&format!("s3://{bucket}"), environment);
        for error in failures(&backend).await {
            let text = format!("{error:?}");
            assert!(!text.contains(SECRET_KEY), "a secret is in {text}");
            let error = mapped(error);
            assert_eq!(error.kind(), kind, "{text}");
            let found = error.hint().unwrap_or("");
            assert!(found.contains(hint), "{found:?} for {text}");
        }
    }
}

/// A write, a read and a listing, none of which works.
async fn failures(backend: &Backend) -> [object_store::Error; 3] {
    let read = backend.store.get(&Path::from("a")).await;
    let listed: Result<Vec<_>, _> = backend.store.list(None).try_collect().await;
    [
        put(backend, "a", PutMode::Create).await.unwrap_err(),
        read.unwrap_err(),
        listed.unwrap_err(),
    ]
}
