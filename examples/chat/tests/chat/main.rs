//! The chat, end to end: on a folder, with many replicas, as people use it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod client_queue;
mod commands;
mod conversations;
mod endpoint;
mod hostile;
mod logs;
mod pictures;
mod queue;
mod replays;
mod streams;
mod transient;
mod watching;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use icecore::{Order, Place, Replica, Result};
use icecore_example_chat::api;
use icecore_example_chat::hub::Hub;
use icecore_example_chat::model::{Chat, State};
use icecore_sim::bucket::SimBucket;
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::Store;
use icecore_store::backend::ServerTime;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

/// A store in a folder, and the folders of its replicas.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The place of a replica with a folder of this name.
    fn place(&self, replica: &str) -> Place {
        Place::new(self.path("store")).with_replica(self.folder.path().join(replica))
    }

    /// Makes the chat where it is missing, and opens it.
    async fn create(&self, replica: &str) -> Replica<Chat> {
        Replica::create(Chat, &self.place(replica), "chat", Order::Timestamp)
            .await
            .unwrap()
    }

    /// Opens a replica, without any request.
    async fn open(&self, replica: &str) -> Replica<Chat> {
        Replica::open(Chat, &self.place(replica), "chat")
            .await
            .unwrap()
    }

    /// The state as somebody sees it who comes anew; the history is verified on the way.
    async fn seen_anew(&self) -> Result<State> {
        let place = Place::new(self.path("store"));
        let replica = Replica::open(Chat, &place, "chat").await?;
        replica.sync().await?;
        let report = replica.verify().await?;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        Ok(State::clone(&replica.state()))
    }
}

/// A bucket in memory, in virtual time, with faults to come.
fn simulated(seed: u64) -> (Place, SimBucket) {
    let (clock, random) = (SimClock::start(), Random::new(seed));
    let bucket = SimBucket::new(random.clone(), clock.clone());
    let store = Store::on(
        Arc::new(bucket.clone()),
        object_store::path::Path::from("chats"),
        Arc::new(clock),
        Arc::new(random),
        Arc::new(ServerTime::new()),
    );
    (Place::on(store), bucket)
}

/// A server of the two calls.
struct Server {
    hub: Arc<Hub>,
    router: Router,
}

impl Server {
    /// Whose copy and log lie in the folder of this name.
    async fn start(world: &World, name: &str) -> Self {
        let replica = world.create(name).await;
        Self::of(world, name, replica).await
    }

    async fn of(world: &World, name: &str, replica: Replica<Chat>) -> Self {
        let log = world.folder.path().join(format!("{name}.log"));
        let own = Some("server".parse().unwrap());
        let hub = Arc::new(Hub::open(replica, own, &log).await.unwrap());
        let router = api::router(Arc::clone(&hub));
        Self { hub, router }
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        (status, serde_json::from_slice(&body.unwrap()).unwrap())
    }

    /// Sends a body to `Sync`.
    async fn send(&self, body: impl Into<Body>) -> (StatusCode, Value) {
        self.ask(request(body)).await
    }

    /// Sends events, which are stored, and returns the answer's.
    async fn sync(&self, events: Value) -> Vec<Value> {
        let body = json!({ "events": events });
        let (status, answer) = self.send(body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let answered = answer["events"].as_array().unwrap().clone();
        assert_eq!(answered.len(), events.as_array().unwrap().len());
        answered
    }

    /// Opens a stream: `after` is what stands behind `?`, or nothing.
    async fn stream(&self, after: &str, last: Option<&str>) -> Events {
        let mut request = Request::get(format!("/EventService/SyncFromServer{after}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events {
            body: response.into_body().into_data_stream().boxed(),
            text: String::new(),
        }
    }
}

fn request(body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/EventService/Sync").header("Content-Type", "application/json");
    request.body(body.into()).unwrap()
}

/// A stream of events.
struct Events {
    body: futures::stream::BoxStream<'static, std::result::Result<Bytes, axum::Error>>,
    text: String,
}

/// No test waits for so long: it is there to fail instead of hanging.
#[expect(clippy::disallowed_methods, reason = "a test that hangs has to end")]
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), future)
        .await
        .expect("it takes too long")
}

impl Events {
    /// The next one, with its id; `None` when the server ended the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                if let Some((id, data)) = field("id: ").zip(field("data: ")) {
                    return Some((id, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let bytes = within(self.body.next()).await?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The next so many.
    async fn take(&mut self, count: usize) -> Vec<(String, Value)> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(self.next().await.unwrap());
        }
        taken
    }

    /// The texts of the next so many messages.
    async fn texts(&mut self, count: usize) -> Vec<String> {
        let taken = self.take(count).await;
        let text = |event: &Value| {
            event["newMessage"]["message"]["text"]
                .as_str()
                .map(str::to_owned)
        };
        taken
            .iter()
            .map(|(_, event)| text(event).unwrap())
            .collect()
    }
}

fn texts(state: &State) -> Vec<&str> {
    state
        .messages()
        .map(|message| message.text.as_str())
        .collect()
}

/// The folder of real logs beside the project, where it is.
fn real_logs() -> Option<Vec<std::path::PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chat");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return None;
    };
    let mut logs: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    logs.sort();
    Some(logs)
}
