//! A space that nobody rolls up: a replica with credentials does, in passing.

use crate::site::{HOUR, MINUTE, Site, note, notes, object};
use icecore_core::plan::TailRule;
use icecore_core::rules::{Rule, testonly_switch_off};
use icecore_core::{Author, ModelRef, Order, Seq, Update, UpdateObject};
use icecore_replica::{Acknowledged, Replica, SpaceReplica, Synced};
use icecore_sim::bucket::Faults;
use icecore_store::Reader;
use icecore_store::backend::{Metered, RequestCounts};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::verify;
use std::time::Duration;

/// As many as a cold open took 13.6 s for.
const MANY: u64 = 4_000;

/// Updates that were written one by one, `pause` apart, and that nobody rolled up.
async fn unrolled(site: &Site, count: u64, pause: i64) -> Author {
    let author = site.author();
    for n in 1..=count {
        site.land(site.now(), &object(author, n, &format!("n{n}")));
        site.wait(pause).await;
    }
    author
}

/// A sync of a device that has nothing yet: what it did, and what that cost.
async fn opened(site: &Site) -> (SpaceReplica, Synced, RequestCounts) {
    let (store, metered) = site.metered(&site.clock, Faults::none(), true);
    let mut device = site.replica_on(store);
    let synced = device.sync().await.unwrap();
    (device, synced, metered.counts())
}

async fn sync_counted(device: &mut SpaceReplica, metered: &Metered) -> (Synced, RequestCounts) {
    let before = metered.counts();
    let synced = device.sync().await.unwrap();
    (synced, metered.counts() - before)
}

/// A bucket without a function, or a plain folder, was never rolled up unless somebody did it by hand: 4,000 updates cost
/// 4,008 requests and 13.6 s, each time that somebody opened the space. Here the first one who syncs pays that, and ten
/// requests for all who come after it.
#[tokio::test(start_paused = true)]
async fn row_12_what_nobody_rolled_up_is_opened_at_full_price_once() {
    // Over days; or all within minutes, so that the listings of whoever opens it show all of it still.
    for (pause, try_costs, third_costs) in [(60_000, 10, 6), (20, 10, 9)] {
        let site = Site::new().await;
        unrolled(&site, MANY, pause).await;
        site.wait(3 * MINUTE).await;

        let (mut second, synced, spent) = opened(&site).await;
        assert_eq!(synced.rolled_up, MANY);
        assert_eq!(
            (spent.of("segments").put, spent.of("snapshots").put),
            (1, 1)
        );
        assert_eq!(spent.of("updates").get, MANY, "each is read once");
        // space.json, head, and listings of segments, snapshots and the updates.
        let open = 1 + 1 + 2 + MANY.div_ceil(1_000);
        assert_eq!(spent.requests(), MANY + open + try_costs, "{spent:?}");

        let (mut third, synced, spent) = opened(&site).await;
        assert_eq!(synced.rolled_up, 0);
        assert_eq!(spent.requests(), third_costs, "{spent:?}");
        assert!(spent.requests() <= 12);
        assert_eq!(
            site.paths("/updates/").len() as u64,
            MANY,
            "none was pruned"
        );
        let folded = site.agreed(&mut [&mut second, &mut third]).await;
        assert_eq!(notes(&folded).len() as u64, MANY);
        site.verified().await;
    }
}

/// Where a function runs once an hour, 700 updates an hour are no reason to do its work.
#[tokio::test(start_paused = true)]
async fn beside_a_scheduled_roll_up_replicas_find_nothing_to_do() {
    let site = Site::new().await;
    let (store, metered) = site.metered(&site.clock, Faults::none(), true);
    let mut device = site.replica_on(store);
    let author = site.author();
    let mut seq = 0;
    for _ in 0..12 {
        for _ in 0..700 {
            seq += 1;
            site.land(site.now(), &object(author, seq, "n"));
            site.wait(HOUR / 700).await;
        }
        let (synced, spent) = sync_counted(&mut device, &metered).await;
        assert_eq!(synced.rolled_up, 0);
        assert_eq!((spent.of("segments").put, spent.of("heads").put), (0, 0));
        let (_, synced, _) = opened(&site).await;
        assert_eq!(synced.rolled_up, 0);
        site.roll_up().await;
        sync_counted(&mut device, &metered).await;
    }
    // After the last run nothing has changed: a sync is a poll.
    let (_, spent) = sync_counted(&mut device, &metered).await;
    assert_eq!(spent.requests(), 1, "{spent:?}");
}

