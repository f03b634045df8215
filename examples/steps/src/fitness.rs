//! The model: what all devices' updates come to.

use crate::event::{Id, Message, Sport};
use icecore::{Key, Latest, Meta, Model, Modified, RawValue, Rejected, canonical, message, time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::to_raw_value;
use std::collections::{BTreeMap, BTreeSet};

/// The model of fitness sessions. Sums, sets and modification times only: nothing depends on whose phone was online first.
/// Where two activities have one id, the first in the canonical order counts, on all devices.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps;

/// The state of one person, guest or user.
///
/// It holds sums of what is stored, and in full only what still waits on this device: an activity is cleared from here
/// when the bucket has it. The history keeps it.
// The fields of all these stand in the order of their names, as canonical JSON has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fitness {
    /// By day (UTC, by the clock of the device): what was done.
    pub days: BTreeMap<String, Day>,
    /// What to reach in a day.
    pub goal: Latest<u32>,
    /// In centimetres.
    pub height: Latest<u32>,
    /// The public name.
    pub name: Latest<String>,
    /// All sessions of all devices.
    pub sessions: BTreeMap<Id, Session>,
    /// What is not stored yet; in no snapshot, for those hold what is.
    #[serde(default, skip_serializing_if = "Waiting::is_empty")]
    pub waiting: Waiting,
}

/// What was done on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Minutes of each sport.
    pub minutes: BTreeMap<Sport, u64>,
    /// Steps.
    pub steps: u64,
}

/// One device, counting for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The activities that counted, by id alone: one that is sent again does not count again.
    pub activities: BTreeSet<Id>,
    /// What the device calls itself. More than one only where devices made the same id.
    pub devices: BTreeSet<String>,
    /// When it ended, as far as is known: milliseconds since 1970 UTC.
    pub ended: Option<i64>,
    /// When it started.
    pub started: Option<i64>,
    /// Steps.
    pub steps: u64,
}

/// What this device has not been able to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Activities, oldest first.
    pub activities: Vec<Activity>,
    /// Steps.
    pub steps: u64,
}

/// An activity in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When, by the device's clock: milliseconds since 1970 UTC.
    pub at: i64,
    /// Its id.
    pub id: Id,
    /// For how long.
    pub minutes: u32,
    /// What.
    pub sport: Sport,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Fitness {
    /// All steps of all sessions.
    pub fn steps(&self) -> u64 {
        self.sessions.values().map(|session| session.steps).sum()
    }

    /// The day of a time, in milliseconds since 1970 UTC: what depends on the present is no part of the state.
    pub fn day(&self, now: i64) -> Day {
        let day = self.days.get(&day_of(now));
        day.cloned().unwrap_or_default()
    }

    fn session(&mut self, id: Id) -> &mut Session {
        self.sessions.entry(id).or_default()
    }

    fn add_steps(&mut self, session: Id, count: u32, (at, waits): (i64, bool)) {
        let count = u64::from(count);
        let session = self.session(session);
        session.steps = session.steps.saturating_add(count);
        let day = self.days.entry(day_of(at)).or_default();
        day.steps = day.steps.saturating_add(count);
        if waits {
            self.waiting.steps = self.waiting.steps.saturating_add(count);
        }
    }

    fn add_activity(&mut self, session: Id, activity: Activity, waits: bool) {
        let is_new = self.session(session).activities.insert(activity.id.clone());
        if !is_new {
            return;
        }
        let day = self.days.entry(day_of(activity.at)).or_default();
        let minutes = day.minutes.entry(activity.sport).or_default();
        *minutes = minutes.saturating_add(u64::from(activity.minutes));
        if waits {
            self.waiting.activities.push(activity);
        }
    }
}

/// `2026-11-21`.
pub fn day_of(millis: i64) -> String {
    let mut text = time::to_rfc3339(millis);
    text.truncate("2026-11-21".len());
    text
}

/// The data as programs in all languages read them: `5.0` is 5, and of a member that is there twice the last one counts.
fn plain(kind: &str, data: &RawValue) -> Result<Box<RawValue>, Rejected> {
    let read = serde_json::from_str(data.get()).and_then(|mut value: Value| {
        canonical::normalise(&mut value);
        to_raw_value(&value)
    });
    read.map_err(|e| Rejected::new(format!("{kind}: {e}")))
}

impl Model for Steps {
    type State = Fitness;
    type Update = Message;

    fn name(&self) -> &'static str {
        "steps"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Fitness {
        Fitness::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Message, Rejected> {
        message::decode(kind, &plain(kind, data)?)
    }

    fn apply(
        &self,
        state: &mut Fitness,
        message: Message,
        meta: &Meta<'_>,
    ) -> Result<(), Rejected> {
        message.check()?;
        let modified = Modified::of(meta)?;
        let at = modified.millis();
        let waits = meta.key == Key::MAX;
        match message {
            Message::StartSession { session, device } => {
                let session = state.session(session);
                session.devices.insert(device);
                session.started = Some(session.started.map_or(at, |started| started.min(at)));
            }
            Message::EndSession { session } => {
                let session = state.session(session);
                session.ended = session.ended.max(Some(at));
            }
            Message::AddSteps { session, count } => state.add_steps(session, count, (at, waits)),
            Message::AddActivity {
                session,
                id,
                sport,
                minutes,
            } => {
                let activity = Activity {
                    at,
                    id,
                    minutes,
                    sport,
                };
                state.add_activity(session, activity, waits);
            }
            Message::SetName { name } => drop(state.name.offer(name, modified)),
            Message::SetHeight { cm } => drop(state.height.offer(cm, modified)),
            Message::SetGoal { steps } => drop(state.goal.offer(steps, modified)),
        }
        Ok(())
    }
}
