//! Killed while updates are published.

use super::bench::{Trial, append};

/// More than one object holds.
const MANY: usize = 520;

fn many() -> Vec<String> {
    (0..MANY).map(|n| format!("a{n:03}")).collect()
}

/// A long queue goes out in two objects. What was acknowledged until the kill is there for everybody at once, before the
/// killed replica does anything; the rest arrives with its next command, and nothing changes places.
pub(super) fn killed(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&b, &["b first"]);
    trial.queue(&b, "b later");
    let items = many();
    let lines: Vec<String> = items.iter().map(|item| append(item)).collect();
    let killed = trial.kill_with(&a, &["update", &trial.space, "-"], &lines.join("\n"));

    let acknowledged = killed.acknowledged();
    let seen = trial.items(&b);
    for (item, id) in items.iter().zip(&acknowledged) {
        let count = seen.iter().filter(|seen| *seen == item).count();
        assert_eq!(count, 1, "{id} was acknowledged; killed at {}", trial.point);
    }
    let first = trial.point.ends_with(":2") || trial.point == "publish.before_head";
    assert_eq!(
        acknowledged.is_empty(),
        !first,
        "{} of {MANY}",
        acknowledged.len()
    );

    trial.append(&a, &["a later"]);
    let all = trial.items(&b);
    let own: Vec<&String> = all.iter().filter(|item| item.starts_with('a')).collect();
    let expected: Vec<String> = many().into_iter().chain(["a later".to_owned()]).collect();
    assert_eq!(
        own,
        expected.iter().collect::<Vec<_>>(),
        "killed at {}",
        trial.point
    );
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.extend(["b first", "b later"]);
    trial.end(&expected);
}

/// What was made offline is sent by `sync`.
pub(super) fn killed_on_sync(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&[]);
    trial.append(&a, &["a1"]);
    trial.queue(&a, "a2");
    trial.queue(&a, "a3");
    let killed = trial.kill(&a, "sync", &[]);
    assert_eq!(killed.acknowledged().len(), 0);
    trial.append(&b, &["b1"]);
    trial.ok(&a, "sync", &[]);
    let own: Vec<String> = trial.items(&b);
    let own: Vec<&String> = own.iter().filter(|item| item.starts_with('a')).collect();
    assert_eq!(own, ["a1", "a2", "a3"], "killed at {}", trial.point);
    trial.end(&["a1", "a2", "a3", "b1"]);
}

/// In a sequenced space another writer may take the next place before the killed one comes back.
pub(super) fn killed_in_sequence(trial: &Trial<'_>) {
    let (a, b) = trial.begin(&["--order", "sequence"]);
    trial.append(&b, &["b1"]);
    let killed = trial.kill(&a, "update", &[&append("a1"), &append("a2")]);
    assert_eq!(killed.acknowledged().len(), 0);
    trial.append(&b, &["b2"]);
    trial.append(&a, &["a3"]);
    let all = trial.items(&b);
    let own: Vec<&String> = all.iter().filter(|item| item.starts_with('a')).collect();
    assert_eq!(own, ["a1", "a2", "a3"], "killed at {}", trial.point);
    trial.end(&["a1", "a2", "a3", "b1", "b2"]);
}
