//! The typed replica as an app uses it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "replica/counter.rs"]
mod counter;
#[path = "replica/site.rs"]
mod site;

use counter::{Counter, Msg};
use icecore::system::{OsIds, SystemClock};
use icecore::{ErrorKind, News, Order, Place, Refusal, Replica, Stage};
use icecore_store::Store;
use icecore_store::backend::{self, Metered};
use site::Site;
use std::sync::Arc;

#[tokio::test]
async fn what_changes_is_told_with_its_author_and_stage() {
    let site = Site::new();
    let ada = site.replica("ada", Order::Timestamp).await;
    let bob = site.replica("bob", Order::Timestamp).await;
    let (mut at_ada, mut at_bob) = (ada.changes(), bob.changes());

    let id = ada.update(Msg::Add { by: 3 }).await.unwrap();
    assert_eq!((ada.state().sum, bob.state().sum), (3, 0));
    ada.sync().await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!(bob.state().sum, 3);

    for (news, own, stage) in [
        (at_ada.try_next(), true, Stage::Pending),
        (at_ada.try_next(), true, Stage::Confirmed),
        (at_bob.try_next(), false, Stage::Confirmed),
    ] {
        let Some(News::Change(change)) = news else {
            panic!("no change");
        };
        assert_eq!((change.id, change.own, change.stage), (id, own, stage));
        assert_eq!(change.update, Ok(Msg::Add { by: 3 }));
    }
    assert!(at_ada.try_next().is_none() && at_bob.try_next().is_none());
    assert!(ada.verify().await.unwrap().problems.is_empty());
}

/// A message that was typed while a sync was under way went out with it, and its row said "sending" for ever.
#[tokio::test]
async fn an_update_that_is_made_during_a_sync_is_told_as_confirmed() {
    let site = Site::new();
    let replica = site.replica("ada", Order::Timestamp).await;
    let mut changes = replica.changes();
    for _ in 0..100 {
        let mut sync = Box::pin(replica.sync());
        let is_under_way = futures::poll!(&mut sync).is_pending();
        let id = replica.update(Msg::Add { by: 3 }).await.unwrap();
        if is_under_way {
            let synced = sync.await.unwrap();
            if synced.acknowledged.iter().any(|a| a.id == id) {
                for expected in [Stage::Pending, Stage::Confirmed] {
                    let Some(News::Change(change)) = changes.try_next() else {
                        panic!("not told: {expected:?}");
                    };
                    assert_eq!((change.id, change.stage), (id, expected));
                    assert_eq!(change.update, Ok(Msg::Add { by: 3 }));
                }
                assert!(changes.try_next().is_none());
                return;
            }
        }
        // The sync was faster, and the next one sends it.
        replica.sync().await.unwrap();
        while changes.try_next().is_some() {}
    }
    panic!("no update was made while a sync was under way");
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_not_queued() {
    let site = Site::new();
    let replica = site.replica("ada", Order::Timestamp).await;
    let now = replica.now();
    let messages = vec![(now, Msg::Add { by: 1 }), (now, Msg::Take { by: 2 })];
    let error = replica.update_all(messages).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.object(), Some("message 2"));
    assert_eq!(
        (replica.pending().await.unwrap(), replica.state().sum),
        (0, 0)
    );
    replica.update(Msg::Add { by: 1 }).await.unwrap();
    assert_eq!(
        (replica.pending().await.unwrap(), replica.state().sum),
        (1, 1)
    );
}

#[tokio::test]
async fn the_past_can_be_read() {
    let site = Site::new();
    let replica = site.replica("ada", Order::Sequence).await;
    for by in [1, 10, 100] {
        replica.update(Msg::Add { by }).await.unwrap();
        replica.sync().await.unwrap();
    }
    replica.roll_up().await.unwrap();
    replica.update(Msg::Add { by: 1_000 }).await.unwrap();
    replica.sync().await.unwrap();
    let history = replica.history().await.unwrap();
    let added: Vec<Msg> = history.iter().map(|r| r.update.clone().unwrap()).collect();
    assert_eq!(added, [1, 10, 100, 1_000].map(|by| Msg::Add { by }));
    assert_eq!(replica.state_at(history[1].key).await.unwrap().sum, 11);
    replica.compress().await.unwrap();
    replica.sync().await.unwrap();
    assert_eq!(replica.state().sum, 1_111);
    assert!(replica.verify().await.unwrap().problems.is_empty());
}

