//! Events down: from the last one held, and as they become visible, whenever that is.

use crate::{Server, World, within};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use icecore::system::SystemClock;
use icecore_example_chat::api;
use icecore_example_chat::hub::Hub;
use icecore_example_chat::model::Chat;
use icecore_example_chat::update::Update;
use icecore_sim::bucket::Faults;
use serde_json::{Value, json};
use std::sync::Arc;

fn say(temporary: &str, text: &str) -> Value {
    json!({"sendingNewMessage": {"coredataLocalUuid": temporary, "message": {"text": text, "authorUuid": "ada"}}})
}

#[tokio::test]
async fn whoever_connects_gets_all_and_then_what_comes() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    server.sync(json!([say("1", "one"), say("2", "two")])).await;
    let mut stream = server.stream("", None).await;
    assert_eq!(stream.texts(2).await, ["one", "two"]);
    // What a client sends, and what another device wrote.
    server.sync(json!([say("3", "three")])).await;
    assert_eq!(stream.texts(1).await, ["three"]);
    let bo = world.create("bo").await;
    bo.update(Update::say("four")).await.unwrap();
    bo.sync().await.unwrap();
    server.hub.refresh().await.unwrap();
    assert_eq!(stream.texts(1).await, ["four"]);
    // A server that stops ends its streams.
    server.hub.end();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn whoever_comes_back_gets_what_came_after_the_last_event_held() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let all = ["one", "two", "three", "four"];
    for text in all {
        server.sync(json!([say(text, text)])).await;
    }
    let given = server.stream("", None).await.take(4).await;
    for (n, (id, event)) in given.iter().enumerate().take(3) {
        let uuid = event["uuid"].as_str().unwrap();
        // The id of an event on the stream begins with its uuid, and names the log behind it.
        assert_eq!(id.split_once('.').unwrap().0, uuid);
        for (after, last) in [
            (format!("?after={id}"), None),
            (format!("?after={uuid}"), None),
            (String::new(), Some(id.as_str())),
            // A browser repeats the address, and knows better.
            (format!("?after={}", given[0].0), Some(id.as_str())),
        ] {
            let mut stream = server.stream(&after, last).await;
            assert_eq!(stream.texts(3 - n).await, all[n + 1..], "{after} {last:?}");
        }
    }
    let mut stream = server.stream(&format!("?after={}", given[3].0), None).await;
    server.sync(json!([say("five", "five")])).await;
    assert_eq!(stream.texts(1).await, ["five"]);
    // Who holds what this server has never seen is given everything, rather than told to have what it has not.
    let strange = "?after=5f0c6f2e-8d0b-8c0e-9a57-0d3f1c1b2a49";
    assert_eq!(server.stream(strange, None).await.texts(5).await.len(), 5);
}

#[tokio::test]
async fn places_outlive_the_server_and_a_lost_log_skips_nothing() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    server.sync(json!([say("1", "one"), say("2", "two")])).await;
    let (place, event) = server.stream("", None).await.take(1).await.remove(0);
    let uuid = event["uuid"].as_str().unwrap().to_owned();
    drop(server);
    let server = Server::start(&world, "server").await;
    let mut stream = server.stream(&format!("?after={place}"), None).await;
    assert_eq!(stream.texts(1).await, ["two"]);
    drop((server, stream));

    std::fs::remove_file(world.path("server.log")).unwrap();
    let server = Server::start(&world, "server").await;
    for after in [place, uuid] {
        let mut stream = server.stream(&format!("?after={after}"), None).await;
        assert_eq!(stream.texts(2).await, ["one", "two"], "{after}");
    }
    // What came since has a place again.
    let answer = server
        .sync(json!([say("3", "three"), say("4", "four")]))
        .await;
    let after = format!("?after={}", answer[0]["uuid"].as_str().unwrap());
    assert_eq!(server.stream(&after, None).await.texts(1).await, ["four"]);
}

