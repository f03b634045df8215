//! Clocks that are years off.

use crate::site::{HOUR, MINUTE, Site, YEAR, notes, object, shown};
use icecore_core::UpdateId;
use icecore_replica::{Replica, SpaceReplica};
use icecore_sim::bucket::Faults;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, roll_up};

/// The key under which a replica's own update is stored.
fn key_of(replica: &mut SpaceReplica, id: UpdateId) -> i64 {
    let key = replica.reader().unwrap().key_of(id).unwrap();
    i64::try_from(key.get()).unwrap()
}

/// One device whose clock was years ahead stopped everybody's sync: the others drew their own clocks forward to the
/// greatest time seen, or refused what came from the future (actual#3786, #8486, PR#8904; evolu#709; rxdb#6439).
/// Here keys in the future count as unseen, so nobody follows them; roll-ups reach no further than the server's time;
/// and the device's own updates keep their order, also when its clock is set right between two of them.
#[tokio::test(start_paused = true)]
async fn row_04_a_clock_years_off_neither_stops_nor_drags_the_others() {
    for years in [3, -3] {
        let site = Site::new().await;
        let clock = site.clock.skewed(years * YEAR);
        // A shared folder: no server tells the time.
        let mut wrong = site.replica_on(site.store_seen(&clock, Faults::none(), false));
        let mut other = site.replica_on(site.store_seen(&site.clock, Faults::none(), false));
        let first = site.write(&mut wrong, "wrong 1").await;
        assert!((key_of(&mut wrong, first) - site.now() - years * YEAR).abs() < MINUTE);
        for n in 0..5 {
            site.wait(20_000).await;
            let id = site.write(&mut other, &format!("right {n}")).await;
            let key = key_of(&mut other, id);
            assert!((key - site.now()).abs() < 1_000, "dragged to {key}");
            let report = site.roll_up().await;
            assert_eq!((report.updates, report.held), (1, 1), "{report:?}");
            let reached = other.status().unwrap().through.unwrap().get();
            assert!(i64::try_from(reached).unwrap() <= site.now());
        }
        site.write(&mut wrong, "wrong 2").await;
        clock.set_skew(0);
        site.write(&mut wrong, "wrong 3").await;
        site.wait(20_000).await;
        site.roll_up_full().await;
        site.write(&mut other, "the last").await;

        let folded = site.agreed(&mut [&mut wrong, &mut other]).await;
        let all = notes(&folded);
        let own: Vec<&String> = all.iter().filter(|t| t.starts_with("wrong")).collect();
        assert_eq!(own, ["wrong 1", "wrong 2", "wrong 3"]);
        assert_eq!(all.len(), 9, "{all:?}");
        site.verified().await;
    }
}

/// What such a device can know of itself it says: over HTTP every answer carries the server's time. Its status shows
/// how far off it is, and its updates are stamped with the corrected time, so nobody else notices at all.
#[tokio::test(start_paused = true)]
async fn row_04_a_wrong_clock_is_reported_and_corrected_by_the_servers_time() {
    for years in [3, -3] {
        let site = Site::new().await;
        let clock = site.clock.skewed(years * YEAR);
        let mut wrong = site.replica_on(site.store_seen(&clock, Faults::none(), true));
        let id = site.write(&mut wrong, "stamped right").await;
        let key = key_of(&mut wrong, id);
        assert!((key - site.now()).abs() < 2_000, "{key}");
        let offset = wrong.status().unwrap().clock_offset_ms;
        assert!((offset + years * YEAR).abs() < 2_000, "{offset}");
        let mut right = site.replica();
        site.write(&mut right, "the next").await;
        assert_eq!(right.status().unwrap().clock_offset_ms, 0);
        assert_eq!(site.notes().await, ["stamped right", "the next"]);
    }
}

/// The other side: a device whose own clock is wrong must go on reading what the others write, or its owner believes
/// that they fell silent (actual#3786). The listing point is no further than what the store has shown, so a clock
/// years ahead, even for one moment, hides nothing.
#[tokio::test(start_paused = true)]
async fn row_04_a_reader_with_a_wrong_clock_goes_on_reading() {
    for years in [3, -3] {
        let site = Site::new().await;
        let clock = site.clock.skewed(years * YEAR);
        let mut wrong = site.replica_on(site.store_seen(&clock, Faults::none(), false));
        let mut other = site.replica_on(site.store_seen(&site.clock, Faults::none(), false));
        site.write(&mut other, "before").await;
        site.write(&mut wrong, "own").await;
        for n in 0..3 {
            site.wait(HOUR).await;
            let text = format!("after {n}");
            site.write(&mut other, &text).await;
            wrong.pull().await.unwrap();
            assert!(shown(&mut wrong).contains(&text), "{years} years, {text}");
        }
        clock.set_skew(0);
        site.wait(HOUR).await;
        site.write(&mut other, "right again").await;
        site.agreed(&mut [&mut wrong, &mut other]).await;
    }
}

