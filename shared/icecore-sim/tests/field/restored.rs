//! A bucket that was put back to an older state, from a backup or a version, and then grows again.

use crate::site::{HOUR, MINUTE, Site, note, notes, shown};
use icecore_core::{ModelRef, Order};
use icecore_replica::{Replica, SpaceReplica};
use icecore_sim::bucket::Stored;
use icecore_store::epochs::compress;
use icecore_store::rollup::{RollupOptions, Warm, roll_up_warm};
use std::collections::BTreeMap;

type Backup = BTreeMap<String, Stored>;

fn backup(site: &Site) -> Backup {
    site.bucket.with_disk(|disk| disk.objects.clone())
}

fn put_back(site: &Site, backup: Backup) {
    site.bucket.with_disk(|disk| disk.objects = backup);
}

/// All that both have written is there, once, everywhere, in order, and fits its history.
async fn all_is_there(site: &Site, replicas: &mut [&mut SpaceReplica], expected: &[&str]) {
    for _ in 0..2 {
        for replica in replicas.iter_mut() {
            replica.sync().await.unwrap();
        }
        site.wait(MINUTE).await;
    }
    let mut there = notes(&site.agreed(replicas).await);
    there.sort();
    assert_eq!(there, expected);
    site.roll_up_full().await;
    let mut there = notes(&site.agreed(replicas).await);
    there.sort();
    assert_eq!(there, expected);
    site.verified().await;
    for replica in replicas {
        assert_eq!(replica.restored().unwrap(), None, "nothing is missing");
        assert_eq!(replica.lost().unwrap().len(), 0);
    }
}

/// Two writers, a and b, with a note each that is rolled up.
async fn two(order: Order) -> (Site, SpaceReplica, SpaceReplica) {
    let site = Site::with(ModelRef::named("log"), order).await;
    let (mut a, mut b) = (site.replica(), site.replica());
    site.write(&mut a, "a0").await;
    site.write(&mut b, "b0").await;
    site.wait(2 * MINUTE).await;
    site.roll_up().await;
    a.sync().await.unwrap();
    b.sync().await.unwrap();
    (site, a, b)
}

/// The bucket was put back to an older state: devices that knew more took what was missing for deletions, or never sent it
/// again (LiveSync#754). Here each notices by the segment that it has folded, says so, and publishes again what it has
/// written itself.
#[tokio::test(start_paused = true)]
async fn row_08_a_bucket_put_back_to_an_older_state_is_noticed() {
    let (site, mut a, mut b) = two(Order::Timestamp).await;
    let old = backup(&site);
    for n in 1..4 {
        site.write(&mut a, &format!("a{n}")).await;
        site.wait(2 * MINUTE).await;
        site.roll_up().await;
    }
    b.pull().await.unwrap();
    b.enqueue(&[note("b1")]).unwrap();
    put_back(&site, old);
    site.wait(HOUR).await;

    let synced = b.sync().await.unwrap();
    assert_eq!(synced.pulled.restored, Some(3), "a's three notes");
    assert_eq!(synced.acknowledged.len(), 1);
    let restored = b.restored().unwrap().unwrap();
    assert_eq!((restored.missing.len(), restored.noticed_at > 0), (3, true));
    assert_eq!(shown(&mut b), ["a0", "b0", "b1"]);

    let synced = a.sync().await.unwrap();
    assert_eq!(
        (synced.pulled.restored, synced.pulled.requeued),
        (Some(3), 3)
    );
    assert_eq!(synced.acknowledged.len(), 3, "under the ids that they had");
    all_is_there(
        &site,
        &mut [&mut a, &mut b],
        &["a0", "a1", "a2", "a3", "b0", "b1"],
    )
    .await;
}

/// Put back, and then somebody else writes the very generation anew that a device has folded: its number alone says nothing.
#[tokio::test(start_paused = true)]
async fn row_21_a_generation_that_was_written_anew_is_another_one() {
    for (restarted, order) in [
        (false, Order::Timestamp),
        (true, Order::Timestamp),
        (false, Order::Sequence),
        (true, Order::Sequence),
    ] {
        let (site, mut a, mut b) = two(order).await;
        let old = backup(&site);
        site.write(&mut a, "a1").await;
        site.wait(2 * MINUTE).await;
        let lost = site.roll_up().await;
        a.sync().await.unwrap();
        put_back(&site, old);
        site.wait(5_000).await;
        site.write(&mut b, "b1").await;
        site.wait(2 * MINUTE).await;
        assert_eq!(site.roll_up().await.generation, lost.generation);
        if restarted {
            a = site.opened(a.replica());
        } else {
            site.wait(HOUR).await;
        }
        let synced = a.sync().await.unwrap();
        assert_eq!(
            (synced.pulled.restored, synced.pulled.requeued),
            (Some(1), 1)
        );
        all_is_there(&site, &mut [&mut a, &mut b], &["a0", "a1", "b0", "b1"]).await;
    }
}

