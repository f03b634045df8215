//! What becomes visible late: updates below what a reader or a roll-up has reached already.

use crate::site::{HOUR, MINUTE, Site, notes, object, shown};
use icecore_sim::bucket::Faults;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, roll_up};
use std::time::Duration;

/// Readers moved a cursor to the greatest key that they had seen; a key below it that became visible a moment later
/// was never read (ClickHouse#91615, #71161, #118960; wazuh#1367; protean#1088; Eventuous#222, #588;
/// SQLStreamStore#121; KurrentDB#4970; Obsidian `LiveSync`'s `StartAfter`). A listing cannot know what is still on its
/// way. Here the next listing starts before the last one, and what is later still comes by one of the two ways below.
#[tokio::test(start_paused = true)]
async fn row_01_a_key_that_became_visible_late_is_not_lost() {
    let site = Site::new().await;
    let (mut reader, mut writer) = (site.replica(), site.replica());
    site.wait(5 * MINUTE).await;
    site.write(&mut writer, "on time").await;
    reader.pull().await.unwrap();
    assert_eq!(shown(&mut reader), ["on time"]);

    // Sent half a minute before the listing, visible after it, and nobody tells.
    site.land(site.now() - 30_000, &object(site.author(), 1, "late"));
    reader.pull().await.unwrap();
    assert_eq!(shown(&mut reader), ["on time"], "no listing was due");
    site.wait(MINUTE).await;
    reader.pull().await.unwrap();
    assert_eq!(shown(&mut reader), ["late", "on time"]);
    site.agreed(&mut [&mut reader, &mut writer]).await;
}

/// The same, with a key that is later than any listing looks back: no overlap is ever long enough, which is what the
/// systems above that added one found out. Here the roll-up folds it, and every reader takes the segment.
#[tokio::test(start_paused = true)]
async fn row_01_a_key_later_than_the_overlap_comes_by_the_next_segment() {
    let site = Site::new().await;
    let (mut reader, mut writer) = (site.replica(), site.replica());
    for n in 0..6 {
        site.write(&mut writer, &format!("n{n}")).await;
        reader.pull().await.unwrap();
        site.roll_up().await;
        site.wait(MINUTE).await;
    }
    site.land(
        site.now() - 4 * MINUTE,
        &object(site.author(), 1, "very late"),
    );
    site.wait(MINUTE).await;
    reader.pull().await.unwrap();
    assert!(!shown(&mut reader).contains(&"very late".to_owned()));

    let report = site.roll_up().await;
    assert_eq!((report.late, report.full), (1, false), "{report:?}");
    let folded = site.agreed(&mut [&mut reader, &mut writer]).await;
    assert_eq!(notes(&folded).len(), 7);
    site.verified().await;
}

/// The same, and no roll-up runs: the late key's author has written more. Its counter shows that one is missing, so
/// everything is listed at once.
#[tokio::test(start_paused = true)]
async fn row_01_a_gap_in_an_authors_counter_finds_a_late_key_at_once() {
    let site = Site::new().await;
    let (mut reader, mut writer) = (site.replica(), site.replica());
    site.wait(HOUR).await;
    site.write(&mut writer, "other").await;
    reader.pull().await.unwrap();

    let author = site.author();
    site.land(site.now() - 50 * MINUTE, &object(author, 1, "first"));
    site.land(site.now() - 40 * MINUTE, &object(author, 2, "second"));
    site.wait(2 * MINUTE).await;
    reader.pull().await.unwrap();
    assert_eq!(shown(&mut reader), ["other"], "beyond the overlap");

    // No hint tells of it, and the last listing showed nothing new: the next one comes after two minutes.
    site.land(site.now(), &object(author, 3, "third"));
    site.wait(2 * MINUTE).await;
    reader.pull().await.unwrap();
    assert_eq!(shown(&mut reader), ["first", "second", "other", "third"]);
    assert_eq!(reader.status().unwrap().gaps, [] as [String; 0]);
}