/// The scheduled roll-up's clock may be wrong as well. One years ahead must not make readers skip what is written now,
/// one years behind must not stop the one that is right; both leave a history that verifies.
#[tokio::test(start_paused = true)]
async fn row_04_a_roll_up_with_a_wrong_clock_spoils_nothing() {
    for years in [3, -3] {
        let site = Site::new().await;
        let clock = site.clock.skewed(years * YEAR);
        let store = site.store_seen(&clock, Faults::none(), false);
        let (mut writer, mut reader) = (site.replica(), site.replica());
        for n in 0..6 {
            site.write(&mut writer, &format!("n{n}")).await;
            reader.pull().await.unwrap();
            assert_eq!(shown(&mut reader).len(), n + 1);
            site.wait(20_000).await;
            roll_up(&store, &site.space, &RollupOptions::default())
                .await
                .unwrap();
            if n % 2 == 1 {
                site.roll_up().await;
            }
            let through = site.agreed(&mut [&mut reader]).await;
            assert_eq!(notes(&through).len(), n + 1);
            let reached = reader.status().unwrap().through.unwrap().get();
            assert!(i64::try_from(reached).unwrap() <= site.now());
        }
        site.verified().await;
    }
}

/// 2099 and, beyond every key that there is, 2300: years ahead of the simulation's clock.
const FAR: [i64; 2] = [73 * YEAR, 275 * YEAR];

/// Makes the store say that all update objects so far were stored this much later.
fn move_file_times(site: &Site, by: i64) {
    site.bucket.with_disk(|disk| {
        for (path, stored) in &mut disk.objects {
            if path.contains("/updates/") && stored.last_modified < site.now() + MINUTE {
                stored.last_modified += by;
            }
        }
    });
}

/// The times of files decided maintenance, and a NAS or a sync tool sets them as it likes (kopia#5423, #2227). Here a file
/// from 2099 or 2300 is rolled up like any other, and nobody takes its time for the present: neither those who write, nor
/// those who read, nor pruning.
#[tokio::test(start_paused = true)]
async fn row_23_a_file_time_in_the_future_moves_nothing() {
    for far in FAR {
        for now in [false, true] {
            let site = Site::new().await;
            let folder = || site.store_seen(&site.clock, Faults::none(), false);
            let (mut writer, mut other) = (site.replica_on(folder()), site.replica_on(folder()));
            site.write(&mut writer, "from the future").await;
            move_file_times(&site, far);
            site.wait(20_000).await;
            let options = RollupOptions {
                full: now,
                now,
                time_max: None,
            };
            let report = roll_up(&folder(), &site.space, &options).await.unwrap();
            assert_eq!((report.updates, report.held), (1, 0), "{report:?}");
            // Within what clocks differ by the time of a file is what it is.
            for n in 0..3 {
                let id = site.write(&mut other, &format!("n{n}")).await;
                assert!((key_of(&mut other, id) - site.now()).abs() < 1_000);
                site.wait(MINUTE).await;
                roll_up(&folder(), &site.space, &options).await.unwrap();
                let reached = site.agreed(&mut [&mut writer, &mut other]).await;
                assert_eq!(notes(&reached).len(), n + 2);
                let through = other.status().unwrap().through.unwrap().get();
                assert!(i64::try_from(through).unwrap() <= site.now(), "{through}");
            }
            site.verified().await;
            site.wait(25 * HOUR).await;
            site.write(&mut other, "the next day").await;
            prune(&folder(), &site.space, None).await.unwrap();
            assert_eq!(site.paths("/updates/").len(), 1, "{}", site.tree());
        }
    }
}

