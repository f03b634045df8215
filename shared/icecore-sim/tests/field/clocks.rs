//! Clocks that are years off.

use crate::site::{HOUR, MINUTE, Site, YEAR, notes, shown};
use icecore_core::UpdateId;
use icecore_replica::SpaceReplica;
use icecore_sim::bucket::Faults;
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
