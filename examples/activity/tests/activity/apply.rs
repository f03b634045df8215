//! `apply_events`: merged, computed anew and stored, all of it or nothing.

use crate::process::{Serving, ok};
use crate::support::{SPACE, Site, attempt, event};
use icecore::{ErrorKind, Order, Place, Replica};
use icecore_example_activity::{Activity, ActivityEvent, Status, What, apply_events};
use serde_json::{Value, json};
use std::path::Path;

/// Some device that is offline: its folder, and a store that is not there.
async fn offline(folder: &Path) -> Replica<Activity> {
    let place = Place::new("http://127.0.0.1:9").with_replica(folder);
    Replica::open(Activity, &place, SPACE).await.unwrap()
}

#[tokio::test]
async fn events_are_merged_computed_anew_and_durable_at_once() {
    let site = Site::new();
    let folder = site.path("phone");
    let replica = offline(&folder).await;
    let run = attempt("run");
    let (start, pause) = (event("run", 0, What::Start), event("run", 30, What::Pause));
    let first = apply_events(&replica, &run, vec![pause.clone()])
        .await
        .unwrap();
    assert_eq!(first.projection.status, Status::Created);
    // What comes later and occurred earlier takes its place.
    let score = event("run", 10, What::Score { points: 5 });
    let both = vec![score.clone(), start.clone()];
    let second = apply_events(&replica, &run, both).await.unwrap();
    let shown = &second.projection;
    assert_eq!(
        (shown.status, shown.duration, shown.points_earned),
        (Status::Paused, 30_000, 5)
    );
    assert_eq!((second.waiting, shown.events), (3, 3));
    // As by a crash: nothing is told that it ends, and what is on disk is read by another one.
    let state = replica.state();
    drop(replica);
    let replica = offline(&folder).await;
    assert_eq!(replica.state(), state);
    // Repeated, in part and twice: nothing is stored again.
    let again = vec![start.clone(), start, pause, score];
    let third = apply_events(&replica, &run, again).await.unwrap();
    assert_eq!(third, second);
    assert_eq!(replica.pending().await.unwrap(), 3);
}

#[tokio::test]
async fn an_event_of_another_attempt_stops_all_of_them() {
    let site = Site::new();
    let replica = offline(&site.path("phone")).await;
    let events = vec![event("run", 0, What::Start), event("swim", 0, What::Start)];
    let error = apply_events(&replica, &attempt("run"), events).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(replica.pending().await.unwrap(), 0);
    assert_eq!(replica.state().iter().count(), 0);
    // No events, or ids that another attempt has: nothing happens, and the attempt has none.
    let swim = event("swim", 0, What::Start);
    apply_events(&replica, &attempt("swim"), vec![swim.clone()])
        .await
        .unwrap();
    let taken = ActivityEvent {
        attempt_id: attempt("run"),
        ..swim
    };
    for events in [vec![], vec![taken]] {
        let run = apply_events(&replica, &attempt("run"), events)
            .await
            .unwrap();
        assert_eq!((run.projection.events, run.waiting), (0, 0));
    }
    assert_eq!(replica.pending().await.unwrap(), 1);
}

#[tokio::test]
async fn two_tasks_that_apply_the_same_events_count_them_once() {
    let site = Site::new();
    let replica = site.device("phone").await;
    let events: Vec<_> = (0..20)
        .map(|n| event("run", n, What::Score { points: 1 }))
        .collect();
    let run = attempt("run");
    let tasks = (0..4).map(|_| {
        let (replica, run, events) = (replica.clone(), run.clone(), events.clone());
        tokio::spawn(async move { apply_events(&replica, &run, events).await })
    });
    for task in futures::future::join_all(tasks).await {
        assert_eq!(task.unwrap().unwrap().projection.points_earned, 20);
    }
    replica.sync().await.unwrap();
    assert_eq!(replica.state().attempt(&run).unwrap().projection.events, 20);
    site.verify().await;
}

fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap();
    // One that is gone by now has no bytes.
    files
        .filter_map(|file| file.unwrap().metadata().ok())
        .map(|found| found.len())
        .sum()
}

/// The server is killed at some moment of a call that brings a thousand events: all of them are there, or none, and the
/// call repeated stores each once.
#[tokio::test]
async fn a_server_killed_in_a_call_has_stored_all_of_its_events_or_none() {
    let site = Site::new();
    Replica::create(Activity, &site.place("server"), SPACE, Order::Timestamp)
        .await
        .unwrap();
    let (mut none, mut all, mut answered) = (0, 0, 0);
    for round in 0..8_u64 {
        let name = format!("run-{round}");
        let events: Vec<_> = (0..1_000)
            .map(|n| event(&name, n, What::Score { points: 1 }))
            .collect();
        let body = json!({ "events": events }).to_string();
        let serving = Serving::start(&site, "server");
        let before = bytes_in(&site.path("server"));
        let waiting = serving.begin(&body);
        waiting.set_nonblocking(true).unwrap();
        // Until so much of what it brought is on disk, or all of it is done; at last, until it is answered.
        let enough = if round < 6 {
            before + round * 50_000
        } else {
            u64::MAX
        };
        let mut is_answered = false;
        while bytes_in(&site.path("server")) < enough && !is_answered {
            is_answered = match waiting.peek(&mut [0]) {
                Ok(0) => panic!("the server hung up"),
                peeked => peeked.is_ok(),
            };
            std::thread::yield_now();
        }
        serving.kill();
        drop(waiting);

        let known: Vec<Value> =
            serde_json::from_str(&ok(&site, "server", &["show", "--json"])).unwrap();
        let found = known.iter().find(|a| a["attemptId"] == json!(name));
        match found.map_or(0, |a| a["events"].as_u64().unwrap()) {
            0 if is_answered => panic!("what was answered is lost"),
            0 => none += 1,
            1_000 => all += 1,
            some => panic!("{some} of 1000 events were stored"),
        }
        answered += u32::from(is_answered);
        let serving = Serving::start(&site, "server");
        let answer: Value = serde_json::from_str(&serving.post(&body)).unwrap();
        let ours = answer["newEvents"].as_array().unwrap().iter();
        assert_eq!(ours.filter(|e| e["attemptId"] == json!(name)).count(), 0);
    }
    assert_eq!(none + all, 8);
    assert!(answered >= 2 && all >= answered, "{answered} of {all}");
    assert_eq!(site.stored().await, 8_000);
    site.verify().await;
}
