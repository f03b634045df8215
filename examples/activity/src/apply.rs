//! New events for an attempt: merged, computed anew, stored.

use crate::attempts::{Activity, ActivityAttempt};
use crate::event::{ActivityEvent, AttemptId, Message};
use icecore::{Error, Replica, Result};
use std::collections::BTreeSet;

/// Merges events with those of their attempt, computes anew what it amounts to, and stores all of it at once: when this
/// returns the new events are durable on this device, and in its queue for the others. An event whose id is there already
/// is not stored again, whatever else it says, so a call that was cut off can be repeated.
///
/// What the attempt amounts to is computed from its events whenever it is read; it is stored by storing them.
///
/// # Errors
/// `Invalid` for an event of another attempt; nothing is stored then. Errors of the local folder: all of the events are
/// stored, or none.
pub async fn apply_events(
    replica: &Replica<Activity>,
    attempt_id: &AttemptId,
    events: Vec<ActivityEvent>,
) -> Result<ActivityAttempt> {
    if let Some(strange) = events.iter().find(|e| e.attempt_id != *attempt_id) {
        return Err(Error::invalid("the event is of another attempt")
            .with_object(strange.id.to_string())
            .with_hint(format!("it says attemptId {}", strange.attempt_id)));
    }
    store_events(replica, events).await?;
    let state = replica.state();
    // It has no events when each id had come before with another attempt: then those count.
    let attempt = state.attempt(attempt_id);
    Ok(attempt.unwrap_or_else(|_| ActivityAttempt::new(attempt_id, &[])))
}

/// The same for events of any attempts: all of them are stored, in one step, or none. Returns how many were new.
///
/// # Errors
/// As [`apply_events`].
pub async fn store_events(
    replica: &Replica<Activity>,
    events: Vec<ActivityEvent>,
) -> Result<usize> {
    let state = replica.state();
    let mut seen = BTreeSet::new();
    let mut new = Vec::new();
    for event in events {
        // Should another task store the same one now, there are two updates; the model counts the first.
        if state.event(&event.id).is_none() && seen.insert(event.id.clone()) {
            new.push((event.occurred_at.millis(), Message::Event(event)));
        }
    }
    let count = new.len();
    if count > 0 {
        replica.update_all(new).await?;
    }
    Ok(count)
}
