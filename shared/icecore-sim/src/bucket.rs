//! A bucket in memory with the faults of a real network and a real service, drawn from the seed.

mod disk;
mod faults;
mod store;

pub use disk::{Disk, Stored};
pub use faults::Faults;

use crate::clock::SimClock;
use crate::random::Random;
use icecore_store::backend::ServerTime;
use std::sync::{Arc, Mutex};

/// What happened in a bucket, for the checker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Happened {
    /// Requests that reached the bucket.
    pub requests: u64,
    /// GETs among them, 304s included.
    pub gets: u64,
    /// Listings among them, by page.
    pub lists: u64,
    /// Writes that happened and were answered with nothing, or with a 500.
    pub lost_responses: u64,
    /// Writes that landed long after they were given up.
    pub zombies: u64,
    /// Deletions that landed later, or once more.
    pub late_deletes: u64,
    /// Writes that landed and were answered with 412, as after a retry inside the HTTP client.
    pub retried_inside: u64,
    /// Requests refused with 409, 500 or 503.
    pub refused: u64,
}

/// One actor's way to the bucket: shared objects, own clock, the faults of its network.
#[derive(Debug, Clone)]
pub struct SimBucket {
    pub(crate) disk: Arc<Mutex<Disk>>,
    pub(crate) random: Random,
    pub(crate) clock: SimClock,
    pub(crate) faults: Arc<Mutex<Faults>>,
    pub(crate) happened: Arc<Mutex<Happened>>,
    pub(crate) server_time: Option<Arc<ServerTime>>,
    /// Update objects that it stores have the times of its own clock, as files have.
    pub(crate) stamps: bool,
}

impl SimBucket {
    /// A new, empty bucket, seen with the right clock and no faults.
    pub fn new(random: Random, clock: SimClock) -> Self {
        Self {
            disk: Arc::new(Mutex::new(Disk::default())),
            random,
            clock,
            faults: Arc::new(Mutex::new(Faults::none())),
            happened: Arc::new(Mutex::new(Happened::default())),
            server_time: None,
            stamps: false,
        }
    }

    /// The same, as a machine that stamps its files itself.
    #[must_use]
    pub fn stamping(self) -> Self {
        Self {
            stamps: true,
            ..self
        }
    }

    /// The same bucket seen by an actor with this clock and network. With `server_time` the server's `Date`
    /// reaches it, as over HTTP; without, as on a shared folder, it does not.
    #[must_use]
    pub fn seen_by(
        &self,
        clock: SimClock,
        faults: Faults,
        server_time: Option<Arc<ServerTime>>,
    ) -> Self {
        Self {
            clock,
            faults: Arc::new(Mutex::new(faults)),
            server_time,
            ..self.clone()
        }
    }

    /// Changes the network from now on.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// What happened so far.
    pub fn happened(&self) -> Happened {
        *lock(&self.happened)
    }

    /// Looks at, or tampers with, the stored objects.
    pub fn with_disk<T>(&self, look: impl FnOnce(&mut Disk) -> T) -> T {
        look(&mut lock(&self.disk))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
