//! The promises of a replay, checked here anew against the log and the folders that the replicas leave behind.

use crate::{World, real_logs};
use icecore::{Place, Replica, UpdateId};
use icecore_example_chat::conversation::Conversation;
use icecore_example_chat::model::{Chat, State};
use icecore_example_chat::pace::Speed;
use icecore_example_chat::plan::{Chances, Plan};
use icecore_example_chat::replay::{Options, Report, replay};
use icecore_sim::bucket::{Faults, SimBucket};
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::Store;
use icecore_store::backend::ServerTime;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a bus full of hikers says in nine minutes: names change hands, half of them come late, one speaks in bursts.
fn bus() -> Vec<u8> {
    let mut log = vec!["=== rain [r@h]  has joined #hikers".to_owned()];
    for n in 0..90 {
        let time = format!("[23:{:02}]", 50 + n / 10);
        let name = ["rain", "mud", "fog", "moss", "fern"][(n * 7 + n / 3) % 5];
        log.push(format!("{time} <{name}> line {n}"));
        if n % 20 == 0 {
            log.extend(["and", "again"].map(|text| format!("{time} <{name}> {text}")));
        }
        if n == 30 {
            log.push("=== mud is now known as mud|away".to_owned());
            log.push(format!("{time} <mud|away> gone"));
            log.push("=== mud|away is now known as mud".to_owned());
        }
        if n == 60 {
            log.push("=== sun [s@h]  has joined #hikers".to_owned());
            log.push("=== fog [f@h]  has left #hikers [\"home\"]".to_owned());
        }
    }
    log.join("\n").into_bytes()
}

fn options() -> Options {
    Options {
        speed: Speed::Max,
        midnight: 1_136_160_000_000,
        space: "chat".to_owned(),
    }
}

async fn play(place: &Place, log: &[u8], chances: Chances) -> (Conversation, Report) {
    let conversation = Conversation::parse(log).unwrap();
    let plan = Plan::of(&conversation, chances);
    let report = replay(&plan, &options(), place).await.unwrap();
    assert_eq!(report.differences, [""; 0]);
    (conversation, report)
}

/// What a replica's folder holds, without any request.
async fn held(world: &World, number: usize) -> State {
    let place: Place = world.place(&format!("replicas/{number:04}"));
    let replica = Replica::open(Chat, &place, "chat").await.unwrap();
    assert_eq!(replica.pending().await.unwrap(), 0);
    State::clone(&replica.state())
}

fn by_name<'a>(
    messages: impl Iterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, text) in messages {
        by_name.entry(name).or_default().push(text);
    }
    by_name
}

async fn check(world: &World, conversation: &Conversation, report: &Report) {
    let state = world.seen_anew().await.unwrap();
    let one = serde_json::to_string(&state).unwrap();
    for number in 1..=report.replicas {
        let own = serde_json::to_string(&held(world, number).await).unwrap();
        assert_eq!(own, one, "replica {number}");
    }
    check_state(&state, conversation);
}

fn check_state(state: &State, conversation: &Conversation) {
    // None is missing, none is there twice, and everybody's are in the order in which they were said.
    let said = state
        .messages()
        .map(|m| (m.name.as_deref().unwrap(), m.text.as_str()));
    assert_eq!(by_name(said), by_name(conversation.messages()));
    let ids: BTreeSet<UpdateId> = state.messages().map(|message| message.id).collect();
    assert_eq!(ids.len(), conversation.messages().count());
    // A nickname belongs to one author, and its messages stand in the author's own order.
    let mut last: BTreeMap<_, _> = BTreeMap::new();
    for message in state.messages() {
        assert!(last.insert(message.id.author, message.id.seq) < Some(message.id.seq));
    }
    let authors = state
        .messages()
        .map(|m| (m.name.as_deref(), m.id.author))
        .collect::<BTreeSet<_>>();
    let names: BTreeSet<_> = authors.iter().map(|(name, _)| *name).collect();
    assert_eq!(authors.len(), names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_the_connection_all_end_with_the_same_conversation() {
    for seed in 0..2 {
        let world = World::new();
        let (conversation, report) = play(
            &world.place("replicas"),
            &bus(),
            Chances { offline: 0.4, seed },
        )
        .await;
        assert!(report.tally.disconnections > 5, "{report:?}");
        assert_eq!(
            (report.replicas, report.nicknames, report.authors),
            (6, 7, 5)
        );
        check(&world, &conversation, &report).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_begins_with_an_empty_chat() {
    let world = World::new();
    let log = b"[10:00] <a> hi\n";
    let (conversation, report) = play(
        &world.place("replicas"),
        log,
        Chances {
            offline: 1.0,
            seed: 1,
        },
    )
    .await;
    check(&world, &conversation, &report).await;
    let plan = Plan::of(
        &conversation,
        Chances {
            offline: 0.0,
            seed: 1,
        },
    );
    let error = replay(&plan, &options(), &world.place("others"))
        .await
        .unwrap_err();
    assert!(error.is_conflict() && error.hint().is_some());
}

/// In virtual time: the replay waits as people see it wait, and takes no time.
#[tokio::test(start_paused = true)]
async fn on_a_bad_day_all_end_with_the_same_conversation_too() {
    for seed in 0..6 {
        let clock = SimClock::start();
        let random = Random::new(seed);
        let bucket = SimBucket::new(random.clone(), clock.clone());
        let store = Store::on(
            Arc::new(bucket.clone()),
            object_store::path::Path::from("chats"),
            Arc::new(clock.clone()),
            Arc::new(random),
            Arc::new(ServerTime::new()),
        );
        let place = Place::on(store);
        bucket.set_faults(Faults::bad().scaled(0.5));
        let conversation = Conversation::parse(&bus()).unwrap();
        let plan = Plan::of(&conversation, Chances { offline: 0.3, seed });
        let speed = Speed::Times(100);
        let options = Options { speed, ..options() };
        let report = loop {
            match replay(&plan, &options, &place).await {
                // Nobody has said anything yet.
                Err(error) if error.is_unavailable() => {}
                played => break played.unwrap(),
            }
        };
        assert_eq!(
            report.differences,
            [""; 0],
            "seed {seed}\n{}",
            bucket.with_disk(|disk| disk.tree())
        );
        assert!(
            report.millis >= 9 * 60_000 / 100 && bucket.happened().refused > 0,
            "{report:?}"
        );

        bucket.set_faults(Faults::none());
        let replica = Replica::open(Chat, &place, "chat").await.unwrap();
        replica.sync().await.unwrap();
        check_state(&replica.state(), &conversation);
        assert!(replica.verify().await.unwrap().problems.is_empty());
    }
}

/// With replicas in memory: a hundred folders are more than a test should wait for.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_log_is_replayed() {
    const LINES: usize = 300;
    let Some(log) = real_logs().unwrap_or_default().into_iter().next() else {
        return;
    };
    let text = String::from_utf8(std::fs::read(log).unwrap()).unwrap();
    let begin: Vec<&str> = text.lines().take(LINES).collect();
    let world = World::new();
    let log = begin.join("\n");
    let place = Place::new(world.path("store"));
    let (conversation, report) = play(
        &place,
        log.as_bytes(),
        Chances {
            offline: 0.2,
            seed: 5,
        },
    )
    .await;
    assert!(report.replicas > 50, "{report:?}");
    check_state(&world.seen_anew().await.unwrap(), &conversation);
}