/// Bo's clock is ten minutes behind, or what Bo said was on its way for ten minutes: it belongs before what clients hold
/// already. A server that looks for what stands after the last event held never finds it.
#[tokio::test]
async fn what_becomes_visible_late_is_given_out_after_what_was_given_before() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let answer = server.sync(json!([say("1", "one"), say("2", "two")])).await;
    let mut open = server.stream("", None).await;
    let held = open.take(2).await[1].0.clone();

    let late = world
        .place("bo")
        .with_clock(Arc::new(SystemClock::wrong_by(-600_000)));
    let bo = icecore::Replica::open(Chat, &late, "chat").await.unwrap();
    bo.update(Update::say("earlier")).await.unwrap();
    bo.sync().await.unwrap();
    server.hub.refresh().await.unwrap();
    // In the chat it stands first; on the streams it comes last.
    let state = world.seen_anew().await.unwrap();
    assert_eq!(crate::texts(&state), ["earlier", "one", "two"]);
    assert_eq!(open.texts(1).await, ["earlier"]);
    for after in [held, answer[1]["uuid"].as_str().unwrap().to_owned()] {
        let mut stream = server.stream(&format!("?after={after}"), None).await;
        assert_eq!(stream.texts(1).await, ["earlier"], "{after}");
    }
}

/// A store that was rolled up, and a server that was away meanwhile: nothing tells it of single updates.
#[tokio::test]
async fn a_server_that_was_away_gives_out_what_it_missed() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    server.sync(json!([say("1", "one")])).await;
    let held = server.stream("", None).await.take(1).await[0].0.clone();
    drop(server);
    let bo = world.create("bo").await;
    for text in ["two", "three"] {
        bo.update(Update::say(text)).await.unwrap();
        bo.sync().await.unwrap();
    }
    bo.roll_up().await.unwrap();
    // A new folder too: the copy is read from a snapshot.
    std::fs::remove_dir_all(world.path("server")).unwrap();
    let server = Server::start(&world, "server").await;
    let mut stream = server.stream(&format!("?after={held}"), None).await;
    let mut texts = stream.texts(2).await;
    texts.sort_unstable();
    assert_eq!(texts, ["three", "two"]);
}

/// A history that was compressed begins with a state, and a server that begins then has no events from before. Who sends
/// again what was stored then is answered all the same, or a queue would be stuck for ever.
#[tokio::test]
async fn what_is_sent_again_is_known_after_the_history_was_compressed() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let read = json!({"readNewMessage": {"uuid": "5f0c6f2e-8d0b-8c0e-9a57-0d3f1c1b2a49", "userUuid": "bo"}});
    let events = json!([say("1", "one"), read]);
    let answer = server.sync(events.clone()).await;
    world.open("server").await.compress().await.unwrap();
    let other = Server::start(&world, "other").await;
    assert_eq!(other.sync(events.clone()).await, answer);
    other.sync(json!([say("2", "two")])).await;
    assert_eq!(other.stream("", None).await.texts(2).await, ["one", "two"]);
    // The server that was there has its log.
    assert_eq!(server.sync(events).await, answer);
    let taken = server.stream("", None).await.take(3).await;
    assert_eq!(taken[2].1["newMessage"]["message"]["text"], "two");
    assert_eq!(
        crate::texts(&world.seen_anew().await.unwrap()),
        ["one", "two"]
    );
}

#[tokio::test]
async fn many_streams_at_once_get_the_same() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(server.stream("", None).await);
    }
    let texts: Vec<String> = (0..40).map(|n| format!("line-{n}")).collect();
    let calls = texts
        .iter()
        .map(|text| server.sync(json!([say(text, text)])));
    within(futures::future::join_all(calls)).await;
    let first = streams[0].texts(40).await;
    let mut sorted = first.clone();
    sorted.sort_unstable();
    let mut expected = texts.clone();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    for stream in &mut streams[1..] {
        assert_eq!(stream.texts(40).await, first);
    }
}

