//! A client as phones have it: a queue that sends all that was not acknowledged, in order, and a place in the stream.

use crate::{Events, Server, World, simulated, texts};
use axum::http::StatusCode;

use icecore::{Order, Replica};
use icecore_example_chat::api;
use icecore_example_chat::hub::Hub;
use icecore_example_chat::model::Chat;
use icecore_example_chat::update::Update;
use icecore_sim::bucket::Faults;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What an app keeps on its disk.
#[derive(Default)]
struct Client {
    queue: Vec<Value>,
    /// The last event of the stream.
    held: Option<String>,
    /// What its person sees: text and state, by the temporary id.
    rows: BTreeMap<String, (String, &'static str)>,
    /// Final ids of own messages.
    finals: BTreeMap<String, String>,
}

impl Client {
    fn say(&mut self, temporary: &str, text: &str) {
        self.queue.push(json!({"sendingNewMessage": {
            "coredataLocalUuid": temporary, "message": {"text": text, "authorUuid": "ada"}}}));
        self.rows
            .insert(temporary.to_owned(), (text.to_owned(), "sending"));
    }

    /// The whole queue goes out; what is acknowledged leaves it.
    async fn dispatch(&mut self, server: &Server) -> StatusCode {
        let (status, answer) = server.send(json!(self.queue).to_string()).await;
        if status == StatusCode::OK {
            for (sent, stored) in self
                .queue
                .drain(..)
                .zip(answer["events"].as_array().unwrap())
            {
                let temporary = sent["sendingNewMessage"]["coredataLocalUuid"]
                    .as_str()
                    .unwrap();
                let uuid = stored["sentNewMessage"]["uuid"].as_str().unwrap();
                self.finals.insert(uuid.to_owned(), temporary.to_owned());
                self.rows.get_mut(temporary).unwrap().1 = "sent";
            }
        }
        status
    }

    async fn connect(&self, server: &Server) -> Events {
        let after = self.held.as_ref();
        let after = after.map_or_else(String::new, |held| format!("?after={held}"));
        server.stream(&after, None).await
    }

    /// Takes in events of the stream.
    async fn take(&mut self, stream: &mut Events, count: usize) -> Vec<Value> {
        let taken = stream.take(count).await;
        for (id, event) in &taken {
            self.held = Some(id.clone());
            let read = event["readNewMessage"]["uuid"].as_str();
            if let Some(temporary) = read.and_then(|uuid| self.finals.get(uuid)) {
                self.rows.get_mut(temporary).unwrap().1 = "read";
            }
            if let Some(temporary) = event["newMessage"]["coreDataTemporaryUuid"].as_str()
                && let Some(row) = self.rows.get_mut(temporary)
            {
                let uuid = event["uuid"].as_str().unwrap();
                self.finals.insert(uuid.to_owned(), temporary.to_owned());
                row.1 = "sent";
            }
        }
        taken.into_iter().map(|(_, event)| event).collect()
    }

    fn row(&self, temporary: &str) -> &'static str {
        self.rows[temporary].1
    }
}

#[tokio::test]
async fn a_row_is_sending_then_sent_then_read() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let mut ada = Client::default();
    ada.say("T1", "hi");
    assert_eq!(ada.row("T1"), "sending");
    assert_eq!(ada.dispatch(&server).await, StatusCode::OK);
    assert_eq!(ada.row("T1"), "sent");
    let mut stream = ada.connect(&server).await;
    let received = ada.take(&mut stream, 1).await;
    server
        .sync(json!([{"readNewMessage": {"uuid": received[0]["newMessage"]["uuid"], "userUuid": "bo"}}]))
        .await;
    ada.take(&mut stream, 1).await;
    assert_eq!(ada.row("T1"), "read");
}

/// The server stored the first event, and its answer was lost. The client sends it again, with what was said since.
#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_in_order_and_stored_once() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let mut ada = Client::default();
    ada.say("T1", "one");
    // The answer is lost: the client never sees it.
    drop(server.send(json!(ada.queue).to_string()).await);
    assert_eq!(ada.queue.len(), 1);
    ada.say("T2", "two");
    assert_eq!(ada.dispatch(&server).await, StatusCode::OK);
    assert!(ada.queue.is_empty());
    assert_eq!((ada.row("T1"), ada.row("T2")), ("sent", "sent"));
    let mut stream = ada.connect(&server).await;
    assert_eq!(stream.texts(2).await, ["one", "two"]);
    assert_eq!(texts(&world.seen_anew().await.unwrap()), ["one", "two"]);
}

