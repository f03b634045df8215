//! What the outside injects: time and randomness. The bucket is `object_store::ObjectStore` itself.

use async_trait::async_trait;
use icecore_core::Author;
use std::fmt::Debug;
use std::time::Duration;

/// Time, as this machine sees it.
///
/// # Contract
/// `now` may be wrong, jump and go backwards: nothing but the time of a key's birth depends on it.
/// `monotonic` never goes backwards; time-outs and back-offs are measured with it.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970 UTC by the local clock.
    fn now(&self) -> i64;

    /// Time since some fixed start; never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// Randomness: ids and strides come from here, so that a seed reproduces a run.
pub trait Ids: Debug + Send + Sync {
    /// 128 random bits.
    fn random(&self) -> u128;
}

/// A random number from `min..=max`.
pub fn random_between(ids: &dyn Ids, min: u64, max: u64) -> u64 {
    let span = u128::from(max.saturating_sub(min)) + 1;
    // The span is tiny beside 2^128, so the modulo bias is too.
    min + u64::try_from(ids.random() % span).unwrap_or(0)
}

/// A number drawn from all `u32`, for decisions that take one.
pub fn draw(ids: &dyn Ids) -> u32 {
    u32::try_from(ids.random() >> 96).unwrap_or(u32::MAX)
}

/// A new author: 48 bits of time and 74 random bits.
pub fn new_author(clock: &dyn Clock, ids: &dyn Ids) -> Author {
    Author::from_parts(u64::try_from(clock.now()).unwrap_or(0), ids.random())
}
