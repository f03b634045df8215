//! Rounds over a whole store: what they find, what they cost, and what they leave for the next one.

use super::bench::Bench;
use icecore_core::{ErrorKind, Head, Key, ModelRef, ObjectKey, Order, SpaceInfo, SpaceName};
use icecore_sim::bucket::{Faults, Happened};
use icecore_store::publish::write_head;
use icecore_store::rounds::{Limits, Report, Rounds, Work};
use icecore_store::verify::verify;
use icecore_store::{Clock, Reader, Settings};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// A store with many spaces, and writers that tell of what they write.
struct Site {
    bench: Bench,
    spaces: Vec<SpaceInfo>,
}

impl Site {
    async fn new(spaces: usize) -> Self {
        let bench = Bench::new("log").await;
        let mut infos = vec![bench.info().await];
        for n in 1..spaces {
            let name: SpaceName = format!("space-{n}").parse().unwrap();
            let model = ModelRef::named("log");
            let info = bench.store.create_space(&name, model, Order::Timestamp);
            infos.push(info.await.unwrap());
        }
        Self {
            bench,
            spaces: infos,
        }
    }

    fn rounds(&self) -> Rounds {
        Rounds::new(self.bench.store.clone(), Limits::default())
    }

    /// Writes an update without telling anybody.
    async fn write_quietly(&mut self, space: usize) -> Key {
        let info = self.spaces[space].clone();
        let author = 1_000 + space as u64;
        let (_, key) = self.bench.write_to(&info, author, "said", "1").await;
        key
    }

    async fn write(&mut self, space: usize) {
        let key = self.write_quietly(space).await;
        self.tell(space, key).await;
    }

    async fn tell(&self, space: usize, key: Key) {
        let info = &self.spaces[space];
        let head = Head {
            key,
            ..Head::first(info.epoch)
        };
        write_head(&self.bench.store, info, &head).await.unwrap();
    }

    async fn write_everywhere(&mut self) {
        for space in 0..self.spaces.len() {
            self.write(space).await;
        }
    }

    async fn wait(&self, duration: Duration) {
        self.bench.clock.sleep(duration).await;
    }

    async fn round(&self, rounds: &mut Rounds) -> Report {
        self.work(rounds, Work::Scheduled).await
    }

    async fn work(&self, rounds: &mut Rounds, work: Work) -> Report {
        let deadline = self.bench.clock.monotonic() + 5 * MINUTE;
        rounds.run(work, deadline).await.unwrap()
    }

    /// A round, and what it asked of the bucket.
    async fn counted(&self, rounds: &mut Rounds) -> (Report, Happened) {
        let before = self.bench.bucket.happened();
        let report = self.round(rounds).await;
        let after = self.bench.bucket.happened();
        let asked = Happened {
            requests: after.requests - before.requests,
            gets: after.gets - before.gets,
            lists: after.lists - before.lists,
            ..Happened::default()
        };
        (report, asked)
    }

    /// Rounds until one finds nothing to look at.
    async fn settle(&self, rounds: &mut Rounds) {
        for _ in 0..10 {
            self.wait(MINUTE).await;
            if self.round(rounds).await.spaces == 0 {
                return;
            }
        }
        panic!("there is always something to look at");
    }

    fn name(&self, space: usize) -> SpaceName {
        self.spaces[space].space.clone()
    }

    async fn count(&self, space: usize) -> u64 {
        let reader = Reader::open(&self.bench.store, &self.spaces[space].space).await;
        reader.unwrap().base.count
    }

    async fn check(&self, each: u64) {
        for space in 0..self.spaces.len() {
            assert_eq!(self.count(space).await, each, "space {space}");
            let name = self.name(space);
            let report = verify(&self.bench.store, &name, &mut |_, _| {})
                .await
                .unwrap();
            assert_eq!(report.problems, []);
        }
    }

    fn objects_below(&self, folder: &str) -> usize {
        let paths = self.bench.paths();
        paths.iter().filter(|path| path.contains(folder)).count()
    }
}

fn asked(asked: Happened) -> (u64, u64, u64) {
    (asked.requests, asked.gets, asked.lists)
}

