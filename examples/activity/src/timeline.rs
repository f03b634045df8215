//! The events of an attempt in their merged order.

use crate::event::{ActivityEvent, AttemptId, EventId, EventType, Members, Source, Time};
use icecore::Key;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;

/// An event with its place in the merged order.
// The fields stand in the order of their names, as canonical JSON has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When the device wrote it down.
    pub created_at: Time,
    /// What makes it count once.
    pub id: EventId,
    /// Members of its own.
    #[serde(default, skip_serializing_if = "Members::is_empty")]
    pub more: Members,
    /// When it happened by the device's clock.
    pub occurred_at: Time,
    /// Server time: the key of the update that carried it. `Key::MAX` while it waits on this device, so that it comes last.
    pub server_time: Key,
    /// Who says so.
    pub source: Source,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
}

/// What the merged order goes by: server time, then occurred-at, then created-at; then the id.
///
/// All updates that a device sends in one object share a server time: what was done offline is ordered by when it occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    server_time: Key,
    occurred_at: Time,
    created_at: Time,
}

impl Event {
    /// The attempt of an event, and the event as it stands there.
    pub fn new(event: ActivityEvent, server_time: Key) -> (AttemptId, Self) {
        let stands = Self {
            created_at: event.created_at,
            id: event.id,
            more: event.more,
            occurred_at: event.occurred_at,
            server_time,
            source: event.source,
            kind: event.kind,
        };
        (event.attempt_id, stands)
    }

    /// The event as devices exchange it.
    pub fn to_exchanged(&self, attempt: &AttemptId) -> ActivityEvent {
        ActivityEvent {
            id: self.id.clone(),
            attempt_id: attempt.clone(),
            kind: self.kind.clone(),
            occurred_at: self.occurred_at,
            created_at: self.created_at,
            source: self.source.clone(),
            more: self.more.clone(),
        }
    }

    /// Its place, but for the id.
    pub fn rank(&self) -> Rank {
        Rank {
            server_time: self.server_time,
            occurred_at: self.occurred_at,
            created_at: self.created_at,
        }
    }

    /// Whether it has reached the bucket.
    pub fn is_confirmed(&self) -> bool {
        self.server_time != Key::MAX
    }

    /// The order of copies of one id that stand at the same place: any will do that all replicas share, for that they differ
    /// is a fault of the device.
    pub(crate) fn cmp_content(&self, other: &Self) -> Ordering {
        let by_words = (&self.kind, &self.source).cmp(&(&other.kind, &other.source));
        by_words.then_with(|| self.more.to_json().cmp(&other.more.to_json()))
    }
}

/// The events of an attempt, sorted. They are shared by all copies of a state: a copy costs little.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timeline(Vec<Arc<Event>>);

impl Timeline {
    /// The events in their merged order.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.0
    }

    /// Puts an event in its place; no other has its id.
    pub(crate) fn insert(&mut self, event: Arc<Event>) {
        let at = self.position(&event);
        self.0.insert(at, event);
    }

    /// Takes an event out.
    pub(crate) fn remove(&mut self, event: &Event) {
        let at = self.position(event);
        if at < self.0.len() {
            self.0.remove(at);
        }
    }

    fn position(&self, event: &Event) -> usize {
        let place = (event.rank(), &event.id);
        let is_before = |e: &Arc<Event>| (e.rank(), &e.id) < place;
        // Most events are the newest: those cost no search, and nothing is moved.
        match self.0.last() {
            Some(last) if !is_before(last) => self.0.partition_point(is_before),
            _ => self.0.len(),
        }
    }
}
