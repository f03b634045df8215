//! The events of an attempt in their merged order.

use crate::event::{AttemptId, EventId, Message, Stamp, Time, What};
use icecore::Key;
use serde::{Deserialize, Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An event with its place in the merged order.
// The fields stand in the order of their names, as canonical JSON has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When the device wrote it down.
    pub created: Time,
    /// What makes it count once.
    pub id: EventId,
    /// When it happened by the device's clock.
    pub occurred: Time,
    /// Server time: the key of the update that carried it. `Key::MAX` while it waits on this device, so that it comes last.
    pub server: Key,
    /// What happened.
    pub what: What,
}

/// What the merged order goes by: server time, then occurred-at, then created-at, then the id.
///
/// All updates that a device sends in one object share a server time: what was done offline is ordered by when it occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    server: Key,
    occurred: Time,
    created: Time,
    id: EventId,
}

impl Event {
    /// Its place.
    pub fn rank(&self) -> Rank {
        Rank {
            server: self.server,
            occurred: self.occurred,
            created: self.created,
            id: self.id,
        }
    }

    /// Whether it has reached the bucket.
    pub fn is_confirmed(&self) -> bool {
        self.server != Key::MAX
    }

    /// The message that made it.
    pub fn to_message(&self, attempt: &AttemptId) -> Message {
        let stamp = Stamp {
            attempt: attempt.clone(),
            created_at: self.created,
            id: self.id,
        };
        Message::new(stamp, self.what.clone())
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        // Two of one id that differ in what they say are a fault of the device: any order will do that all replicas share.
        let by_rank = self.rank().cmp(&other.rank());
        by_rank.then_with(|| self.what.cmp(&other.what))
    }
}

/// The events of an attempt, sorted, each id once. The same events make the same timeline in whatever order they arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<Event>")]
pub struct Timeline {
    events: Vec<Event>,
    /// Where each id stands; made anew when a state is read.
    ranks: BTreeMap<EventId, Rank>,
}

impl Timeline {
    /// Puts an event in its place; `false` when that changes nothing. Of two with one id the one that stands earlier counts:
    /// a copy that was sent again does not move what others have seen.
    pub fn insert(&mut self, event: Event) -> bool {
        if let Some(rank) = self.ranks.get(&event.id) {
            let at = self.events.partition_point(|e| e.rank() < *rank);
            if self.events[at] <= event {
                return false;
            }
            self.events.remove(at);
        }
        let rank = event.rank();
        self.ranks.insert(event.id, rank);
        // Most events are the newest: those cost no search, and nothing is moved.
        let at = match self.events.last() {
            Some(last) if last.rank() > rank => self.events.partition_point(|e| e.rank() < rank),
            _ => self.events.len(),
        };
        self.events.insert(at, event);
        true
    }

    /// The events in their merged order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The event with this id.
    pub fn get(&self, id: EventId) -> Option<&Event> {
        let rank = self.ranks.get(&id)?;
        let at = self.events.partition_point(|e| e.rank() < *rank);
        self.events.get(at)
    }
}

impl From<Vec<Event>> for Timeline {
    fn from(events: Vec<Event>) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.insert(event);
        }
        timeline
    }
}

impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.events.serialize(serializer)
    }
}
