//! Several devices, offline and online.

use crate::support::{Site, event, projection, write};
use icecore_example_activity::{Status, What};

#[tokio::test]
async fn devices_that_were_offline_come_to_one_result() {
    let site = Site::new();
    let (phone, tablet) = (site.device("phone").await, site.device("tablet").await);
    // On the phone somebody starts; the tablet, which does not know, starts too and scores.
    write(&phone, &event("run", 0, What::Start)).await;
    write(&tablet, &event("run", 5, What::Start)).await;
    write(&tablet, &event("run", 6, What::Score { points: 10 })).await;
    write(&phone, &event("run", 7, What::Score { points: 1 })).await;
    write(&phone, &event("run", 60, What::Complete)).await;
    assert_eq!(projection(&phone, "run").points, 1);
    for device in [&phone, &tablet, &phone] {
        device.sync().await.unwrap();
    }
    for device in [&phone, &tablet] {
        let shown = projection(device, "run");
        assert_eq!((shown.status, shown.points), (Status::Completed, 11));
        assert_eq!((shown.duration_ms, shown.events), (60_000, 5));
    }
    assert_eq!(phone.state(), tablet.state());
    site.verify().await;
}

#[tokio::test]
async fn what_was_queued_together_is_ordered_by_when_it_occurred() {
    let site = Site::new();
    let phone = site.device("phone").await;
    // Entered afterwards, in the order in which somebody remembered it.
    for (second, what) in [
        (90, What::Complete),
        (30, What::Pause),
        (60, What::Resume),
        (0, What::Start),
    ] {
        write(&phone, &event("walk", second, what)).await;
    }
    let pending = projection(&phone, "walk");
    phone.sync().await.unwrap();
    let stored = projection(&phone, "walk");
    assert_eq!(
        (stored.status, stored.duration_ms),
        (Status::Completed, 60_000)
    );
    assert_eq!(stored.odd, []);
    assert_eq!(pending, stored);
    site.verify().await;
}

#[tokio::test]
async fn an_event_that_two_devices_hold_counts_once() {
    let site = Site::new();
    let (watch, phone) = (site.device("watch").await, site.device("phone").await);
    let score = event("run", 1, What::Score { points: 10 });
    write(&watch, &score).await;
    write(&phone, &score).await;
    for device in [&watch, &phone, &watch] {
        device.sync().await.unwrap();
    }
    write(&watch, &score).await;
    watch.sync().await.unwrap();
    phone.sync().await.unwrap();
    for device in [&watch, &phone] {
        let shown = projection(device, "run");
        assert_eq!((shown.points, shown.events), (10, 1));
    }
    site.verify().await;
}

#[tokio::test]
async fn a_late_start_gives_its_pause_an_effect() {
    let site = Site::new();
    let (phone, watch) = (site.device("phone").await, site.device("watch").await);
    write(&watch, &event("run", 0, What::Start)).await;
    write(&phone, &event("run", 10, What::Pause)).await;
    assert_eq!(projection(&phone, "run").status, Status::Created);
    watch.sync().await.unwrap();
    phone.sync().await.unwrap();
    let shown = projection(&phone, "run");
    assert_eq!((shown.status, shown.duration_ms), (Status::Paused, 10_000));
    // The other way round the merged order goes by server time: what was stored first stands first.
    write(&watch, &event("swim", 0, What::Start)).await;
    write(&phone, &event("swim", 10, What::Pause)).await;
    phone.sync().await.unwrap();
    watch.sync().await.unwrap();
    phone.sync().await.unwrap();
    let shown = projection(&phone, "swim");
    assert_eq!((shown.status, shown.odd.len()), (Status::Running, 1));
    assert_eq!(shown, projection(&watch, "swim"));
    site.verify().await;
}

#[tokio::test]
async fn a_snapshot_and_a_new_device_hold_the_same() {
    let site = Site::new();
    let phone = site.device("phone").await;
    for n in 0..20 {
        write(&phone, &event("run", n, What::Score { points: n })).await;
    }
    phone.sync().await.unwrap();
    phone.roll_up().await.unwrap();
    let laptop = site.device("laptop").await;
    assert_eq!(laptop.state(), phone.state());
    assert_eq!(projection(&laptop, "run").points, 190);
    site.verify().await;
}