/// Two people take the last one, both offline. The second is told what happened in between, and keeps the update.
#[tokio::test]
async fn a_refusal_tells_what_changed_in_between() {
    let site = Site::new();
    let ada = site.replica("ada", Order::Sequence).await;
    let bob = site.replica("bob", Order::Sequence).await;
    ada.update(Msg::Add { by: 1 }).await.unwrap();
    ada.sync().await.unwrap();
    bob.sync().await.unwrap();

    bob.update(Msg::Take { by: 1 }).await.unwrap();
    let taken = ada.update(Msg::Take { by: 1 }).await.unwrap();
    ada.sync().await.unwrap();
    // What a roll-up has pressed into a segment is told as well.
    ada.roll_up().await.unwrap();

    let mut news = bob.changes();
    let error = bob.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let refusal = Refusal::of(&error).expect("a refusal");
    assert_eq!(refusal.reason, "1 cannot be taken from 0");
    let since: Vec<_> = refusal.since.iter().map(|entry| entry.id).collect();
    assert_eq!(since, [taken]);
    assert!(
        std::iter::from_fn(|| news.try_next())
            .any(|news| matches!(news, News::Refused { id, .. } if id == refusal.id))
    );

    assert_eq!(bob.state().sum, 0);
    let refused = bob.refused().await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].since, [taken]);
    assert!(bob.drop_refused(refused[0].id).await.unwrap());
    bob.sync().await.unwrap();
}

/// Somebody made the space in clear before: an app that wants it encrypted must not go on as if it were.
#[tokio::test]
async fn a_space_that_is_not_what_the_app_wants_is_refused() {
    let site = Site::new();
    site.replica("ada", Order::Timestamp).await;
    let place = site.place("bob").with_passphrase("melon");
    let model = Counter::default;
    let created = Replica::create_encrypted(model(), &place, "count", Order::Timestamp).await;
    let error = created.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("not encrypted"), "{error}");
    let created = Replica::create(model(), &place, "count", Order::Sequence).await;
    assert!(created.unwrap_err().is_conflict());
}

#[tokio::test]
async fn an_encrypted_space_is_read_by_who_knows_the_passphrase() {
    let site = Site::new();
    let place = |name: &str, passphrase: &str| site.place(name).with_passphrase(passphrase);
    let model = Counter::default;
    let (order, ada) = (Order::Timestamp, place("ada", "melon"));
    let ada = Replica::create_encrypted(model(), &ada, "count", order)
        .await
        .unwrap();
    ada.update(Msg::Add { by: 3 }).await.unwrap();
    ada.sync().await.unwrap();
    let bob = Replica::open(model(), &place("bob", "melon"), "count")
        .await
        .unwrap();
    bob.sync().await.unwrap();
    assert_eq!(bob.state().sum, 3);
    let eve = Replica::open(model(), &place("eve", "lemon"), "count")
        .await
        .unwrap();
    assert_eq!(eve.sync().await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(eve.state().sum, 0);

    // Another passphrase: who has the old one is told, and goes on with the new one and the same copy.
    site.change_passphrase("melon", "lemon").await;
    ada.update(Msg::Add { by: 5 }).await.unwrap();
    assert_eq!(ada.sync().await.unwrap_err().kind(), ErrorKind::Denied);
    drop((ada, bob));
    let ada = Replica::open(model(), &place("ada", "lemon"), "count")
        .await
        .unwrap();
    let bob = Replica::open(model(), &place("bob", "lemon"), "count")
        .await
        .unwrap();
    ada.sync().await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!((ada.state().sum, bob.state().sum), (8, 8));
    assert!(ada.verify().await.unwrap().problems.is_empty());
}

/// Two programs on one folder: what the one has read, the other shows after its next sync.
#[tokio::test]
async fn what_another_process_has_read_is_shown() {
    let site = Site::new();
    let bob = site.replica("bob", Order::Timestamp).await;
    let one = site.replica("ada", Order::Timestamp).await;
    let two = site.replica("ada", Order::Timestamp).await;
    bob.update(Msg::Add { by: 3 }).await.unwrap();
    bob.sync().await.unwrap();
    one.sync().await.unwrap();
    let mut news = two.changes();
    two.sync().await.unwrap();
    assert_eq!((one.state().sum, two.state().sum), (3, 3));
    assert!(matches!(news.try_next(), Some(News::Reread)));
}

/// Who has erased an account and writes to it again is told, and so is another device.
#[tokio::test]
async fn what_was_erased_takes_no_update() {
    let site = Site::new();
    let ada = site.replica("ada", Order::Timestamp).await;
    let bob = site.replica("bob", Order::Timestamp).await;
    ada.update(Msg::Add { by: 3 }).await.unwrap();
    ada.sync().await.unwrap();
    bob.sync().await.unwrap();
    ada.erase().await.unwrap();
    for replica in [&ada, &bob] {
        replica.update(Msg::Add { by: 5 }).await.unwrap();
        let error = replica.sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("erased"), "{error}");
        assert_eq!(replica.pending().await.unwrap(), 1);
    }
}

