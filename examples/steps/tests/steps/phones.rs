//! Phones that are offline, whose clocks are wrong.

use crate::support::verify;
use icecore::system::SystemClock;
use icecore::{Order, Place, Replica};
use icecore_example_steps::{Id, Message, Sport, Steps};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::TempDir;

const MINUTE: i64 = 60 * 1_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

async fn phone(folder: &TempDir, name: &str, wrong_by: i64) -> Replica<Steps> {
    let store = folder.path().join("store").display().to_string();
    let place = Place::new(store)
        .with_replica(folder.path().join(name))
        .with_clock(Arc::new(SystemClock::wrong_by(wrong_by)));
    Replica::create(Steps, &place, "ada", Order::Timestamp)
        .await
        .unwrap()
}

/// A day of 300 entries in four sessions, by the phone's own clock.
fn day(name: &str, from: i64) -> Vec<(i64, Message)> {
    let mut messages = Vec::new();
    for part in 0..4 {
        let session: Id = format!("{name}-{part}").parse().unwrap();
        let start = from + part * 6 * HOUR;
        let device = name.to_owned();
        messages.push((
            start,
            Message::StartSession {
                session: session.clone(),
                device,
            },
        ));
        for n in 0..72 {
            let count = u32::try_from(n + 1).unwrap();
            messages.push((
                start + n * 5 * MINUTE,
                Message::AddSteps {
                    session: session.clone(),
                    count,
                },
            ));
        }
        let id = format!("{name}-run-{part}").parse().unwrap();
        messages.push((
            start,
            Message::AddActivity {
                session: session.clone(),
                id,
                sport: Sport::Run,
                minutes: 20,
            },
        ));
        messages.push((start + 6 * HOUR - 1, Message::EndSession { session }));
    }
    messages
}

#[tokio::test]
async fn two_phones_offline_for_a_day_merge_without_losing_a_step() {
    let folder = tempfile::tempdir().unwrap();
    // One clock five hours behind, one seven ahead.
    let left = phone(&folder, "left", -5 * HOUR).await;
    let right = phone(&folder, "right", 7 * HOUR).await;
    let mut expected = 0;
    for (phone, name) in [(&left, "left"), (&right, "right")] {
        let messages = day(name, phone.now() - DAY);
        expected += 4 * (72 * 73 / 2);
        // One by one, as on a real day, and in bulk.
        let (some, rest) = messages.split_at(5);
        for (at, message) in some {
            phone.update_at(*at, message.clone()).await.unwrap();
        }
        phone.update_all(rest.to_vec()).await.unwrap();
        assert_eq!(phone.state().waiting.activities.len(), 4);
    }
    for phone in [&right, &left, &right] {
        phone.sync().await.unwrap();
    }
    let new = phone(&folder, "new", 0).await;
    for phone in [&left, &right, &new] {
        let state = phone.state();
        assert_eq!((state.steps(), state.sessions.len()), (expected, 8));
        assert_eq!(state, left.state());
        let runs = state
            .sessions
            .values()
            .map(|session| session.activities.len());
        assert_eq!(runs.sum::<usize>(), 8);
        // Everything is stored: nothing is kept here in full.
        assert_eq!(
            (state.waiting.steps, state.waiting.activities.len()),
            (0, 0)
        );
        assert!(
            state
                .sessions
                .values()
                .all(|s| s.started.is_some() && s.ended.is_some())
        );
    }
    // The history has the activities in full.
    let history = new.history().await.unwrap();
    let ids: BTreeSet<_> = history.iter().map(|recorded| recorded.id).collect();
    assert_eq!((history.len(), ids.len()), (600, 600));
    new.roll_up().await.unwrap();
    verify(&new).await;
}

#[tokio::test]
async fn names_go_by_when_they_were_set_and_not_by_when_they_arrived() {
    let folder = tempfile::tempdir().unwrap();
    let (phone, tablet) = (
        phone(&folder, "phone", 0).await,
        phone(&folder, "tablet", 0).await,
    );
    let name = |name: &str| Message::SetName {
        name: name.to_owned(),
    };
    let now = phone.now();
    phone
        .update_at(now - 3 * HOUR, name("Ada (early)"))
        .await
        .unwrap();
    phone
        .update_at(now - 3 * HOUR, Message::SetGoal { steps: 8_000 })
        .await
        .unwrap();
    tablet
        .update_at(now - HOUR, name("Ada (late)"))
        .await
        .unwrap();
    tablet
        .update_at(now - 4 * HOUR, Message::SetGoal { steps: 5_000 })
        .await
        .unwrap();
    tablet
        .update_at(now, Message::SetHeight { cm: 170 })
        .await
        .unwrap();
    // What was set earlier arrives last.
    for device in [&tablet, &phone, &tablet] {
        device.sync().await.unwrap();
    }
    for device in [&phone, &tablet] {
        let state = device.state();
        assert_eq!(state.name.get().unwrap(), "Ada (late)");
        assert_eq!(
            (state.goal.get(), state.height.get()),
            (Some(&8_000), Some(&170))
        );
    }
    verify(&phone).await;
}

/// Years-off clocks poisoned the sync of everybody elsewhere (actual#3786, evolu#709): a value "of next year" won against
/// all that followed, for a year. Here a time that is more than a day ahead of its key counts as that of the key.
#[tokio::test]
async fn a_clock_that_is_a_year_ahead_does_not_hold_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (
        phone(&folder, "good", 0).await,
        phone(&folder, "bad", 0).await,
    );
    let name = |name: &str| Message::SetName {
        name: name.to_owned(),
    };
    good.update(name("first")).await.unwrap();
    good.sync().await.unwrap();
    bad.update_at(bad.now() + 365 * DAY, name("of next year"))
        .await
        .unwrap();
    // It was set after the first: so it counts, once.
    bad.sync().await.unwrap();
    good.sync().await.unwrap();
    assert_eq!(good.state().name.get().unwrap(), "of next year");
    good.update(name("second")).await.unwrap();
    for device in [&good, &bad] {
        device.sync().await.unwrap();
        assert_eq!(device.state().name.get().unwrap(), "second");
    }
    assert_eq!(good.state(), bad.state());
    verify(&good).await;
}
