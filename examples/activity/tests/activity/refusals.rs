//! What `POST /sync` refuses, and how it says so.

use crate::support::{Site, event};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use icecore_example_activity::What;
use icecore_example_activity::api::BODY_BYTES_MAX;
use icecore_example_activity::hub::EVENTS_MAX;
use serde_json::{Value, json};

const JSON: &str = "application/json";

#[tokio::test]
async fn every_refusal_has_a_code_a_message_and_a_hint() {
    let site = Site::new();
    let server = site.server("server").await;
    let good = json!(event("run", 0, What::Start));
    let with = |field: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(field).unwrap() = value;
        json!({ "events": [good, event] }).to_string()
    };
    let other_id = "018bcfe5-6800-7fff-bfff-ffffffffffff";
    let mut far = json!(event("run", 0, What::Score { points: 1 }));
    far["data"]["points"] = json!(i64::MAX);
    let far = json!({ "events": [good, far] }).to_string();
    let many = json!({ "events": vec![good.clone(); EVENTS_MAX + 1] }).to_string();
    let long = format!("{{\"events\":[],\"x\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    let cases = [
        (JSON, String::new(), 400),
        (JSON, "{".to_owned(), 400),
        (JSON, "[]7".to_owned(), 400),
        (JSON, r#"{"event":[]}"#.to_owned(), 400),
        (JSON, r#"{"lastSyncTimestamp":7}"#.to_owned(), 400),
        (
            JSON,
            r#"{"lastSyncTimestamp":"2026-01-01T00:00:00Z"}"#.to_owned(),
            400,
        ),
        (JSON, with("/kind", json!("STOP")), 400),
        (JSON, with("/occurredAt", json!("yesterday")), 400),
        (JSON, with("/data/attempt", json!("../x")), 400),
        (JSON, with("/data/id", json!(7)), 400),
        (JSON, far, 400),
        (JSON, many, 400),
        (JSON, long, 413),
        ("text/plain", with("/data/id", json!(other_id)), 415),
        ("application/x-www-form-urlencoded", String::new(), 415),
    ];
    for (kind, body, expected) in cases {
        let shown: String = body.chars().take(200).collect();
        let (status, answer) = server.post(kind, body).await;
        assert_eq!(status.as_u16(), expected, "{shown}: {answer}");
        assert_eq!(answer["code"], "invalid");
        assert!(!answer["message"].as_str().unwrap().is_empty());
        assert!(!answer["hint"].as_str().unwrap().is_empty(), "{answer}");
    }
    // A call with one bad event stored none of the others.
    assert!(server.sync(None, &[]).await.new_events.is_empty());
    site.verify().await;
}

#[tokio::test]
async fn other_endpoints_and_methods_are_refused_alike() {
    let site = Site::new();
    let server = site.server("server").await;
    for (request, expected, code) in [
        (
            Request::get("/sync"),
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid",
        ),
        (Request::post("/other"), StatusCode::NOT_FOUND, "not_found"),
        (Request::get("/"), StatusCode::NOT_FOUND, "not_found"),
    ] {
        let (status, answer) = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((status, &answer["code"]), (expected, &json!(code)));
        assert!(answer["hint"].as_str().unwrap().contains("POST /sync"));
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let site = Site::new();
    let server = site.server("server").await;
    // From here on time runs as fast as everybody waits.
    tokio::time::pause();
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let (status, answer) = server.post(JSON, never).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer["code"], "unavailable");
    tokio::time::resume();
    server.sync(None, &[event("run", 0, What::Start)]).await;
}
