//! The one-call sync: everything once, nothing skipped.

use crate::support::{SPACE, Server, Site, event, ids, projection, write};
use axum::http::StatusCode;
use icecore::{ErrorKind, Place, Replica};
use icecore_example_activity::{Activity, Hub, Status, What};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

#[tokio::test]
async fn a_client_sends_what_it_has_and_gets_what_it_lacks() {
    let site = Site::new();
    let server = site.server("server").await;
    let phone = site.device("phone").await;
    write(&phone, &event("run", 0, What::Start)).await;
    phone.sync().await.unwrap();

    let score = event("run", 5, What::Score { points: 10 });
    let first = server.sync(None, std::slice::from_ref(&score)).await;
    assert_eq!((first.new_events.len(), first.has_more), (2, false));
    // Its own event comes back with the server time that it has now.
    assert_eq!(first.new_events[1].event, score);
    assert!(first.new_events[1].server_time > first.new_events[0].server_time);
    // A hint, in another spelling than this server's own, tells of it.
    let head = site.path("store/heads/activity");
    let hint = std::fs::read_to_string(&head).unwrap() + " ";
    std::fs::write(&head, hint).unwrap();

    let second = server.sync(Some(&first.new_sync_timestamp), &[]).await;
    assert!(second.new_events.is_empty());
    assert_eq!(second.new_sync_timestamp, first.new_sync_timestamp);

    write(&phone, &event("run", 60, What::Complete)).await;
    phone.sync().await.unwrap();
    let third = server.sync(Some(&second.new_sync_timestamp), &[]).await;
    assert_eq!(third.new_events.len(), 1);
    let shown = projection(&phone, "run");
    assert_eq!((shown.status, shown.points), (Status::Completed, 10));
    site.verify().await;
}

#[tokio::test]
async fn a_call_that_is_repeated_stores_nothing_twice() {
    let site = Site::new();
    let server = site.server("server").await;
    let events = [
        event("run", 0, What::Start),
        event("run", 5, What::Score { points: 10 }),
    ];
    // Twice within one call, in four calls at once, and after the server was started anew.
    let twice: Vec<_> = events.iter().chain(&events).cloned().collect();
    let answers = tokio::join!(
        server.sync(None, &twice),
        server.sync(None, &events),
        server.sync(None, &events),
        server.sync(None, &events[1..]),
    );
    for answer in [&answers.0, &answers.1, &answers.2] {
        assert_eq!(answer.new_events.len(), 2);
    }
    drop(server);
    let server = site.server("server").await;
    let again = server
        .sync(Some(&answers.0.new_sync_timestamp), &events)
        .await;
    assert!(again.new_events.is_empty());
    // A client of another server that has the same: what is there is not written again.
    let other = site.server("other").await;
    assert_eq!(other.sync(None, &events).await.new_events.len(), 2);
    let device = site.device("device").await;
    assert_eq!(device.history().await.unwrap().len(), 2);
    assert_eq!(projection(&device, "run").points, 10);
    site.verify().await;
}

/// Cursors that are times, or the greatest key received, skip for ever what becomes visible late with a lower one
/// (ClickHouse#91615, `LiveSync`'s `StartAfter`): the story of row 1. A watermark counts what this server has seen.
#[tokio::test]
async fn row_01_a_watermark_never_skips_what_becomes_visible_late() {
    let site = Site::new();
    let server = site.server("server").await;
    let first = server.sync(None, &[event("run", 100, What::Start)]).await;
    // An upload that was stamped long before, and took until now. It is written as a program in any language would.
    let late = event("run", 0, What::Score { points: 7 });
    let mut update = serde_json::to_value(&late.message).unwrap();
    update["at"] = json!(late.occurred_at);
    let object = json!({
        "v": 1, "author": "018bcfe5-6800-7fff-bfff-ffffffffffff", "seq": 1, "updates": [update],
    });
    let space = std::fs::read_dir(site.path("store/spaces/activity")).unwrap();
    let mut folders = space.map(|entry| entry.unwrap().path());
    let epoch = folders.find(|path| path.is_dir() && path.join("updates").is_dir());
    let updates = epoch.unwrap().join("updates");
    let key = first.new_events[0].server_time.0 - 5_000;
    std::fs::write(updates.join(format!("{key:013}")), object.to_string()).unwrap();
    let head = site.path("store/heads/activity");
    let mut hint: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&head).unwrap()).unwrap();
    hint["key"] = json!(hint["key"].as_u64().unwrap() + 1);
    std::fs::write(&head, hint.to_string()).unwrap();

    let second = server.sync(Some(&first.new_sync_timestamp), &[]).await;
    assert_eq!(ids(&second), [late.message.stamp().id.to_string()]);
    assert!(second.new_events[0].server_time < first.new_events[0].server_time);
    site.verify().await;
}

