//! Each event of the protocol, as clients send it, and what they are answered.

use crate::pictures::{PIXEL, png_of_bytes};
use crate::{Server, World, request, texts};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use icecore_example_chat::id::{ConversationId, EventId};
use icecore_example_chat::model::Progress;
use icecore_example_chat::update::Update;
use serde_json::{Value, json};

const ADA: &str = "7F0C6F2E-8D0B-4C0E-9A57-0D3F1C1B2A49";
const BO: &str = "0b9f1f0e-52b7-4a8e-8f0f-6f7f6c1f9d11";
const TRIP: &str = "3D6B2F1C-3B0A-4E0F-8B1C-5A2D7E9F0C33";
const TEMPORARY: &str = "E621E1F8-C36C-495A-93FC-0C247A3E6E5F";

/// The id of a stored message of Ada's.
fn message_id() -> String {
    EventId::of_message(&ADA.parse().unwrap(), &TEMPORARY.parse().unwrap()).to_string()
}

fn event_id(user: &str, uuid: &str) -> String {
    EventId::of_event(&user.parse().unwrap(), &uuid.parse().unwrap()).to_string()
}

fn sending() -> Value {
    json!({"sendingNewMessage": {
        "coredataLocalUuid": TEMPORARY,
        "message": {"conversationUuid": TRIP, "text": "Who brings the tent?", "authorUuid": ADA},
    }})
}

#[tokio::test]
async fn a_new_picture_is_stored_and_answered() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let png = BASE64.encode(PIXEL);
    let sent = json!({"uuid": "E1", "profilePictureChanged": {"userUuid": ADA, "pngImage": png}});
    let answer = server.sync(json!([sent])).await;
    let stored = json!({"uuid": event_id(ADA, "E1"), "profilePictureChanged": {"userUuid": ADA, "pngImage": png}});
    assert_eq!(answer[0], stored);
    // The stream has the same.
    assert_eq!(
        server.stream("", None).await.next().await.unwrap().1,
        stored
    );
    let state = world.seen_anew().await.unwrap();
    let picture = state.users[&ADA.parse().unwrap()].picture.clone().unwrap();
    assert_eq!((picture.width, picture.bytes), (1, 67));
}

#[tokio::test]
async fn a_new_display_name_is_stored_and_answered() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let content = json!({"userUuid": ADA, "newName": "Ada"});
    let answer = server
        .sync(json!([{"uuid": "E1", "displayNameChanged": content}]))
        .await;
    assert_eq!(
        answer,
        [json!({"uuid": event_id(ADA, "E1"), "displayNameChanged": content})]
    );
    let state = world.seen_anew().await.unwrap();
    assert_eq!(state.name_of(&ADA.parse().unwrap()), "Ada");
}

#[tokio::test]
async fn a_conversation_is_renamed_with_author_and_time() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let renamed = |name: &str, author: &str, at: &str| json!({"conversationUuid": TRIP, "newName": name, "authorUuid": author, "occuredAt": at});
    let first = renamed("Trip", ADA, "2026-11-20T12:00:00Z");
    let second = renamed("The trip", BO, "2026-11-21T08:30:00.250Z");
    let answer = server
        .sync(json!([
            {"uuid": "E1", "conversationNameChanged": first},
            {"uuid": "E2", "conversationNameChanged": second},
        ]))
        .await;
    assert_eq!(answer[0]["conversationNameChanged"], first);
    assert_eq!(answer[1]["conversationNameChanged"], second);
    assert_eq!(answer[1]["uuid"], event_id(BO, "E2"));
    let state = world.seen_anew().await.unwrap();
    let trip: ConversationId = TRIP.parse().unwrap();
    let named = state.conversations[&trip].named.clone().unwrap();
    assert_eq!(
        (named.name.as_str(), named.by.to_string().as_str()),
        ("The trip", BO)
    );
    assert_eq!(named.at, "2026-11-21T08:30:00.250Z");
}

