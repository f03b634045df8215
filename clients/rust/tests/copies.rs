//! Looking at a state copies nothing of it, and what was handed out never changes.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore::{Meta, Model, Order, Place, RawValue, Rejected, Replica, message};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Msg {
    Add { by: u64 },
}

/// A state that counts how often it is copied.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sum {
    sum: u64,
    #[serde(skip)]
    copies: Arc<AtomicU64>,
}

impl Clone for Sum {
    fn clone(&self) -> Self {
        self.copies.fetch_add(1, Ordering::Relaxed);
        Self {
            sum: self.sum,
            copies: Arc::clone(&self.copies),
        }
    }
}

#[derive(Debug, Clone)]
struct Sums;

impl Model for Sums {
    type State = Sum;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "sums"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Sum {
        Sum::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, state: &mut Sum, Msg::Add { by }: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        state.sum += by;
        Ok(())
    }
}

/// A replica whose state is 1.
async fn one() -> Replica<Sums> {
    let place = Place::new("memory://");
    let created = Replica::create(Sums, &place, "sums", Order::Timestamp).await;
    let replica = created.unwrap();
    replica.update(Msg::Add { by: 1 }).await.unwrap();
    replica
}

#[tokio::test]
async fn looking_at_a_state_copies_nothing() {
    let replica = one().await;
    let copies = Arc::clone(&replica.state().copies);
    let before = copies.load(Ordering::Relaxed);
    for n in 2..=50 {
        replica.update(Msg::Add { by: 1 }).await.unwrap();
        assert_eq!((replica.state().sum, replica.state().sum), (n, n));
    }
    assert_eq!(copies.load(Ordering::Relaxed), before);
}

#[tokio::test]
async fn a_state_that_somebody_holds_stays_as_it_is_and_is_copied_once() {
    let replica = one().await;
    let held = replica.state();
    let before = held.copies.load(Ordering::Relaxed);
    for _ in 0..50 {
        replica.update(Msg::Add { by: 1 }).await.unwrap();
    }
    assert_eq!((held.sum, replica.state().sum), (1, 51));
    assert_eq!(held.copies.load(Ordering::Relaxed), before + 1);
    replica.sync().await.unwrap();
    assert_eq!((held.sum, replica.state().sum), (1, 51));
}
