//! Killed at random moments, while others run.

use super::bench::Bench;
use super::process::Running;
use crate::support::command::{Replica, id_of};
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::Clock;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ROUNDS: usize = 10;
/// Updates of one writer in one round: more than one object holds.
const EACH: usize = 510;

/// Two writers, a roll-up and now and then a pruning or a new epoch run at the same time, and each is killed at a moment
/// that the seed draws. After every round what was acknowledged must be there, once, and the history must verify.
#[expect(
    clippy::print_stdout,
    reason = "how far the processes came says what the test is worth"
)]
pub(super) fn rounds(bench: &Bench<'_>, seed: u64) {
    let random = Random::new(seed);
    let _runtime = tokio::runtime::Handle::current().enter();
    let [a, b, worker, witness] = ["a", "b", "worker", "witness"].map(|name| bench.replica(name));
    a.ok(&["space", "create", "log", "--model", "log"]);
    let (mut made, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
    let clock = SimClock::start();
    acknowledged.extend(write(&a, "a", ROUNDS, &mut made).end().acknowledged());
    // So long a writer takes that is left alone, on this machine as busy as it is.
    let whole = i64::try_from(clock.monotonic().as_millis()).unwrap();
    let mut killed = 0;
    for round in 0..ROUNDS {
        let mut running = vec![
            write(&a, "a", round, &mut made),
            write(&b, "b", round, &mut made),
            start(&worker, &["rollup", "log", "--now"]),
        ];
        match round % 5 {
            2 => running.push(start(&worker, &["compress", "log", "--yes"])),
            4 => running.push(start(&worker, &["prune", "log", "--retention", "0s"])),
            _ => {}
        }
        while !running.is_empty() {
            let last = i64::try_from(running.len()).unwrap() - 1;
            let process = running.swap_remove(usize::try_from(random.between(0, last)).unwrap());
            let time = random.between(0, whole / 4 * (1 + i64::try_from(round % 4).unwrap()));
            process.wait_at_most(Duration::from_millis(u64::try_from(time).unwrap()));
            let done = process.kill();
            acknowledged.extend(done.acknowledged());
            killed += usize::from(done.running);
        }
        // What was stored in an epoch that was just left is carried over by the next roll-up.
        worker.ok(&["rollup", "log", "--now"]);
        witness.ok(&["verify", "log"]);
        check(&state(&witness), &made, &acknowledged, round);
    }
    assert!(killed >= ROUNDS, "only {killed} were still running");
    for replica in [&a, &b, &witness, &a] {
        replica.ok(&["sync", "log"]);
    }
    for _ in 0..2 {
        worker.ok(&["rollup", "log", "--now", "--full"]);
        witness.ok(&["verify", "log"]);
        let bytes = bench.replica("fresh").ok(&["state", "log"]);
        for replica in [&a, &b, &witness] {
            assert_eq!(replica.ok(&["state", "log"]), bytes, "seed {seed}");
        }
    }
    let end = state(&witness);
    check(&end, &made, &acknowledged, ROUNDS);
    println!(
        "seed {seed}: {killed} processes killed; of {} updates {} were acknowledged, {} are there",
        made.len(),
        acknowledged.len(),
        end.len()
    );
    assert!(
        acknowledged.len() < made.len(),
        "nobody was killed on the way"
    );
}

fn start(replica: &Replica, arguments: &[&str]) -> Running {
    Running::start(replica.command(&[arguments, &["--json"]].concat()), "")
}

fn write(replica: &Replica, name: &str, round: usize, made: &mut BTreeSet<String>) -> Running {
    let texts: Vec<String> = (0..EACH).map(|n| format!("{name}/{round}/{n}")).collect();
    let line = |text: &String| format!("{{\"kind\":\"note\",\"data\":\"{text}\"}}\n");
    let lines: String = texts.iter().map(line).collect();
    made.extend(texts);
    Running::start(replica.command(&["update", "log", "-", "--json"]), &lines)
}

/// Each entry's id and text.
fn state(replica: &Replica) -> Vec<(String, String)> {
    let state: Value = serde_json::from_str(&replica.ok(&["state", "log"])).unwrap();
    let entries = state.as_array().unwrap().iter();
    entries
        .map(|entry| (id_of(entry), entry["data"].as_str().unwrap().to_owned()))
        .collect()
}

/// Nothing that was acknowledged is missing, nothing is there twice or was never made, and each author's updates are in
/// its order without a hole.
fn check(
    state: &[(String, String)],
    made: &BTreeSet<String>,
    acknowledged: &BTreeSet<String>,
    round: usize,
) {
    let ids: BTreeSet<&String> = state.iter().map(|(id, _)| id).collect();
    let texts: BTreeSet<&String> = state.iter().map(|(_, text)| text).collect();
    assert_eq!(
        (ids.len(), texts.len()),
        (state.len(), state.len()),
        "twice"
    );
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !ids.contains(id)).collect();
    assert!(
        lost.is_empty(),
        "after round {round}: lost {}, such as {}",
        lost.len(),
        lost[0]
    );
    assert!(texts.iter().all(|text| made.contains(*text)));
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for (id, _) in state {
        let (author, seq) = id.split_once(':').unwrap();
        let expected = next.entry(author).or_insert(1);
        assert_eq!(seq.parse(), Ok(*expected), "after round {round}: {id}");
        *expected += 1;
    }
}
