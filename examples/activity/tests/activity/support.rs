//! A store in a folder, devices on it, and a server.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use icecore::system::SystemClock;
use icecore::{Order, Place, Replica};
use icecore_example_activity::{
    Activity, ActivityEvent, AttemptId, EventId, Hub, Message, Projection, SyncResponse, Time,
    What, api,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const SPACE: &str = "activity";

/// A folder with a store and what devices keep.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn place(&self, device: &str) -> Place {
        let store = self.path("store").display().to_string();
        Place::new(store).with_replica(self.path(device))
    }

    /// A device that has been in sync once.
    pub(crate) async fn device(&self, name: &str) -> Replica<Activity> {
        self.device_at(self.place(name)).await
    }

    async fn device_at(&self, place: Place) -> Replica<Activity> {
        Replica::create(Activity, &place, SPACE, Order::Timestamp)
            .await
            .unwrap()
    }

    /// A server, as it is after each start.
    pub(crate) async fn server(&self, name: &str) -> Server {
        self.serve(name, self.device(name).await)
    }

    /// The same, with a clock that is wrong by so many milliseconds.
    pub(crate) async fn server_with_clock(&self, name: &str, wrong_by: i64) -> Server {
        let clock = Arc::new(SystemClock::wrong_by(wrong_by));
        let place = self.place(name).with_clock(clock);
        self.serve(name, self.device_at(place).await)
    }

    fn serve(&self, name: &str, replica: Replica<Activity>) -> Server {
        let hub = Hub::open(replica, &self.log(name));
        Server {
            hub: Arc::new(hub.unwrap()),
        }
    }

    /// Where a server's log of arrivals lies.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.path(name).join("arrivals.log")
    }

    /// How many updates the store holds.
    pub(crate) async fn stored(&self) -> usize {
        let counter = self.device("counter").await;
        counter.history().await.unwrap().len()
    }

    /// An update that stands at this key, as a program in any language would write it, and the hint that tells of it.
    pub(crate) fn put(&self, key: i64, event: &ActivityEvent) {
        let update = json!({
            "at": event.occurred_at.to_string(), "kind": "event", "data": event,
        });
        let object = json!({
            "v": 1, "author": "018bcfe5-6800-7fff-bfff-ffffffffffff", "seq": 1, "updates": [update],
        });
        let space = std::fs::read_dir(self.path("store/spaces/activity")).unwrap();
        let mut folders = space.map(|entry| entry.unwrap().path());
        let epoch = folders.find(|path| path.is_dir() && path.join("updates").is_dir());
        let updates = epoch.unwrap().join("updates");
        std::fs::write(updates.join(format!("{key:013}")), object.to_string()).unwrap();
        let head = self.path("store/heads/activity");
        let mut hint: Value = serde_json::from_slice(&std::fs::read(&head).unwrap()).unwrap();
        hint["key"] = json!(hint["key"].as_u64().unwrap() + 1);
        std::fs::write(&head, hint.to_string()).unwrap();
    }

    /// Nothing in the store is wrong.
    pub(crate) async fn verify(&self) {
        let report = self.device("verifier").await.verify().await.unwrap();
        assert!(report.problems.is_empty(), "{report:?}");
    }
}

/// `POST /api/sync/activity` without a network.
pub(crate) struct Server {
    pub(crate) hub: Arc<Hub>,
}

impl Server {
    pub(crate) async fn post(&self, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        self.post_to("/api/sync/activity", kind, body).await
    }

    pub(crate) async fn post_to(
        &self,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", kind);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let router = api::router(Arc::clone(&self.hub));
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json = serde_json::from_slice(&body);
        (status, json.unwrap_or_else(|e| panic!("{e}: {body:?}")))
    }

    /// A call that succeeds, and asks for server times.
    pub(crate) async fn sync(&self, watermark: u64, events: &[ActivityEvent]) -> SyncResponse {
        let body = json!({ "lastSyncTimestamp": watermark, "events": events });
        let path = "/api/sync/activity?serverTimes=true";
        let answer = self.post_to(path, "application/json", body.to_string());
        let (status, answer) = answer.await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value(answer).unwrap()
    }
}

/// The watermark of an answer.
pub(crate) fn held(answer: &SyncResponse) -> u64 {
    answer.new_sync_timestamp.get()
}

/// The events of an answer, as a client keeps them.
pub(crate) fn ids(answer: &SyncResponse) -> Vec<EventId> {
    let events = answer.new_events.iter();
    events.map(|e| e.event.id.clone()).collect()
}

pub(crate) fn attempt(name: &str) -> AttemptId {
    name.parse().unwrap()
}

/// When the day on which these tests play begins.
pub(crate) const DAY: i64 = 1_700_000_000_000;

/// What happened at a second of that day.
pub(crate) fn event(name: &str, second: i64, what: What) -> ActivityEvent {
    let at = Time::new(DAY + second * 1_000).unwrap();
    let (kind, more) = what.into_parts().unwrap();
    ActivityEvent {
        id: EventId::random(),
        attempt_id: attempt(name),
        kind,
        occurred_at: at,
        created_at: at,
        source: "user".parse().unwrap(),
        more,
    }
}

pub(crate) async fn write(replica: &Replica<Activity>, event: &ActivityEvent) {
    let at = event.occurred_at.millis();
    let message = Message::Event(event.clone());
    replica.update_at(at, message).await.unwrap();
}

pub(crate) fn projection(replica: &Replica<Activity>, name: &str) -> Projection {
    replica.state().attempt(&attempt(name)).unwrap().projection
}