/// Put back between two roll-ups: the segments are the same, and only newer update objects are gone. Their author showed
/// them for ever and never sent them again.
#[tokio::test(start_paused = true)]
async fn row_21_update_objects_that_are_gone_are_sent_again() {
    for order in [Order::Timestamp, Order::Sequence] {
        for restarted in [false, true] {
            let (site, mut a, mut b) = two(order).await;
            let old = backup(&site);
            site.write(&mut a, "a1").await;
            b.pull().await.unwrap();
            assert_eq!(shown(&mut b), ["a0", "b0", "a1"]);
            put_back(&site, old);
            if restarted {
                a = site.opened(a.replica());
            } else {
                site.wait(30_000).await;
            }
            // The head that was put back says less than one before, which is worth a look at everything.
            b.pull().await.unwrap();
            assert_eq!(shown(&mut b), ["a0", "b0"]);
            assert_eq!(
                b.lost().unwrap()[0].update.parts().unwrap().data.get(),
                "\"a1\""
            );
            a.enqueue(&[note("a2")]).unwrap();
            let synced = a.sync().await.unwrap();
            assert_eq!(
                (synced.pulled.restored, synced.pulled.requeued),
                (Some(1), 1)
            );
            assert_eq!(synced.acknowledged.len(), 2);
            all_is_there(&site, &mut [&mut a, &mut b], &["a0", "a1", "a2", "b0"]).await;
        }
    }
}

/// Put back to before a compress, and compressed again: the new epoch's number was the old one's, and whoever knew the
/// first took the second for it.
#[tokio::test(start_paused = true)]
async fn row_21_an_epoch_that_was_begun_anew_is_another_one() {
    let (site, mut a, mut b) = two(Order::Timestamp).await;
    let old = backup(&site);
    site.write(&mut a, "a1").await;
    compress(&site.store(), &site.space).await.unwrap();
    site.write(&mut a, "a2").await;
    site.wait(2 * MINUTE).await;
    site.roll_up().await;
    a.sync().await.unwrap();
    put_back(&site, old);
    site.write(&mut b, "b1").await;
    compress(&site.store(), &site.space).await.unwrap();
    site.wait(HOUR).await;
    let synced = a.sync().await.unwrap();
    assert_eq!(
        (synced.pulled.restored, synced.pulled.requeued),
        (Some(2), 2)
    );
    for replica in [&mut a, &mut b] {
        replica.sync().await.unwrap();
    }
    let folded = site.agreed(&mut [&mut a, &mut b]).await;
    assert_eq!(
        folded.state_json().unwrap(),
        a.state().unwrap().state_json().unwrap()
    );
    let mut there = notes(&folded);
    there.sort();
    assert_eq!(there, ["a0", "a1", "a2", "b0", "b1"]);
    site.roll_up_full().await;
    site.verified().await;
    assert_eq!(a.restored().unwrap(), None);
}

/// A roll-up that keeps a history in memory went on from a segment that is not there any more: the next one named another
/// one before it, and nobody could read the space.
#[tokio::test(start_paused = true)]
async fn row_21_a_roll_up_that_remembers_builds_on_what_is_stored() {
    let (site, mut a, mut b) = two(Order::Timestamp).await;
    let old = backup(&site);
    let mut warm: Option<Warm> = None;
    let options = RollupOptions::default();
    site.write(&mut a, "a1").await;
    site.wait(2 * MINUTE).await;
    let store = site.store();
    let first = roll_up_warm(&store, &site.space, &options, &mut warm)
        .await
        .unwrap();
    assert_eq!(first.segments, 1);
    put_back(&site, old);
    site.write(&mut b, "b1").await;
    site.wait(2 * MINUTE).await;
    let second = roll_up_warm(&store, &site.space, &options, &mut warm)
        .await
        .unwrap();
    assert_eq!((second.segments, second.generation), (1, first.generation));
    site.verified().await;
    all_is_there(&site, &mut [&mut a, &mut b], &["a0", "a1", "b0", "b1"]).await;
}

