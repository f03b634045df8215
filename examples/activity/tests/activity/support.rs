//! A store in a folder, devices on it, and a server.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use icecore::{Order, Place, Replica};
use icecore_example_activity::arrivals::new_id;
use icecore_example_activity::hub::GivenEvent;
use icecore_example_activity::{
    Activity, AttemptId, Hub, Message, Projection, Stamp, SyncRequest, SyncResponse, Time, What,
    api,
};
use serde_json::Value;
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
        Replica::create(Activity, &self.place(name), SPACE, Order::Timestamp)
            .await
            .unwrap()
    }

    /// A server, as it is after each start.
    pub(crate) async fn server(&self, name: &str) -> Server {
        let hub = Hub::open(
            self.device(name).await,
            &self.path(name).join("arrivals.log"),
        );
        Server {
            hub: Arc::new(hub.unwrap()),
        }
    }

    /// Nothing in the store is wrong.
    pub(crate) async fn verify(&self) {
        let report = self.device("verifier").await.verify().await.unwrap();
        assert!(report.problems.is_empty(), "{report:?}");
    }
}

/// `POST /sync` without a network.
pub(crate) struct Server {
    pub(crate) hub: Arc<Hub>,
}

impl Server {
    pub(crate) async fn post(&self, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post("/sync").header("content-type", kind);
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

    /// A call that succeeds.
    pub(crate) async fn sync(
        &self,
        watermark: Option<&str>,
        events: &[GivenEvent],
    ) -> SyncResponse {
        let request = SyncRequest {
            last_sync_timestamp: watermark.map(str::to_owned),
            events: events.to_vec(),
        };
        let body = serde_json::to_string(&request).unwrap();
        let (status, answer) = self.post("application/json", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value(answer).unwrap()
    }
}

/// The events of an answer, as a client keeps them.
pub(crate) fn ids(answer: &SyncResponse) -> Vec<String> {
    let events = answer.new_events.iter();
    events
        .map(|e| e.event.message.stamp().id.to_string())
        .collect()
}

pub(crate) fn attempt(name: &str) -> AttemptId {
    name.parse().unwrap()
}

/// What happened at a second of the day on which these tests play.
pub(crate) fn event(name: &str, second: i64, what: What) -> GivenEvent {
    let at = Time(1_700_000_000_000 + second * 1_000);
    let stamp = Stamp {
        attempt: attempt(name),
        created_at: at,
        id: new_id(),
    };
    GivenEvent {
        occurred_at: at,
        message: Message::new(stamp, what),
    }
}

pub(crate) async fn write(replica: &Replica<Activity>, event: &GivenEvent) {
    let at = event.occurred_at.0;
    replica.update_at(at, event.message.clone()).await.unwrap();
}

pub(crate) fn projection(replica: &Replica<Activity>, name: &str) -> Projection {
    replica.state().projection(&attempt(name)).unwrap()
}
