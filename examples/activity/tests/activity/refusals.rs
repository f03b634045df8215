//! What `POST /api/sync/activity` refuses, and how it says so.

use crate::support::{Server, Site, event};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use icecore_example_activity::What;
use icecore_example_activity::api::BODY_BYTES_MAX;
use icecore_example_activity::hub::EVENTS_MAX;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// Events of which one has this in this member.
fn with(member: &str, value: Value) -> String {
    let good = json!(event("run", 0, What::Start));
    let mut event = good.clone();
    event["id"] = json!("another");
    event[member] = value;
    json!({ "events": [good, event] }).to_string()
}

async fn refused(server: &Server, cases: Vec<(&str, String, u16)>) {
    for (kind, body, expected) in cases {
        let shown: String = body.chars().take(200).collect();
        let (status, answer) = server.post(kind, body).await;
        assert_eq!(status.as_u16(), expected, "{shown}: {answer}");
        assert_eq!(answer["code"], "invalid");
        assert!(!answer["message"].as_str().unwrap().is_empty());
        assert!(!answer["hint"].as_str().unwrap().is_empty(), "{answer}");
        // What is at fault is named, where it is something in the request.
        assert!(!answer["object"].as_str().unwrap().is_empty(), "{answer}");
    }
    // A call with one bad event stored none of the others.
    assert!(server.sync(0, &[]).await.new_events.is_empty());
}

#[tokio::test]
async fn every_refusal_has_a_code_a_message_and_a_hint() {
    let site = Site::new();
    let server = site.server("server").await;
    let good = event("run", 0, What::Start);
    let many = json!({ "events": vec![good; EVENTS_MAX + 1] }).to_string();
    let long = format!("{{\"events\":[],\"x\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    let deep = format!("{{\"events\":{}", "[".repeat(10_000));
    let cases = vec![
        (JSON, String::new(), 400),
        (JSON, "{".to_owned(), 400),
        (JSON, "[]7".to_owned(), 400),
        (JSON, "null".to_owned(), 400),
        (JSON, r#"{"event":[]}"#.to_owned(), 400),
        (JSON, r#"{"events":{}}"#.to_owned(), 400),
        (JSON, r#"{"events":[null]}"#.to_owned(), 400),
        (JSON, r#"{"events":[[]]}"#.to_owned(), 400),
        (JSON, r#"{"events":[{}]}"#.to_owned(), 400),
        (JSON, r#"{"events":[],"events":[]}"#.to_owned(), 400),
        (JSON, r#"{"events":[{"id":"\ud800"}]}"#.to_owned(), 400),
        (JSON, deep, 400),
        (JSON, many, 400),
        (JSON, long, 413),
        ("text/plain", with("id", json!("x")), 415),
        ("application/x-www-form-urlencoded", String::new(), 415),
    ];
    refused(&server, cases).await;
    let (status, _) = server.post(JSON, vec![b'"', 0xff, b'"']).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for query in [
        "?serverTimes=yes",
        "?serverTimes",
        "?servertimes=true",
        "?x=1",
    ] {
        let path = format!("/api/sync/activity{query}");
        let (status, answer) = server.post_to(&path, JSON, "{}").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {answer}");
        assert_eq!(answer["object"], "query");
        assert!(
            answer["hint"]
                .as_str()
                .unwrap()
                .contains("?serverTimes=true")
        );
    }
    site.verify().await;
}

#[tokio::test]
async fn numbers_and_texts_that_cannot_be_are_refused_with_the_member() {
    let site = Site::new();
    let server = site.server("server").await;
    let numbers = || {
        [
            json!(-1),
            json!(0.5),
            json!(-0.5),
            json!(1e300),
            json!(-1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!("1678886401000"),
            json!("2026-01-01T00:00:00Z"),
            json!(true),
            json!([]),
            json!({}),
        ]
    };
    let mut cases = Vec::new();
    for number in numbers() {
        cases.push(json!({ "lastSyncTimestamp": number }).to_string());
        for member in ["occurredAt", "createdAt"] {
            cases.push(with(member, number.clone()));
        }
    }
    cases.push(r#"{"lastSyncTimestamp":9007199254740992}"#.to_owned());
    cases.push(r#"{"lastSyncTimestamp":1e999}"#.to_owned());
    for member in ["occurredAt", "createdAt"] {
        cases.push(with(member, json!(null)));
        cases.push(with(member, json!(253_402_300_800_000_i64)));
    }
    for member in ["id", "attemptId", "type", "source"] {
        let long = json!("x".repeat(201));
        for value in [json!(7), json!(null), json!(["x"]), json!({}), long] {
            cases.push(with(member, value));
        }
    }
    cases.extend(["id", "attemptId"].map(|member| with(member, json!(""))));
    let nested = (0..40).fold(json!(1), |value, _| json!([value]));
    cases.push(with("own", nested));
    cases.push(with("own", json!("x".repeat(17 * 1024))));
    let cases = cases.into_iter().map(|body| (JSON, body, 400));
    refused(&server, cases.collect()).await;
    // It says which member of an event it is.
    let (_, answer) = server.post(JSON, with("occurredAt", json!("noon"))).await;
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("expected milliseconds as occurredAt"),
        "{message}"
    );
    site.verify().await;
}

#[tokio::test]
async fn numbers_that_can_be_are_taken_however_they_are_spelled() {
    let site = Site::new();
    let server = site.server("server").await;
    let body = r#"{"lastSyncTimestamp":0.0,"events":[{"id":"a","attemptId":"b","type":"START",
        "occurredAt":0,"createdAt":253402300799999,"source":"user"},{"id":"c","attemptId":"b","type":"PAUSE",
        "occurredAt":1.678886401e12,"createdAt":1678886401000.0,"source":"user"}]}"#;
    let (status, answer) = server.post(JSON, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, all) = server.post(JSON, "{}").await;
    let times: Vec<_> = all["newEvents"].as_array().unwrap().iter().collect();
    assert_eq!(times[0]["createdAt"], json!(253_402_300_799_999_i64));
    assert_eq!(times[1]["occurredAt"], json!(1_678_886_401_000_i64));
    assert_eq!(times[1]["createdAt"], json!(1_678_886_401_000_i64));
    site.verify().await;
}

#[tokio::test]
async fn other_endpoints_and_methods_are_refused_alike() {
    let site = Site::new();
    let server = site.server("server").await;
    for (request, expected, code) in [
        (
            Request::get("/api/sync/activity"),
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid",
        ),
        (Request::post("/sync"), StatusCode::NOT_FOUND, "not_found"),
        (Request::get("/"), StatusCode::NOT_FOUND, "not_found"),
    ] {
        let (status, answer) = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((status, &answer["code"]), (expected, &json!(code)));
        assert!(
            answer["hint"]
                .as_str()
                .unwrap()
                .contains("POST /api/sync/activity")
        );
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
    server.sync(0, &[event("run", 0, What::Start)]).await;
}
