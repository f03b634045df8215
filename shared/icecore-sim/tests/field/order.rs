//! The order of one author's updates, whatever a listing shows while it is made.

use crate::site::{Site, notes, object};
use icecore_core::rules::{Rule, testonly_switch_off};
use icecore_sim::bucket::Faults;
use icecore_store::epochs::{Redaction, compress, redact};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::verify;

/// Everything, however young: what `rollup --now` and each new epoch do.
const NOW: RollupOptions = RollupOptions {
    full: true,
    now: true,
    time_max: None,
};

/// What an author writes while somebody else lists.
#[derive(Debug, Clone, Copy)]
enum Begins {
    RollUp,
    Compress,
    Redact,
}

/// A roll-up that lists page by page passes the place of an author's first update, then both land, and the next page
/// shows the second: it was rolled up, the first one later on top of it, and the older value won for good (the same as
/// `ClickHouse`#91615 from the writer's side). Here what stands behind a gap waits for a listing that begins after one that
/// showed it has ended.
#[tokio::test(start_paused = true)]
async fn row_01_a_page_break_between_two_updates_of_an_author_keeps_their_order() {
    for begins in [Begins::RollUp, Begins::Compress, Begins::Redact] {
        for offset in (0..2_400).step_by(20) {
            assert!(page_break(begins, offset).await, "{begins:?}, {offset} ms");
        }
    }
}

/// Without the rule the same listing breaks the order: the moments above are the right ones.
#[tokio::test(start_paused = true)]
async fn seen_before_a_gap_is_needed() {
    testonly_switch_off(Some(Rule::SeenBeforeGap));
    let mut kept = 0;
    let mut broken = 0;
    for offset in (0..2_400).step_by(20) {
        if page_break(Begins::RollUp, offset).await {
            kept += 1;
        } else {
            broken += 1;
        }
    }
    testonly_switch_off(None);
    assert!(kept > 0 && broken > 0, "{kept} kept, {broken} broken");
}

/// Whether the author's order is kept when a roll-up begins, and both updates land so many milliseconds later.
async fn page_break(begins: Begins, offset: i64) -> bool {
    let site = Site::new().await;
    let [first, second, third] = [site.author(), site.author(), site.author()];
    let at = site.now() - 60_000;
    for n in 0..3 {
        site.land(
            at + n * 10,
            &object(first, n.unsigned_abs() + 1, &format!("a{n}")),
        );
        site.land(
            at + n * 10 + 1,
            &object(second, n.unsigned_abs() + 1, &format!("b{n}")),
        );
    }
    let slow = Faults {
        latency_max: 400,
        page: 3,
        ..Faults::none()
    };
    let store = site.store_seen(&site.clock, slow, true);
    let begun = async {
        match begins {
            Begins::RollUp => drop(roll_up(&store, &site.space, &NOW).await.unwrap()),
            Begins::Compress => drop(compress(&store, &site.space).await.unwrap()),
            Begins::Redact => {
                let redaction = Redaction::Author(first);
                redact(&store, &site.space, redaction).await.unwrap();
            }
        }
    };
    let writes = async {
        site.wait(offset).await;
        // The key of the first lies in a page that is over, that of the second in one to come.
        site.land(at + 5, &object(third, 1, "earlier"));
        site.wait(1).await;
        site.land(at + 15, &object(third, 2, "later"));
    };
    futures::future::join(begun, writes).await;
    for _ in 0..2 {
        roll_up(&store, &site.space, &NOW).await.unwrap();
    }
    let all = site.notes().await;
    let own: Vec<&String> = all.iter().filter(|text| text.ends_with("er")).collect();
    let kept = own == ["earlier", "later"];
    if kept {
        site.verified().await;
    }
    kept
}

/// What is missing for good holds up nobody for ever, also in one run of a process that has just started; and whoever
/// verifies is told. Should it come back after all, nothing is dropped, and its place is named.
#[tokio::test(start_paused = true)]
async fn row_01_a_gap_for_good_is_passed_after_a_second_look_and_named() {
    let site = Site::new().await;
    let author = site.author();
    site.land(site.now(), &object(author, 1, "first"));
    let lost = site.land(site.now() + 1, &object(author, 2, "lost"));
    site.land(site.now() + 2, &object(author, 3, "third"));
    let body = site.bytes(&lost);
    site.remove(&lost);
    site.wait(60_000).await;
    let report = site.roll_up().await;
    assert_eq!((report.updates, report.held), (2, 0), "{report:?}");
    let verified = site.verified().await;
    assert_eq!(verified.missing, [format!("{author}:2")]);

    site.put(&lost, &body);
    let problems = || async {
        let store = site.store();
        let verified = verify(&store, &site.space, &mut |_, _| {}).await;
        verified.unwrap().problems
    };
    assert!(problems().await[0].message.contains("which is stored"));
    site.roll_up_full().await;
    assert_eq!(site.notes().await, ["first", "third", "lost"]);
    let problems = problems().await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("stands after update 3"));
    compress(&site.store(), &site.space).await.unwrap();
    assert_eq!(notes(&site.agreed(&mut []).await).len(), 3);
    site.verified().await;
}