/// Whoever comes through a gateway leaves it to the server; so does whom the settings forbid it.
#[tokio::test(start_paused = true)]
async fn through_a_gateway_and_where_it_is_switched_off_nobody_rolls_up() {
    let mut site = Site::new().await;
    unrolled(&site, 1_000, 1_000).await;
    site.wait(3 * HOUR).await;
    let (store, _) = site.behind_a_gateway();
    let synced = site.replica_on(store).sync().await.unwrap();
    assert_eq!((synced.rolled_up, synced.pulled.objects), (0, 1_000));
    site.settings.tail = None;
    let (_, synced, _) = opened(&site).await;
    assert_eq!((synced.rolled_up, synced.pulled.objects), (0, 1_000));
    assert!(site.paths("/segments/").is_empty());
}

/// Many find the same tail at once: one segment is written, and it is everybody's.
#[tokio::test(start_paused = true)]
async fn of_those_who_try_at_once_one_wins() {
    let site = Site::new().await;
    unrolled(&site, 500, 10).await;
    site.wait(3 * HOUR).await;
    let slow = Faults {
        latency_max: 400,
        ..Faults::none()
    };
    let mut devices: Vec<SpaceReplica> = (0..8)
        .map(|_| site.replica_on(site.store_seen(&site.clock, slow, true)))
        .collect();
    let synced = futures::future::join_all(devices.iter_mut().map(SpaceReplica::sync)).await;
    let rolled_up = synced
        .iter()
        .map(|synced| synced.as_ref().unwrap().rolled_up);
    assert_eq!(rolled_up.sum::<u64>(), 500);
    assert_eq!(site.paths("/segments/").len(), 1);
    // Nobody tries again.
    for device in &mut devices {
        for _ in 0..3 {
            assert_eq!(device.sync().await.unwrap().rolled_up, 0);
        }
    }
    site.agreed(&mut devices.iter_mut().collect::<Vec<_>>())
        .await;
    site.verified().await;
}

/// What is queued is sent, and told, before anything is rolled up.
#[tokio::test(start_paused = true)]
async fn what_is_queued_is_acknowledged_before_the_tail_is_rolled_up() {
    let site = Site::new().await;
    unrolled(&site, 500, 10).await;
    site.wait(3 * HOUR).await;
    let mut device = site.replica();
    device.enqueue(&[note("mine")]).unwrap();
    let mut told = 0;
    let mut tell = |_: &Acknowledged, _: &Update| {
        told += 1;
        assert!(site.paths("/segments/").is_empty());
    };
    let synced = device.sync_with(&mut tell).await.unwrap();
    assert_eq!(synced.rolled_up, 500);
    assert_eq!(told, 1);
    assert_eq!(site.notes().await.len(), 501);
}

/// A write was on its way while somebody rolled up in passing, and landed minutes later. No scheduled run comes to take
/// it: whoever opens the space then has to find it all the same, and whoever has it open too.
#[tokio::test(start_paused = true)]
async fn what_lands_minutes_late_is_seen_though_nobody_rolls_up_again() {
    let site = Site::new().await;
    unrolled(&site, MANY, 20).await;
    site.wait(3 * MINUTE).await;
    let sent_at = site.now();
    site.wait(MINUTE).await;
    let (mut device, synced, _) = opened(&site).await;
    assert_eq!(synced.rolled_up, MANY);
    device.sync().await.unwrap();
    site.wait(2 * MINUTE).await;
    site.land(sent_at, &object(site.author(), 1, "late"));
    let folded = Reader::open(&site.store(), &site.space)
        .await
        .unwrap()
        .state();
    assert!(notes(&folded).contains(&"late".to_owned()));
    site.wait(11 * MINUTE).await;
    device.pull().await.unwrap();
    assert!(crate::site::shown(&mut device).contains(&"late".to_owned()));
    let folded = site.agreed(&mut [&mut device]).await;
    assert_eq!(notes(&folded).len() as u64, MANY + 1);
}

