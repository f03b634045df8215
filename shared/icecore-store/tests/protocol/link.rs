//! Linking: a guest's history joins a user's.

use super::bench::Bench;
use bytes::Bytes;
use futures::future::{Either, select};
use icecore_core::{Covered, ErrorKind, Linked, ModelRef, ObjectKey, Order, SpaceName};
use icecore_sim::bucket::Faults;
use icecore_store::Reader;
use icecore_store::epochs::{compress, erase, redact, reset};
use icecore_store::link::{Link, forward_all, join, link};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::rounds::{Limits, Rounds, Work};
use icecore_store::{Clock, Store};
use std::time::Duration;

fn user() -> SpaceName {
    "user".parse().unwrap()
}

/// A guest with three updates in segments and one that waits, and a user with one of its own.
async fn guest_and_user() -> Bench {
    let mut bench = Bench::new("document").await;
    let model = ModelRef::named("document");
    let name = user();
    let created = bench.store.create_space(&name, model, Order::Timestamp);
    let user = created.await.unwrap();
    bench
        .write_to(&user, 9, "increment", r#"{"/n":1000}"#)
        .await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    bench.write(2, "increment", r#"{"/n":10}"#).await;
    bench.roll_up().await;
    bench.write(1, "increment", r#"{"/n":100}"#).await;
    bench
}

async fn link_them(bench: &Bench) -> Link {
    link(&bench.store, &bench.space, &user()).await.unwrap()
}

async fn state(store: &Store, space: &SpaceName) -> String {
    let reader = Reader::open(store, space).await.unwrap();
    String::from_utf8(reader.state().state_json().unwrap()).unwrap()
}

/// What the space holds, by author and seq.
async fn ids(store: &Store, space: &SpaceName) -> Covered {
    let reader = Reader::open(store, space).await.unwrap();
    let mut ids = reader.base.covered.clone();
    for entry in reader.tail_entries() {
        ids.insert(entry.id);
    }
    ids
}

#[tokio::test(start_paused = true)]
async fn the_guests_updates_join_once_under_the_same_author_and_seq() {
    let bench = guest_and_user().await;
    let first = link_them(&bench).await;
    assert_eq!(first.updates, 3);
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":1111}"#);
    let again = link_them(&bench).await;
    assert_eq!((again.updates, &again.linked_at), (0, &first.linked_at));
    let mut both = ids(&bench.store, &bench.space).await;
    assert_eq!(both.len(), 3);
    both.extend(&ids(&bench.store, &user()).await);
    assert_eq!(both.len(), 4, "the guest's are among the user's");
    assert_eq!(bench.verify().await.problems, []);
    assert_eq!(
        bench.state().await,
        r#"{"n":111}"#,
        "the guest's space stays"
    );
}

#[tokio::test(start_paused = true)]
async fn what_arrives_meanwhile_and_later_is_forwarded_by_the_roll_up() {
    let mut bench = guest_and_user().await;
    join(&bench.store, &bench.space, &user()).await.unwrap();
    // Nobody came so far as to forward anything; a device that knows nothing of it goes on.
    bench.write(2, "increment", r#"{"/n":10000}"#).await;
    assert_eq!(bench.roll_up().await.forwarded, 4);
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":11111}"#);
    bench.write(1, "increment", r#"{"/n":100000}"#).await;
    assert_eq!(bench.roll_up().await.forwarded, 1);
    assert_eq!(bench.roll_up().await.forwarded, 0);
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":111111}"#);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_round_finishes_what_a_crash_cut_off() {
    let bench = guest_and_user().await;
    bench.roll_up().await;
    join(&bench.store, &bench.space, &user()).await.unwrap();
    let mut rounds = Rounds::new(bench.store.clone(), Limits::default());
    let deadline = bench.clock.monotonic() + Duration::from_mins(5);
    bench.clock.sleep(Duration::from_secs(20)).await;
    let report = rounds.run(Work::Scheduled, deadline).await.unwrap();
    assert_eq!((report.forwarded, report.failures), (3, vec![]));
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":1111}"#);
}

#[tokio::test(start_paused = true)]
async fn two_at_once_forward_nothing_twice() {
    let bench = guest_and_user().await;
    let user = user();
    let one = link(&bench.store, &bench.space, &user);
    let other = link(&bench.store, &bench.space, &user);
    let (one, other) = futures::join!(one, other);
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.linked_at, other.linked_at);
    assert_eq!(state(&bench.store, &user).await, r#"{"n":1111}"#);
    let report = icecore_store::verify::verify(&bench.store, &user, &mut |_, _| {}).await;
    assert_eq!(report.unwrap().problems, []);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_on_the_way_double_nothing() {
    for _ in 0..40 {
        let bench = guest_and_user().await;
        bench.bucket.set_faults(Faults {
            lost_response: 0.2,
            zombie: 0.05,
            duplicate: 0.1,
            ..Faults::none()
        });
        let mut tries = 0;
        while link(&bench.store, &bench.space, &user()).await.is_err() {
            tries += 1;
            assert!(tries < 50, "it never comes through");
        }
        bench.bucket.set_faults(Faults::none());
        assert_eq!(state(&bench.store, &user()).await, r#"{"n":1111}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_between_any_two_requests_loses_and_doubles_nothing() {
    // Each request takes up to 20 ms: so every step of it is cut once, first early, then later.
    let mut finished = 0;
    for cut_after in (1..1_200).step_by(4) {
        let mut bench = guest_and_user().await;
        let into = user();
        let cut = bench.clock.sleep(Duration::from_millis(cut_after));
        let linking = Box::pin(link(&bench.store, &bench.space, &into));
        finished += u32::from(matches!(select(linking, cut).await, Either::Left(_)));
        // The device that knows nothing of it goes on, and so does the schedule.
        bench.write(2, "increment", r#"{"/n":10000}"#).await;
        bench.roll_up().await;
        link_them(&bench).await;
        assert_eq!(
            state(&bench.store, &into).await,
            r#"{"n":11111}"#,
            "{cut_after} ms"
        );
        assert_eq!(bench.verify().await.problems, []);
    }
    assert!((1..250).contains(&finished), "{finished} came to their end");
}

#[tokio::test(start_paused = true)]
async fn what_the_user_erased_or_redacted_does_not_come_back() {
    let mut bench = guest_and_user().await;
    link_them(&bench).await;
    reset(&bench.store, &user()).await.unwrap();
    assert_eq!(state(&bench.store, &user()).await, "{}");
    bench.write(1, "increment", r#"{"/n":5}"#).await;
    forward_all(&bench.store, &bench.space).await.unwrap();
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":5}"#);
    erase(&bench.store, &user()).await.unwrap();
    bench.write(1, "increment", r#"{"/n":7}"#).await;
    // The guest's own space goes on; only the caller who asks is told.
    assert_eq!(bench.roll_up().await.forwarded, 0);
    let error = forward_all(&bench.store, &bench.space).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn spaces_that_do_not_fit_together_are_not_linked() {
    let mut bench = guest_and_user().await;
    let (store, space) = (bench.store.clone(), bench.space.clone());
    for (name, model, order) in [
        ("log", "log", Order::Timestamp),
        ("steps", "document", Order::Sequence),
    ] {
        let name: SpaceName = name.parse().unwrap();
        let model = ModelRef::named(model);
        store.create_space(&name, model, order).await.unwrap();
        for (from, into) in [(&space, &name), (&name, &space)] {
            let error = link(&store, from, into).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert!(error.hint().is_some());
        }
    }
    let kind = |result: icecore_core::Result<Link>| result.unwrap_err().kind();
    assert_eq!(kind(link(&store, &space, &space).await), ErrorKind::Invalid);
    let nobody: SpaceName = "nobody".parse().unwrap();
    assert_eq!(
        kind(link(&store, &space, &nobody).await),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(link(&store, &nobody, &space).await),
        ErrorKind::NotFound
    );

    link(&store, &space, &user()).await.unwrap();
    let third: SpaceName = "third".parse().unwrap();
    let model = ModelRef::named("document");
    store
        .create_space(&third, model, Order::Timestamp)
        .await
        .unwrap();
    assert_eq!(
        kind(link(&store, &space, &third).await),
        ErrorKind::Conflict
    );
    assert_eq!(kind(link(&store, &third, &space).await), ErrorKind::Invalid);
    // A new history of the one would be another than the other holds.
    let author = icecore_store::epochs::Redaction::Author(Bench::author(1));
    for error in [
        compress(&store, &space).await.unwrap_err(),
        reset(&store, &space).await.unwrap_err(),
        redact(&store, &space, author).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.hint().unwrap().contains("user"), "{error}");
    }
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    assert_eq!(bench.roll_up().await.forwarded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_the_other_space_knows_nothing_of_forwards_nothing() {
    // Whoever administers a space can write its space.json.
    let bench = guest_and_user().await;
    let path = ObjectKey::Space(bench.space.clone());
    let mut info = bench.info().await;
    info.linked = Some(Linked {
        into: user(),
        at: "2026-11-20T12:00:00.000Z".to_owned(),
    });
    let body = Bytes::from(info.to_json());
    bench.store.bucket.put(&path, body).await.unwrap();
    assert_eq!(bench.roll_up().await.forwarded, 0);
    assert_eq!(forward_all(&bench.store, &bench.space).await.unwrap(), 0);
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":1000}"#);
}

#[tokio::test(start_paused = true)]
async fn two_spaces_that_hold_the_same_ids_are_not_linked() {
    let mut bench = guest_and_user().await;
    let model = ModelRef::named("document");
    let other: SpaceName = "other".parse().unwrap();
    let created = bench.store.create_space(&other, model, Order::Timestamp);
    let other = created.await.unwrap();
    // A device whose token is bound to one author counts from 1 in each space.
    bench.forget_writers();
    bench.write_to(&other, 1, "increment", r#"{"/n":7}"#).await;
    let error = link(&bench.store, &bench.space, &other.space).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(state(&bench.store, &other.space).await, r#"{"n":7}"#);
    assert_eq!(bench.info().await.linked, None);
}

#[tokio::test(start_paused = true)]
async fn a_linked_space_is_erased_only_when_the_other_holds_all_of_it() {
    let mut bench = guest_and_user().await;
    join(&bench.store, &bench.space, &user()).await.unwrap();
    bench.write(2, "increment", r#"{"/n":10000}"#).await;
    erase(&bench.store, &bench.space).await.unwrap();
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":11111}"#);
}

#[tokio::test(start_paused = true)]
async fn many_segments_are_forwarded_over_several_runs() {
    let mut bench = guest_and_user().await;
    for n in 0..150 {
        bench.write(1, "increment", r#"{"/n":1}"#).await;
        if n < 149 {
            bench.roll_up().await;
        }
    }
    join(&bench.store, &bench.space, &user()).await.unwrap();
    let no_time = RollupOptions {
        full: false,
        now: true,
        time_max: Some(Duration::ZERO),
    };
    let (mut runs, mut forwarded) = (0, 0);
    loop {
        let report = roll_up(&bench.store, &bench.space, &no_time).await.unwrap();
        (runs, forwarded) = (runs + 1, forwarded + report.forwarded);
        assert!(runs < 20, "it never ends");
        if !report.unfinished {
            break;
        }
    }
    assert_eq!(forwarded, 153);
    assert!(runs > 2, "{runs}");
    assert_eq!(state(&bench.store, &user()).await, r#"{"n":1261}"#);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_not_whole_is_not_linked() {
    let bench = guest_and_user().await;
    compress(&bench.store, &bench.space).await.unwrap();
    let error = link(&bench.store, &bench.space, &user()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.hint().unwrap().contains("--replay"));
}
