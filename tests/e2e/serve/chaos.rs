//! Everything goes wrong at once: three replicas write through a gateway on a bad network, the clock of one of them is
//! an hour off, two roll-up functions race with each other and with the server's own roll-up, and what they have covered
//! is pruned at once.

use crate::support::command::{Ran, Replica, id_of};
use crate::support::proxy::{Asked, BUSY, Fate, Proxied, Proxy};
use icecore_sim::clock::SimClock;
use icecore_sim::cloud::Lambda;
use icecore_sim::random::Random;
use icecore_store::Clock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, SystemTime};

const AN_HOUR: i64 = 3_600_000;

/// What must have happened before the network heals.
const FAULTS: [&str; 10] = [
    "delay",
    "swallow",
    "reset",
    "break request",
    "lose answer",
    "break answer",
    "repeat",
    "repeat later",
    "answer",
    "cut",
];
/// How long the network is bad at least, and at most where not every fault has happened yet.
const BAD_MIN: Duration = Duration::from_secs(16);
const BAD_MAX: Duration = Duration::from_secs(40);

#[test]
fn a_bad_network_loses_and_doubles_nothing() {
    converges(1, AN_HOUR);
}

#[test]
fn a_bad_network_with_a_clock_that_is_behind_loses_and_doubles_nothing() {
    converges(2, -AN_HOUR);
}

/// A third of all requests go wrong.
fn bad_network(random: Random) -> impl FnMut(&Asked) -> Fate + Send {
    move |asked| {
        let time = |min, max| {
            let millis = random.between(min, max);
            Duration::from_millis(u64::try_from(millis).unwrap())
        };
        match random.between(0, 99) {
            0..6 => Fate::Delay(time(20, 600)),
            6..9 => Fate::Swallow(time(200, 1_500)),
            9..13 => Fate::Reset,
            13..17 if asked.has_body() => Fate::BreakRequest,
            17..22 => Fate::LoseAnswer,
            22..26 => Fate::BreakAnswer,
            26..31 => Fate::Repeat,
            31..36 => Fate::RepeatLater(time(100, 9_000)),
            36..39 if asked.is_presigned() => BUSY,
            _ => Fate::Pass,
        }
    }
}

fn converges(seed: u64, wrong_by: i64) {
    let site = Proxied::start(&["--rollup-every", "1"]);
    let place = &site.place;
    let admin = place.replica("admin");
    admin.ok(&["space", "create", "log", "--model", "log"]);
    let writers = ["right", "other", "wrong"].map(|name| {
        let replica = place
            .replica(name)
            // A command that gets nowhere gives up soon, and the next one goes on.
            .with("ICECORE_PUBLISH_TIME_MAX_MS", "2000");
        // Whoever has never seen a space cannot know its model.
        replica.ok(&["sync", "log"]);
        match name {
            "wrong" => replica.with("ICECORE_CLOCK_OFFSET_MS", &wrong_by.to_string()),
            _ => replica,
        }
    });
    // The folder, whatever the gateway says of it.
    let direct = place
        .replica("direct")
        .on(site.serving.objects().display().to_string());
    let done = AtomicBool::new(false);
    let told = scope(|threads| {
        let writing: Vec<_> = writers
            .iter()
            .zip(["right", "other", "wrong"])
            .map(|(replica, name)| threads.spawn(|| write(replica, name, &done)))
            .collect();
        let rolling_up = threads.spawn(|| roll_up(&site.serving.objects(), &done));
        let pruning = threads.spawn(|| prune(&direct, &done));
        make_trouble(&site.proxy, seed);
        done.store(true, Ordering::Relaxed);
        let told = Told::of_all(writing.into_iter().map(|thread| thread.join().unwrap()));
        rolling_up.join().unwrap();
        assert!(pruning.join().unwrap() > 0, "nothing was pruned");
        told
    });
    say_what_happened(&site.proxy, &told, seed);
    settles(&admin, &writers, &told);
    direct.ok(&["verify"]);
    assert_eq!(
        direct.ok(&["state", "log"]),
        writers[0].ok(&["state", "log"])
    );
}

/// Bad, cut for seconds, bad again, and so on until everything has happened; then it heals.
fn make_trouble(proxy: &Proxy, seed: u64) {
    let clock = SimClock::start();
    let random = Random::new(seed);
    loop {
        proxy.plan(bad_network(random.clone()));
        proxy.wait(Duration::from_secs(5));
        proxy.cut();
        proxy.wait(Duration::from_secs(2));
        proxy.heal();
        let all = FAULTS.iter().all(|fault| proxy.count(fault) > 0);
        let all = all && proxy.repeated().contains(&(200, 412));
        let time = clock.monotonic();
        if (all && time > BAD_MIN) || time > BAD_MAX {
            return;
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "how often each fault happened says what the test is worth"
)]
fn say_what_happened(proxy: &Proxy, told: &Told, seed: u64) {
    let counts = proxy.counts();
    println!(
        "seed {seed}: {counts:?}; {} updates made, {} acknowledged while it was bad, {} of {} commands failed; \
         update objects that arrived twice: {:?}",
        told.made.len(),
        told.acknowledged.len(),
        told.failed,
        told.commands,
        proxy.repeated(),
    );
    for fault in FAULTS {
        assert!(proxy.count(fault) > 0, "{fault} never happened: {counts:?}");
    }
    // A write that arrives again is refused, or lands again where pruning has taken the first one away.
    let repeated = proxy.repeated();
    assert!(repeated.contains(&(200, 412)), "{repeated:?}");
    assert!(
        repeated.iter().all(|(_, again)| [200, 412].contains(again)),
        "{repeated:?}"
    );
    assert!(told.failed > 0, "the network was not bad enough");
    assert!(told.acknowledged.len() >= 10, "the network was too bad");
}

/// What a replica was told.
#[derive(Debug, Default)]
struct Told {
    /// The texts of its updates: all of them durable, acknowledged or not.
    made: BTreeSet<String>,
    /// The ids of those that were acknowledged.
    acknowledged: BTreeSet<String>,
    commands: usize,
    failed: usize,
}

impl Told {
    fn of_all(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum.made.extend(one.made);
            sum.acknowledged.extend(one.acknowledged);
            sum.commands += one.commands;
            sum.failed += one.failed;
            sum
        })
    }

    fn take(&mut self, ran: Ran) {
        self.commands += 1;
        if ran.code != Some(0) {
            // The network is no reason for anything but "try again later".
            self.failed += 1;
            self.acknowledge(&ran.expect_code(4));
            return;
        }
        self.acknowledge(&ran);
    }

    fn acknowledge(&mut self, ran: &Ran) {
        let values = ran.values();
        let stored = values.iter().filter(|value| value["key"].is_u64());
        self.acknowledged.extend(stored.map(id_of));
    }
}