/// Who may not write segments is not told of it, sends and reads as ever, and does not try again.
#[tokio::test(start_paused = true)]
async fn whose_credentials_do_not_allow_it_tries_once_and_says_nothing() {
    let site = Site::new().await;
    let author = unrolled(&site, 500, 10).await;
    site.wait(3 * HOUR).await;
    let (store, metered) = site.metered(&site.clock, Faults::none(), true);
    site.bucket
        .with_disk(|disk| disk.denies = Some("/segments/"));
    let mut device = site.replica_on(store);
    device.enqueue(&[note("mine")]).unwrap();
    let (synced, spent) = sync_counted(&mut device, &metered).await;
    assert_eq!((synced.rolled_up, synced.acknowledged.len()), (0, 1));
    assert_eq!(spent.of("segments").put, 1);
    for n in 501..=1_500 {
        site.land(site.now(), &object(author, n, "n"));
        site.wait(10).await;
    }
    for _ in 0..5 {
        site.wait(3 * HOUR).await;
        let (_, spent) = sync_counted(&mut device, &metered).await;
        assert_eq!(spent.of("segments").put, 0);
    }
    assert_eq!(site.notes().await.len(), 1_501);
}

/// In a sequence the places up to the first hole are rolled up.
#[tokio::test(start_paused = true)]
async fn a_sequence_is_rolled_up_in_passing_up_to_the_first_hole() {
    let site = Site::with(ModelRef::named("log"), Order::Sequence).await;
    let author = site.author();
    for n in 1..=600 {
        site.land(n, &object(author, n.unsigned_abs(), "n"));
    }
    site.land(700, &object(site.author(), 1, "behind a hole"));
    site.wait(3 * HOUR).await;
    let (mut second, synced, _) = opened(&site).await;
    assert_eq!(synced.rolled_up, 600);
    second.enqueue(&[note("next")]).unwrap();
    assert_eq!(second.sync().await.unwrap().acknowledged.len(), 1);
    let (mut third, _, spent) = opened(&site).await;
    assert_eq!(spent.of("updates").get, 2, "{spent:?}");
    assert!(spent.requests() <= 12);
    let folded = site.agreed(&mut [&mut second, &mut third]).await;
    assert_eq!(notes(&folded).len(), 601);
    site.verified().await;
}

/// Who holds no key writes the segment and no snapshot; who holds one and reads it writes that.
#[tokio::test(start_paused = true)]
async fn an_encrypted_space_is_rolled_up_with_keys_and_without() {
    for with_keys in [true, false] {
        let site = Site::encrypted(Order::Timestamp).await;
        let mut writer = site.replica();
        for n in 0..450 {
            writer.enqueue(&[note(&format!("n{n}"))]).unwrap();
            writer.flush().await.unwrap();
        }
        site.wait(3 * HOUR).await;
        let store = if with_keys {
            site.store()
        } else {
            site.locked()
        };
        assert_eq!(site.replica_on(store).sync().await.unwrap().rolled_up, 450);
        let snapshots = || site.paths("/snapshots/").len();
        assert_eq!(snapshots(), usize::from(with_keys));
        let mut second = site.replica();
        assert_eq!(second.sync().await.unwrap().rolled_up, 0);
        assert_eq!(snapshots(), 1);
        let (mut third, _, spent) = opened(&site).await;
        assert!(spent.requests() <= 12, "{spent:?}");
        let folded = site
            .agreed(&mut [&mut writer, &mut second, &mut third])
            .await;
        assert_eq!(notes(&folded).len(), 450);
        site.verified().await;
    }
}