/// What another program wrote, and no chat takes, is on no stream.
#[tokio::test]
async fn what_is_rejected_is_on_no_stream() {
    let world = World::new();
    drop(world.create("maker").await);
    let bo = world.careless("bo").await;
    bo.update(Update::picture(b"GIF89a")).await.unwrap();
    bo.update(Update::say("see?")).await.unwrap();
    bo.sync().await.unwrap();
    let server = Server::start(&world, "server").await;
    let mut stream = server.stream("", None).await;
    assert_eq!(stream.texts(1).await, ["see?"]);
    bo.update(Update::say(" ")).await.unwrap();
    bo.update(Update::say("and?")).await.unwrap();
    bo.sync().await.unwrap();
    server.hub.refresh().await.unwrap();
    assert_eq!(stream.texts(1).await, ["and?"]);
}

#[tokio::test]
async fn two_servers_do_not_share_a_log() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let replica = world.create("other").await;
    let log = world.path("server.log");
    let error = Hub::open(replica, None, log.as_ref()).await.unwrap_err();
    assert!(error.is_unavailable() && error.hint().is_some());
    drop(server);
}

/// The server's log is put back from a backup. Meanwhile others wrote what belongs before the events that it lacks; a client
/// that held the last one got nothing of that, for its place came after it in the log that was made up anew. It took a person
/// who deletes the log.
#[tokio::test]
async fn a_log_that_was_put_back_from_a_backup_skips_nothing() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    server.sync(json!([say("1", "one")])).await;
    std::fs::copy(world.path("server.log"), world.path("backup")).unwrap();
    server.sync(json!([say("2", "two")])).await;
    let (held, event) = server.stream("", None).await.take(2).await.remove(1);
    let uuid = event["uuid"].as_str().unwrap().to_owned();
    drop(server);
    std::fs::copy(world.path("backup"), world.path("server.log")).unwrap();
    let late = world
        .place("bo")
        .with_clock(Arc::new(SystemClock::wrong_by(-600_000)));
    let bo = icecore::Replica::open(Chat, &late, "chat").await.unwrap();
    bo.update(Update::say("earlier")).await.unwrap();
    bo.sync().await.unwrap();
    let server = Server::start(&world, "server").await;
    for after in [held, uuid] {
        let mut stream = server.stream(&format!("?after={after}"), None).await;
        let mut texts = stream.texts(3).await;
        texts.sort_unstable();
        assert_eq!(texts, ["earlier", "one", "two"], "{after}");
    }
}

