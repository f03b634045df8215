//! The process is killed (SIGKILL) between two requests: nothing is lost, nothing is doubled, and the next run
//! goes on.

use crate::support::command::{Place, Replica};
use crate::support::{localstack, s3};
use icecore_sim::s3_server;
use object_store::memory::InMemory;
use std::sync::Arc;

const PUBLISH: [&str; 4] = [
    "publish.before_put",
    "publish.after_put",
    "publish.before_record",
    "publish.before_head",
];
const ROLLUP: [&str; 4] = [
    "rollup.before_segment",
    "rollup.after_segment",
    "rollup.before_snapshot",
    "rollup.after_snapshot",
];
const PRUNE: [&str; 2] = ["prune.before_delete", "prune.after_delete"];
const EPOCH: [&str; 3] = [
    "epoch.after_segment",
    "epoch.before_flip",
    "epoch.after_flip",
];

fn append(item: &str) -> String {
    format!(r#"{{"kind":"append","data":{{"/log":["{item}"]}}}}"#)
}

/// Kills each command at each of its points, on a space of its own, and looks at what is left.
fn kill_everything(place: &Place) {
    let a = place.replica("a");
    a.ok(&["init"]);
    for (points, check) in [
        (
            &PUBLISH[..],
            killed_while_publishing as fn(&Place, &str, &str),
        ),
        (&ROLLUP, killed_while_rolling_up),
        (&PRUNE, killed_while_pruning),
        (&EPOCH, killed_while_compressing),
    ] {
        for point in points {
            let space = point.replace('.', "-");
            a.ok(&["space", "create", &space]);
            check(place, point, &space);
            a.ok(&["rollup", &space, "--now", "--full"]);
            a.ok(&["verify", &space]);
        }
    }
}

fn expect_log(replica: &Replica, space: &str, point: &str, expected: &str) {
    assert_eq!(
        replica.ok(&["state", space]),
        format!("{{\"log\":[{expected}]}}\n"),
        "killed at {point}"
    );
}

fn killed_while_publishing(place: &Place, point: &str, space: &str) {
    let a = place.replica("a");
    a.killed_at(point, &["update", space, &append("x")]);
    // The next update comes after the one that was under way.
    a.ok(&["update", space, &append("y")]);
    expect_log(&a, space, point, r#""x","y""#);
    expect_log(&place.replica("b"), space, point, r#""x","y""#);
}

fn killed_while_rolling_up(place: &Place, point: &str, space: &str) {
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["update", space, &append("x"), &append("y")]);
    a.killed_at(point, &["rollup", space, "--now"]);
    expect_log(&b, space, point, r#""x","y""#);
    b.ok(&["update", space, &append("z")]);
    b.ok(&["rollup", space, "--now"]);
    b.ok(&["prune", space, "--retention", "0s"]);
    for replica in [a, b, place.replica(&format!("fresh-{space}"))] {
        expect_log(&replica, space, point, r#""x","y","z""#);
    }
}

fn killed_while_pruning(place: &Place, point: &str, space: &str) {
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["update", space, &append("x")]);
    a.ok(&["rollup", space, "--now"]);
    a.ok(&["update", space, &append("y")]);
    a.wait_a_second(space);
    a.killed_at(point, &["prune", space, "--retention", "0s"]);
    expect_log(&b, space, point, r#""x","y""#);
    a.ok(&["prune", space, "--retention", "0s"]);
    expect_log(&a, space, point, r#""x","y""#);
}

fn killed_while_compressing(place: &Place, point: &str, space: &str) {
    let (a, b) = (place.replica("a"), place.replica("b"));
    a.ok(&["update", space, &append("x")]);
    b.ok(&["sync", space]);
    b.ok(&["update", space, "--offline", &append("y")]);
    a.killed_at(point, &["compress", space, "--yes"]);
    expect_log(&a, space, point, r#""x""#);
    b.ok(&["sync", space]);
    a.ok(&["compress", space, "--yes"]);
    for replica in [a, b, place.replica(&format!("fresh-{space}"))] {
        expect_log(&replica, space, point, r#""x","y""#);
    }
}

#[test]
fn on_a_folder() {
    kill_everything(&Place::empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url("a/prefix"), server.environment());
    tokio::task::spawn_blocking(move || kill_everything(&place))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_s3_server() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let place = s3::bucket_on(&endpoint).await;
    tokio::task::spawn_blocking(move || kill_everything(&place))
        .await
        .unwrap();
}

#[test]
fn while_moving_an_unreadable_object_aside() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.ok(&["update", "todo", &append("x")]);
    let bad = "spaces/todo/0001/updates/1700000000000";
    std::fs::write(place.object(bad), "{").unwrap();
    a.killed_at("rollup.after_quarantine_copy", &["rollup", "todo", "--now"]);
    assert!(place.object(bad).exists());
    a.ok(&["rollup", "todo", "--now", "--full"]);
    assert!(!place.object(bad).exists());
    assert_eq!(place.objects("spaces/todo/0001/quarantine").len(), 1);
    expect_log(
        &place.replica("b"),
        "todo",
        "rollup.after_quarantine_copy",
        r#""x""#,
    );
    a.ok(&["verify"]);
}

#[test]
fn while_sweeping_an_old_epoch() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let key = a.json(&["update", "todo", &append("x")])[0]["key"]
        .as_u64()
        .unwrap();
    a.ok(&["compress", "todo", "--yes"]);
    // Writes that were under way when the new epoch began, and land late.
    let authors = [
        "018bcfe5-6800-7fff-bfff-ffffffffffff",
        "018bcfe5-6800-7fff-bfff-fffffffffffe",
    ];
    for (key, author) in (key + 1..).zip(authors) {
        let late = format!(
            r#"{{"v":1,"author":"{author}","seq":1,"updates":[{{"at":"2023-11-14T22:13:20.000Z","kind":"increment","data":{{"/late":1}}}}]}}"#
        );
        std::fs::write(
            place.object(&format!("spaces/todo/0001/updates/{key}")),
            late,
        )
        .unwrap();
    }
    a.killed_at("sweep.before_publish:2", &["rollup", "todo", "--now"]);
    a.ok(&["rollup", "todo", "--now"]);
    a.ok(&["rollup", "todo", "--now"]);
    assert_eq!(
        place.replica("b").ok(&["state", "todo", "--path", "/late"]),
        "2\n"
    );
    a.ok(&["verify"]);
}
