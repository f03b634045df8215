//! The one-call sync: everything once, nothing skipped.

use crate::support::{SPACE, Server, Site, event, held, ids, projection, write};
use axum::http::StatusCode;
use icecore::{ErrorKind, Place, Replica};
use icecore_example_activity::hub::PENDING_MAX;
use icecore_example_activity::{Activity, ActivityEvent, Hub, Status, What, apply_events};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_client_sends_what_it_has_and_gets_what_it_lacks() {
    let site = Site::new();
    let server = site.server("server").await;
    let phone = site.device("phone").await;
    let start = event("run", 0, What::Start);
    write(&phone, &start).await;
    phone.sync().await.unwrap();

    let score = event("run", 5, What::Score { points: 10 });
    let first = server.sync(0, std::slice::from_ref(&score)).await;
    // What it brought itself does not come back.
    assert_eq!((ids(&first), first.has_more), (vec![start.id], false));
    // A hint, in another spelling than this server's own, tells of it.
    let head = site.path("store/heads/activity");
    let hint = std::fs::read_to_string(&head).unwrap() + " ";
    std::fs::write(&head, hint).unwrap();

    let second = server.sync(held(&first), &[]).await;
    assert!(second.new_events.is_empty());
    assert_eq!(held(&second), held(&first));

    let complete = event("run", 60, What::Complete);
    write(&phone, &complete).await;
    phone.sync().await.unwrap();
    let third = server.sync(held(&second), &[]).await;
    assert_eq!(ids(&third), [complete.id]);
    assert!(held(&third) > held(&second));
    let shown = projection(&phone, "run");
    assert_eq!((shown.status, shown.points_earned), (Status::Completed, 10));
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
        server.sync(0, &twice),
        server.sync(0, &events),
        server.sync(0, &events),
        server.sync(0, &events),
    );
    for answer in [&answers.0, &answers.1, &answers.2, &answers.3] {
        assert!(answer.new_events.is_empty());
    }
    drop(server);
    let server = site.server("server").await;
    let again = server.sync(held(&answers.0), &events).await;
    assert!(again.new_events.is_empty());
    assert_eq!(server.sync(0, &[]).await.new_events.len(), 2);
    // A client of another server that has the same: what is there is not written again.
    let other = site.server("other").await;
    assert!(other.sync(0, &events).await.new_events.is_empty());
    assert_eq!(site.stored().await, 2);
    assert_eq!(
        projection(&site.device("device").await, "run").points_earned,
        10
    );
    site.verify().await;
}