/// Writes one update, or a few, and syncs, again and again.
fn write(replica: &Replica, name: &str, done: &AtomicBool) -> Told {
    let mut told = Told::default();
    for round in 0.. {
        let texts = (0..=round % 3).map(|n| format!("{name}/{round}/{n}"));
        let texts: Vec<String> = texts.collect();
        let line = |text: &String| format!("{{\"kind\":\"note\",\"data\":\"{text}\"}}\n");
        let lines: String = texts.iter().map(line).collect();
        told.made.extend(texts);
        told.take(replica.run_with(&["update", "log", "-", "--json"], lines));
        told.take(replica.run(&["sync", "log", "--json"]));
        if done.load(Ordering::Relaxed) {
            break;
        }
    }
    told
}

/// Prunes what was just covered, behind the server; the number of update objects that went.
fn prune(direct: &Replica, done: &AtomicBool) -> u64 {
    let clock = SimClock::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut pruned = 0;
    while !done.load(Ordering::Relaxed) {
        let report = direct
            .json(&["prune", "log", "--retention", "1s"])
            .remove(0);
        pruned += report["updates"].as_u64().unwrap();
        runtime.block_on(clock.sleep(Duration::from_secs(1)));
    }
    pruned
}

/// Two functions, as a schedule starts them when it fires twice, on the folder behind the server.
fn roll_up(objects: &Path, done: &AtomicBool) {
    let Some(program) = function() else {
        return;
    };
    let environment = [("ICECORE_STORE".to_owned(), objects.display().to_string())];
    let run = async || {
        let clock = SimClock::start();
        let mut function = Lambda::start(&program, "rollup-of-test", &environment).await;
        let mut updates = 0;
        while !done.load(Ordering::Relaxed) {
            let report = function.invoke(json!({}), in_a_minute()).await.unwrap();
            assert_eq!(report["failures"], json!([]), "{report}");
            updates += report["updates"].as_u64().unwrap();
            function.line().await;
            clock.sleep(Duration::from_millis(100)).await;
        }
        updates
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (one, other) = runtime.block_on(async { tokio::join!(run(), run()) });
    assert!(one + other > 0, "nothing was rolled up");
}

/// The program of the roll-up function, which lies beside the command when the whole workspace was built.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment whether it may skip a part"
)]
#[expect(clippy::print_stdout, reason = "a skipped part says so")]
fn function() -> Option<String> {
    let name = format!("icecore-rollup-function{}", std::env::consts::EXE_SUFFIX);
    let path: PathBuf = Path::new(env!("CARGO_BIN_EXE_icecore")).with_file_name(name);
    if path.is_file() {
        return Some(path.display().to_string());
    }
    assert!(
        std::env::var("ICECORE_REQUIRE_TOOLS").as_deref() != Ok("1"),
        "the roll-up function was not built: {}",
        path.display()
    );
    println!("no roll-up functions: `cargo build --workspace` makes the program");
    None
}

/// A minute from now, milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "a process is told when its time ends"
)]
fn in_a_minute() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap() + 60_000
}

/// The network is good again: nothing is queued, everybody holds the same bytes, and every update is there once.
fn settles(admin: &Replica, writers: &[Replica], told: &Told) {
    for replica in writers.iter().chain(writers) {
        replica.ok(&["sync", "log"]);
    }
    admin.ok(&["rollup", "log", "--now", "--full"]);
    admin.ok(&["verify"]);
    let bytes = admin.ok(&["state", "log"]);
    for replica in writers {
        assert_eq!(replica.ok(&["state", "log"]), bytes);
        let status = replica.json(&["status", "log"]).remove(0);
        let clean = [&status["queued"], &status["refused"], &status["problem"]];
        assert_eq!(clean, [&json!(0), &json!(0), &Value::Null], "{status}");
        let found = [&status["gaps"], &status["unreadable"]];
        assert_eq!(found, [&json!([]), &json!([])], "{status}");
    }
    let log = admin.json(&["log", "log"]);
    let ids: BTreeSet<String> = log.iter().map(id_of).collect();
    assert_eq!(ids.len(), log.len(), "an update is there twice");
    let lost: Vec<_> = told.acknowledged.difference(&ids).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // What was queued and never acknowledged has come, too: each text once, in its writer's order.
    let state: Vec<Value> = serde_json::from_str(&bytes).unwrap();
    let texts: Vec<&str> = state.iter().map(|e| e["data"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), told.made.len());
    let once: BTreeSet<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(once, told.made);
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &state {
        let seq = next.entry(entry["author"].as_str().unwrap()).or_insert(1);
        assert_eq!(entry["seq"], *seq, "{entry}");
        *seq += 1;
    }
}
