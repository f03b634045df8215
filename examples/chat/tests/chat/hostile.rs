//! Bodies and addresses that no client of ours sends.

use crate::{Server, World, request, simulated};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use icecore::{Order, Replica};
use icecore_example_chat::api::STREAMS_MAX;
use icecore_example_chat::model::Chat;
use icecore_sim::bucket::Faults;
use serde_json::{Value, json};

/// The status, and the refusal's code; it has a sentence and a hint.
async fn refused(server: &Server, request: Request<Body>) -> (u16, String, Value) {
    let (status, refusal) = server.ask(request).await;
    assert!(
        !refusal["message"].as_str().unwrap().is_empty(),
        "{refusal}"
    );
    assert!(!refusal["hint"].as_str().unwrap().is_empty(), "{refusal}");
    let code = refusal["code"].as_str().unwrap().to_owned();
    (status.as_u16(), code, refusal["object"].clone())
}

/// What is fine: it stands before what is not, and is not stored either.
const GOOD: &str = r#"{"sendingNewMessage":{"coredataLocalUuid":"T","message":{"text":"hi"}}}"#;

/// Sends bodies that are refused for `object`. Nothing of them is stored, and the server goes on.
async fn all_are_refused(bodies: impl IntoIterator<Item = String>, object: &str) {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    for body in bodies {
        let begin: String = body.chars().take(120).collect();
        let (status, code, found) = refused(&server, request(body)).await;
        assert_eq!((status, code.as_str()), (400, "invalid"), "{begin}");
        assert_eq!(found, object, "{begin}");
    }
    let state = world.seen_anew().await.unwrap();
    assert_eq!(state, icecore_example_chat::model::State::default());
    assert_eq!(server.send(format!("[{GOOD}]")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_list_of_events_is_refused() {
    let bodies = [
        "",
        "null",
        "7",
        "{",
        r#"{"events":7}"#,
        r#"{"event":[]}"#,
        "\u{0}",
    ];
    all_are_refused(bodies.map(str::to_owned), "body").await;
    let many = format!("[{}]", vec![GOOD; 1_001].join(","));
    all_are_refused([many], "events").await;
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    all_are_refused([deep], "events[0]").await;
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let not_text = request(Body::from(vec![b'[', 0xff, b']']));
    assert_eq!(refused(&server, not_text).await.0, 400);
}

#[tokio::test]
async fn what_is_no_event_is_refused_and_nothing_of_the_call_is_stored() {
    let long = "x".repeat(9 * 1024);
    let long_text = format!(r#"{{"text":"{long}"}}"#);
    let messages = [
        "7",
        "{}",
        r#"{"text":" \n"}"#,
        r#"{"text":"x","conversationUuid":"../../x"}"#,
        r#"{"text":"x","authorUuid":"a\u0000b"}"#,
        r#"{"text":"x","occuredAt":"soon"}"#,
        r#"{"text":"x","sound":"ding"}"#,
        &long_text,
    ];
    let messages = messages.map(|message| {
        format!(r#"{{"sendingNewMessage":{{"coredataLocalUuid":"U","message":{message}}}}}"#)
    });
    let long_id = format!(r#"{{"uuid":"{long}","displayNameChanged":{{"newName":"x"}}}}"#);
    let events = [
        "null",
        "{}",
        r#"{"userIsTyping":{}}"#,
        r#"{"sendingNewMessage":{"message":{"text":"x"}}}"#,
        r#"{"displayNameChanged":{"newName":"a\u0007"}}"#,
        r#"{"conversationNameChanged":{"newName":""}}"#,
        r#"{"readNewMessage":{"uuid":"7"}}"#,
        r#"{"readNewMessage":{}}"#,
        r#"{"sentNewMessage":{}}"#,
        r#"{"newMessage":{}}"#,
        r#"{"profilePictureChanged":{"pngImage":"R0lGODlh"}}"#,
        r#"{"profilePictureChanged":{}}"#,
        &long_id,
    ];
    let events = messages.into_iter().chain(events.map(str::to_owned));
    all_are_refused(events.map(|event| format!("[{GOOD},{event}]")), "events[1]").await;
}

#[tokio::test]
async fn what_is_too_long_or_not_said_to_be_json_is_refused() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let too_long = " ".repeat(8 * 1024 * 1024 + 1);
    assert_eq!(refused(&server, request(too_long)).await.0, 413);
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let mut request = request("[]");
        request
            .headers_mut()
            .insert("Content-Type", kind.parse().unwrap());
        assert_eq!(refused(&server, request).await.0, 415, "{kind}");
    }
    let get = |uri: &str| Request::get(uri).body(Body::empty()).unwrap();
    for (request, status) in [
        (get("/EventService/Sync"), 405),
        (get("/"), 404),
        (get("/EventService/SyncFromServer?after=x"), 400),
        (get("/EventService/SyncFromServer?after=%00"), 400),
        (get("/EventService/SyncFromServer?before=1"), 400),
        (get("/EventService/SyncFromServer?after=1&after=2"), 400),
    ] {
        let uri = request.uri().clone();
        assert_eq!(refused(&server, request).await.0, status, "{uri}");
    }
    let mut strange = get("/EventService/SyncFromServer");
    let bytes = axum::http::HeaderValue::from_bytes(b"\xff").unwrap();
    strange.headers_mut().insert("Last-Event-ID", bytes);
    assert_eq!(refused(&server, strange).await.0, 400);
}

#[tokio::test]
async fn so_many_streams_and_no_more() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_MAX {
        streams.push(server.stream("", None).await);
    }
    let get = || {
        let request = Request::get("/EventService/SyncFromServer");
        request.body(Body::empty()).unwrap()
    };
    let (status, code, _) = refused(&server, get()).await;
    assert_eq!((status, code.as_str()), (503, "unavailable"));
    // One that ends makes room.
    drop(streams.pop());
    let after = server.stream("", None).await;
    drop((streams, after));
}

/// In virtual time: a bucket that takes minutes for every request.
#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_given_up_and_can_be_repeated() {
    let world = World::new();
    let (place, bucket) = simulated(1);
    let replica = Replica::create(Chat, &place, "chat", Order::Timestamp).await;
    let server = Server::of(&world, "server", replica.unwrap()).await;
    bucket.set_faults(Faults {
        stall: 1.0,
        ..Faults::none()
    });
    let (status, refusal) = server.send(format!("[{GOOD}]")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refusal["message"], "the call took too long");
    bucket.set_faults(Faults::none());
    let (status, answer) = server.send(format!("[{GOOD}]")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(server.stream("", None).await.texts(1).await, ["hi"]);
    let reader = Replica::open(Chat, &place, "chat").await.unwrap();
    reader.sync().await.unwrap();
    assert_eq!(reader.history().await.unwrap().len(), 1);
}

/// A proxy in front has found out who calls.
#[tokio::test]
async fn nobody_speaks_for_somebody_else_where_it_is_known_who_calls() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let as_eve = |event: &Value| {
        let mut request = request(json!([event]).to_string());
        request
            .headers_mut()
            .insert("X-User-Uuid", "eve".parse().unwrap());
        request
    };
    let message = |author: &str| json!({"sendingNewMessage": {"coredataLocalUuid": "T", "message": {"text": "x", "authorUuid": author}}});
    for event in [
        json!({"profilePictureChanged": {"userUuid": "ada", "pngImage": base64_of_pixel()}}),
        json!({"displayNameChanged": {"userUuid": "ada", "newName": "x"}}),
        json!({"conversationNameChanged": {"conversationUuid": "c", "newName": "x", "authorUuid": "ada"}}),
        json!({"readNewMessage": {"uuid": "5f0c6f2e-8d0b-8c0e-9a57-0d3f1c1b2a49", "userUuid": "ada"}}),
        json!({"conversationLeft": {"conversationUuid": "c", "userUuid": "ada"}}),
        message("ada"),
    ] {
        let (status, code, object) = refused(&server, as_eve(&event)).await;
        assert_eq!((status, code.as_str()), (403, "denied"), "{event}");
        assert_eq!(object, "events[0]");
    }
    assert_eq!(
        world.seen_anew().await.unwrap(),
        icecore_example_chat::model::State::default()
    );
    // Who names nobody speaks for oneself, and anybody may bring somebody along.
    for event in [
        message(""),
        json!({"conversationJoined": {"conversationUuid": "c", "userUuid": "ada"}}),
    ] {
        let (status, answer) = server.ask(as_eve(&event)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let state = world.seen_anew().await.unwrap();
    assert_eq!(state.messages().next().unwrap().by(), "eve");
    let mut nobody = request("[]");
    nobody
        .headers_mut()
        .insert("X-User-Uuid", "a b".parse().unwrap());
    assert_eq!(refused(&server, nobody).await.2, "x-user-uuid");
    // A proxy that adds a header to that of the client.
    let mut twice = as_eve(&message(""));
    twice
        .headers_mut()
        .append("X-User-Uuid", "ada".parse().unwrap());
    assert_eq!(refused(&server, twice).await.2, "x-user-uuid");
}

fn base64_of_pixel() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(crate::pictures::PIXEL)
}
