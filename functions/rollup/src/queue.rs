//! Where the spaces go that one invocation does not finish.

mod sqs;

pub use sqs::SqsQueue;

use async_trait::async_trait;
use icecore_core::Result;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// A queue that feeds the function.
///
/// # Contract
/// A message that was sent arrives at least once, in any order. A failed `send` may have sent some: that a space is
/// asked for twice is harmless.
#[async_trait]
pub trait Queue: Debug + Send + Sync {
    /// Sends messages.
    ///
    /// # Errors
    /// `Unavailable` or `Denied` when some were not taken.
    async fn send(&self, bodies: Vec<String>) -> Result<()>;
}

/// A queue in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    sent: Mutex<Vec<String>>,
}

impl MemoryQueue {
    /// What was sent since the last look.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, bodies: Vec<String>) -> Result<()> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.extend(bodies);
        Ok(())
    }
}