/// A gap that no listing closes must not stop the rest: the author's first update is still on its way when its second
/// is seen. It is reported, the others go on, and the roll-up takes both in the author's order when it is there.
#[tokio::test(start_paused = true)]
async fn row_01_a_gap_that_remains_is_reported_and_blocks_nobody() {
    let site = Site::new().await;
    let (mut reader, mut writer) = (site.replica(), site.replica());
    site.wait(HOUR).await;
    let author = site.author();
    site.land(site.now(), &object(author, 2, "second"));
    reader.pull().await.unwrap();
    assert_eq!(reader.status().unwrap().gaps, [format!("{author}:1")]);
    site.write(&mut writer, "other").await;
    reader.pull().await.unwrap();
    assert_eq!(shown(&mut reader), ["second", "other"]);

    // Before anything is old enough to be rolled up it turns up after all.
    site.land(site.now() - 30 * MINUTE, &object(author, 1, "first"));
    site.wait(10_000).await;
    let report = site.roll_up().await;
    assert_eq!(report.updates, 3, "{report:?}");
    let folded = site.agreed(&mut [&mut reader, &mut writer]).await;
    assert_eq!(notes(&folded), ["first", "second", "other"]);
    assert_eq!(reader.status().unwrap().gaps, [] as [String; 0]);
    site.verified().await;
}

/// MPS3 ignores a write whose time is more than five seconds off, and deletes it later: a phone in a tunnel loses what
/// it sent. Here a write that lands hours after all roll-ups passed its key is kept by every prune and folded late, by
/// the listing of everything at the latest; readers that were there all the time get it too.
#[tokio::test(start_paused = true)]
async fn row_02_a_write_that_lands_hours_later_is_folded_late() {
    let mut site = Site::new().await;
    site.settings.retention = Duration::from_hours(1);
    let (mut reader, mut writer) = (site.replica(), site.replica());
    let sent_at = site.now();
    for n in 0..18 {
        site.write(&mut writer, &format!("n{n}")).await;
        reader.pull().await.unwrap();
        site.wait(10 * MINUTE).await;
        site.roll_up().await;
        prune(&site.store(), &site.space, None).await.unwrap();
    }
    let path = site.land(sent_at, &object(site.author(), 1, "from the tunnel"));
    for _ in 0..24 {
        site.wait(HOUR).await;
        prune(&site.store(), &site.space, None).await.unwrap();
        assert!(site.paths("updates").contains(&path), "{}", site.tree());
        site.write(&mut writer, "n").await;
        if site.roll_up().await.full {
            break;
        }
    }
    let folded = site.agreed(&mut [&mut reader, &mut writer]).await;
    let late = |text: &&String| **text == "from the tunnel";
    assert_eq!(notes(&folded).iter().filter(late).count(), 1);
    site.verified().await;
    // Now that it is covered it may go like any other.
    site.wait(2 * HOUR).await;
    prune(&site.store(), &site.space, None).await.unwrap();
    assert!(!site.paths("updates").contains(&path));
    site.agreed(&mut [&mut reader, &mut writer]).await;
}

/// The same with clocks: on a shared folder no server says what time it is, so a device whose clock is minutes or days
/// behind stamps its updates into the past. None is refused or dropped, whatever the others have rolled up since.
#[tokio::test(start_paused = true)]
async fn row_02_a_clock_that_is_behind_loses_nothing() {
    let site = Site::new().await;
    let mut on_time = site.replica_on(site.store_seen(&site.clock, Faults::none(), false));
    for (name, behind) in [
        ("seconds", 8_000),
        ("minutes", 7 * MINUTE),
        ("days", 50 * HOUR),
    ] {
        let clock = site.clock.skewed(-behind);
        let mut skewed = site.replica_on(site.store_seen(&clock, Faults::none(), false));
        let begun = notes(&site.agreed(&mut []).await).len();
        for n in 0..5 {
            site.write(&mut on_time, &format!("right {n}")).await;
            site.write(&mut skewed, &format!("{name} {n}")).await;
            site.wait(20_000).await;
            site.roll_up().await;
        }
        site.wait(24 * HOUR).await;
        let whole = RollupOptions {
            full: true,
            ..RollupOptions::default()
        };
        roll_up(&site.store(), &site.space, &whole).await.unwrap();
        let folded = site.agreed(&mut [&mut on_time, &mut skewed]).await;
        let all = notes(&folded);
        assert_eq!(all.len(), begun + 10, "{name}");
        let own: Vec<&String> = all.iter().filter(|t| t.starts_with(name)).collect();
        let expected: Vec<String> = (0..5).map(|n| format!("{name} {n}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>(), "in its order");
    }
    site.verified().await;
}