#[tokio::test(start_paused = true)]
async fn a_round_with_nothing_to_do_costs_one_listing() {
    let mut site = Site::new(30).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let mut rounds = site.rounds();
    let report = site.round(&mut rounds).await;
    assert_eq!(
        (report.spaces, report.rolled_up, report.updates),
        (30, 30, 30)
    );
    assert_eq!((report.segments, report.snapshots), (30, 30));
    assert_eq!((report.failures, report.left), (vec![], vec![]));
    assert_eq!(report.lag_ms, 0);
    // The roll-ups have written the heads, maybe over somebody else's: one more look.
    site.wait(MINUTE).await;
    let (report, happened) = site.counted(&mut rounds).await;
    assert_eq!((report.spaces, report.rolled_up), (30, 0));
    assert_eq!(asked(happened), (1 + 30 * 4, 30, 1 + 30 * 3));
    let mut listed = 0;
    for _ in 0..50 {
        site.wait(MINUTE).await;
        let (report, happened) = site.counted(&mut rounds).await;
        if report.spaces == 0 {
            // Every ten minutes the names of all spaces are listed too.
            let names = happened.lists - 1;
            assert_eq!(asked(happened), (1 + names, 0, 1 + names));
            listed += names;
        }
        // A space may have its minute: it holds update objects, so this is more than a glance.
        assert!(report.spaces < 4, "{report:?}");
    }
    assert!((1..=5).contains(&listed), "{listed}");
    site.check(1).await;
}

/// What is written to a space that was empty when it was looked at does not wait for the next look at empty ones.
#[tokio::test(start_paused = true)]
async fn the_first_head_of_a_space_calls_for_it_at_once() {
    let mut site = Site::new(1).await;
    let mut rounds = site.rounds();
    assert_eq!(site.round(&mut rounds).await.spaces, 1);
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    assert_eq!(site.round(&mut rounds).await.updates, 1);
}

/// A head may be missing: its writer may not write it, or was cut off before. Nothing called for the space then, and
/// nothing said so: thirteen minutes after the update the metrics showed no lag.
#[tokio::test(start_paused = true)]
async fn a_space_without_a_head_is_rolled_up_by_the_rounds() {
    let mut site = Site::new(1).await;
    let mut rounds = site.rounds();
    let report = site.round(&mut rounds).await;
    assert_eq!((report.spaces, report.updates), (1, 0));
    site.write_quietly(0).await;
    let (mut updates, mut minutes) = (0, 0);
    while updates == 0 && minutes < 13 {
        site.wait(MINUTE).await;
        updates += site.round(&mut rounds).await.updates;
        minutes += 1;
    }
    assert_eq!(updates, 1, "after {minutes} minutes");
    site.check(1).await;

    // A young one is told of, and is not left alone until the names are listed again.
    let before = site.bench.bucket.with_disk(|disk| {
        disk.objects.retain(|path, _| !path.contains("/heads/"));
        disk.objects.len()
    });
    site.write_quietly(0).await;
    let mut rounds = site.rounds();
    let report = site.round(&mut rounds).await;
    assert!(
        report.lag_ms > 0 && report.held == 1,
        "{report:?}, {before}"
    );
    site.wait(MINUTE).await;
    assert_eq!(site.round(&mut rounds).await.updates, 1);
}

/// Where nothing is ever written, a space without a head costs a look an hour.
#[tokio::test(start_paused = true)]
async fn an_idle_space_without_a_head_is_looked_at_less_and_less() {
    let site = Site::new(1).await;
    let mut rounds = site.rounds();
    let mut looks = 0;
    for _ in 0..24 * 60 {
        looks += site.round(&mut rounds).await.spaces;
        site.wait(MINUTE).await;
    }
    assert!((24..=31).contains(&looks), "{looks}");
    site.bench.bucket.with_disk(|disk| {
        assert!(disk.objects.keys().all(|path| !path.contains("/heads/")));
    });
}

