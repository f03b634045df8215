//! The payloads that the app's makers wrote down, word for word, over HTTP against the running command; and a client that
//! does what they describe, and knows nothing of icecore.

use crate::process::{Serving, ok};
use crate::support::{DAY, Site, attempt, event, projection};
use icecore::Key;
use icecore_example_activity::{ActivityEvent, Event, Projection, Status, What, project};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const REQUEST: &str = r#"{
  "lastSyncTimestamp": 1678886400000,
  "events": [
    {
      "id": "evt_local_123",
      "attemptId": "atmpt_abc",
      "type": "START",
      "occurredAt": 1678886401000,
      "createdAt": 1678886401000,
      "source": "user"
    }
  ]
}"#;

const RESPONSE: &str = r#"{
  "newEvents": [
    {
      "id": "evt_remote_456",
      "attemptId": "atmpt_abc",
      "type": "PAUSE",
      "occurredAt": 1678886402000,
      "createdAt": 1678886402000,
      "source": "user"
    }
  ],
  "newSyncTimestamp": 1678886403000
}"#;

#[tokio::test]
async fn the_documents_request_gets_the_documents_response() {
    let site = Site::new();
    let serving = Serving::start(&site, "server");
    // The other device's event, as the document shows it.
    let response: Value = serde_json::from_str(RESPONSE).unwrap();
    let other = json!({ "lastSyncTimestamp": 0, "events": response["newEvents"] });
    let first = serving.call(&other);
    assert_eq!(first["newEvents"], json!([]));

    let text = serving.post(REQUEST);
    let answer: Value = serde_json::from_str(&text).unwrap();
    // The very text, but for blanks and the number.
    let number = answer["newSyncTimestamp"].as_u64().unwrap();
    let expected = RESPONSE.replace("1678886403000", &number.to_string());
    let squeezed: String = expected.split_whitespace().collect();
    assert_eq!(text, squeezed);
    assert!(number > first["newSyncTimestamp"].as_u64().unwrap());

    // The next call, and the other device's, in the same form.
    let next = json!({ "lastSyncTimestamp": number, "events": [] });
    assert_eq!(
        serving.call(&next),
        json!({ "newEvents": [], "newSyncTimestamp": number })
    );
    let request: Value = serde_json::from_str(REQUEST).unwrap();
    let theirs = json!({ "lastSyncTimestamp": first["newSyncTimestamp"], "events": [] });
    assert_eq!(
        serving.call(&theirs),
        json!({ "newEvents": request["events"], "newSyncTimestamp": number })
    );
    // A retry of the first is not stored again.
    assert_eq!(serving.post(REQUEST), text);
    assert_eq!(site.stored().await, 2);
    let device = site.device("device").await;
    let shown = projection(&device, "atmpt_abc");
    assert_eq!((shown.events, shown.created), (2, false));
    site.verify().await;
}