/// A copied bucket has other tags, times and maybe another order of writing, and the same history: nothing is amiss.
#[tokio::test(start_paused = true)]
async fn row_21_a_copied_bucket_is_the_same_one() {
    let (site, mut a, mut b) = two(Order::Timestamp).await;
    site.write(&mut a, "a1").await;
    b.pull().await.unwrap();
    let now = site.now();
    site.bucket.with_disk(|disk| {
        for (number, stored) in disk.objects.values_mut().enumerate() {
            stored.e_tag = format!("\"copy-{number}\"");
            stored.last_modified = now;
        }
    });
    site.wait(HOUR).await;
    for replica in [&mut a, &mut b] {
        let synced = replica.sync().await.unwrap();
        assert_eq!((synced.pulled.restored, synced.pulled.requeued), (None, 0));
    }
    all_is_there(&site, &mut [&mut a, &mut b], &["a0", "a1", "b0"]).await;
}

/// What was written by a device that is gone is named: nobody can publish it again.
#[tokio::test(start_paused = true)]
async fn row_21_what_nobody_has_any_more_is_named() {
    let (site, a, mut b) = two(Order::Timestamp).await;
    let old = backup(&site);
    let mut lost = site.opened(a.replica());
    site.write(&mut lost, "a1").await;
    b.pull().await.unwrap();
    drop((a, lost));
    site.write(&mut b, "b1").await;
    put_back(&site, old);
    site.wait(HOUR).await;
    let synced = b.sync().await.unwrap();
    assert_eq!(
        (synced.pulled.restored, synced.pulled.requeued),
        (Some(2), 1)
    );
    let missing = b.restored().unwrap().unwrap().missing;
    assert_eq!(missing.len(), 1);
    assert_eq!(notes(&site.agreed(&mut [&mut b]).await), ["a0", "b0", "b1"]);
    let text = b.lost().unwrap()[0]
        .update
        .parts()
        .unwrap()
        .data
        .get()
        .to_owned();
    assert_eq!(text, "\"a1\"");
    let kept = Replica::clone(b.replica());
    assert_eq!(
        site.opened(&kept).restored().unwrap().unwrap().missing,
        missing
    );
}

/// Own updates are forgotten when they are old and there are many newer ones: never because a clock was wrong once.
#[tokio::test(start_paused = true)]
async fn row_21_the_newest_own_updates_are_kept_however_old_they_are() {
    let (site, mut a, _) = two(Order::Timestamp).await;
    let old = backup(&site);
    let many: Vec<_> = (0..10_050).map(|n| note(&format!("{n}"))).collect();
    a.enqueue(&many).unwrap();
    a.sync().await.unwrap();
    site.wait(2 * MINUTE).await;
    site.roll_up().await;
    for days in [1, 99, 1] {
        site.wait(days * 24 * HOUR).await;
        a.sync().await.unwrap();
    }
    put_back(&site, old);
    site.wait(HOUR).await;
    let synced = a.sync().await.unwrap();
    assert_eq!(
        (synced.pulled.restored, synced.pulled.requeued),
        (Some(10_050), 10_000)
    );
    assert_eq!(a.restored().unwrap().unwrap().missing.len(), 50);
}

/// What no segment holds lies in an update object alone: it is never forgotten, however old it is.
#[tokio::test(start_paused = true)]
async fn row_21_what_no_segment_holds_is_never_forgotten() {
    let (site, mut a, _) = two(Order::Timestamp).await;
    let old = backup(&site);
    let many: Vec<_> = (0..10_050).map(|n| note(&format!("{n}"))).collect();
    a.enqueue(&many).unwrap();
    a.sync().await.unwrap();
    for days in [1, 99, 1] {
        site.wait(days * 24 * HOUR).await;
        a.sync().await.unwrap();
    }
    put_back(&site, old);
    site.wait(HOUR).await;
    assert_eq!(a.sync().await.unwrap().pulled.requeued, 10_050);
    assert_eq!(a.restored().unwrap(), None);
}

/// In a sequenced space others take the very keys that were acknowledged before the bucket was put back: that something lies
/// under a key does not show that it is what was read.
#[tokio::test(start_paused = true)]
async fn row_21_a_key_that_was_given_anew_holds_another_update() {
    for restarted in [false, true] {
        let (site, mut a, mut b) = two(Order::Sequence).await;
        let old = backup(&site);
        site.write(&mut a, "a1").await;
        put_back(&site, old);
        site.write(&mut b, "b1").await;
        assert_eq!(site.paths("/updates/").len(), 3, "{}", site.tree());
        if restarted {
            a = site.opened(a.replica());
        } else {
            site.wait(HOUR).await;
        }
        let synced = a.sync().await.unwrap();
        assert_eq!(
            (synced.pulled.restored, synced.pulled.requeued),
            (Some(1), 1)
        );
        all_is_there(&site, &mut [&mut a, &mut b], &["a0", "a1", "b0", "b1"]).await;
    }
}
