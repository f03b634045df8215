//! A write that succeeded and was answered with "taken".

use crate::site::{MINUTE, Site, note, notes};
use icecore_core::{Author, Key, ModelRef, Order, Seq, SpaceName, UpdateId, UpdateObject};
use icecore_replica::Replica;
use icecore_sim::bucket::Faults;
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_sim::s3_server::{self, Fault, S3Server};
use icecore_store::backend::{self, Backend};
use icecore_store::epochs::again::Again;
use icecore_store::epochs::compress;
use icecore_store::publish::publish_at;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Reader, Store};
use object_store::memory::InMemory;
use std::sync::Arc;

/// A conditional write landed, its answer was lost on the way, and the HTTP client sent it again: 412. The own success
/// looks like somebody else's, so the update was written a second time under another key, or the commit was given up
/// (icechunk#1677; arrow-rs-object-store#852; slatedb#766). Here the occupant of a taken key is looked at: an own update
/// is acknowledged where it lies, and an own segment counts as written.
#[tokio::test(start_paused = true)]
async fn row_06_an_own_write_that_looks_taken_is_acknowledged_and_stored_once() {
    let site = Site::new().await;
    let always = Faults {
        retried_inside: 1.0,
        ..Faults::none()
    };
    let store = site.store_seen(&site.clock, always, true);
    let mut writer = site.replica_on(store.clone());
    for n in 0..10 {
        writer.enqueue(&[note(&format!("n{n}"))]).unwrap();
        let acknowledged = writer.sync().await.unwrap().acknowledged;
        assert_eq!((acknowledged[0].puts, acknowledged[0].bumps), (1, 0));
    }
    assert_eq!(site.paths("/updates/").len(), 10, "{}", site.tree());
    site.wait(MINUTE).await;
    let report = roll_up(&store, &site.space, &RollupOptions::default())
        .await
        .unwrap();
    assert_eq!(
        (report.raced, report.segments, report.updates),
        (false, 1, 10)
    );
    assert_eq!(report.snapshots, 1);
    compress(&store, &site.space).await.unwrap();
    let folded = site.agreed(&mut [&mut writer]).await;
    assert_eq!(notes(&folded).len(), 10);
    site.verified().await;
}

/// Where the client gives up instead of asking again, the outcome is unknown: the same write is repeated and finds its
/// own first attempt. A process that dies in between finds it when it starts again.
#[tokio::test(start_paused = true)]
async fn row_06_an_own_write_of_unknown_outcome_is_stored_once() {
    let site = Site::new().await;
    let often = Faults {
        lost_response: 0.5,
        ..Faults::none()
    };
    let store = site.store_seen(&site.clock, often, true);
    let replica = Replica::in_memory(store.clone()).unwrap();
    let mut session = site.opened(&replica);
    for n in 0..40 {
        session.enqueue(&[note(&format!("n{n}"))]).unwrap();
        if n % 2 == 0 {
            session.sync().await.unwrap();
        } else {
            // As if the process was killed right after its PUT.
            drop(Box::pin(crate::saved::cut(session.sync(), 3 + n % 20)).await);
            session = site.opened(&replica);
        }
    }
    session.sync().await.unwrap();
    assert!(session.pending(1).unwrap().is_empty());
    let folded = site.agreed(&mut [&mut session]).await;
    let expected: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    assert_eq!(notes(&folded), expected);
    for path in site.paths("/updates/") {
        let again = site.paths("/updates/");
        let same = |other: &&String| site.bytes(other) == site.bytes(&path);
        assert_eq!(again.iter().filter(same).count(), 1, "stored twice: {path}");
    }
}

/// Two sessions of one replica in memory sync at the same moment, as two tasks of one program do: one author has one update
/// in flight, so that each takes its turn and nothing is stored twice.
#[tokio::test(start_paused = true)]
async fn row_06_two_sessions_of_a_replica_in_memory_take_turns() {
    let site = Site::new().await;
    let slow = Faults {
        latency_max: 200,
        ..Faults::none()
    };
    let store = site.store_seen(&site.clock, slow, true);
    let replica = Replica::in_memory(store).unwrap();
    let (mut one, mut other) = (site.opened(&replica), site.opened(&replica));
    for n in 0..20 {
        one.enqueue(&[note(&format!("n{n}"))]).unwrap();
        let (first, second) = futures::join!(one.sync(), other.sync());
        let acknowledged = first.unwrap().acknowledged.len() + second.unwrap().acknowledged.len();
        assert_eq!(acknowledged, 1, "update {n}");
    }
    assert_eq!(site.paths("/updates/").len(), 20, "{}", site.tree());
    let folded = site.agreed(&mut [&mut one, &mut other]).await;
    assert_eq!(notes(&folded).len(), 20);
}

struct OnS3 {
    server: S3Server,
    store: Store,
    space: SpaceName,
}

