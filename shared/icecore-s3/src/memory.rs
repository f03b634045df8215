//! The memory that bodies share on their way in. It is taken as bytes arrive, never for what is only announced, and whoever
//! holds much of it makes room for whoever holds little: nobody may hold more than what is left free, and a part of it is for
//! small bodies alone.

use crate::endpoint::Peer;
use s3s::{S3Error, S3ErrorCode};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The memory for all bodies together, unless something else is said.
pub(crate) const BYTES: u64 = 512 << 20;

/// Bodies up to this size may use all of it; for larger ones an eighth is left alone.
const SMALL: u64 = 64 << 10;

/// Who shares: an address, and those who write to one place. Each of both keeps within the rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Address(Peer),
    Place(String),
}

/// The memory of all bodies that are on their way in, and who holds how much of it.
///
/// Who is alone may hold half of it, the next one half of what is left then, and so on.
///
/// ```
/// use icecore_s3::{Memory, Peer};
/// use std::sync::Arc;
/// let memory = Arc::new(Memory::new(1 << 20));
/// let peer = Peer([192, 0, 2, 1].into());
/// let mut share = memory.share(Some(peer), None);
/// share.grow(64 << 10)?;
/// assert!(share.grow(1 << 20).is_err());
/// # Ok::<(), icecore_s3::Full>(())
/// ```
#[derive(Debug)]
pub struct Memory {
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
pub struct Share {
    memory: Arc<Memory>,
    holders: Vec<Holder>,
    bytes: u64,
}

impl Memory {
    /// So many bytes for all.
    pub fn new(bytes: u64) -> Self {
        Self {
            bytes,
            held: Mutex::default(),
        }
    }

    /// The largest body that there is ever memory for: whoever is alone may hold half of it.
    pub(crate) fn body_max(&self) -> u64 {
        (self.bytes - self.bytes / 8) / 2
    }

    /// A share of nothing yet, of an address and of those who write to one place.
    pub fn share(self: &Arc<Self>, peer: Option<Peer>, place: Option<&str>) -> Share {
        let address = peer.map(Holder::Address);
        let place = place.map(|place| Holder::Place(place.to_owned()));
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
    /// Where somebody else has to come first.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Full> {
        let mut held = self.memory.held();
        let is_small = self.bytes.saturating_add(bytes) <= SMALL;
        let reserved = if is_small { 0 } else { self.memory.bytes / 8 };
        let taken = held.bytes.saturating_add(reserved);
        let free = self.memory.bytes.saturating_sub(taken);
        let holds = |holder: &Holder| held.by.get(holder).copied().unwrap_or_default();
        if self
            .holders
            .iter()
            .any(|holder| holds(holder).saturating_add(bytes) > free.saturating_sub(bytes))
        {
            return Err(Full);
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

/// There is no memory for more now: somebody else has to come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too much is being uploaded from here at once: try again in a moment, with fewer uploads side by side")
    }
}

impl std::error::Error for Full {}

impl From<Full> for S3Error {
    fn from(full: Full) -> Self {
        Self::with_message(S3ErrorCode::SlowDown, full.to_string())
    }
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
        let mut greedy = memory.share(Some(peer(1)), Some("a"));
        greedy.grow(500).unwrap();
        assert!(greedy.grow(1).is_err());
        let mut second = memory.share(Some(peer(2)), Some("b"));
        second.grow(250).unwrap();
        assert!(second.grow(1).is_err());
        let mut third = memory.share(Some(peer(3)), Some("c"));
        third.grow(7).unwrap();
        drop(greedy);
        second.grow(200).unwrap();
    }

    #[test]
    fn neither_many_uploads_nor_many_places_of_one_address_get_more() {
        let memory = Arc::new(Memory::new(1_000));
        let mut shares: Vec<_> = (0..10)
            .map(|n| memory.share(Some(peer(1)), Some(&n.to_string())))
            .collect();
        let taken = shares.iter_mut().flat_map(|s| s.grow(100)).count();
        assert_eq!(taken, 5);
        let mut other = memory.share(Some(peer(2)), Some("0"));
        other.grow(100).unwrap();
    }

    #[test]
    fn many_addresses_that_write_to_one_place_share_it() {
        let memory = Arc::new(Memory::new(1_000));
        let mut shares: Vec<_> = (0..10)
            .map(|n| memory.share(Some(peer(n)), Some("a")))
            .collect();
        let taken = shares.iter_mut().flat_map(|s| s.grow(100)).count();
        assert_eq!(taken, 5);
        memory.share(Some(peer(1)), Some("b")).grow(100).unwrap();
    }

    #[test]
    fn small_bodies_have_a_part_that_large_ones_cannot_take() {
        const MIB: u64 = 1 << 20;
        let memory = Arc::new(Memory::new(64 * MIB));
        // As much as a dozen addresses and places can get, one after the other.
        let large: Vec<_> = (0..12)
            .map(|n| {
                let mut share = memory.share(Some(peer(n)), Some(&n.to_string()));
                while share.grow(MIB / 16).is_ok() {}
                share
            })
            .collect();
        assert!(memory.share(Some(peer(99)), Some("x")).grow(MIB).is_err());
        memory.share(Some(peer(99)), Some("x")).grow(SMALL).unwrap();
        drop(large);
    }

    #[test]
    fn what_was_held_is_free_again() {
        let memory = Arc::new(Memory::new(1_000));
        for _ in 0..10 {
            let mut share = memory.share(Some(peer(1)), Some("a"));
            share.grow(300).unwrap();
            share.grow(200).unwrap();
        }
        let held = memory.held();
        assert_eq!((held.bytes, held.by.len()), (0, 0));
    }
}
