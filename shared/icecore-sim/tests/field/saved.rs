//! What a replica saves, and when.

use crate::site::{HOUR, MINUTE, Site, note, notes, shown};
use icecore_replica::{Replica, SpaceReplica};
use icecore_sim::bucket::Faults;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Lets a future go on for so many steps and drops it then, as a process that is killed at that await; `None` when it
/// had not ended by then.
pub(crate) async fn cut<F: Future>(future: F, steps: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = steps;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// A replica that has read something, and a bucket that has more for it.
struct Behind {
    site: Site,
    replica: Replica,
    session: SpaceReplica,
}

impl Behind {
    /// `rolled_up`: part of what is new is in a segment.
    async fn new(rolled_up: bool) -> Self {
        let mut site = Site::new().await;
        // Nothing helps a listing point that moved too far.
        site.settings.overlap = Duration::ZERO;
        let mut writer = site.replica();
        site.write(&mut writer, "known").await;
        let replica = Replica::in_memory(site.store()).unwrap();
        let mut session = site.opened(&replica);
        session.pull().await.unwrap();
        for n in 0..6 {
            site.wait(MINUTE).await;
            site.write(&mut writer, &format!("new {n}")).await;
            if rolled_up && n % 2 == 1 {
                site.wait(10_000).await;
                site.roll_up().await;
            }
        }
        site.wait(HOUR).await;
        Self {
            site,
            replica,
            session,
        }
    }
}

/// The cursor was saved before the updates that it stood for: a crash in between skipped them for ever
/// (super-productivity#8304). Here what was read and how far was read are saved in one transaction: a pull that is
/// killed at any of its steps has either brought all or moved nothing, and the next one brings the rest.
#[tokio::test(start_paused = true)]
async fn row_11_a_pull_killed_at_any_step_skips_nothing() {
    for rolled_up in [false, true] {
        let mut steps = 0;
        loop {
            let Behind {
                site,
                replica,
                mut session,
            } = Behind::new(rolled_up).await;
            let before = shown(&mut session);
            let ended = Box::pin(cut(session.pull(), steps)).await.is_some();
            drop(session);

            let mut again = site.opened(&replica);
            let kept = shown(&mut again);
            assert!(kept == before || kept.len() == 7, "half a pull: {kept:?}");
            let folded = site.agreed(&mut [&mut again]).await;
            assert_eq!(notes(&folded).len(), 7, "killed after {steps} steps");
            if ended {
                break;
            }
            steps += 1;
        }
        assert!(steps > 7, "it was killed at {steps} places");
    }
}

/// The same within one process: an app that gives up waiting for a sync, and goes on with the same session.
#[tokio::test(start_paused = true)]
async fn row_11_a_sync_given_up_at_any_step_skips_and_doubles_nothing() {
    let mut steps = 0;
    loop {
        let Behind {
            site, mut session, ..
        } = Behind::new(true).await;
        session.enqueue(&[note("own 1"), note("own 2")]).unwrap();
        let ended = Box::pin(cut(session.sync(), steps)).await.is_some();
        session.enqueue(&[note("own 3")]).unwrap();
        session.sync().await.unwrap();
        let folded = site.agreed(&mut [&mut session]).await;
        let all = notes(&folded);
        assert_eq!(all.len(), 10, "given up after {steps} steps: {all:?}");
        assert_eq!(all[7..], ["own 1", "own 2", "own 3"], "after {steps} steps");
        if ended {
            break;
        }
        steps += 1;
    }
    assert!(steps > 10, "it was given up at {steps} places");
}

/// The same with a bucket that fails in the middle: listings that break off, reads that are refused. No pull that failed
/// half-way has moved the point from which the next one looks.
#[tokio::test(start_paused = true)]
async fn row_11_a_pull_that_fails_half_way_skips_nothing() {
    let flaky = Faults {
        refused: 0.15,
        broken_listing: 0.2,
        page: 1,
        ..Faults::none()
    };
    let mut failed = 0;
    for rolled_up in [false, true] {
        for case in 0..20 {
            let Behind { site, replica, .. } = Behind::new(rolled_up).await;
            let store = site.store_seen(&site.clock, flaky, true);
            let mut session = site.opened(&replica.reopened(store));
            // Other faults in each case.
            for _ in 0..case {
                site.random.between(0, 1);
            }
            for _ in 0..3 {
                failed += usize::from(session.pull().await.is_err());
            }
            let mut again = site.opened(&replica);
            let folded = site.agreed(&mut [&mut again]).await;
            assert_eq!(notes(&folded).len(), 7);
        }
    }
    assert!(failed > 20, "only {failed} pulls failed");
}
