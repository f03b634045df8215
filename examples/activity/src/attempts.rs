//! The model: where an event goes.

use crate::event::{AttemptId, EventId, Message};
use crate::projection::{Projection, project};
use crate::timeline::{Event, Timeline};
use icecore::{Error, Meta, Model, RawValue, Rejected, Result};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of every update, as [`Message`] has it.
const KIND: &str = "event";

/// The model of activity attempts. No event is refused for what others say: whatever devices did, in whatever order it
/// arrives, becomes part of the timeline, and [`project`] decides what it means.
#[derive(Debug, Clone, Copy, Default)]
pub struct Activity;

/// The state: the events of each attempt, each id once over all attempts. Status, duration and points are no part of it;
/// they are computed. The same events make the same state in whatever order they arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<AttemptId, Vec<Event>>")]
pub struct Attempts {
    timelines: BTreeMap<AttemptId, Timeline>,
    /// Where each id stands; made anew when a state is read.
    places: BTreeMap<EventId, Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    attempt: AttemptId,
    event: Arc<Event>,
}

/// An attempt: what its events amount to, as this device sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityAttempt {
    /// Which one.
    pub attempt_id: AttemptId,
    /// How many of its events wait on this device.
    pub waiting: usize,
    /// Status, duration, points and the rest.
    #[serde(flatten)]
    pub projection: Projection,
}

impl Attempts {
    /// The attempts by id.
    pub fn iter(&self) -> impl Iterator<Item = (&AttemptId, &Timeline)> {
        self.timelines.iter()
    }

    /// The event with this id, and its attempt.
    pub fn event(&self, id: &EventId) -> Option<(&AttemptId, &Event)> {
        let place = self.places.get(id)?;
        Some((&place.attempt, &place.event))
    }

    /// What an attempt amounts to.
    ///
    /// # Errors
    /// `NotFound` for one that no device spoke of.
    pub fn attempt(&self, id: &AttemptId) -> Result<ActivityAttempt> {
        let timeline = self.timelines.get(id).ok_or_else(|| {
            Error::not_found("there is no such attempt")
                .with_object(id.to_string())
                .with_hint("`activity show` lists them; one of another device arrives with `activity sync`")
        })?;
        Ok(ActivityAttempt::new(id, timeline.events()))
    }

    /// Puts an event in its place; `false` when that changes nothing. Of two with one id the one that stands earlier counts,
    /// of whatever attempt it is: a copy that was sent again does not move what others have seen.
    pub fn insert(&mut self, attempt: AttemptId, event: Event) -> bool {
        if let Some((held_in, held)) = self.event(&event.id) {
            let by_place = (held.rank(), held_in).cmp(&(event.rank(), &attempt));
            if by_place.then_with(|| held.cmp_content(&event)).is_le() {
                return false;
            }
            self.remove(&event.id);
        }
        let event = Arc::new(event);
        let place = Place {
            attempt: attempt.clone(),
            event: Arc::clone(&event),
        };
        self.places.insert(event.id.clone(), place);
        self.timelines.entry(attempt).or_default().insert(event);
        true
    }

    fn remove(&mut self, id: &EventId) {
        let Some(Place { attempt, event }) = self.places.remove(id) else {
            return;
        };
        if let Some(timeline) = self.timelines.get_mut(&attempt) {
            timeline.remove(&event);
            // Else the state would tell in which order the copies came.
            if timeline.events().is_empty() {
                self.timelines.remove(&attempt);
            }
        }
    }
}

impl ActivityAttempt {
    /// The attempt of these events, in their merged order.
    pub fn new(id: &AttemptId, events: &[Arc<Event>]) -> Self {
        Self {
            attempt_id: id.clone(),
            waiting: events.iter().filter(|e| !e.is_confirmed()).count(),
            projection: project(events),
        }
    }
}

impl From<BTreeMap<AttemptId, Vec<Event>>> for Attempts {
    fn from(timelines: BTreeMap<AttemptId, Vec<Event>>) -> Self {
        let mut attempts = Self::default();
        for (attempt, events) in timelines {
            for event in events {
                attempts.insert(attempt.clone(), event);
            }
        }
        attempts
    }
}

impl Serialize for Attempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.timelines.serialize(serializer)
    }
}

impl Model for Activity {
    type State = Attempts;
    type Update = Message;

    fn name(&self) -> &'static str {
        "activity"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Attempts {
        Attempts::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Message, Rejected> {
        if kind != KIND {
            return Err(Rejected::new(format!("{kind:.100}: no kind of update")));
        }
        // Read where it stands: a fold does nothing more often.
        serde_json::from_str(data.get())
            .map(Message::Event)
            .map_err(|e| Rejected::new(format!("{KIND}: {}", without_place(&e))))
    }

    fn apply(
        &self,
        state: &mut Attempts,
        message: Message,
        meta: &Meta<'_>,
    ) -> Result<(), Rejected> {
        let Message::Event(event) = message;
        let (attempt, event) = Event::new(event, meta.key);
        // An event that is there already is no mistake: a retry, or one that two servers were given.
        state.insert(attempt, event);
        Ok(())
    }
}

/// What is wrong, without the place that the parser counted.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
