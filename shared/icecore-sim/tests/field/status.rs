//! A sync that is stuck, and what says why.

use crate::site::{HOUR, MINUTE, Site, note, object};
use icecore_core::ErrorKind;
use icecore_replica::{Replica, Status};
use icecore_sim::bucket::Faults;

/// Nobody could tell why nothing came through: the sync stopped without a word, or said "ok" (actual#3786; libsql#2001,
/// #2095; taskwarrior#4123). Here every outcome is kept with its reason and with what to do, is there after a restart,
/// and goes away when a sync succeeds; what waits, and for how long, can be seen too.
#[tokio::test(start_paused = true)]
async fn row_17_status_says_why_a_sync_is_stuck() {
    let site = Site::new().await;
    let down = Faults {
        refused: 1.0,
        ..Faults::none()
    };
    let replica = Replica::in_memory(site.store_seen(&site.clock, down, true)).unwrap();
    let mut stuck = site.opened(&replica);
    stuck.enqueue(&[note("a"), note("b")]).unwrap();
    let fresh = stuck.status().unwrap();
    assert_eq!((fresh.problem, fresh.synced_at), (None, None));
    site.wait(HOUR).await;
    let error = stuck.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);

    let mut restarted = site.opened(&replica);
    for status in [stuck.status().unwrap(), restarted.status().unwrap()] {
        let problem = status.problem.unwrap();
        assert!(
            problem.contains("the server") && problem.contains("try again"),
            "{problem}"
        );
        assert_eq!(status.queued, 2);
        assert!(status.oldest_queued_ms >= Some(HOUR));
        assert_eq!(status.synced_at, None);
    }
    let mut up = site.opened(&replica.reopened(site.store()));
    up.sync().await.unwrap();
    let status = up.status().unwrap();
    assert_eq!((status.queued, status.problem), (0, None));
    assert!(status.synced_at.is_some() && status.lag_ms < Some(1_000));
}

fn told(status: &Status, part: &str) -> bool {
    status.unreadable.iter().any(|line| line.contains(part))
}

/// What a replica knows to be missing or unreadable must not be known to one process only: `status` is another one.
#[tokio::test(start_paused = true)]
async fn row_17_status_names_gaps_and_unreadable_objects_after_a_restart() {
    let site = Site::new().await;
    let mut writer = site.replica();
    let replica = Replica::in_memory(site.store()).unwrap();
    let mut session = site.opened(&replica);
    let author = site.author();
    site.land(site.now(), &object(author, 3, "the third"));
    let bad = site.land(site.now() + 1, &object(author, 4, "x"));
    site.put(&bad, b"garbage");
    session.sync().await.unwrap();
    for _ in 0..3 {
        let mut restarted = site.opened(&replica);
        for status in [session.status().unwrap(), restarted.status().unwrap()] {
            assert_eq!(status.gaps, [format!("{author}:2")]);
            assert!(told(&status, &bad), "{:?}", status.unreadable);
            assert_eq!(status.problem, None, "neither of them stops a sync");
        }
        // Nor does a pull that has nothing to do with them make it forget.
        site.wait(10 * MINUTE).await;
        site.write(&mut writer, "more").await;
        restarted.sync().await.unwrap();
        session.sync().await.unwrap();
    }
    // When it is mended, nothing is said any more.
    site.land(site.now() - HOUR, &object(author, 1, "the first"));
    site.land(site.now() - HOUR + 1, &object(author, 2, "the second"));
    site.wait(MINUTE).await;
    site.roll_up_full().await;
    session.sync().await.unwrap();
    let mut restarted = site.opened(&replica);
    site.wait(20 * MINUTE).await;
    site.write(&mut writer, "more").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    session.sync().await.unwrap();
    for status in [session.status().unwrap(), restarted.status().unwrap()] {
        assert_eq!(status.gaps, [] as [String; 0]);
        assert_eq!(status.unreadable, [] as [String; 0]);
    }
}