/// A real S3 client and an S3 server, in real time.
async fn s3() -> OnS3 {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let clock = Arc::new(SimClock::start());
    let environment = server.environment().into_iter();
    let backend: Backend =
        backend::open(&server.url("root"), environment, Arc::clone(&clock) as _).unwrap();
    let store = Store::new(&backend, clock, Arc::new(Random::new(6)));
    OnS3 {
        server,
        store,
        space: "notes".parse().unwrap(),
    }
}

/// The same with the real client on a real connection that breaks before the answer: it does send the request again and
/// does report 412, for every object that is put on a condition.
#[tokio::test]
async fn row_06_a_retry_inside_the_http_client_is_recognised() {
    let s3 = s3().await;
    let (server, store) = (&s3.server, &s3.store);
    for part in ["store.json", "space.json", "/updates/"] {
        server.fail_next_put(part, Fault::LostResponse);
    }
    store.create().await.unwrap();
    let model = ModelRef::named("log");
    store
        .create_space(&s3.space, model, Order::Timestamp)
        .await
        .unwrap();
    let replica = Replica::in_memory(store.clone()).unwrap();
    let mut session = replica.space(&s3.space).unwrap();
    session.enqueue(&[note("a")]).unwrap();
    let acknowledged = session.sync().await.unwrap().acknowledged;
    assert_eq!((acknowledged[0].puts, acknowledged[0].bumps), (1, 0));
    assert_eq!(server.pending_faults(), 0);

    for part in ["/segments/", "/snapshots/"] {
        server.fail_next_put(part, Fault::LostResponse);
    }
    let everything = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    let report = roll_up(store, &s3.space, &everything).await.unwrap();
    assert_eq!(
        (report.raced, report.segments, report.snapshots),
        (false, 1, 1)
    );
    assert_eq!(server.pending_faults(), 0);

    server.fail_next_put("space.json", Fault::LostResponse);
    assert_eq!(compress(store, &s3.space).await.unwrap().epoch.number(), 2);
    assert_eq!(server.pending_faults(), 0);
    let mut restarted = replica.space(&s3.space).unwrap();
    restarted.enqueue(&[note("b")]).unwrap();
    restarted.sync().await.unwrap();
    let reader = Reader::open(store, &s3.space).await.unwrap();
    assert_eq!(notes(&reader.state()), ["a", "b"]);
}

/// And with every other answer of S3 that leaves the outcome open: nothing is stored twice, nothing is given up.
#[tokio::test]
async fn row_06_what_s3_answers_in_trouble_stores_nothing_twice() {
    let s3 = s3().await;
    s3.store.create().await.unwrap();
    let model = ModelRef::named("log");
    s3.store
        .create_space(&s3.space, model, Order::Timestamp)
        .await
        .unwrap();
    let mut session = Replica::in_memory(s3.store.clone())
        .unwrap()
        .space(&s3.space)
        .unwrap();
    let faults = [
        Fault::Conflict,
        Fault::SlowDown,
        Fault::InternalError,
        Fault::LostResponse,
    ];
    for (n, fault) in faults.iter().cycle().take(8).enumerate() {
        for _ in 0..=n / 4 * 3 {
            s3.server.fail_next_put("/updates/", *fault);
        }
        session.enqueue(&[note(&format!("n{n}"))]).unwrap();
        assert_eq!(session.sync().await.unwrap().acknowledged.len(), 1);
        while s3.server.pending_faults() > 0 {
            session.enqueue(&[note("more")]).unwrap();
            session.sync().await.unwrap();
        }
    }
    let mut reader = Reader::open(&s3.store, &s3.space).await.unwrap();
    reader
        .poll(icecore_store::reader::Waited::Not)
        .await
        .unwrap();
    let updates = notes(&reader.state()).len();
    assert_eq!(reader.tail.len(), updates, "one object each");
    assert!(session.pending(1).unwrap().is_empty());
}

/// An import that was cut stored the first of some updates under a key, and its answer was lost. The next one, with all of
/// them, found its own object there, and told of the rest as stored, which it was not. There is one way to publish again, and
/// it goes on with the rest.
#[tokio::test(start_paused = true)]
async fn row_06_what_a_shorter_earlier_attempt_left_out_is_stored_too() {
    let site = Site::with(ModelRef::named("log"), Order::Sequence).await;
    let store = site.store();
    let space = Reader::open(&store, site.replica().name()).await.unwrap();
    let id = |n: u64| UpdateId {
        author: Author::from_parts(1, 0),
        seq: Seq::new(n).unwrap(),
    };
    let all: Vec<_> = (1..=5)
        .map(|n| (id(n), note(&format!("n{n}")).update))
        .collect();
    let earlier = UpdateObject::new(
        id(1).author,
        id(1).seq,
        all[..2].iter().map(|(_, u)| u.clone()).collect(),
    );
    publish_at(&store, &space.info, &earlier, Key::MIN.saturating_add(1))
        .await
        .unwrap();

    let mut told = Vec::new();
    let mut again = Again::after(&space);
    again
        .publish_in_order(all, &mut |more| told.push(more))
        .await
        .unwrap();
    assert_eq!(told, [2, 3]);
    assert_eq!(site.notes().await, ["n1", "n2", "n3", "n4", "n5"]);
    site.verified().await;
}