#[tokio::test]
async fn a_watermark_outlives_the_server_and_a_strange_one_gets_everything() {
    let site = Site::new();
    let server = site.server("server").await;
    let events: Vec<_> = (0..3)
        .map(|n| event("run", n, What::Score { points: 1 }))
        .collect();
    let held = server.sync(None, &events).await.new_sync_timestamp;
    drop(server);
    // The last line of the log was cut by a power failure.
    let log = site.path("server/arrivals.log");
    let mut text = std::fs::read(&log).unwrap();
    text.extend_from_slice(br#"{"attempt":"ru"#);
    std::fs::write(&log, &text).unwrap();
    let server = site.server("server").await;
    assert!(server.sync(Some(&held), &[]).await.new_events.is_empty());
    let more = server
        .sync(Some(&held), &[event("run", 9, What::Complete)])
        .await;
    assert_eq!(more.new_events.len(), 1);
    drop(server);
    let server = site.server("server").await;
    assert_eq!(server.sync(Some(&held), &[]).await.new_events.len(), 1);

    // A watermark of another server, one from beyond the end, an empty one: everything, rather than a hole.
    let other = site.server("other").await;
    assert_eq!(other.sync(Some(&held), &[]).await.new_events.len(), 4);
    let (log, _) = held.split_once('.').unwrap();
    for strange in [format!("{log}.999"), String::new()] {
        assert_eq!(server.sync(Some(&strange), &[]).await.new_events.len(), 4);
    }
    site.verify().await;
}

#[tokio::test]
async fn two_servers_never_share_a_log_and_a_broken_one_is_named() {
    let site = Site::new();
    let server = site.server("server").await;
    let log = site.path("server/arrivals.log");
    let replica = site.device("server").await;
    let taken = Hub::open(replica.clone(), &log).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Unavailable, "{taken}");
    drop(server);
    std::fs::write(&log, "{}\n").unwrap();
    let broken = Hub::open(replica, &log).unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Corrupt, "{broken}");
    assert!(broken.hint().unwrap().contains("delete it"));
}

#[tokio::test]
async fn clients_at_any_watermark_see_each_event_once() {
    let site = Site::new();
    let server = site.server("server").await;
    let phone = site.device("phone").await;
    let (mut held, mut seen) = (None, BTreeSet::new());
    for n in 0..12 {
        write(&phone, &event("a", 100 - n, What::Score { points: 1 })).await;
        if n % 3 == 0 {
            phone.sync().await.unwrap();
        }
        let answer = server
            .sync(held.as_deref(), &[event("b", n, What::Start)])
            .await;
        for id in ids(&answer) {
            assert!(seen.insert(id), "given out twice");
        }
        held = Some(answer.new_sync_timestamp);
    }
    phone.sync().await.unwrap();
    let last = server.sync(held.as_deref(), &[]).await;
    assert_eq!(seen.len() + last.new_events.len(), 24);
    site.verify().await;
}

#[tokio::test]
async fn a_long_answer_comes_in_pages() {
    let site = Site::new();
    let server = site.server("server").await;
    for _ in 0..6 {
        let events: Vec<_> = (0..1_000)
            .map(|n| event("run", n, What::Score { points: 1 }))
            .collect();
        server.sync(None, &events).await;
    }
    let first = server.sync(None, &[]).await;
    assert_eq!((first.new_events.len(), first.has_more), (5_000, true));
    let second = server.sync(Some(&first.new_sync_timestamp), &[]).await;
    assert_eq!((second.new_events.len(), second.has_more), (1_000, false));
    let all: BTreeSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all.len(), 6_000);
    site.verify().await;
}

#[tokio::test]
async fn while_the_bucket_is_away_events_are_kept_and_later_sent_once() {
    let site = Site::new();
    let nowhere = Place::new("http://127.0.0.1:9").with_replica(site.path("server"));
    let replica = Replica::open(Activity, &nowhere, SPACE).await.unwrap();
    let hub = Hub::open(replica, &site.path("server/arrivals.log")).unwrap();
    let server = Server { hub: Arc::new(hub) };
    let start = event("run", 0, What::Start);
    let body = json!({ "events": [start] }).to_string();
    for _ in 0..2 {
        let (status, answer) = server.post("application/json", body.clone()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert_eq!(answer["code"], "unavailable");
        assert!(answer["hint"].as_str().unwrap().contains("repeat the call"));
    }
    drop(server);
    let server = site.server("server").await;
    assert_eq!(server.sync(None, &[start]).await.new_events.len(), 1);
    assert_eq!(
        site.device("device").await.history().await.unwrap().len(),
        1
    );
    site.verify().await;
}