/// A copy of an event, with another id for what it says.
fn saying(event: &ActivityEvent, member: &str, value: serde_json::Value) -> ActivityEvent {
    let mut json = json!(event);
    json[member] = value;
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn an_id_that_is_sent_again_is_not_stored_and_the_client_gets_what_counts() {
    let site = Site::new();
    let server = site.server("server").await;
    let first = event("run", 0, What::Score { points: 10 });
    let mark = held(&server.sync(0, std::slice::from_ref(&first)).await);
    // Whatever the second one says: other points, another type or time, another attempt.
    for (member, value) in [
        ("points", json!(99)),
        ("type", json!("PAUSE")),
        ("occurredAt", json!(1)),
        ("source", json!("import")),
        ("attemptId", json!("swim")),
        ("note", json!("mine")),
    ] {
        let second = saying(&first, member, value);
        let answer = server.sync(mark, std::slice::from_ref(&second)).await;
        // The one that counts, although the client's watermark is past it.
        assert_eq!(answer.new_events.len(), 1, "{member}");
        assert_eq!(answer.new_events[0].event, first);
        assert_eq!(held(&answer), mark);
        // Also where both came in one call: one of them is not what counts.
        let both = server.sync(mark, &[first.clone(), second]).await;
        assert_eq!(ids(&both), std::slice::from_ref(&first.id), "{member}");
    }
    assert_eq!(site.stored().await, 1);
    let device = site.device("device").await;
    assert_eq!(device.state().iter().count(), 1);
    assert_eq!(projection(&device, "run").points_earned, 10);
    site.verify().await;
}

#[tokio::test]
async fn a_copy_that_stands_earlier_counts_and_is_given_out_again() {
    let site = Site::new();
    let server = site.server("server").await;
    let ours = event("run", 100, What::Score { points: 10 });
    let brought = server.sync(0, std::slice::from_ref(&ours)).await;
    let seen = server.sync(0, &[]).await;
    let server_time = seen.new_events[0].server_time.unwrap().millis();
    // The same id, said by another device of another attempt, in an upload that was stamped before ours and took until now.
    let earlier = saying(&ours, "attemptId", json!("swim"));
    site.put(server_time - 5_000, &earlier);
    let again = server.sync(held(&brought), &[]).await;
    assert_eq!(again.new_events.len(), 1);
    assert_eq!(again.new_events[0].event, earlier);
    assert!(held(&again) > held(&brought));
    // It counts once, and in one attempt.
    let device = site.device("device").await;
    assert!(device.state().attempt(&"run".parse().unwrap()).is_err());
    assert_eq!(projection(&device, "swim").points_earned, 10);
    // A client that sends its own once more is told.
    let told = server.sync(held(&again), &[ours]).await;
    assert_eq!(told.new_events[0].event, earlier);
    site.verify().await;
}

/// Cursors that are times, or the greatest key received, skip for ever what becomes visible late with a lower one
/// (ClickHouse#91615, `LiveSync`'s `StartAfter`): the story of row 1. A watermark counts what this server has seen.
#[tokio::test]
async fn row_01_a_watermark_never_skips_what_becomes_visible_late() {
    let site = Site::new();
    let server = site.server("server").await;
    server.sync(0, &[event("run", 100, What::Start)]).await;
    let first = server.sync(0, &[]).await;
    let server_time = first.new_events[0].server_time.unwrap();
    // An upload that was stamped long before, and took until now.
    let late = event("run", 0, What::Score { points: 7 });
    site.put(server_time.millis() - 5_000, &late);

    let second = server.sync(held(&first), &[]).await;
    assert_eq!(ids(&second), [late.id]);
    assert!(second.new_events[0].server_time.unwrap() < server_time);
    assert!(held(&second) > held(&first));
    site.verify().await;
}

#[tokio::test]
async fn a_watermark_outlives_the_server_and_a_strange_one_gets_everything() {
    let site = Site::new();
    let server = site.server("server").await;
    let events: Vec<_> = (0..3)
        .map(|n| event("run", n, What::Score { points: 1 }))
        .collect();
    let mark = held(&server.sync(0, &events).await);
    drop(server);
    // The last line of the log was cut by a power failure.
    let older = std::fs::read(site.log("server")).unwrap();
    let cut = [&older[..], br#"{"seen":17"#].concat();
    std::fs::write(site.log("server"), cut).unwrap();
    let server = site.server("server").await;
    assert!(server.sync(mark, &[]).await.new_events.is_empty());
    let complete = event("run", 9, What::Complete);
    let later = held(&server.sync(mark, std::slice::from_ref(&complete)).await);
    drop(server);
    let server = site.server("server").await;
    assert_eq!(ids(&server.sync(mark, &[]).await), [complete.id]);

    // One of another server, one from beyond the end, one that was never given: everything, rather than a hole.
    let other = site.server("other").await;
    assert_eq!(other.sync(later, &[]).await.new_events.len(), 4);
    for strange in [0, 1, mark - 3, later + 1, 9_007_199_254_740_991] {
        let answer = server.sync(strange, &[]).await;
        assert_eq!((answer.new_events.len(), held(&answer)), (4, later));
    }
    // The log was put back to an older copy, then lost.
    drop(server);
    std::fs::write(site.log("server"), older).unwrap();
    let server = site.server("server").await;
    assert_eq!(server.sync(later, &[]).await.new_events.len(), 4);
    drop(server);
    std::fs::remove_file(site.log("server")).unwrap();
    let server = site.server("server").await;
    assert_eq!(server.sync(later, &[]).await.new_events.len(), 4);
    site.verify().await;
}

#[tokio::test]
async fn a_watermark_rises_while_the_servers_clock_goes_back() {
    let site = Site::new();
    let (mut mark, mut seen) = (0, 0);
    // Each time the server was started anew, and its clock is an hour further behind.
    for hours in [0, -1, -2] {
        let server = site.server_with_clock("server", hours * HOUR).await;
        let start = event("run", hours, What::Start);
        let answer = server.sync(mark, std::slice::from_ref(&start)).await;
        assert!(held(&answer) > mark, "{hours}");
        // Who held the one before gets this and nothing else.
        let other = server.sync(mark, &[]).await;
        assert_eq!(ids(&other), [start.id]);
        mark = held(&answer);
        seen += 1;
        assert_eq!(server.sync(0, &[]).await.new_events.len(), seen);
    }
    site.verify().await;
}

#[tokio::test]
async fn two_servers_never_share_a_log_and_a_broken_one_is_named() {
    let site = Site::new();
    let server = site.server("server").await;
    let log = site.log("server");
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
async fn clients_at_any_watermark_see_each_event_of_others_once() {
    let site = Site::new();
    let server = site.server("server").await;
    let phone = site.device("phone").await;
    let (mut mark, mut seen) = (0, BTreeSet::new());
    for n in 0..12 {
        write(&phone, &event("a", 100 - n, What::Score { points: 1 })).await;
        if n % 3 == 0 {
            phone.sync().await.unwrap();
        }
        let own = event("b", n, What::Start);
        let answer = server.sync(mark, std::slice::from_ref(&own)).await;
        for id in ids(&answer) {
            assert!(id != own.id, "its own came back");
            assert!(seen.insert(id), "given out twice");
        }
        mark = held(&answer);
    }
    phone.sync().await.unwrap();
    let last = server.sync(mark, &[]).await;
    assert_eq!(seen.len() + last.new_events.len(), 12);
    assert_eq!(server.sync(0, &[]).await.new_events.len(), 24);
    site.verify().await;
}

#[tokio::test]
async fn a_long_answer_comes_in_pages() {
    let site = Site::new();
    let server = site.server("server").await;
    let mut last = Vec::new();
    for _ in 0..6 {
        last = (0..1_000)
            .map(|n| event("run", n, What::Score { points: 1 }))
            .collect();
        server.sync(0, &last).await;
    }
    let first = server.sync(0, &[]).await;
    assert_eq!((first.new_events.len(), first.has_more), (5_000, true));
    let second = server.sync(held(&first), &[]).await;
    assert_eq!((second.new_events.len(), second.has_more), (1_000, false));
    let all: BTreeSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all.len(), 6_000);
    // Who sends what it holds with each part is not given it.
    let one = server.sync(0, &last).await;
    let two = server.sync(held(&one), &last).await;
    let others = one.new_events.len() + two.new_events.len();
    assert_eq!((others, held(&two)), (5_000, held(&second)));
    site.verify().await;
}

#[tokio::test]
async fn while_the_bucket_is_away_events_are_kept_and_later_sent_once() {
    let site = Site::new();
    let nowhere = Place::new("http://127.0.0.1:9").with_replica(site.path("server"));
    let replica = Replica::open(Activity, &nowhere, SPACE).await.unwrap();
    let hub = Hub::open(replica, &site.log("server")).unwrap();
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
    assert!(server.sync(0, &[start]).await.new_events.is_empty());
    assert_eq!(server.sync(0, &[]).await.new_events.len(), 1);
    assert_eq!(site.stored().await, 1);
    site.verify().await;
}

#[tokio::test]
async fn no_more_events_are_taken_than_can_wait() {
    let site = Site::new();
    let nowhere = Place::new("http://127.0.0.1:9").with_replica(site.path("server"));
    let replica = Replica::open(Activity, &nowhere, SPACE).await.unwrap();
    let hub = Hub::open(replica.clone(), &site.log("server")).unwrap();
    let server = Server { hub: Arc::new(hub) };
    let many = |count: usize| (0..count).map(|_| event("run", 0, What::Start)).collect();
    let waiting: Vec<ActivityEvent> = many(PENDING_MAX - 1);
    let run = waiting[0].attempt_id.clone();
    apply_events(&replica, &run, waiting).await.unwrap();
    for (count, taken) in [(2, PENDING_MAX - 1), (1, PENDING_MAX)] {
        let events: Vec<ActivityEvent> = many(count);
        let body = json!({ "events": events }).to_string();
        let (status, answer) = server.post("application/json", body).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert_eq!(replica.pending().await.unwrap(), taken, "{answer}");
    }
}

#[tokio::test]
async fn what_waits_is_sent_though_nobody_calls() {
    let site = Site::new();
    let replica = site.device("server").await;
    let hub = Hub::open(replica.clone(), &site.log("server")).unwrap();
    let server = Server { hub: Arc::new(hub) };
    let start = event("run", 0, What::Start);
    // As a call leaves it whose client went away before the bucket was asked.
    apply_events(&replica, &start.attempt_id, vec![start.clone()])
        .await
        .unwrap();
    assert_eq!(site.stored().await, 0);
    server.hub.send_waiting().await.unwrap();
    assert_eq!(site.stored().await, 1);
    assert!(server.sync(0, &[start]).await.new_events.is_empty());
    assert_eq!(server.sync(0, &[]).await.new_events.len(), 1);
    assert_eq!(site.stored().await, 1);
    site.verify().await;
}
