//! Replicas whose clocks are years off.

use crate::support::command::{Place, id_of};
use icecore_sim::s3_server;
use object_store::memory::InMemory;
use std::sync::Arc;

const TEN_YEARS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// On S3 the server's time corrects the keys, and `status` says that the clock is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn on_s3_the_servers_time_counts() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url(""), server.environment());
    tokio::task::spawn_blocking(move || {
        let right = place.replica("right");
        right.ok(&["init"]);
        right.ok(&["space", "create", "todo"]);
        let update = r#"{"kind":"append","data":{"/log":["x"]}}"#;
        let key = |name: &str, offset: i64| {
            let replica = place
                .replica(name)
                .with("ICECORE_CLOCK_OFFSET_MS", &offset.to_string());
            replica.json(&["update", "todo", update])[0]["key"]
                .as_i64()
                .unwrap()
        };
        let first = key("right", 0);
        for (name, offset) in [("ahead", TEN_YEARS), ("behind", -TEN_YEARS)] {
            let distance = key(name, offset) - first;
            assert!((0..60_000).contains(&distance), "{name}: {distance} ms");
        }
        let ahead = place
            .replica("ahead")
            .with("ICECORE_CLOCK_OFFSET_MS", &TEN_YEARS.to_string());
        let status = ahead.ok(&["status", "todo"]);
        assert!(
            status.contains("days ahead of the store's: set it"),
            "{status}"
        );
        assert!(status.contains("\nclock       at least "), "{status}");
        let status = right.ok(&["status", "todo"]);
        assert!(!status.contains("clock of this machine"), "{status}");
        assert!(
            status.contains("\nclock       agrees with the store's"),
            "{status}"
        );
        let status = right.ok(&["status", "todo", "--offline"]);
        assert!(
            status.contains("\nclock       not compared: the store was not asked"),
            "{status}"
        );
        assert_eq!(
            right.ok(&["state", "todo"]),
            "{\"log\":[\"x\",\"x\",\"x\"]}\n"
        );
    })
    .await
    .unwrap();
}

/// A folder has no clock of its own: the keys are years off, and all is well nevertheless.
#[test]
fn on_a_folder_nothing_is_lost_and_no_ones_order_changes() {
    let place = Place::with_todo();
    let right = place.replica("right");
    let behind = place
        .replica("behind")
        .with("ICECORE_CLOCK_OFFSET_MS", &(-TEN_YEARS).to_string());
    let ahead = place
        .replica("ahead")
        .with("ICECORE_CLOCK_OFFSET_MS", &TEN_YEARS.to_string());
    for round in 1..=2 {
        for (name, replica) in [("right", &right), ("behind", &behind), ("ahead", &ahead)] {
            let update = format!(r#"{{"kind":"append","data":{{"/log":["{name}{round}"]}}}}"#);
            replica.ok(&["update", "todo", &update]);
        }
        right.ok(&["rollup", "todo", "--now"]);
    }
    // A key far below what is rolled up is found when all of them are listed: once a day, or now.
    right.ok(&["rollup", "todo", "--now", "--full"]);
    let fresh = place.replica("fresh");
    let state = fresh.ok(&["state", "todo"]);
    for name in ["right", "behind", "ahead"] {
        let (one, two) = (
            state.find(&format!("{name}1")),
            state.find(&format!("{name}2")),
        );
        assert!(one.is_some() && one < two, "{name} in {state}");
    }
    for replica in [&right, &behind, &ahead] {
        assert_eq!(replica.ok(&["state", "todo"]), state);
    }
    let status = ahead.ok(&["status", "todo"]);
    assert!(
        status.contains("\nclock       not compared: this store does not tell its time"),
        "{status}"
    );
    right.ok(&["verify"]);
    let log = right.json(&["log", "todo"]);
    assert_eq!(log.len(), 6);
    assert!(
        log.iter().all(|line| line["generation"].is_u64()),
        "all of it is rolled up"
    );
    assert_eq!(
        log.iter()
            .map(id_of)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        6
    );
}