/// A history that cannot have happened stops reading, and names the update; redacting it is a person's decision.
#[tokio::test]
async fn an_inconsistent_history_stops_reading() {
    let site = Site::new();
    let ada = site.replica("ada", Order::Timestamp).await;
    ada.update(Msg::Add { by: 1 }).await.unwrap();
    ada.sync().await.unwrap();
    // Made against the model by another program.
    let broken = site.forge(Msg::Impossible).await;
    ada.update(Msg::Add { by: 5 }).await.unwrap();
    let error = ada.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(error.object(), Some(broken.to_string().as_str()));
    assert_eq!(ada.state().sum, 1);
    assert!(ada.update(Msg::Add { by: 5 }).await.is_err());
    let report = ada.roll_up().await.unwrap();
    assert_eq!(report.inconsistent.map(|r| r.id), Some(broken));
    assert!(ada.compress().await.is_err());
    // Nothing is repaired silently, for nobody.
    let fresh = site.replica("bob", Order::Timestamp).await;
    assert_eq!(fresh.state().sum, 1);
    assert!(
        fresh
            .sync()
            .await
            .unwrap_err()
            .to_string()
            .contains("inconsistent")
    );
    let verified = ada.verify().await.unwrap();
    assert_eq!(verified.problems.len(), 1);
    assert!(verified.problems[0].message.contains("inconsistent"));
}

#[tokio::test]
async fn an_update_and_a_sync_are_two_writes_and_a_poll() {
    let clock = Arc::new(SystemClock::new());
    let opened = backend::open(
        "memory://",
        std::iter::empty(),
        Arc::<SystemClock>::clone(&clock),
    )
    .unwrap();
    let metered = Metered::new(Arc::clone(&opened.store), opened.prefix.clone());
    let objects = Arc::new(metered.clone());
    let server_time = Arc::clone(&opened.server_time);
    let ids = Arc::new(OsIds);
    let store = Store::on(objects, opened.prefix.clone(), clock, ids, server_time);
    let place = Place::on(store);
    let writer = Replica::create(Counter::default(), &place, "count", Order::Timestamp)
        .await
        .unwrap();
    writer.sync().await.unwrap();
    let before = metered.counts();
    for _ in 0..500 {
        writer.update(Msg::Add { by: 1 }).await.unwrap();
        assert_eq!(writer.sync().await.unwrap().acknowledged.len(), 1);
    }
    assert_eq!((metered.counts() - before.clone()).requests(), 1_500);
    writer.sync().await.unwrap();
    assert_eq!((metered.counts() - before).requests(), 1_501, "and a poll");
    let other = Replica::open(Counter::default(), &place, "count")
        .await
        .unwrap();
    other.sync().await.unwrap();
    assert_eq!(other.state().sum, 500);
}
