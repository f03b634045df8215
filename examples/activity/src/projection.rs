//! What an attempt's events amount to.
//!
//! Devices were offline and their clocks differ, so any sequence can come. Each has one outcome:
//!
//! | event | created | running | paused | over |
//! | --- | --- | --- | --- | --- |
//! | `START`, `RESUME` | runs | ignored: runs already | runs | ignored: over |
//! | `PAUSE` | ignored: does not run | paused | ignored: does not run | ignored: over |
//! | `COMPLETE`, `ABANDON` | over | over | over | ignored: over |
//! | `SCORE` | counts | counts | counts | counts: points are often given afterwards |
//! | `CREATE` | the first one gives the title, others are ignored, whatever the status | | | |
//! | any other | ignored: unknown type | ignored | ignored | ignored |
//!
//! What is ignored stays in the timeline and is listed with the reason. It is decided anew with each merge: a `PAUSE`
//! without a `START` takes effect as soon as the `START` arrives, if it stands before it.
//!
//! An attempt whose `CREATE` has not arrived counts all the same, and says that it has none.
//!
//! The duration is the running time by the clocks of the devices (occurred-at). Where one stretch ends before it began,
//! because two clocks differ, it counts as zero and is listed.

use crate::event::{EventId, EventType, POINTS_MAX, Time, types};
use crate::timeline::Event;
use serde::Serialize;
use std::borrow::Borrow;
use std::fmt;

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has started.
    Created,
    /// Its time counts.
    Running,
    /// Its time does not count, and it is not over.
    Paused,
    /// Over and done.
    Completed,
    /// Over and not done.
    Abandoned,
}

/// Why an event has no effect, or not its full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Oddity {
    /// It started or resumed what was running: a second device did, or the same one twice.
    AlreadyRunning,
    /// It paused what was not running.
    NotRunning,
    /// The attempt was over.
    AlreadyOver,
    /// The attempt had been created, with its title.
    AlreadyCreated,
    /// It has its effect, but the stretch that it ends had not begun by its clock: no time is counted.
    EndsBeforeItBegan,
    /// This program does not know what happened: a newer one may.
    UnknownType,
    /// Its points are missing, no whole number, or too many.
    NoPoints,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Abandoned => "abandoned",
        })
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyRunning => "ignored: it ran already",
            Self::NotRunning => "ignored: it did not run",
            Self::AlreadyOver => "ignored: it was over",
            Self::AlreadyCreated => "ignored: it was created already",
            Self::EndsBeforeItBegan => "counts no time: it ends before it began",
            Self::UnknownType => "ignored: unknown type",
            Self::NoPoints => "ignored: it has no points that count",
        })
    }
}

/// An event that is odd where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Odd {
    /// Which event.
    pub id: EventId,
    /// Its type, as it says.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Why.
    pub why: Oddity,
}

/// What an attempt's events amount to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Projection {
    /// Whether a `CREATE` has arrived.
    pub created: bool,
    /// The title, where the `CREATE` gave one.
    pub title: Option<String>,
    /// How far it is.
    pub status: Status,
    /// When it first ran.
    pub started_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// Milliseconds of the stretches that have ended.
    pub duration: u64,
    /// When the stretch that has not ended began.
    pub running_since: Option<Time>,
    /// The sum of all scores.
    pub points_earned: i64,
    /// How many events there are, of known types or not.
    pub events: usize,
    /// Those that are odd where they stand.
    pub odd: Vec<Odd>,
}

impl Projection {
    /// The duration at a time: what depends on the present is no part of the projection.
    pub fn duration_at(&self, now: Time) -> u64 {
        let open = self.running_since.and_then(|since| now.since(since));
        self.duration.saturating_add(open.unwrap_or(0))
    }

    /// How many of its events are of types that this program does not know.
    pub fn unknown(&self) -> usize {
        let odd = self.odd.iter();
        odd.filter(|odd| odd.why == Oddity::UnknownType).count()
    }

    fn initial() -> Self {
        Self {
            created: false,
            title: None,
            status: Status::Created,
            started_at: None,
            ended_at: None,
            duration: 0,
            running_since: None,
            points_earned: 0,
            events: 0,
            odd: Vec::new(),
        }
    }

    fn take(&mut self, event: &Event) -> Result<(), Oddity> {
        match event.kind.as_str() {
            types::CREATE => self.create(event.more.text("title")),
            types::SCORE => self.score(event.more.whole("points")),
            types::START | types::RESUME => self.run(event.occurred_at),
            types::PAUSE => self.pause(event.occurred_at),
            types::COMPLETE => self.end(event.occurred_at, Status::Completed),
            types::ABANDON => self.end(event.occurred_at, Status::Abandoned),
            _ => Err(Oddity::UnknownType),
        }
    }

    fn create(&mut self, title: Option<&str>) -> Result<(), Oddity> {
        if self.created {
            return Err(Oddity::AlreadyCreated);
        }
        self.created = true;
        self.title = title.map(str::to_owned);
        Ok(())
    }

    fn score(&mut self, points: Option<i64>) -> Result<(), Oddity> {
        let points = points.filter(|p| p.unsigned_abs() <= POINTS_MAX.unsigned_abs());
        let points = points.ok_or(Oddity::NoPoints)?;
        self.points_earned = self.points_earned.saturating_add(points);
        Ok(())
    }

    fn run(&mut self, at: Time) -> Result<(), Oddity> {
        match self.status {
            Status::Completed | Status::Abandoned => Err(Oddity::AlreadyOver),
            Status::Running => Err(Oddity::AlreadyRunning),
            Status::Created | Status::Paused => {
                self.status = Status::Running;
                self.started_at = self.started_at.or(Some(at));
                self.running_since = Some(at);
                Ok(())
            }
        }
    }

    fn pause(&mut self, at: Time) -> Result<(), Oddity> {
        match self.status {
            Status::Completed | Status::Abandoned => Err(Oddity::AlreadyOver),
            Status::Created | Status::Paused => Err(Oddity::NotRunning),
            Status::Running => {
                self.status = Status::Paused;
                self.stop_counting(at)
            }
        }
    }

    fn end(&mut self, at: Time, status: Status) -> Result<(), Oddity> {
        if matches!(self.status, Status::Completed | Status::Abandoned) {
            return Err(Oddity::AlreadyOver);
        }
        self.status = status;
        self.ended_at = Some(at);
        self.stop_counting(at)
    }

    fn stop_counting(&mut self, at: Time) -> Result<(), Oddity> {
        let Some(since) = self.running_since.take() else {
            return Ok(());
        };
        let ran = at.since(since).ok_or(Oddity::EndsBeforeItBegan)?;
        self.duration = self.duration.saturating_add(ran);
        Ok(())
    }
}

/// What events in their merged order amount to. Pure: the same events give the same projection on every device.
pub fn project<E: Borrow<Event>>(events: &[E]) -> Projection {
    let mut projection = Projection::initial();
    projection.events = events.len();
    for event in events.iter().map(Borrow::borrow) {
        if let Err(why) = projection.take(event) {
            let (id, kind) = (event.id.clone(), event.kind.clone());
            projection.odd.push(Odd { id, kind, why });
        }
    }
    projection
}

#[cfg(test)]
mod tests;
