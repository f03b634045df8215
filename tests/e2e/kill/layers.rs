//! Killed while rolling up and pruning.

use super::bench::Trial;

/// Whatever of a roll-up was done, readers see the same state, and the next roll-up, by whomever, goes on from it.
pub(super) fn killed_rolling_up(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1", "a2"]);
    trial.append(&b, &["b1"]);
    trial.kill(&a, "rollup", &["--now"]);
    trial.ok(&a, "verify", &[]);
    trial.shows(&b, &["a1", "a2", "b1"]);
    trial.append(&b, &["b2"]);
    trial.ok(&b, "rollup", &["--now"]);
    trial.ok(&a, "rollup", &["--now"]);
    trial.queue(&a, "a3");
    trial.end(&["a1", "a2", "a3", "b1", "b2"]);
}

/// An object that cannot be read was copied to quarantine and not yet removed.
pub(super) fn killed_setting_aside(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1"]);
    let epoch = format!("spaces/{}/0001", trial.space);
    trial
        .bench
        .put(&format!("{epoch}/updates/1700000000000"), "{");
    trial.kill(&a, "rollup", &["--now"]);
    trial.shows(&b, &["a1"]);
    trial.append(&b, &["b1"]);
    trial.ok(&b, "rollup", &["--now", "--full"]);
    let aside = trial.bench.objects(&format!("{epoch}/quarantine"));
    assert_eq!(aside, ["updates/1700000000000"]);
    trial.end(&["a1", "b1"]);
    let left = trial.bench.objects(&format!("{epoch}/updates"));
    assert!(!left.contains(&"1700000000000".to_owned()), "{left:?}");
}

/// Some of what is covered is deleted: nobody misses it, and the next run deletes the rest.
pub(super) fn killed_pruning(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1", "a2"]);
    trial.append(&b, &["b1"]);
    trial.ok(&a, "rollup", &["--now"]);
    trial.append(&a, &["a3"]);
    trial.queue(&b, "b2");
    a.wait_a_second(&trial.space);
    trial.kill(&a, "prune", &["--retention", "0s"]);
    trial.ok(&a, "verify", &[]);
    trial.shows(&a, &["a1", "a2", "b1", "a3"]);
    trial.ok(&b, "sync", &[]);
    a.wait_a_second(&trial.space);
    trial.ok(&b, "prune", &["--retention", "0s"]);
    let left = trial
        .bench
        .objects(&format!("spaces/{}/0001/updates", trial.space));
    assert_eq!(left.len(), 2, "a3 and b2 are not covered: {left:?}");
    trial.end(&["a1", "a2", "a3", "b1", "b2"]);
}
