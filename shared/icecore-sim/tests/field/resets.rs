//! A bucket that was emptied, replaced, put back or reset.

use crate::site::{HOUR, MINUTE, Site, note, notes, object, shown};
use icecore_core::{ErrorKind, ModelRef, Order};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::epochs::reset;

/// A site with a replica that has three notes, all rolled up, and one that was not sent yet.
async fn with_pending(rolled_up: bool) -> (Site, Replica, SpaceReplica) {
    let site = Site::new().await;
    let mut writer = site.replica();
    for n in 0..3 {
        site.write(&mut writer, &format!("n{n}")).await;
    }
    if rolled_up {
        site.wait(MINUTE).await;
        site.roll_up().await;
    }
    let replica = Replica::in_memory(site.store()).unwrap();
    let mut session = site.opened(&replica);
    session.pull().await.unwrap();
    session.enqueue(&[note("pending")]).unwrap();
    (site, replica, session)
}

/// All that a person has: the notes are shown, and what was not sent waits to be sent.
fn nothing_is_gone(session: &mut SpaceReplica) {
    assert_eq!(shown(session), ["n0", "n1", "n2", "pending"]);
    assert_eq!(session.pending(9).unwrap().len(), 1);
}

/// The target was emptied by somebody, or was another one than before: devices took the missing files for deletions and
/// deleted everything they had (obsidian-s3-sync-and-backup#70; LiveSync#754, #848). Here what is not there says
/// nothing: the replica keeps what it has and what it has not sent, says what is wrong, and goes on when the bucket is
/// back.
#[tokio::test(start_paused = true)]
async fn row_08_an_emptied_bucket_deletes_nothing() {
    for rolled_up in [false, true] {
        let (site, _, mut session) = with_pending(rolled_up).await;
        let backup = site.bucket.with_disk(|disk| disk.objects.clone());
        site.remove("");
        for _ in 0..20 {
            // What a poll between two looks at the whole space says is of no matter; it must not delete.
            drop(session.pull().await);
            nothing_is_gone(&mut session);
            site.wait(MINUTE).await;
        }
        let error = session.sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.hint().is_some(), "{error}");
        nothing_is_gone(&mut session);
        let problem = session.status().unwrap().problem.unwrap();
        assert!(problem.contains("no store here"), "{problem}");
        assert_eq!(site.paths("").len(), 0, "nothing was written there");

        site.bucket.with_disk(|disk| disk.objects = backup);
        session.sync().await.unwrap();
        let folded = site.agreed(&mut [&mut session]).await;
        assert_eq!(notes(&folded), ["n0", "n1", "n2", "pending"]);
        site.verified().await;
    }
}

/// The bucket was emptied and another store made in its place, with a space of the same name: devices merged the two, or
/// could never sync again (LiveSync#848; ndb-core#4178). Here a store has an id for ever. Another id is a conflict that
/// says so: nothing of the other store is taken, nothing is written into it.
#[tokio::test(start_paused = true)]
async fn row_08_another_store_in_the_same_place_is_never_merged() {
    for (rolled_up, restarted) in [(false, false), (true, false), (false, true), (true, true)] {
        let (site, replica, mut session) = with_pending(rolled_up).await;
        let backup = site.bucket.with_disk(|disk| disk.objects.clone());
        site.remove("");
        site.wait(5_000).await;
        let store = site.store();
        store.create().await.unwrap();
        let model = ModelRef::named("log");
        store
            .create_space(&site.space, model, Order::Timestamp)
            .await
            .unwrap();
        let mut stranger = site.replica();
        site.write(&mut stranger, "of another store").await;
        site.wait(MINUTE).await;
        site.roll_up().await;
        site.write(&mut stranger, "of another store").await;
        let objects = site.paths("/updates/");

        if restarted {
            session = site.opened(&replica);
        }
        for _ in 0..3 {
            let error = session.sync().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains("another store"), "{error}");
            nothing_is_gone(&mut session);
            assert_eq!(site.paths("/updates/"), objects, "nothing was written");
            site.wait(HOUR).await;
        }
        let problem = session.status().unwrap().problem.unwrap();
        assert!(problem.contains("another store"), "{problem}");

        site.bucket.with_disk(|disk| disk.objects = backup);
        session.sync().await.unwrap();
        site.agreed(&mut [&mut session]).await;
    }
}

/// A reset on purpose: devices that were offline either brought everything back or could never sync again (ndb-core#4178).
/// Here a reset is a new epoch: what was there stays gone, whoever still has it; what a device had not sent yet is
/// published into the new history; an update that was on its way is too.
#[tokio::test(start_paused = true)]
async fn row_08_a_reset_loses_nothing_that_was_not_sent_yet() {
    let (site, _, mut offline) = with_pending(true).await;
    let mut online = site.replica();
    site.write(&mut online, "n3").await;
    reset(&site.store(), &site.space).await.unwrap();
    site.land(site.now(), &object(site.author(), 1, "on its way"));
    // It does not know of the reset yet, and is told that its update is stored: so it must be.
    site.write(&mut online, "after").await;

    site.wait(HOUR).await;
    let synced = offline.sync().await.unwrap();
    assert!(synced.pulled.new_epoch);
    assert_eq!(synced.acknowledged.len(), 1);
    site.roll_up_full().await;
    site.wait(MINUTE).await;
    site.roll_up_full().await;
    let folded = site.agreed(&mut [&mut online, &mut offline]).await;
    let mut all = notes(&folded);
    all.sort();
    assert_eq!(all, ["after", "on its way", "pending"]);
    site.verified().await;
}

/// Single objects that got lost: whoever has read them keeps what they said. Who has not is told which object it is, and
/// is not shown a state with a hole in it.
#[tokio::test(start_paused = true)]
async fn row_08_a_missing_segment_is_named_and_nobody_shows_a_hole() {
    let (site, _, mut session) = with_pending(true).await;
    let mut writer = site.replica();
    site.write(&mut writer, "n3").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    site.remove("/updates/");
    site.remove("/snapshots/");
    let lost = site.paths("/segments/").into_iter().next_back().unwrap();
    site.write(&mut writer, "n4").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    site.remove("/snapshots/");
    assert_eq!(site.remove(&lost), 1);

    for _ in 0..2 {
        let error = session.sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let named = format!("{error} {}", error.object().unwrap_or_default());
        assert!(named.contains("segment"), "{named}");
        nothing_is_gone(&mut session);
    }
    assert_eq!(shown(&mut writer), ["n0", "n1", "n2", "n3", "n4"]);
    let fresh = icecore_store::Reader::open(&site.store(), &site.space).await;
    assert_eq!(fresh.unwrap_err().kind(), ErrorKind::Corrupt);
}
