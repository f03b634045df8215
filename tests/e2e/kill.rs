//! Processes are killed (SIGKILL) in the middle of everything: at every named point between two requests, and at random
//! moments while others run. What was printed as acknowledged is in the state exactly once, what was queued arrives, the
//! next run of the same command goes on, `verify` passes, and every replica ends with the same bytes.
//!
//! On a folder, on the S3 server of `icecore-sim`, and on a real S3 server and Azure's emulator where there are any.

mod bench;
mod encrypted;
mod epochs;
mod layers;
mod process;
mod publishing;
mod random;

use crate::support::command::Place;
use crate::support::{azure, localstack, s3};
use bench::{Bench, Trial};
use icecore_sim::s3_server;
use object_store::memory::InMemory;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Kills one command at a point in a space of its own, and looks at what is left.
type Check = fn(&Trial<'_>);

/// Every named point with what is killed there; `:n` means that it is passed n − 1 times before.
const TRIALS: [(&str, Check); 35] = [
    ("publish.before_put", publishing::killed),
    ("publish.before_put:2", publishing::killed),
    ("publish.after_put", publishing::killed),
    ("publish.after_put:2", publishing::killed),
    ("publish.before_record", publishing::killed),
    ("publish.before_record:2", publishing::killed),
    ("publish.before_head", publishing::killed),
    ("publish.before_put", publishing::killed_on_sync),
    ("publish.after_put", publishing::killed_on_sync),
    ("publish.before_record", publishing::killed_on_sync),
    ("publish.before_put", publishing::killed_in_sequence),
    ("publish.after_put", publishing::killed_in_sequence),
    ("publish.before_record", publishing::killed_in_sequence),
    ("rollup.before_segment", layers::killed_rolling_up),
    ("rollup.after_segment", layers::killed_rolling_up),
    ("rollup.before_snapshot", layers::killed_rolling_up),
    ("rollup.after_snapshot", layers::killed_rolling_up),
    ("publish.before_head", layers::killed_rolling_up),
    ("rollup.after_quarantine_copy", layers::killed_setting_aside),
    ("prune.before_delete", layers::killed_pruning),
    ("prune.after_delete", layers::killed_pruning),
    ("prune.before_epoch", epochs::killed_removing),
    ("epoch.after_segment", epochs::killed_compressing),
    ("epoch.before_flip", epochs::killed_compressing),
    ("epoch.after_flip", epochs::killed_compressing),
    ("epoch.before_flip", epochs::killed_redacting),
    ("epoch.after_flip", epochs::killed_redacting),
    ("epoch.after_flip", epochs::killed_resetting),
    ("epoch.before_flip", epochs::killed_erasing),
    ("epoch.after_flip", epochs::killed_erasing),
    ("keyring.before_change", encrypted::killed_rotating),
    ("sync.before_snapshot", encrypted::killed_at_a_snapshot),
    ("sync.after_snapshot", encrypted::killed_at_a_snapshot),
    ("sweep.before_publish", epochs::killed_sweeping),
    ("sweep.before_publish:2", epochs::killed_sweeping),
];

fn kill_at_every_point(place: &Place) {
    let bench = Bench::new(place);
    for (number, (point, check)) in TRIALS.iter().enumerate() {
        check(&bench.trial(number, point));
    }
}

#[test]
fn every_named_point_is_one_of_the_trials() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let mut names = BTreeSet::new();
    find_points(&shared, &mut names);
    let tried = TRIALS.map(|(point, _)| point.split(':').next().unwrap().to_owned());
    assert_eq!(names, BTreeSet::from(tried));
}

/// The names in all calls of `crash_point`.
fn find_points(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_points(&path, names);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let calls = text.split(".crash_point(\"").skip(1);
            names.extend(calls.map(|call| call.split('"').next().unwrap().to_owned()));
        }
    }
}

/// Runs what blocks beside the servers of this test's runtime.
async fn beside(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_point_on_a_folder() {
    beside(|| kill_at_every_point(&Place::empty())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_point_on_s3() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url("a/prefix"), server.environment());
    beside(move || kill_at_every_point(&place)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_point_on_a_real_s3_server() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let place = s3::bucket_on(&endpoint).await;
    beside(move || kill_at_every_point(&place)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_point_on_azures_emulator() {
    let Some(place) = azure::place() else {
        return;
    };
    beside(move || kill_at_every_point(&place)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_moments_on_a_folder() {
    beside(|| random::rounds(&Bench::new(&Place::empty()), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_moments_on_s3() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url("a/prefix"), server.environment());
    beside(move || random::rounds(&Bench::new(&place), 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_moments_on_azures_emulator() {
    let Some(place) = azure::place() else {
        return;
    };
    beside(move || random::rounds(&Bench::new(&place), 3)).await;
}
