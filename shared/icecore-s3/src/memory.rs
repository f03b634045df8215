//! The memory that bodies share on their way in: however many come at once, they wait for each other.

use s3s::{S3Result, s3_error};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The memory for all bodies together, unless the largest one needs more.
const BYTES: u64 = 512 << 20;
/// What is handed out at once.
const PORTION: u64 = 64 << 10;

/// Portions of memory that are free.
#[derive(Debug)]
pub(crate) struct Memory {
    free: Semaphore,
}

impl Memory {
    /// Enough for one body of `body_max` bytes at least.
    pub(crate) fn new(body_max: u64) -> Self {
        Self {
            free: Semaphore::new(portions(BYTES.max(body_max)) as usize),
        }
    }

    /// Waits until there is memory for a body.
    pub(crate) async fn share(&self, bytes: u64) -> S3Result<SemaphorePermit<'_>> {
        let share = self.free.acquire_many(portions(bytes)).await;
        share.map_err(|_| s3_error!(InternalError))
    }
}

fn portions(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PORTION)).unwrap_or(u32::MAX >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_wait_for_each_other() {
        let memory = Memory::new(1 << 30);
        let whole = memory.share(1 << 30).await.unwrap();
        assert!(memory.free.try_acquire().is_err());
        drop(whole);
        let small = memory.share(1).await.unwrap();
        assert_eq!(small.num_permits(), 1);
        assert_eq!(memory.share(0).await.unwrap().num_permits(), 0);
    }
}
