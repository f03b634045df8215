//! What was said is said, whatever happens before the store knows of it.

use crate::{World, texts};
use icecore_example_chat::update::Update;
use std::future::poll_fn;
use std::task::Poll;

/// FIELD.md row 19 (replicache PR#799, y-sweet#431, super-productivity#7892): the program was closed, or crashed, before the
/// queue was sent, and what people had written was gone; or it was sent again after the restart, and everybody read it
/// twice. The queue is on the disk before `update` returns, and an update keeps its `(author, seq)` for ever.
#[tokio::test]
async fn row_19_what_was_said_before_a_crash_is_sent_in_order_and_once() {
    let mut cut = 0;
    // The crash comes earlier and later: before the first request, between any two, and after the last.
    loop {
        let world = World::new();
        drop(world.create("bo").await);
        let ada = world.create("ada").await;
        for text in ["one", "two", "three"] {
            ada.update(Update::say(text)).await.unwrap();
        }
        let went_through = syncs_until(&ada, cut).await;
        drop(ada);

        let ada = world.open("ada").await;
        ada.update(Update::say("four")).await.unwrap();
        ada.sync().await.unwrap();
        assert_eq!(ada.pending().await.unwrap(), 0);
        let bo = world.open("bo").await;
        bo.sync().await.unwrap();
        assert_eq!(
            texts(&bo.state()),
            ["one", "two", "three", "four"],
            "cut at {cut}"
        );
        assert_eq!(world.seen_anew().await.unwrap(), *bo.state());
        if went_through {
            break;
        }
        cut += 1;
    }
    assert!(cut > 2, "a sync is some requests: {cut}");
}

/// Syncs, and is no more when it has been woken so many times. Tells whether the sync went through before.
async fn syncs_until(
    replica: &icecore::Replica<icecore_example_chat::model::Chat>,
    wakes: usize,
) -> bool {
    let mut sync = Box::pin(replica.sync());
    let mut woken = 0;
    poll_fn(|context| {
        if woken == wakes {
            return Poll::Ready(false);
        }
        woken += 1;
        sync.as_mut().poll(context).map(|synced| {
            synced.unwrap();
            true
        })
    })
    .await
}

/// FIELD.md row 9 (powersync-native#15, powersync.dart#307, hercycle#313): a refused request stopped the sync for good, or the
/// client took the refusal for an answer and dropped its queue. Whatever a store says, what is queued stays queued, in order, and
/// goes out when the store takes it.
#[tokio::test]
async fn row_09_a_queue_outlives_a_store_that_refuses_it() {
    let world = World::new();
    let ada = world.create("ada").await;
    ada.update(Update::say("one")).await.unwrap();
    ada.sync().await.unwrap();
    let (store, away) = (world.path("store"), world.path("away"));
    std::fs::rename(&store, &away).unwrap();
    for (n, text) in (1..).zip(["two", "three", "four"]) {
        ada.update(Update::say(text)).await.unwrap();
        assert!(ada.sync().await.is_err());
        assert_eq!(ada.pending().await.unwrap(), n);
    }
    assert_eq!(texts(&ada.state()), ["one", "two", "three", "four"]);
    if std::fs::exists(&store).unwrap() {
        std::fs::remove_dir_all(&store).unwrap();
    }
    std::fs::rename(&away, &store).unwrap();
    ada.sync().await.unwrap();
    assert_eq!(ada.pending().await.unwrap(), 0);
    assert_eq!(
        texts(&world.seen_anew().await.unwrap()),
        ["one", "two", "three", "four"]
    );
}

#[tokio::test]
async fn who_comes_back_reads_on_from_the_last_update_held() {
    let world = World::new();
    let (ada, bo) = (world.create("ada").await, world.create("bo").await);
    for text in ["one", "two"] {
        ada.update(Update::say(text)).await.unwrap();
        ada.sync().await.unwrap();
    }
    assert_eq!(bo.sync().await.unwrap().pulled.objects, 2);
    bo.update(Update::say("meanwhile")).await.unwrap();
    ada.update(Update::say("three")).await.unwrap();
    ada.sync().await.unwrap();
    drop(bo);
    let bo = world.open("bo").await;
    // What is held needs no request, what is new is one object.
    assert_eq!(texts(&bo.state()), ["one", "two", "meanwhile"]);
    assert_eq!(bo.sync().await.unwrap().pulled.objects, 1);
    assert_eq!(texts(&bo.state()), ["one", "two", "three", "meanwhile"]);
    assert_eq!(world.seen_anew().await.unwrap(), *bo.state());
}
