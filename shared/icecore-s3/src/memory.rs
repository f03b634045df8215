//! The memory that bodies share on their way in. It is taken as bytes arrive, never for what is only announced, and whoever
//! holds much of it makes room for whoever holds little: nobody may hold more than what is left free.

use crate::endpoint::Peer;
use s3s::{S3Error, S3ErrorCode, S3Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The memory for all bodies together, unless something else is said.
pub(crate) const BYTES: u64 = 512 << 20;

/// Who shares: an address, and those who write to one place. Each of both keeps within the rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Address(Peer),
    Place(String),
}

/// The memory of all bodies, and who holds how much of it.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes: u64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: u64,
    by: BTreeMap<Holder, u64>,
}

/// What one body holds; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    holders: Vec<Holder>,
    bytes: u64,
}

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            bytes,
            held: Mutex::default(),
        }
    }

    /// The largest body that there is ever memory for: whoever is alone may hold half of it.
    pub(crate) fn body_max(&self) -> u64 {
        self.bytes / 2
    }

    /// A share of nothing yet.
    pub(crate) fn share(self: &Arc<Self>, peer: Option<Peer>, place: &str) -> Share {
        let address = peer.map(Holder::Address);
        let place = Some(Holder::Place(place.to_owned()));
        Share {
            memory: Arc::clone(self),
            holders: address.into_iter().chain(place).collect(),
            bytes: 0,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes more, for bytes that have come.
    ///
    /// # Errors
    /// `SlowDown` where somebody else has to come first.
    pub(crate) fn grow(&mut self, bytes: u64) -> S3Result<()> {
        let mut held = self.memory.held();
        let free = self.memory.bytes.saturating_sub(held.bytes);
        // With n who want as much as they can get, each gets one part in n + 1, and one part stays free for the next.
        let holds = |holder: &Holder| held.by.get(holder).copied().unwrap_or_default();
        if self
            .holders
            .iter()
            .any(|holder| holds(holder).saturating_add(bytes) > free.saturating_sub(bytes))
        {
            return Err(slow_down());
        }
        held.bytes += bytes;
        for holder in &self.holders {
            *held.by.entry(holder.clone()).or_default() += bytes;
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.memory.held();
        held.bytes -= self.bytes;
        for holder in &self.holders {
            if let Some(bytes) = held.by.get_mut(holder) {
                *bytes -= self.bytes;
                if *bytes == 0 {
                    held.by.remove(holder);
                }
            }
        }
    }
}

fn slow_down() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::SlowDown,
        "too much is being uploaded from here at once: try again in a moment, with fewer uploads side by side",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn peer(last: u8) -> Peer {
        Peer(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn who_is_alone_gets_half_and_the_rest_stays_free_for_others() {
        let memory = Arc::new(Memory::new(1_000));
        let mut greedy = memory.share(Some(peer(1)), "a");
        greedy.grow(500).unwrap();
        assert!(greedy.grow(1).is_err());
        let mut second = memory.share(Some(peer(2)), "b");
        second.grow(250).unwrap();
        assert!(second.grow(1).is_err());
        let mut third = memory.share(Some(peer(3)), "c");
        third.grow(7).unwrap();
        drop(greedy);
        second.grow(200).unwrap();
    }

    #[test]
    fn neither_many_uploads_nor_many_places_of_one_address_get_more() {
        let memory = Arc::new(Memory::new(1_000));
        let mut shares: Vec<_> = (0..10)
            .map(|n| memory.share(Some(peer(1)), &n.to_string()))
            .collect();
        let taken = shares.iter_mut().flat_map(|s| s.grow(100)).count();
        assert_eq!(taken, 5);
        let mut other = memory.share(Some(peer(2)), "0");
        other.grow(100).unwrap();
    }

    #[test]
    fn many_addresses_that_write_to_one_place_share_it() {
        let memory = Arc::new(Memory::new(1_000));
        let mut shares: Vec<_> = (0..10).map(|n| memory.share(Some(peer(n)), "a")).collect();
        let taken = shares.iter_mut().flat_map(|s| s.grow(100)).count();
        assert_eq!(taken, 5);
        memory.share(Some(peer(1)), "b").grow(100).unwrap();
    }

    #[test]
    fn what_was_held_is_free_again() {
        let memory = Arc::new(Memory::new(1_000));
        for _ in 0..10 {
            let mut share = memory.share(Some(peer(1)), "a");
            share.grow(300).unwrap();
            share.grow(200).unwrap();
        }
        let held = memory.held();
        assert_eq!((held.bytes, held.by.len()), (0, 0));
    }
}
