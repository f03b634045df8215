//! What the updates make: backlogs with items with pomodoros, categories, and the timer that runs.

use crate::span::Span;
use crate::update::PomodoroType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The folded state. Places count, so these are lists; what a person sees at a given time is in [`crate::view`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whose space it is, once somebody said so.
    pub user: Option<User>,
    /// How many updates made this: the number of the history's last line. Survives `compress`.
    pub count: u64,
    /// When the last of them happened, in milliseconds since 1970: none can be earlier.
    pub last: i64,
    /// In the order that the user gave them.
    pub backlogs: Vec<Backlog>,
    /// In the order that the user gave them, among those with the same parent.
    pub categories: Vec<Category>,
    /// There is only one timer: a person does one thing at a time.
    pub timer: Option<Timer>,
}

/// Whose space it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stands in front of each line of the file.
    pub identity: String,
    /// For people.
    pub name: String,
}

/// A list of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// In the order that the user gave them.
    pub items: Vec<Item>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Done: nothing starts here until it is restored.
    pub sealed: bool,
    /// Those that were planned. The finished ones come first, because the first new one is always the next.
    pub pomodoros: Vec<Pomodoro>,
    /// How often the work was interrupted; a pomodoro that `CompleteWorkitem` voids counts too.
    pub interruptions: u32,
    /// How often the timer started here.
    pub intervals: u32,
    /// What it belongs to.
    pub categories: BTreeSet<String>,
}

/// One planned interval of work. Whether it runs is for [`State::timer`] to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pomodoro {
    /// Which sort.
    pub r#type: PomodoroType,
    /// Work and rest are over.
    pub finished: bool,
}

/// A group of items, below another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its id.
    pub id: String,
    /// The one above.
    pub parent: String,
    /// For people.
    pub name: String,
}

/// The timer while it runs. It holds when it started, not how far it got: that is for whoever knows the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// On which item.
    pub item: String,
    /// On which of its pomodoros.
    pub pomodoro: usize,
    /// When, in milliseconds since 1970.
    pub started: i64,
    /// How long; `None` for a tracker, which runs until it is stopped.
    pub span: Option<WorkAndRest>,
}

/// What a normal pomodoro was started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkAndRest {
    /// How long to work.
    pub work: Span,
    /// How long to rest; zero is a long break, without an end of its own.
    pub rest: Span,
}

/// How far a timer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// At work on a normal pomodoro.
    Work,
    /// In the rest after it, which ends by itself.
    Rest,
    /// In a rest that ends when the user says so.
    LongBreak,
    /// At work on a tracker.
    Tracking,
    /// Work and rest are over, though nobody wrote that down.
    Over,
}

impl Timer {
    /// How far it got at a time.
    pub fn phase(&self, at: i64) -> Phase {
        let Some(WorkAndRest { work, rest }) = self.span else {
            return Phase::Tracking;
        };
        let work_ends = work.after(self.started);
        if at < work_ends {
            Phase::Work
        } else if rest.is_zero() {
            Phase::LongBreak
        } else if at < rest.after(work_ends) {
            Phase::Rest
        } else {
            Phase::Over
        }
    }

    /// When the phase that it has at a time ends by itself: always later than that time. `None` for what ends only when
    /// the user says so, and for what is over.
    pub fn phase_ends(&self, at: i64) -> Option<i64> {
        let WorkAndRest { work, rest } = self.span?;
        let work_ends = work.after(self.started);
        match self.phase(at) {
            Phase::Work => Some(work_ends),
            Phase::Rest => Some(rest.after(work_ends)),
            Phase::LongBreak | Phase::Tracking | Phase::Over => None,
        }
    }
}

impl State {
    /// Finishes the pomodoro whose work and rest were over by this time, although no client was there to see it.
    /// Returns the timer that ended so.
    pub fn settle(&mut self, at: i64) -> Option<Timer> {
        let timer = self.timer.take_if(|timer| timer.phase(at) == Phase::Over)?;
        self.set_finished(&timer, true);
        Some(timer)
    }

    /// Takes [`Self::settle`] back.
    pub(crate) fn unsettle(&mut self, timer: Timer) {
        self.set_finished(&timer, false);
        self.timer = Some(timer);
    }

    /// Ends the timer; its pomodoro is finished, or new again.
    pub(crate) fn end_timer(&mut self, finished: bool) {
        if let Some(timer) = self.timer.take() {
            self.set_finished(&timer, finished);
        }
    }

    fn set_finished(&mut self, timer: &Timer, finished: bool) {
        let pomodoro = self
            .item_mut(&timer.item)
            .and_then(|item| item.pomodoros.get_mut(timer.pomodoro));
        if let Some(pomodoro) = pomodoro {
            pomodoro.finished = finished;
        }
    }

    /// The backlog with this id.
    pub fn backlog(&self, id: &str) -> Option<&Backlog> {
        self.backlogs.iter().find(|backlog| backlog.id == id)
    }

    /// The item with this id, in whichever backlog.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items().find(|item| item.id == id)
    }

    /// All items, backlog by backlog.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.backlogs.iter().flat_map(|backlog| &backlog.items)
    }

    pub(crate) fn item_mut(&mut self, id: &str) -> Option<&mut Item> {
        let mut items = self
            .backlogs
            .iter_mut()
            .flat_map(|backlog| &mut backlog.items);
        items.find(|item| item.id == id)
    }

    /// The timer, if it runs on this item.
    pub fn timer_on(&self, item: &str) -> Option<&Timer> {
        self.timer.as_ref().filter(|timer| timer.item == item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(rest: u32) -> Timer {
        let span = WorkAndRest {
            work: Span::from_seconds(1_500),
            rest: Span::from_seconds(rest),
        };
        Timer {
            item: "i".to_owned(),
            pomodoro: 0,
            started: 1_000,
            span: Some(span),
        }
    }

    #[test]
    fn each_phase_begins_when_the_one_before_ends() {
        for (at, phase) in [
            (1_000, Phase::Work),
            (1_500_999, Phase::Work),
            (1_501_000, Phase::Rest),
            (1_800_999, Phase::Rest),
            (1_801_000, Phase::Over),
            (i64::MAX, Phase::Over),
        ] {
            assert_eq!(timer(300).phase(at), phase, "{at}");
        }
        assert_eq!(timer(0).phase(1_500_999), Phase::Work);
        assert_eq!(timer(0).phase(i64::MAX), Phase::LongBreak);
        assert_eq!(
            Timer {
                span: None,
                ..timer(0)
            }
            .phase(i64::MAX),
            Phase::Tracking
        );
    }
}
