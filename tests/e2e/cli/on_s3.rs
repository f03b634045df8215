//! The command on S3: on the server of `icecore-sim`, and on a real one where there is one.

use crate::support::command::Place;
use crate::support::lax::Lax;
use crate::support::{localstack, s3};
use icecore_sim::s3_server;
use object_store::memory::InMemory;
use std::sync::Arc;

/// The main line on an empty bucket.
fn main_line(place: &Place) {
    let (a, b) = (place.replica("a"), place.replica("b"));
    let checked = a.ok(&["init"]);
    assert!(checked.contains("(s3)"), "{checked}");
    a.ok(&["space", "create", "todo"]);
    a.merge("todo", r#"{"a":1}"#);
    b.merge("todo", r#"{"b":2}"#);
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    let report = &b.json(&["rollup", "todo", "--now"])[0];
    assert_eq!(report["updates"], 2);
    assert_eq!(
        place.replica("fresh").ok(&["state", "todo"]),
        "{\"a\":1,\"b\":2}\n"
    );
    a.ok(&["verify"]);
    a.wait_a_second("todo");
    let pruned = &a.json(&["prune", "--retention", "0s"])[0];
    assert_eq!(pruned["updates"], 2);
    assert_eq!(b.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    a.ok(&["compress", "todo", "--yes"]);
    assert_eq!(b.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    assert!(a.ok(&["erase", "todo", "--yes"]).contains("erased"));
    assert!(b.fails(1, &["state", "todo"]).contains("was erased"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_line_on_s3() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url("a/prefix"), server.environment());
    tokio::task::spawn_blocking(move || main_line(&place))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_line_on_a_real_s3_server() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let place = s3::bucket_on(&endpoint).await;
    tokio::task::spawn_blocking(move || main_line(&place))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_ignores_conditions_is_refused() {
    let server = s3_server::start(Arc::new(Lax::default())).await.unwrap();
    let place = Place::at(server.url(""), server.environment());
    let check = move || {
        let a = place.replica("a");
        let error = a.fails(2, &["init"]);
        assert!(
            error.contains("ignores conditional writes") && error.contains("updates would be lost"),
            "{error}"
        );
        assert!(a.fails(1, &["space", "list"]).contains("there is no store"));
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_a_missing_bucket_are_named() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url(""), server.environment());
    let check = move || {
        let a = place.replica("a");
        let error = a
            .clone()
            .with("AWS_SECRET_ACCESS_KEY", "wrong")
            .fails(1, &["init"]);
        assert!(error.contains("check AWS_SECRET_ACCESS_KEY"), "{error}");
        assert!(!error.contains(s3_server::SECRET_KEY), "{error}");
        let error = a.clone().on("s3://nowhere").fails(1, &["init"]);
        assert!(error.contains("the bucket does not exist"), "{error}");
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}