/// A message that no server saw before the history was compressed is part of a state only. Every device shows it, and it came
/// down no stream.
#[tokio::test]
async fn a_message_that_was_compressed_before_the_server_saw_it_comes_down_the_stream() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    server.sync(json!([say("1", "one")])).await;
    let held = server.stream("", None).await.take(1).await[0].0.clone();
    let bo = world.create("bo").await;
    let id = bo.update(Update::say("two")).await.unwrap();
    bo.sync().await.unwrap();
    bo.compress().await.unwrap();
    bo.sync().await.unwrap();
    bo.update(Update::say("three")).await.unwrap();
    bo.sync().await.unwrap();
    server.hub.refresh().await.unwrap();
    let mut stream = server.stream(&format!("?after={held}"), None).await;
    let taken = stream.take(2).await;
    let message = &taken[0].1["newMessage"]["message"];
    assert_eq!(message["text"], "two");
    assert_eq!(message["authorUuid"], id.author.to_string());
    assert!(message["occuredAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(taken[1].1["newMessage"]["message"]["text"], "three");
    // A server that begins now has them all.
    let other = Server::start(&world, "other").await;
    let texts = other.stream("", None).await.texts(3).await;
    assert_eq!(texts, ["one", "two", "three"]);
}

fn time_of(event: &Value) -> String {
    let at = &event["newMessage"]["message"]["occuredAt"];
    at.as_str().unwrap().to_owned()
}

/// One message is stored by two servers, as when the first does not answer, and each gives it the time of its own clock. In the
/// state the copy counts that stands first in the history; a server that saw the other one first went on with that, and so its
/// stream and the devices differed for ever.
#[tokio::test]
async fn of_two_copies_with_different_times_the_same_counts_on_the_stream_and_in_the_state() {
    for order in [[0, 1], [1, 0]] {
        let world = World::new();
        drop(world.create("maker").await);
        let mut servers = Vec::new();
        for (name, wrong_by) in [("early", -600_000), ("late", 0)] {
            let clock = Arc::new(SystemClock::wrong_by(wrong_by));
            let place = world.place(name).with_clock(clock);
            let replica = icecore::Replica::open(Chat, &place, "chat").await.unwrap();
            replica.sync().await.unwrap();
            servers.push(Server::of(&world, name, replica).await);
        }
        // The one that is asked second has not looked at the bucket since, so it knows of no copy.
        let message = json!([say("1", "one")]);
        let mut open = servers[order[0]].stream("", None).await;
        servers[order[0]].sync(message.clone()).await;
        servers[order[1]].sync(message).await;
        for server in &servers {
            server.hub.refresh().await.unwrap();
        }
        let state = world.seen_anew().await.unwrap();
        assert_eq!(crate::texts(&state), ["one"]);
        let at = state.messages().next().unwrap().at.clone();
        let at = at.replace(".000Z", "Z");
        for server in &servers {
            let uuid = state.messages().next().unwrap().event();
            // Whoever goes by the last that was given under the id has the time that the devices show.
            let asked = json!([{"newMessage": {"uuid": uuid.to_string()}}]);
            assert_eq!(time_of(&server.sync(asked).await[0]), at, "{order:?}");
        }
        // Also who was there all the time: the copy that counts comes once more, where it was not the first.
        let given = open.take(1 + usize::from(order == [1, 0])).await;
        assert_eq!(time_of(&given.last().unwrap().1), at, "{order:?}");
    }
}

/// What another server stored a moment ago is there, though this one did not look yet.
#[tokio::test]
async fn what_another_server_stored_is_known_before_the_next_look() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let other = Server::start(&world, "other").await;
    let stored = other.sync(json!([say("1", "one")])).await;
    let asked = json!([{"sentNewMessage": {"uuid": stored[0]["uuid"]}}]);
    assert_eq!(server.sync(asked).await, stored);
}

/// A store that does not answer, and clients that send pictures: ten thousand of them would fill the disk, or the memory.
#[tokio::test(start_paused = true)]
async fn what_waits_for_a_store_has_a_limit_in_bytes() {
    let world = World::new();
    let (place, bucket) = crate::simulated(3);
    let replica = icecore::Replica::create(Chat, &place, "chat", icecore::Order::Timestamp).await;
    let log = world.path("server.log");
    let hub = Hub::open(replica.unwrap(), None, log.as_ref()).await;
    let hub = Arc::new(hub.unwrap().with_pending_bytes_max(1024 * 1024));
    let router = api::router(Arc::clone(&hub));
    let server = Server { hub, router };
    let png = BASE64.encode(crate::pictures::png_of_bytes(250 * 1024));
    // Three of them have less than a mebibyte, four have more.
    assert!((3 * 1024 * 1024 / 10..1024 * 1024 / 3 - 1024).contains(&png.len()));
    let picture = |n: u32| json!([{"uuid": n.to_string(), "profilePictureChanged": {"userUuid": "ada", "pngImage": png}}]);
    bucket.set_faults(Faults {
        refused: 1.0,
        ..Faults::none()
    });
    for (n, said) in [
        (1, "kept here"),
        (2, "kept here"),
        // What waits already takes no more room.
        (1, "kept here"),
        (3, "kept here"),
        (4, "none of them was stored"),
    ] {
        let (status, refusal) = server.send(picture(n).to_string()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let hint = refusal["hint"].as_str().unwrap();
        assert!(hint.contains(said), "{n}: {hint}");
    }
    // A message still fits, and when the store answers everything does again.
    let (_, refusal) = server.send(json!([say("1", "one")]).to_string()).await;
    let hint = refusal["hint"].as_str().unwrap();
    assert!(hint.contains("kept here"), "{hint}");
    bucket.set_faults(Faults::none());
    for n in 1..=5 {
        server.sync(picture(n)).await;
    }
}