/// A machine whose clock and whose files said 2099 or 2300 has rolled up: the segment says that everything up to then was
/// looked at. Every later key counted on from there, and after 2286 nobody could write at all. Here nobody believes it, and
/// the next roll-up puts it right.
#[tokio::test(start_paused = true)]
async fn row_23_a_space_that_was_rolled_up_in_2099_heals() {
    for far in FAR {
        let site = Site::new().await;
        let folder = || site.store_seen(&site.clock, Faults::none(), false);
        let clock = site.clock.skewed(far);
        let wrong_store = site.store_seen(&clock, Faults::none(), false);
        let mut wrong = site.replica_on(wrong_store.clone());
        site.write(&mut wrong, "in the future").await;
        move_file_times(&site, far);
        let now = RollupOptions {
            full: true,
            now: true,
            time_max: None,
        };
        roll_up(&wrong_store, &site.space, &now).await.unwrap();
        wrong.pull().await.unwrap();
        let through = wrong.status().unwrap().through.unwrap().get();
        assert!(i64::try_from(through).unwrap() > site.now() + 50 * YEAR);
        clock.set_skew(0);

        let (mut writer, mut reader) = (site.replica_on(folder()), site.replica_on(folder()));
        for n in 0..3 {
            let id = site.write(&mut writer, &format!("n{n}")).await;
            assert!((key_of(&mut writer, id) - site.now()).abs() < 1_000);
            site.wait(20 * MINUTE).await;
            // An open one, one that has just come, and the one that was wrong.
            let mut fresh = site.replica_on(folder());
            let all = site
                .agreed(&mut [&mut reader, &mut fresh, &mut wrong])
                .await;
            assert_eq!(notes(&all).len(), n + 2);
        }
        let (right, options) = (folder(), RollupOptions::default());
        let report = roll_up(&right, &site.space, &options).await;
        assert_eq!(report.unwrap().updates, 3);
        reader.pull().await.unwrap();
        site.wait(11 * MINUTE).await;
        reader.pull().await.unwrap();
        let through = reader.status().unwrap().through.unwrap().get();
        assert!(i64::try_from(through).unwrap() <= site.now(), "healed");
        site.verified().await;
        site.wait(26 * HOUR).await;
        prune(&folder(), &site.space, None).await.unwrap();
        assert_eq!(site.paths("/updates/").len(), 0, "{}", site.tree());
        site.agreed(&mut [&mut reader, &mut writer, &mut wrong])
            .await;
    }
}

/// On a shared folder a machine a year ahead stamps its files a year ahead, too. Once it had read, it looked only for what
/// came after that, and others' updates stayed unread, also when its clock was right again.
#[tokio::test(start_paused = true)]
async fn row_23_a_reader_that_was_a_year_ahead_once_is_not_blind() {
    let site = Site::new().await;
    let clock = site.clock.skewed(YEAR);
    let replica = Replica::in_memory(site.store_seen(&clock, Faults::none(), false)).unwrap();
    let mut wrong = site.opened(&replica);
    let mut other = site.replica_on(site.store_seen(&site.clock, Faults::none(), false));
    site.write(&mut wrong, "own").await;
    move_file_times(&site, YEAR);
    wrong.pull().await.unwrap();
    for right in [false, true] {
        if right {
            clock.set_skew(0);
            wrong = site.opened(&replica);
        }
        for n in 0..3 {
            let text = format!("{right} {n}");
            site.write(&mut other, &text).await;
            site.wait(MINUTE).await;
            wrong.pull().await.unwrap();
            assert!(shown(&mut wrong).contains(&text), "{text}");
        }
    }
}

/// One roll-up with a clock ahead wrote down when it had listed everything, and nobody listed everything again until then.
#[tokio::test(start_paused = true)]
async fn row_23_a_roll_up_in_the_future_does_not_stop_the_daily_listing() {
    let site = Site::new().await;
    let mut writer = site.replica();
    let clock = site.clock.skewed(YEAR);
    let ahead = site.store_seen(&clock, Faults::none(), false);
    site.write(&mut writer, "first").await;
    site.wait(20_000).await;
    let options = RollupOptions::default();
    let first = roll_up(&ahead, &site.space, &options).await;
    assert!(first.unwrap().full);
    site.wait(HOUR).await;
    site.land(site.now() - HOUR, &object(site.author(), 1, "late"));
    site.write(&mut writer, "second").await;
    site.wait(20_000).await;
    let report = site.roll_up().await;
    assert_eq!((report.full, report.updates), (true, 2), "{report:?}");
}
