//! There is no limit for how long a device can be offline.

use crate::support::verify;
use icecore::{Order, Place, Replica};
use icecore_example_steps::{Id, Message, Sport, Steps};
use icecore_sim::bucket::{Faults, SimBucket};
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::backend::ServerTime;
use icecore_store::{Clock, Store};
use object_store::path::Path;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// A bucket in virtual time, and the folders of devices.
struct World {
    folder: TempDir,
    clock: SimClock,
    bucket: SimBucket,
    random: Random,
}

impl World {
    fn new() -> Self {
        let (random, clock) = (Random::new(1), SimClock::start());
        Self {
            folder: tempfile::tempdir().unwrap(),
            bucket: SimBucket::new(random.clone(), clock.clone()),
            clock,
            random,
        }
    }

    fn place(&self, device: &str) -> Place {
        let server_time = Arc::new(ServerTime::new());
        let dates = Some(Arc::clone(&server_time));
        let view = self
            .bucket
            .seen_by(self.clock.clone(), Faults::none(), dates);
        let store = Store::on(
            Arc::new(view),
            Path::from("root"),
            Arc::new(self.clock.clone()),
            Arc::new(self.random.clone()),
            server_time,
        );
        Place::on(store).with_replica(self.folder.path().join(device))
    }

    async fn device(&self, name: &str) -> Replica<Steps> {
        let place = self.place(name);
        Replica::create(Steps, &place, "ada", Order::Timestamp)
            .await
            .unwrap()
    }
}

fn add(session: &str, count: u32) -> Message {
    let session = session.parse().unwrap();
    Message::AddSteps { session, count }
}

fn name(name: &str) -> Message {
    Message::SetName {
        name: name.to_owned(),
    }
}

/// Two weeks of walks that nobody has heard of; returns how many updates they are.
async fn walk_offline(phone: &Replica<Steps>) -> usize {
    let session: Id = "phone".parse().unwrap();
    for day in 0..14 {
        phone.update(add("phone", 10)).await.unwrap();
        let run = Message::AddActivity {
            session: session.clone(),
            id: format!("run-{day}").parse().unwrap(),
            sport: Sport::Run,
            minutes: 20,
        };
        phone.update(run).await.unwrap();
    }
    phone.update(name("Ada, last year")).await.unwrap();
    phone
        .update(Message::SetGoal { steps: 8_000 })
        .await
        .unwrap();
    14 * 2 + 2
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_was_offline_for_a_year_of_roll_ups_and_pruning_comes_back() {
    let world = World::new();
    let phone = world.device("phone").await;
    phone.update(add("phone", 1)).await.unwrap();
    phone.sync().await.unwrap();
    let watch = world.device("watch").await;
    let waiting = walk_offline(&phone).await;
    drop(phone);

    // Nobody knows that there is a phone, or waits for it.
    let (mut pruned, mut walked) = (0, 0);
    for week in 0..52 {
        world.clock.sleep(WEEK).await;
        watch.update(add("watch", 1_000)).await.unwrap();
        walked += 1_000;
        if week == 26 {
            watch.update(name("Ada, in summer")).await.unwrap();
        }
        watch.sync().await.unwrap();
        watch.roll_up().await.unwrap();
        let report = watch.prune().await.unwrap();
        pruned += report.updates + report.snapshots;
    }
    assert!(pruned > 100, "{pruned}");

    let place = world.place("phone");
    let phone = Replica::open(Steps, &place, "ada").await.unwrap();
    let kept = phone.state();
    assert_eq!((kept.steps(), kept.waiting.activities.len()), (141, 14));
    assert_eq!(phone.pending().await.unwrap(), waiting);
    phone.sync().await.unwrap();
    assert_eq!(phone.pending().await.unwrap(), 0);
    watch.roll_up().await.unwrap();
    watch.sync().await.unwrap();
    let new = world.device("new").await;
    for device in [&phone, &watch, &new] {
        let state = device.state();
        assert_eq!(state.steps(), 141 + walked);
        assert_eq!(
            state.sessions[&"phone".parse().unwrap()].activities.len(),
            14
        );
        // The name was set later on the watch, the goal on the phone alone.
        assert_eq!(state.name.get().unwrap(), "Ada, in summer");
        assert_eq!(state.goal.get(), Some(&8_000));
        assert_eq!(state.waiting, kept_nothing());
        assert_eq!(state, watch.state());
    }
    let history = new.history().await.unwrap();
    let ids: BTreeSet<_> = history.iter().map(|recorded| recorded.id).collect();
    assert_eq!(
        (history.len(), ids.len()),
        (1 + waiting + 53, 1 + waiting + 53)
    );
    verify(&new).await;
}

fn kept_nothing() -> icecore_example_steps::fitness::Waiting {
    icecore_example_steps::fitness::Waiting::default()
}
