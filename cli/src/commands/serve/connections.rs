//! Which connections are kept when more come than there are places for: those that the server works for. One that waits
//! for its client has to go, the one that has waited longest first.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// Of all clients.
    pub(super) all: usize,
    /// Of one address.
    pub(super) per_address: usize,
}

/// The connections that are open.
#[derive(Debug)]
pub(super) struct Connections {
    places: Places,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: BTreeMap<u64, (IpAddr, Arc<State>)>,
    by_address: BTreeMap<IpAddr, usize>,
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct State {
    /// When a byte came or went last, milliseconds of the monotonic clock.
    moved_at: AtomicU64,
    /// The server has a whole request and is at work on its answer: nobody waits for the client.
    working: AtomicBool,
    /// The head of a request has come.
    asked: AtomicBool,
    closed: Notify,
}

impl State {
    /// A byte came or went.
    pub(super) fn moved(&self, now: Duration) {
        self.moved_at.store(whole_millis(now), Ordering::Relaxed);
    }

    /// Whether the server is at work on an answer.
    pub(super) fn works(&self, works: bool) {
        self.working.store(works, Ordering::Relaxed);
    }

    /// The head of a request has come.
    pub(super) fn asked(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the head of a request has ever come.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits until the connection has to go.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }
}

/// One place among the connections, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    connections: Arc<Connections>,
    /// What is known of the connection.
    pub(super) state: Arc<State>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(self.number);
    }
}

impl Connections {
    pub(super) fn new(places: Places) -> Self {
        Self {
            places,
            open: Mutex::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection. If there is none left, another connection is told to go; `None` where the server is at
    /// work for all of them.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: Duration) -> Option<Place> {
        let mut open = self.open();
        if open.of(address) >= self.places.per_address {
            open.make_room(Some(address))?;
        } else if open.by_number.len() >= self.places.all {
            open.make_room(None)?;
        }
        let number = open.next;
        open.next += 1;
        let state = Arc::new(State::default());
        state.moved(now);
        open.by_number.insert(number, (address, Arc::clone(&state)));
        *open.by_address.entry(address).or_default() += 1;
        Some(Place {
            number,
            connections: Arc::clone(self),
            state,
        })
    }

    /// Sends one away that waits for its client, if there is one.
    pub(super) fn make_room(&self) {
        self.open().make_room(None);
    }
}

impl Open {
    fn of(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).copied().unwrap_or_default()
    }

    fn remove(&mut self, number: u64) -> Option<Arc<State>> {
        let (address, state) = self.by_number.remove(&number)?;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        Some(state)
    }

    /// Sends one away that waits for its client: of this address, or else of the one that has the most.
    fn make_room(&mut self, of: Option<IpAddr>) -> Option<()> {
        let waits = |(_, state): &&(IpAddr, Arc<State>)| !state.working.load(Ordering::Relaxed);
        let (number, _) = self
            .by_number
            .iter()
            .filter(|(_, open)| of.is_none_or(|address| open.0 == address))
            .filter(|(_, open)| waits(open))
            .min_by_key(|(_, (address, state))| {
                let most = usize::MAX - self.of(*address);
                (most, state.moved_at.load(Ordering::Relaxed))
            })?;
        let state = self.remove(*number)?;
        // It may not have come to wait for this yet.
        state.closed.notify_one();
        Some(())
    }
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn connections(all: usize, per_address: usize) -> Arc<Connections> {
        Arc::new(Connections::new(Places { all, per_address }))
    }

    fn is_told_to_go(place: &Place) -> bool {
        place.state.closed().now_or_never().is_some()
    }

    #[test]
    fn the_one_that_waited_longest_goes() {
        let connections = connections(2, 2);
        let first = connections.admit(address(1), at(0)).unwrap();
        let second = connections.admit(address(1), at(1)).unwrap();
        first.state.moved(at(5));
        let third = connections.admit(address(1), at(6)).unwrap();
        assert!(is_told_to_go(&second));
        assert!(!is_told_to_go(&first));
        drop(second);
        drop(third);
        let fourth = connections.admit(address(1), at(7)).unwrap();
        assert!(!is_told_to_go(&first) && !is_told_to_go(&fourth));
    }

    #[test]
    fn one_that_the_server_works_for_stays() {
        let connections = connections(2, 2);
        let first = connections.admit(address(1), at(0)).unwrap();
        let second = connections.admit(address(2), at(1)).unwrap();
        first.state.works(true);
        let third = connections.admit(address(3), at(2)).unwrap();
        assert!(!is_told_to_go(&first) && is_told_to_go(&second));
        third.state.works(true);
        assert!(connections.admit(address(4), at(3)).is_none());
    }

    #[test]
    fn whoever_has_the_most_makes_room() {
        let connections = connections(4, 4);
        let lonely = connections.admit(address(1), at(0)).unwrap();
        let many: Vec<_> = (1..4)
            .map(|second| connections.admit(address(2), at(second)).unwrap())
            .collect();
        let other = connections.admit(address(3), at(9)).unwrap();
        assert!(is_told_to_go(&many[0]));
        assert!(!is_told_to_go(&lonely) && !is_told_to_go(&other));
    }

    #[test]
    fn one_address_makes_room_for_itself() {
        let connections = connections(10, 2);
        let other = connections.admit(address(2), at(0)).unwrap();
        let mine: Vec<_> = (1..4)
            .map(|second| connections.admit(address(1), at(second)).unwrap())
            .collect();
        assert!(is_told_to_go(&mine[0]));
        assert!(!is_told_to_go(&other) && !is_told_to_go(&mine[1]));
        assert_eq!(connections.open().of(address(1)), 2);
        drop((other, mine));
        assert_eq!(connections.open().by_number.len(), 0);
        assert_eq!(connections.open().by_address.len(), 0);
    }
}