#[tokio::test]
async fn a_message_gets_its_final_id_and_is_then_read() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    // Its sender is told that it is sent; everybody gets it with both of its ids.
    let answer = server.sync(json!([sending()])).await;
    let id = message_id();
    assert_eq!(
        answer,
        [json!({"uuid": id, "sentNewMessage": {"uuid": id}})]
    );
    let mut stream = server.stream("", None).await;
    let (_, mut received) = stream.next().await.unwrap();
    let message = &mut received["newMessage"]["message"];
    let at = message.as_object_mut().unwrap().remove("occuredAt");
    assert!(at.is_some_and(|at| at.as_str().unwrap().ends_with('Z')));
    assert_eq!(
        received,
        json!({"uuid": id, "newMessage": {
            "coreDataTemporaryUuid": TEMPORARY,
            "uuid": id,
            "message": {"conversationUuid": TRIP, "text": "Who brings the tent?", "authorUuid": ADA},
        }})
    );
    // Bo has read it; who that is stands in a header.
    let body = json!({"events": [{"readNewMessage": {"uuid": id}}]}).to_string();
    let mut request = request(body);
    request
        .headers_mut()
        .insert("X-User-Uuid", BO.parse().unwrap());
    let (status, answer) = server.ask(request).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let read = &answer["events"][0];
    assert_eq!(read["readNewMessage"], json!({"uuid": id, "userUuid": BO}));
    assert_eq!(&stream.next().await.unwrap().1, read);
    // In its row a person sees it.
    let state = world.seen_anew().await.unwrap();
    let message = &state.messages_in(&TRIP.parse().unwrap())[0];
    assert_eq!(message.event().to_string(), id);
    assert_eq!(message.temporary, Some(TEMPORARY.parse().unwrap()));
    assert_eq!(
        state.progress_of(message),
        Progress::Read(vec![&BO.parse().unwrap()])
    );
}

#[tokio::test]
async fn what_only_the_server_can_say_is_answered_and_stored_nowhere() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let id = message_id();
    let sent = json!({"sentNewMessage": {"uuid": id}});
    let received = json!({"newMessage": {"coreDataTemporaryUuid": TEMPORARY, "uuid": id}});
    for event in [&sent, &received] {
        let body = json!({"events": [sending(), event]}).to_string();
        let (status, refused) = server.send(body).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(
            (&refused["code"], &refused["object"]),
            (&json!("not_found"), &json!("events[1]"))
        );
    }
    assert_eq!(world.seen_anew().await.unwrap().messages().count(), 0);
    server.sync(json!([sending()])).await;
    let answer = server.sync(json!([sent, received])).await;
    assert_eq!(
        answer[0],
        json!({"uuid": id, "sentNewMessage": {"uuid": id}})
    );
    assert_eq!(answer[1]["newMessage"]["coreDataTemporaryUuid"], TEMPORARY);
    assert_eq!(
        answer[1]["newMessage"]["message"]["text"],
        "Who brings the tent?"
    );
    // Who knows the temporary id alone can ask too.
    let by_temporary = json!([{"newMessage": {"coreDataTemporaryUuid": TEMPORARY, "message": {"authorUuid": ADA}}}]);
    assert_eq!(server.sync(by_temporary).await[0], answer[1]);
    assert_eq!(texts(&world.seen_anew().await.unwrap()).len(), 1);
}

