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
    assert_eq!(projection(&phone, "run").points_earned, 1);
    for device in [&phone, &tablet, &phone] {
        device.sync().await.unwrap();
    }
    for device in [&phone, &tablet] {
        let shown = projection(device, "run");
        assert_eq!((shown.status, shown.points_earned), (Status::Completed, 11));
        assert_eq!((shown.duration, shown.events), (60_000, 5));
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
        (stored.status, stored.duration),
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
        assert_eq!((shown.points_earned, shown.events), (10, 1));
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
    assert_eq!((shown.status, shown.duration), (Status::Paused, 10_000));
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
    assert_eq!(projection(&laptop, "run").points_earned, 190);
    site.verify().await;
}

/// Two devices whose clocks differ by an hour: the order is that of the server, the same everywhere, and no time is
/// invented.
#[tokio::test]
async fn a_clock_that_is_wrong_changes_no_order() {
    let site = Site::new();
    let (phone, watch) = (site.device("phone").await, site.device("watch").await);
    // The phone's clock is an hour ahead.
    write(&phone, &event("run", 3_600, What::Start)).await;
    phone.sync().await.unwrap();
    watch.sync().await.unwrap();
    write(&watch, &event("run", 60, What::Pause)).await;
    watch.sync().await.unwrap();
    phone.sync().await.unwrap();
    let shown = projection(&phone, "run");
    assert_eq!((shown.status, shown.duration), (Status::Paused, 0));
    assert_eq!(shown.odd.len(), 1);
    assert_eq!(shown, projection(&watch, "run"));
    site.verify().await;
}

#[tokio::test]
async fn what_a_newer_app_wrote_is_kept_and_counts_nothing() {
    let site = Site::new();
    let (phone, watch) = (site.device("phone").await, site.device("watch").await);
    let mut lap = serde_json::json!(event("run", 0, What::Start));
    lap["type"] = serde_json::json!("LAP");
    lap["length"] = serde_json::json!(400.5);
    let lap = serde_json::from_value(lap).unwrap();
    write(&watch, &lap).await;
    watch.sync().await.unwrap();
    phone.sync().await.unwrap();
    phone.roll_up().await.unwrap();
    let tablet = site.device("tablet").await;
    for device in [&phone, &watch, &tablet] {
        let shown = projection(device, "run");
        assert_eq!((shown.events, shown.unknown()), (1, 1));
        assert_eq!((shown.status, shown.created), (Status::Created, false));
        let state = device.state();
        let (attempt, kept) = state.event(&lap.id).unwrap();
        assert_eq!(kept.to_exchanged(attempt), lap);
    }
    site.verify().await;
}
