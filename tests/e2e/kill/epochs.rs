//! Killed while a new epoch is made.

use super::bench::{Trial, append};
use crate::support::command::id_of;

/// The old history counts until the new one does; what others have queued is published into whichever it is.
pub(super) fn killed_compressing(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1", "a2"]);
    trial.ok(&b, "sync", &[]);
    trial.queue(&b, "b1");
    trial.kill(&a, "compress", &["--yes"]);
    trial.ok(&a, "verify", &[]);
    trial.shows(&a, &["a1", "a2"]);
    trial.append(&a, &["a3"]);
    trial.ok(&b, "sync", &[]);
    trial.ok(&a, "compress", &["--yes"]);
    trial.append(&b, &["b2"]);
    trial.end(&["a1", "a2", "a3", "b1", "b2"]);
}

/// After the command was repeated the update is gone, and only that one.
pub(super) fn killed_redacting(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1"]);
    let secret = a.json(&["update", &trial.space, &append("secret")]);
    let secret = id_of(&secret[0]);
    trial.append(&b, &["b1"]);
    trial.queue(&b, "b2");
    trial.kill(&a, "redact", &["--update", &secret, "--yes"]);
    trial.ok(&b, "verify", &[]);
    trial.ok(&a, "redact", &["--update", &secret, "--yes"]);
    trial.shows(&a, &["a1", "b1"]);
    trial.append(&a, &["a2"]);
    trial.end(&["a1", "a2", "b1", "b2"]);
}

/// An old epoch is named no more and still there: the next pruning removes it, and nobody looks into it before.
pub(super) fn killed_removing(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1"]);
    trial.ok(&a, "compress", &["--yes"]);
    trial.append(&b, &["b1"]);
    b.wait_a_second(&trial.space);
    let now = ["--retention", "0s"];
    trial.kill(&a, "prune", &now);
    trial.ok(&b, "verify", &[]);
    trial.ok(&b, "rollup", &["--now", "--full"]);
    trial.append(&a, &["a2"]);
    trial.ok(&b, "prune", &now);
    let old = format!("spaces/{}/0001", trial.space);
    assert_eq!(
        trial.bench.objects(&old),
        [""; 0],
        "killed at {}",
        trial.point
    );
    trial.end(&["a1", "a2", "b1"]);
}

/// What was there is gone, what was not sent yet is not.
pub(super) fn killed_resetting(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1"]);
    trial.ok(&b, "sync", &[]);
    trial.queue(&b, "b1");
    trial.kill(&a, "reset", &["--yes"]);
    trial.ok(&a, "reset", &["--yes"]);
    trial.shows(&a, &[]);
    trial.end(&["b1"]);
}

/// Erasing goes on until nothing but the tombstone is left; nobody can write there any more.
pub(super) fn killed_erasing(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1"]);
    trial.ok(&a, "rollup", &["--now"]);
    trial.append(&b, &["b1"]);
    trial.queue(&b, "b2");
    trial.kill(&a, "erase", &["--yes"]);
    trial.ok(&a, "erase", &["--yes"]);
    let left = trial.bench.objects(&format!("spaces/{}", trial.space));
    assert_eq!(left, ["space.json"], "killed at {}", trial.point);
    for arguments in [&["sync", &trial.space], &["state", &trial.space]] {
        let said = b.fails(1, arguments);
        assert!(said.contains("was erased"), "{said}");
    }
}

/// Writes that were under way when the new epoch began, and land in the old one.
pub(super) fn killed_sweeping(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    let written = a.json(&["update", &trial.space, &append("a1")]);
    let key = written[0]["key"].as_u64().unwrap();
    trial.ok(&a, "compress", &["--yes"]);
    let authors = [
        "018bcfe5-6800-7fff-bfff-ffffffffffff",
        "018bcfe5-6800-7fff-bfff-fffffffffffe",
    ];
    for (n, author) in (1..).zip(authors) {
        let update = append(&format!("late {n}"));
        let update = update.replacen('{', r#"{"at":"2023-11-14T22:13:20.000Z","#, 1);
        let object = format!(r#"{{"v":1,"author":"{author}","seq":1,"updates":[{update}]}}"#);
        let path = format!("spaces/{}/0001/updates/{}", trial.space, key + n);
        trial.bench.put(&path, &object);
    }
    trial.kill(&a, "rollup", &["--now"]);
    trial.append(&b, &["b1"]);
    trial.ok(&a, "rollup", &["--now"]);
    trial.end(&["a1", "b1", "late 1", "late 2"]);
}