#[tokio::test]
async fn who_joins_and_who_leaves_is_an_event() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let of = |user: &str| json!({"conversationUuid": TRIP, "userUuid": user});
    let answer = server
        .sync(json!([
            {"uuid": "E1", "conversationJoined": of(ADA)},
            {"uuid": "E2", "conversationJoined": of(BO)},
            {"uuid": "E3", "conversationLeft": of(ADA)},
        ]))
        .await;
    assert_eq!(
        answer[1],
        json!({"uuid": event_id(BO, "E2"), "conversationJoined": of(BO)})
    );
    assert_eq!(
        answer[2],
        json!({"uuid": event_id(ADA, "E3"), "conversationLeft": of(ADA)})
    );
    let state = world.seen_anew().await.unwrap();
    let members = &state.conversations[&TRIP.parse().unwrap()].members;
    assert!(!members[&ADA.parse().unwrap()]);
    assert!(members[&BO.parse().unwrap()]);
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_stored_once_and_answered_alike() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let name = |name: &str| json!({"uuid": "E1", "displayNameChanged": {"userUuid": ADA, "newName": name}});
    let read = json!({"readNewMessage": {"uuid": message_id(), "userUuid": BO}});
    let events = json!([name("Ada"), sending(), read, read, sending()]);
    let answer = server.sync(events.clone()).await;
    assert_eq!(answer[1], answer[4]);
    assert_eq!(server.sync(events).await, answer);
    // Something else under its id is not taken for it, nor for stored.
    let mut another = sending();
    another["sendingNewMessage"]["message"]["text"] = json!("something else");
    for event in [name("Eve"), another] {
        let (status, refusal) = server.send(json!([read, event]).to_string()).await;
        assert_eq!(
            (status, &refusal["code"], &refusal["object"]),
            (
                StatusCode::CONFLICT,
                &json!("conflict"),
                &json!("events[1]")
            )
        );
    }
    // Through another server too, also before that one has seen it.
    let other = Server::start(&world, "other").await;
    assert_eq!(
        other.sync(json!([name("Ada"), sending(), read])).await,
        answer[..3]
    );
    assert_eq!(server.stream("", None).await.take(3).await.len(), 3);
    let replica = world.create("reader").await;
    assert_eq!(replica.history().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_list_alone_is_a_body_and_an_empty_one_too() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let (status, answer) = server.send(format!(" [{}]", sending())).await;
    assert_eq!(
        (status, answer["events"].as_array().unwrap().len()),
        (StatusCode::OK, 1)
    );
    for empty in ["{}", "[]", r#"{"events":[]}"#] {
        let answered = server.send(empty).await;
        assert_eq!(answered, (StatusCode::OK, json!({"events": []})), "{empty}");
    }
}

#[tokio::test]
async fn what_a_replica_says_has_its_final_id_from_the_start() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let ada = world.create("ada").await;
    let id = ada.update(Update::say("hi")).await.unwrap();
    let waiting = ada.state().messages().next().unwrap().event();
    ada.sync().await.unwrap();
    server.hub.refresh().await.unwrap();
    let (_, received) = server.stream("", None).await.next().await.unwrap();
    assert_eq!(received["uuid"], EventId::of_update(id).to_string());
    assert_eq!(received["uuid"], waiting.to_string());
    assert_eq!(received["newMessage"].get("coreDataTemporaryUuid"), None);
    assert_eq!(
        received["newMessage"]["message"]["authorUuid"],
        id.author.to_string()
    );
}

/// A camera makes pictures of some megabytes. One of them in every history, on every phone, is more than a chat should ask for.
#[tokio::test]
async fn a_picture_of_five_mebibytes_is_refused_with_what_to_do() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let png = png_of_bytes(5 * 1024 * 1024);
    let events = json!({"events": [sending(), {"profilePictureChanged": {"userUuid": ADA, "pngImage": BASE64.encode(&png)}}]});
    let (status, refused) = server.send(events.to_string()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refused["code"], "invalid");
    assert_eq!(refused["object"], "events[1]");
    let kib = png.len().div_ceil(1024);
    let reason = format!("it has {kib} KiB, at most 256 KiB are allowed");
    assert!(
        refused["message"].as_str().unwrap().contains(&reason),
        "{refused}"
    );
    assert!(
        refused["hint"].as_str().unwrap().contains("512 x 512"),
        "{refused}"
    );
    // Nothing of the call was stored, and without it the rest is.
    assert_eq!(world.seen_anew().await.unwrap().messages().count(), 0);
    server.sync(json!([sending()])).await;
    // The largest that is allowed goes through, there and back.
    let png = BASE64.encode(png_of_bytes(255 * 1024));
    let events = json!([{"profilePictureChanged": {"userUuid": ADA, "pngImage": png}}]);
    let answer = server.sync(events).await;
    assert_eq!(answer[0]["profilePictureChanged"]["pngImage"], png);
    assert_eq!(server.stream("", None).await.take(2).await[1].1, answer[0]);
}