#[tokio::test]
async fn everything_is_given_without_a_timestamp_with_none_and_with_0() {
    let site = Site::new();
    let serving = Serving::start(&site, "server");
    serving.post(REQUEST);
    for body in [
        "{}",
        r#"{"lastSyncTimestamp":null}"#,
        r#"{"lastSyncTimestamp":0,"events":[]}"#,
    ] {
        let answer: Value = serde_json::from_str(&serving.post(body)).unwrap();
        assert_eq!(answer["newEvents"][0]["id"], "evt_local_123", "{body}");
        assert_eq!(answer.as_object().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn members_of_its_own_and_unknown_types_come_back_as_they_came() {
    let site = Site::new();
    let server = site.server("server").await;
    let events = json!([
        { "id": "e/1 ü", "attemptId": "a b", "type": "LAP", "occurredAt": 1, "createdAt": 2, "source": "watch",
          "number": 3, "splits": [1.5, null, { "z": true, "a": "" }], "kind": "x", "data": {}, "at": "y" },
        { "id": "2", "attemptId": "a b", "type": "SCORE", "occurredAt": 2, "createdAt": 2, "source": "", "points": -7 },
        { "id": "3", "attemptId": "a b", "type": "", "occurredAt": 3, "createdAt": 3, "source": "user" },
        { "id": "4", "attemptId": "a b", "type": "SCORE", "occurredAt": 4, "createdAt": 4, "source": "user", "points": "many" },
    ]);
    let (_, first) = server
        .post("application/json", json!({ "events": events }).to_string())
        .await;
    assert_eq!(first["newEvents"], json!([]));
    let (_, all) = server.post("application/json", "{}").await;
    assert_eq!(all["newEvents"], events);
    // Asked for, the server's time stands beside them; what a client says of it is not kept.
    let path = "/api/sync/activity?serverTimes=true";
    let (_, timed) = server.post_to(path, "application/json", "{}").await;
    let times = timed["newEvents"].as_array().unwrap();
    assert!(
        times
            .iter()
            .all(|e| e["serverTime"].as_i64().unwrap() > DAY)
    );
    let back = json!({ "events": times }).to_string();
    let (_, answer) = server.post("application/json", back).await;
    assert_eq!(answer["newEvents"], json!([]));
    let mut lie = times[0].clone();
    (lie["serverTime"], lie["id"]) = (json!(7), json!("5"));
    let (_, told) = server
        .post_to(
            path,
            "application/json",
            json!({ "events": [lie] }).to_string(),
        )
        .await;
    assert_eq!(told["newEvents"].as_array().unwrap().len(), 4);
    let (_, all) = server.post_to(path, "application/json", "{}").await;
    let mut events = all["newEvents"].as_array().unwrap().iter();
    let fifth = events.find(|e| e["id"] == "5").unwrap();
    assert!(fifth["serverTime"].as_i64().unwrap() > DAY);
    // They are counted and shown.
    ok(&site, "phone", &["sync"]);
    let line = ok(&site, "phone", &["show"]);
    assert_eq!(
        line,
        "a b  created  0:00:00  -7 points  (no CREATE yet)  (3 of unknown type)\n"
    );
    site.verify().await;
}

/// A client as the document describes it: it holds a watermark, events, and which of them it has not sent.
#[derive(Default)]
struct Client {
    last_sync_timestamp: u64,
    events: BTreeMap<String, Value>,
    unsynced: Vec<String>,
}

impl Client {
    fn record(&mut self, event: &ActivityEvent) {
        let id = event.id.to_string();
        self.events.insert(id.clone(), json!(event));
        self.unsynced.push(id);
    }

    fn request(&self) -> Value {
        let events: Vec<&Value> = self.unsynced.iter().map(|id| &self.events[id]).collect();
        json!({ "lastSyncTimestamp": self.last_sync_timestamp, "events": events })
    }

    fn take(&mut self, answer: &Value) {
        for event in answer["newEvents"].as_array().unwrap() {
            let id = event["id"].as_str().unwrap().to_owned();
            self.events.insert(id, event.clone());
        }
        self.unsynced.clear();
        self.last_sync_timestamp = answer["newSyncTimestamp"].as_u64().unwrap();
    }

    fn sync(&mut self, serving: &Serving) {
        let answer = serving.call(&self.request());
        self.take(&answer);
    }

    /// Sorted by when things occurred, then by when they were written down, and computed anew; by the server's time
    /// before both, where it was asked for.
    fn project(&self) -> Projection {
        let place = |event: &Value| {
            let time = event["serverTime"].as_u64().unwrap_or(0);
            let read = serde_json::from_value(event.clone()).unwrap();
            Event::new(read, Key::new(time).unwrap()).1
        };
        let mut events: Vec<Event> = self.events.values().map(place).collect();
        events.sort_by_key(|e| (e.rank(), e.id.clone()));
        project(&events)
    }
}

/// What the document shows: the other device's PAUSE was stored before the START that it followed.
#[tokio::test]
async fn a_client_sorts_by_when_things_occurred_or_as_devices_do_by_the_servers_time() {
    let site = Site::new();
    let server = site.server("server").await;
    let response: Value = serde_json::from_str(RESPONSE).unwrap();
    let other = json!({ "events": response["newEvents"] }).to_string();
    for body in [other, REQUEST.to_owned()] {
        server.post("application/json", body).await;
    }
    let (mut plain, mut timed) = (Client::default(), Client::default());
    for (client, query) in [(&mut plain, ""), (&mut timed, "?serverTimes=true")] {
        let path = format!("/api/sync/activity{query}");
        let (_, answer) = server.post_to(&path, "application/json", "{}").await;
        client.take(&answer);
    }
    let shown = plain.project();
    assert_eq!((shown.status, shown.duration), (Status::Paused, 1_000));
    let shown = timed.project();
    assert_eq!((shown.status, shown.odd.len()), (Status::Running, 1));
    let device = site.device("device").await;
    assert_eq!(shown, projection(&device, "atmpt_abc"));
    site.verify().await;
}

#[tokio::test]
async fn two_clients_that_know_nothing_of_icecore_come_to_one_result() {
    let site = Site::new();
    let serving = Serving::start(&site, "server");
    let (mut phone, mut watch) = (Client::default(), Client::default());
    let at = |second, what| event("run", second, what);
    phone.record(&at(
        0,
        What::Create {
            title: "Park".to_owned(),
        },
    ));
    phone.record(&at(10, What::Start));
    phone.sync(&serving);
    watch.sync(&serving);
    // Both go on while they are offline.
    watch.record(&at(30, What::Score { points: 10 }));
    watch.record(&at(40, What::Pause));
    phone.record(&at(50, What::Resume));
    phone.record(&at(20, What::Score { points: 1 }));
    watch.sync(&serving);
    // The phone's answer is lost on the way: it sends the same again, after the server was killed and started anew.
    serving.call(&phone.request());
    serving.kill();
    let serving = Serving::start(&site, "server");
    phone.sync(&serving);
    watch.sync(&serving);
    phone.record(&at(70, What::Complete));
    phone.sync(&serving);
    watch.sync(&serving);

    assert_eq!(phone.events, watch.events);
    assert_eq!(site.stored().await, 7);
    let shown = phone.project();
    assert_eq!(
        (shown.status, shown.duration, shown.points_earned),
        (Status::Completed, 50_000, 11)
    );
    assert_eq!((shown.events, shown.odd.len()), (7, 0));
    assert_eq!(shown, watch.project());
    // A device of icecore's own sees the same attempt.
    assert_eq!(projection(&site.device("device").await, "run"), shown);
    site.verify().await;
}

#[tokio::test]
async fn what_happens_during_a_sync_is_captured_by_the_next() {
    let site = Site::new();
    let server = site.server("server").await;
    let phone = site.device("phone").await;
    let mut own = Vec::new();
    for n in 0..8 {
        let (mine, theirs) = (
            event("run", n, What::Score { points: 1 }),
            event("run", n, What::Score { points: 10 }),
        );
        // One device writes, and writes again, while it syncs and another one's call runs.
        let writes = async {
            crate::support::write(&phone, &mine).await;
            tokio::task::yield_now().await;
            crate::support::write(&phone, &event("run", n, What::Score { points: 100 })).await;
        };
        let (synced, (), answer) = tokio::join!(
            phone.sync(),
            writes,
            server.sync(0, std::slice::from_ref(&theirs))
        );
        synced.unwrap();
        own.push(answer.new_events.len());
    }
    phone.sync().await.unwrap();
    let all = server.sync(0, &[]).await;
    assert_eq!(all.new_events.len(), 24, "{own:?}");
    phone.sync().await.unwrap();
    let state = phone.state();
    let shown = state.attempt(&attempt("run")).unwrap();
    assert_eq!(
        (shown.projection.points_earned, shown.waiting),
        (8 * 111, 0)
    );
    site.verify().await;
}