/// A program that knows an older version of the model than wrote the updates holds: it writes nothing at all, and no
/// snapshot over what it cannot fold.
#[tokio::test(start_paused = true)]
async fn an_old_program_rolls_up_nothing_of_a_newer_one() {
    let site = Site::new().await;
    let author = site.author();
    for n in 1..=500 {
        let update = Update::of_version(9, site.now(), ("note", &raw("\"n\"")), None);
        let seq = Seq::new(n).unwrap();
        site.land(
            site.now(),
            &UpdateObject::new(author, seq, vec![update.unwrap()]),
        );
        site.wait(10).await;
    }
    site.wait(3 * HOUR).await;
    let replica = Replica::in_memory(site.store()).unwrap();
    let mut old = site.opened(&replica);
    for _ in 0..3 {
        assert!(old.sync().await.is_err());
    }
    assert!(site.paths("/segments/").is_empty() && site.paths("/snapshots/").is_empty());
}

/// What stands behind an update that is gone for good is rolled up too, and is no reason to try for ever.
#[tokio::test(start_paused = true)]
async fn a_gap_does_not_make_replicas_try_for_ever() {
    let site = Site::new().await;
    let author = site.author();
    for n in 2..=500 {
        site.land(site.now(), &object(author, n, "n"));
        site.wait(10).await;
    }
    site.wait(3 * HOUR).await;
    let (store, metered) = site.metered(&site.clock, Faults::none(), true);
    let mut device = site.replica_on(store);
    assert_eq!(device.sync().await.unwrap().rolled_up, 499);
    device.sync().await.unwrap();
    for _ in 0..5 {
        site.wait(30_000).await;
        let (_, spent) = sync_counted(&mut device, &metered).await;
        assert_eq!(spent.of("segments").put, 0);
    }
}

/// A device that has read a history which the bucket, put back meanwhile, does not hold any more, and syncs with a tail that
/// is long by its rule. No head tells it of that.
async fn synced_after_the_bucket_was_put_back() -> (Site, SpaceReplica) {
    let mut site = Site::new().await;
    let author = unrolled(&site, 10, 1_000).await;
    let earlier = site.bucket.with_disk(|disk| disk.objects.clone());
    site.wait(MINUTE).await;
    site.roll_up().await;
    site.settings.tail = Some(TailRule {
        never: 0,
        always: 1,
        young: Duration::from_secs(1),
        old: Duration::from_secs(1),
    });
    let mut device = site.replica();
    device.sync().await.unwrap();
    site.wait(5_000).await;
    device.enqueue(&[note("mine")]).unwrap();
    assert_eq!(device.sync().await.unwrap().rolled_up, 0, "too young");
    site.bucket.with_disk(|disk| {
        let heads = disk.objects.clone();
        disk.put_back(earlier);
        let is_head = |(path, _): &(String, _)| path.contains("/heads/");
        disk.objects.extend(heads.into_iter().filter(is_head));
    });
    site.land(site.now(), &object(author, 11, "n11"));
    site.wait(6_000).await;
    device.sync().await.unwrap();
    (site, device)
}

/// The bucket was put back after the replica had read it: it does not write on from a history that is not there.
#[tokio::test(start_paused = true)]
async fn a_history_that_was_put_back_is_not_written_on() {
    let (site, mut device) = synced_after_the_bucket_was_put_back().await;
    assert!(site.paths("/segments/").is_empty(), "{}", site.tree());
    site.wait(HOUR).await;
    device.sync().await.unwrap();
    let everything = RollupOptions {
        full: true,
        now: true,
        time_max: None,
    };
    roll_up(&site.store(), &site.space, &everything)
        .await
        .unwrap();
    site.agreed(&mut [&mut device]).await;
    site.verified().await;
}

/// Without that look it would be, and `verify` would name the hole.
#[tokio::test(start_paused = true)]
async fn without_a_fresh_base_it_would_be() {
    testonly_switch_off(Some(Rule::FreshBase));
    let (site, _) = synced_after_the_bucket_was_put_back().await;
    testonly_switch_off(None);
    assert_eq!(site.paths("/segments/").len(), 1, "{}", site.tree());
    let report = verify(&site.store(), &site.space, &mut |_, _| {}).await;
    assert!(!report.is_ok_and(|report| report.problems.is_empty()));
}

fn raw(text: &str) -> Box<serde_json::value::RawValue> {
    serde_json::value::RawValue::from_string(text.to_owned()).unwrap()
}