/// In virtual time, on a bucket that stalls, forgets to answer, and answers twice; of the server's answers every third is
/// lost too.
#[tokio::test(start_paused = true)]
async fn on_a_bad_day_a_client_loses_and_doubles_nothing() {
    let mut unanswered = 0;
    for seed in 0..8 {
        let world = World::new();
        let (place, bucket) = simulated(seed);
        let replica = Replica::create(Chat, &place, "chat", Order::Timestamp).await;
        let server = Server::of(&world, "server", replica.unwrap()).await;
        bucket.set_faults(Faults {
            refused: 0.3,
            ..Faults::bad()
        });
        let mut ada = Client::default();
        let all: Vec<String> = (0..30).map(|n| format!("line-{n}")).collect();
        for (n, text) in all.iter().enumerate() {
            ada.say(text, text);
            if n % 3 == 0 {
                drop(server.send(json!(ada.queue).to_string()).await);
            } else {
                unanswered += u32::from(ada.dispatch(&server).await != StatusCode::OK);
            }
        }
        bucket.set_faults(Faults::none());
        while !ada.queue.is_empty() {
            ada.dispatch(&server).await;
        }
        let mut stream = ada.connect(&server).await;
        assert_eq!(stream.texts(30).await, all, "seed {seed}");
        let reader = Replica::open(Chat, &place, "chat").await.unwrap();
        reader.sync().await.unwrap();
        assert_eq!(texts(&reader.state()), all, "seed {seed}");
        assert_eq!(reader.history().await.unwrap().len(), 30);
    }
    assert!(unanswered > 3, "{unanswered}");
}

/// The store does not answer: what the server took stays in its queue, the client keeps its own, and sends again.
#[tokio::test]
async fn a_store_that_does_not_answer_loses_and_doubles_nothing() {
    let world = World::new();
    let server = Server::start(&world, "server").await;
    let mut ada = Client::default();
    let (store, away) = (world.path("store"), world.path("away"));
    std::fs::rename(&store, &away).unwrap();
    for (temporary, text) in [("T1", "one"), ("T2", "two"), ("T3", "three")] {
        ada.say(temporary, text);
        let status = ada.dispatch(&server).await;
        assert!(
            status.is_client_error() || status.is_server_error(),
            "{status}"
        );
        assert_eq!(ada.row(temporary), "sending");
    }
    assert_eq!(ada.queue.len(), 3);
    if std::fs::exists(&store).unwrap() {
        std::fs::remove_dir_all(&store).unwrap();
    }
    std::fs::rename(&away, &store).unwrap();
    ada.say("T4", "four");
    assert_eq!(ada.dispatch(&server).await, StatusCode::OK);
    let mut stream = ada.connect(&server).await;
    assert_eq!(stream.texts(4).await, ["one", "two", "three", "four"]);
    let seen = world.seen_anew().await.unwrap();
    assert_eq!(texts(&seen), ["one", "two", "three", "four"]);
}

/// Over a real connection, which the client cuts at every place of its request and of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_anywhere_loses_and_doubles_nothing() {
    let world = World::new();
    let replica = world.create("server").await;
    let log = world.path("server.log");
    let hub = Hub::open(replica, None, log.as_ref()).await.unwrap();
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(api::serve(
        hub,
        (Ipv4Addr::LOCALHOST.into(), 0),
        Duration::from_millis(20),
        move |address| {
            tell.send(address).unwrap();
            Ok(())
        },
        async move { drop(stopped.await) },
    ));
    let address = told.await.unwrap();
    let body = json!([{"sendingNewMessage": {"coredataLocalUuid": "T1", "message": {"text": "one", "authorUuid": "ada"}}}]).to_string();
    let request = format!(
        "POST /EventService/Sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    for sent in (0..=request.len()).step_by(23).chain([request.len()]) {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection
            .write_all(&request.as_bytes()[..sent])
            .await
            .unwrap();
        drop(connection);
    }
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    crate::within(connection.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("sentNewMessage"),
        "{answer}"
    );
    // Also while somebody streams.
    let mut streaming = TcpStream::connect(address).await.unwrap();
    let request = "GET /EventService/SyncFromServer HTTP/1.1\r\nHost: x\r\n\r\n";
    streaming.write_all(request.as_bytes()).await.unwrap();
    let mut some = [0; 64];
    crate::within(streaming.read(&mut some)).await.unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200"));
    stop.send(()).unwrap();
    crate::within(serving).await.unwrap().unwrap();
    assert_eq!(texts(&world.seen_anew().await.unwrap()), ["one"]);
}

/// A client that streams and reads nothing of it: the server writes until nobody takes any more, and would wait for it for
/// ever when it stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_does_not_wait_for_who_does_not_read() {
    let world = World::new();
    let replica = world.create("server").await;
    let picture = crate::pictures::png_of_bytes(250 * 1024);
    for _ in 0..60 {
        replica.update(Update::picture(&picture)).await.unwrap();
    }
    let log = world.path("server.log");
    let hub = Hub::open(replica, None, log.as_ref()).await.unwrap();
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(api::serve(
        hub,
        (Ipv4Addr::LOCALHOST.into(), 0),
        Duration::from_millis(20),
        move |address| {
            tell.send(address).unwrap();
            Ok(())
        },
        async move { drop(stopped.await) },
    ));
    let mut slow = TcpStream::connect(told.await.unwrap()).await.unwrap();
    let request = "GET /EventService/SyncFromServer HTTP/1.1\r\nHost: x\r\n\r\n";
    slow.write_all(request.as_bytes()).await.unwrap();
    let mut some = [0; 64];
    crate::within(slow.read(&mut some)).await.unwrap();
    stop.send(()).unwrap();
    crate::within(serving).await.unwrap().unwrap();
}
