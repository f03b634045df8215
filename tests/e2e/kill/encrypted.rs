//! Killed while an encrypted space is worked on.

use super::bench::Trial;
use crate::support::command::Replica;

/// Two replicas of one identity, in an encrypted space of their own.
fn begin(trial: &Trial<'_>) -> (Replica, Replica) {
    let file = format!("{}.identity", trial.space);
    let open = |name: &str| trial.bench.replica(name).with("ICECORE_IDENTITY", &file);
    let (a, b) = (open("a"), open("b"));
    a.ok(&["identity", "create", &file]);
    a.ok(&["space", "create", &trial.space, "--encrypted"]);
    trial.append(&a, &["a1", "a2"]);
    trial.append(&b, &["b1"]);
    (a, b)
}

/// The old keyring counts until the new one is there, and everybody goes on with either.
pub(super) fn killed_rotating(trial: &Trial<'_>) {
    let (a, b) = begin(trial);
    let version = || a.json(&["keyring", "show", &trial.space])[0]["version"].clone();
    trial.kill_with(&a, &["keyring", "rotate", &trial.space], "");
    assert_eq!(version(), 1);
    trial.append(&b, &["b2"]);
    a.ok(&["keyring", "rotate", &trial.space]);
    assert_eq!(version(), 2);
    trial.append(&b, &["b3"]);
    trial.shows(&a, &["a1", "a2", "b1", "b2", "b3"]);
    trial.ok(&a, "rollup", &["--now"]);
    trial.ok(&b, "verify", &[]);
}

/// Who holds the keys was about to write the snapshot, or had just done so: the next one goes on either way.
pub(super) fn killed_at_a_snapshot(trial: &Trial<'_>) {
    let (a, b) = begin(trial);
    trial.ok(&trial.bench.replica("nobody"), "rollup", &["--now"]);
    trial.kill(&a, "sync", &[]);
    let snapshots = format!("spaces/{}/0001/snapshots", trial.space);
    let written = usize::from(trial.point == "sync.after_snapshot");
    assert_eq!(trial.bench.objects(&snapshots).len(), written);
    trial.ok(&b, "sync", &[]);
    assert_eq!(trial.bench.objects(&snapshots).len(), 1);
    trial.shows(&a, &["a1", "a2", "b1"]);
    trial.append(&a, &["a3"]);
    trial.shows(&b, &["a1", "a2", "b1", "a3"]);
    trial.ok(&a, "verify", &[]);
}
