//! The model: where an event goes.

use crate::event::{AttemptId, EventId, Message, Time};
use crate::projection::{Projection, project};
use crate::timeline::{Event, Timeline};
use icecore::{Error, Meta, Model, RawValue, Rejected, Result, message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The model of activity attempts. No event is refused for what others say: whatever devices did, in whatever order it
/// arrives, becomes part of the timeline, and [`project`] decides what it means.
#[derive(Debug, Clone, Copy, Default)]
pub struct Activity;

/// The state: the events of each attempt. Status, duration and points are no part of it; they are computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempts {
    timelines: BTreeMap<AttemptId, Timeline>,
}

impl Attempts {
    /// The attempts by id.
    pub fn iter(&self) -> impl Iterator<Item = (&AttemptId, &Timeline)> {
        self.timelines.iter()
    }

    /// The events of an attempt.
    pub fn timeline(&self, attempt: &AttemptId) -> Option<&Timeline> {
        self.timelines.get(attempt)
    }

    /// One event of an attempt.
    pub fn event(&self, attempt: &AttemptId, id: EventId) -> Option<&Event> {
        self.timelines.get(attempt)?.get(id)
    }

    /// What an attempt amounts to.
    ///
    /// # Errors
    /// `NotFound` for one that no device spoke of.
    pub fn projection(&self, attempt: &AttemptId) -> Result<Projection> {
        let timeline = self.timeline(attempt).ok_or_else(|| {
            Error::not_found(format!("there is no attempt {attempt}"))
                .with_object(attempt.to_string())
                .with_hint("`activity show` lists them; one of another device arrives with `activity sync`")
        })?;
        Ok(project(timeline.events()))
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
        message::decode(kind, data)
    }

    fn apply(
        &self,
        state: &mut Attempts,
        message: Message,
        meta: &Meta<'_>,
    ) -> Result<(), Rejected> {
        let occurred: Time = meta
            .at
            .parse()
            .map_err(|e: Error| Rejected::new(format!("at: {e}")))?;
        let (stamp, what) = message.into_parts();
        what.check()?;
        let event = Event {
            created: stamp.created_at,
            id: stamp.id,
            occurred,
            server: meta.key,
            what,
        };
        // An event that is there already is no mistake: a retry, or one that two servers were given.
        state
            .timelines
            .entry(stamp.attempt)
            .or_default()
            .insert(event);
        Ok(())
    }
}