#[tokio::test(start_paused = true)]
async fn young_updates_wait_for_the_next_round() {
    let mut site = Site::new(1).await;
    let mut rounds = site.rounds();
    site.write(0).await;
    let report = site.round(&mut rounds).await;
    assert_eq!((report.spaces, report.rolled_up, report.held), (1, 0, 1));
    assert!(report.lag_ms > 0 && report.lag_ms < 5_000, "{report:?}");
    assert_eq!(report.left, []);
    site.wait(MINUTE).await;
    assert_eq!(site.round(&mut rounds).await.updates, 1);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_kept_is_not_read_again() {
    let mut site = Site::new(1).await;
    let mut rounds = site.rounds();
    site.write(0).await;
    site.settle(&mut rounds).await;
    assert_eq!(rounds.warm().0, 1);
    site.write(0).await;
    site.wait(MINUTE).await;
    let (report, happened) = site.counted(&mut rounds).await;
    assert_eq!(report.updates, 1);
    // space.json and the update; the segments, the snapshots, the updates and the heads; segment, snapshot, head.
    assert_eq!(asked(happened), (9, 2, 4));
    // With no room for it, it is read each time: the head, the snapshot.
    let limits = Limits {
        warm_bytes_max: 10,
        ..Limits::default()
    };
    let mut forgetful = Rounds::new(site.bench.store.clone(), limits);
    site.settle(&mut forgetful).await;
    assert_eq!(forgetful.warm(), (0, 0));
    site.write(0).await;
    site.wait(MINUTE).await;
    let (report, happened) = site.counted(&mut forgetful).await;
    assert_eq!((report.updates, report.warm_spaces), (1, 0));
    assert_eq!(asked(happened), (11, 4, 4));
}

#[tokio::test(start_paused = true)]
async fn the_models_that_were_not_used_for_longest_go_first() {
    let mut site = Site::new(5).await;
    let limits = Limits {
        warm_spaces_max: 3,
        ..Limits::default()
    };
    let mut rounds = Rounds::new(site.bench.store.clone(), limits);
    site.write_everywhere().await;
    site.settle(&mut rounds).await;
    assert_eq!(rounds.warm().0, 3);
}

#[tokio::test(start_paused = true)]
async fn one_space_that_fails_stops_no_other_one() {
    let mut site = Site::new(6).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let path = site.bench.path(&ObjectKey::Space(site.name(3)));
    let good = site.bench.bucket.with_disk(|disk| {
        let stored = disk.objects.get_mut(&path).unwrap();
        std::mem::replace(&mut stored.bytes, "{".into())
    });
    let mut rounds = site.rounds();
    let report = site.round(&mut rounds).await;
    assert_eq!((report.spaces, report.rolled_up), (6, 5));
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].space, site.name(3));
    assert_eq!(report.failures[0].kind, ErrorKind::Corrupt);
    assert!(
        !report.is_failure() && report.lag_ms >= 60_000,
        "{report:?}"
    );
    // It is tried again, less and less often, and the lag goes on growing.
    let mut tries = 0;
    for _ in 0..60 {
        site.wait(MINUTE).await;
        tries += site.round(&mut rounds).await.failures.len();
    }
    assert!((5..12).contains(&tries), "{tries}");
    assert!(site.round(&mut rounds).await.lag_ms > 3_600_000);
    site.bench.bucket.with_disk(|disk| {
        disk.objects.get_mut(&path).unwrap().bytes = good;
    });
    site.wait(10 * MINUTE).await;
    let report = site.round(&mut rounds).await;
    assert_eq!((report.rolled_up, report.lag_ms), (1, 0));
    site.check(1).await;
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_up_the_rest_is_named() {
    let mut site = Site::new(40).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let mut rounds = site.rounds();
    // Less than the margin: nothing is begun.
    let deadline = site.bench.clock.monotonic() + Duration::from_secs(9);
    let report = rounds.run(Work::Scheduled, deadline).await.unwrap();
    assert_eq!((report.spaces, report.left.len()), (0, 40));
    assert!(report.lag_ms > 60_000);
    // On a slow network some are done.
    let slow = Faults {
        latency_max: 1_000,
        ..Faults::none()
    };
    site.bench.bucket.set_faults(slow);
    let deadline = site.bench.clock.monotonic() + Duration::from_secs(30);
    let report = rounds.run(Work::Scheduled, deadline).await.unwrap();
    assert!(site.bench.clock.monotonic() < deadline);
    assert!(report.rolled_up > 8 && report.left.len() > 8, "{report:?}");
    assert_eq!(report.failures, []);
    site.bench.bucket.set_faults(Faults::none());
    // Somebody else takes them: for a while they are not due here.
    rounds.hand_over(&report.left);
    site.wait(MINUTE).await;
    let (left, done) = (report.left.len() as u64, report.rolled_up);
    assert_eq!(site.round(&mut rounds).await.spaces, done);
    let mut others = site.rounds();
    let report = site.work(&mut others, Work::Spaces(report.left)).await;
    // Some were cut short after their segment was written.
    assert_eq!(report.spaces, left);
    assert!(report.rolled_up + 4 >= left, "{report:?}");
    site.wait(5 * MINUTE).await;
    assert_eq!(site.round(&mut rounds).await.rolled_up, 0);
    site.check(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_does_not_answer_does_not_keep_a_round_beyond_its_deadline() {
    let mut site = Site::new(3).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let mut rounds = site.rounds();
    let names = site.spaces.iter().map(|info| info.space.clone()).collect();
    site.bench.bucket.set_faults(Faults {
        stall: 1.0,
        ..Faults::none()
    });
    let deadline = site.bench.clock.monotonic() + Duration::from_secs(15);
    let report = rounds.run(Work::Spaces(names), deadline).await.unwrap();
    assert!(site.bench.clock.monotonic() < deadline);
    assert_eq!((report.left.len(), report.failures.len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_round_finds_what_changed_while_nothing_ran() {
    let mut site = Site::new(20).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let mut rounds = site.rounds();
    site.settle(&mut rounds).await;
    drop(rounds);
    site.write(7).await;
    // For a weekend nothing runs.
    site.wait(Duration::from_hours(60)).await;
    let mut rounds = site.rounds();
    let (report, happened) = site.counted(&mut rounds).await;
    assert_eq!((report.checked, report.unchecked), (20, 0));
    assert_eq!((report.rolled_up, report.updates), (1, 1));
    // The heads and the names, each head, and the space that changed; some others have their upkeep in this hour.
    let upkeep = report.spaces - 1;
    assert!(upkeep < 5, "{report:?}");
    assert!(
        (24..=24 + upkeep * 12).contains(&happened.gets),
        "{happened:?}"
    );
    assert!(
        (5..=5 + upkeep * 12).contains(&happened.lists),
        "{happened:?}"
    );
    // For an hour the word of a roll-up's head is not taken: it may have hidden a writer's.
    let key = site.write_quietly(3).await;
    site.wait(MINUTE).await;
    let info = &site.spaces[3];
    let hiding = Head {
        key: Key::MIN,
        ..Head::first(info.epoch)
    };
    write_head(&site.bench.store, info, &hiding).await.unwrap();
    let report = site.round(&mut site.rounds()).await;
    assert!(report.updates == 1 && key > Key::MIN, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_no_head_tells_of_is_found_within_a_day() {
    let mut site = Site::new(10).await;
    let mut rounds = site.rounds();
    site.round(&mut rounds).await;
    for space in 0..10 {
        site.write_quietly(space).await;
    }
    let mut updates = 0;
    for _ in 0..24 * 6 + 6 {
        site.wait(10 * MINUTE).await;
        updates += site.round(&mut rounds).await.updates;
    }
    assert_eq!(updates, 10);
    site.check(1).await;
}

#[tokio::test(start_paused = true)]
async fn old_updates_are_pruned_and_then_a_space_costs_three_requests_a_day() {
    let mut site = Site::new(10).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let mut rounds = site.rounds();
    let mut pruned = 0;
    for _ in 0..23 * 12 {
        pruned += site.round(&mut rounds).await.pruned;
        site.wait(5 * MINUTE).await;
    }
    assert_eq!(pruned, 0, "younger than the retention");
    for _ in 0..26 * 12 {
        pruned += site.round(&mut rounds).await.pruned;
        site.wait(5 * MINUTE).await;
    }
    assert_eq!((pruned, site.objects_below("/updates/")), (10, 0));
    let (mut spaces, mut requests) = (0, 0);
    for _ in 0..24 * 12 {
        let (report, happened) = site.counted(&mut rounds).await;
        spaces += report.spaces;
        requests += happened.requests;
        site.wait(5 * MINUTE).await;
    }
    assert_eq!(spaces, 10);
    // Every ten minutes the names of all spaces are listed too.
    let listings = 24 * 12 + 24 * 6;
    assert_eq!(requests, listings + 3 * spaces);
    site.check(1).await;
}

#[tokio::test(start_paused = true)]
async fn rounds_that_race_lose_and_double_nothing() {
    let mut site = Site::new(12).await;
    let (mut one, mut other) = (site.rounds(), site.rounds());
    let (mut updates, mut races) = (0, 0);
    for _ in 0..5 {
        site.write_everywhere().await;
        site.wait(MINUTE).await;
        let (a, b) = tokio::join!(site.round(&mut one), site.round(&mut other));
        assert_eq!((&a.failures, &b.failures), (&vec![], &vec![]));
        updates += a.updates + b.updates;
        races += a.lost_races + b.lost_races;
    }
    site.settle(&mut one).await;
    assert_eq!(updates, 5 * 12);
    assert!(races > 0, "they met");
    site.check(5).await;
}

#[tokio::test(start_paused = true)]
async fn a_backlog_is_worked_off_over_several_rounds_with_bounded_memory() {
    let mut site = Site::new(4).await;
    let settings = Settings {
        chunk_objects_max: 50,
        ..Settings::default()
    };
    site.bench.store = site.bench.store.clone().with_settings(settings);
    for _ in 0..300 {
        for space in 0..3 {
            site.write_quietly(space).await;
        }
    }
    site.write(3).await;
    for space in 0..3 {
        let key = site.write_quietly(space).await;
        site.tell(space, key).await;
    }
    site.wait(MINUTE).await;
    let limits = Limits {
        warm_bytes_max: 40_000,
        ..Limits::default()
    };
    let mut rounds = Rounds::new(site.bench.store.clone(), limits);
    let deadline = site.bench.clock.monotonic() + Duration::from_secs(11);
    let report = rounds.run(Work::Scheduled, deadline).await.unwrap();
    assert_eq!(report.failures, []);
    assert!(
        report.updates >= 51 && !report.left.is_empty(),
        "{report:?}"
    );
    let done = report.updates;
    let mut updates = done;
    for _ in 0..3 {
        site.wait(MINUTE).await;
        let report = site.round(&mut rounds).await;
        updates += report.updates;
        assert!(report.warm_bytes <= 40_000, "{report:?}");
    }
    assert_eq!(updates, 3 * 301 + 1);
    assert!(rounds.warm().0 < 4, "the large ones were dropped");
    assert!(site.objects_below("/segments/") >= 3 * 7);
    assert_eq!((site.count(0).await, site.count(3).await), (301, 1));
}

#[tokio::test(start_paused = true)]
async fn a_space_that_is_gone_is_no_failure_and_a_missing_store_is_one() {
    let mut site = Site::new(3).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    icecore_store::epochs::erase(&site.bench.store, &site.name(1))
        .await
        .unwrap();
    site.tell(1, Key::MIN).await;
    let mut rounds = site.rounds();
    let report = site.round(&mut rounds).await;
    assert_eq!((report.rolled_up, report.failures), (2, vec![]));
    site.settle(&mut rounds).await;
    let missing = Work::Spaces(vec!["nowhere".parse().unwrap()]);
    let report = site.work(&mut rounds, missing.clone()).await;
    assert!(report.spaces == 1 && !report.is_failure(), "{report:?}");
    let path = site.bench.path(&ObjectKey::Store);
    site.bench
        .bucket
        .with_disk(|disk| disk.objects.remove(&path));
    let report = site.work(&mut rounds, missing).await;
    assert!(report.is_failure(), "{report:?}");
    assert_eq!(report.failures[0].kind, ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn an_old_epoch_is_swept_and_removed() {
    let mut site = Site::new(2).await;
    site.write_everywhere().await;
    site.wait(MINUTE).await;
    let mut rounds = site.rounds();
    site.settle(&mut rounds).await;
    icecore_store::epochs::compress(&site.bench.store, &site.name(1))
        .await
        .unwrap();
    // A writer that does not know of the new epoch.
    site.write(1).await;
    site.wait(MINUTE).await;
    assert_eq!(site.round(&mut rounds).await.swept, 1);
    for _ in 0..50 {
        site.wait(Duration::from_hours(1)).await;
        assert_eq!(site.round(&mut rounds).await.failures, []);
    }
    assert_eq!(site.objects_below("space-1/0001-"), 0);
    let reader = Reader::open(&site.bench.store, &site.name(1))
        .await
        .unwrap();
    let covered = reader.base.covered.len();
    assert_eq!((covered, reader.info.old_epochs), (2, vec![]));
}
