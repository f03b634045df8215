//! Randomness from a seed: the same seed gives the same run.

use icecore_store::Ids;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::{Arc, Mutex};

/// A stream of random numbers that several parts of a simulation share, in the order in which they ask.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A number from `min..=max`.
    pub fn between(&self, min: i64, max: i64) -> i64 {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .random_range(min..=max)
    }

    /// True with this probability.
    pub fn chance(&self, probability: f64) -> bool {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .random_bool(probability)
    }

    /// One of the items.
    pub fn pick<'a, T>(&self, items: &'a [T]) -> &'a T {
        let index = self.between(0, i64::try_from(items.len()).unwrap_or(1) - 1);
        &items[usize::try_from(index).unwrap_or(0)]
    }
}

impl Ids for Random {
    fn random(&self) -> u128 {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .random()
    }
}
