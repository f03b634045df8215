//! What a client tells by its own clock while it runs: that work begins, that a rest begins, that a pomodoro is finished or
//! void. All of it is computed from the state and the time. None of it is recorded, and none of it is sent.
//!
//! Nothing is told of what is past: a client that was not there, that was asleep, or that hears late of a timer, tells
//! what begins and ends from then on.

use crate::state::{Phase, State, Timer};
use serde::Serialize;
use std::sync::Arc;

/// How late something is still told, in milliseconds. A machine that was asleep for longer has missed it.
pub const LATE_MAX: i64 = 5_000;

/// What happens to the pomodoro that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The work on it begins, or goes on when a client comes.
    Work,
    /// The rest after it begins, or goes on when a client comes.
    Rest,
    /// It is finished.
    Finished,
    /// It is void: stopped at work, or its item was completed or deleted.
    Void,
}

/// Something that this client tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When it happened, in milliseconds since 1970: by the clock where it ended by itself, else when this client heard of
    /// it.
    pub at: i64,
    /// The item's id.
    pub item: String,
    /// The item's name.
    pub name: String,
    /// When it ends by itself, if it does.
    pub until: Option<i64>,
    /// What.
    pub what: What,
}

/// What there is to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// In order.
    pub told: Vec<Told>,
    /// Something ended too long ago to be told: whoever shows the state shows it anew.
    pub missed: bool,
}

/// Watches the time for one client.
#[derive(Debug, Clone)]
pub struct Timekeeper {
    state: Arc<State>,
    /// Everything until then was told, or is past.
    until: i64,
}

impl Timekeeper {
    /// One that begins now, and knows of nothing yet.
    pub fn new(now: i64) -> Self {
        Self {
            state: Arc::default(),
            until: now,
        }
    }

    /// When something ends by itself next.
    pub fn next(&self) -> Option<i64> {
        self.state.timer.as_ref()?.phase_ends(self.until)
    }

    /// Goes on with another state, of which the client hears now.
    pub fn changed(&mut self, state: Arc<State>, now: i64) -> News {
        let mut news = self.tick(now);
        let before = std::mem::replace(&mut self.state, state);
        if before.timer == self.state.timer {
            return news;
        }
        let now = self.until;
        let running = |timer: &&Timer| timer.phase(now) != Phase::Over;
        // What somebody ended is no younger than the last thing that anybody did.
        let is_late = now.saturating_sub(self.state.last) > LATE_MAX;
        if let Some(timer) = before.timer.as_ref().filter(running) {
            if is_late {
                news.missed = true;
                news.told.extend(self.present());
                return news;
            }
            let what = if self.is_finished(timer) {
                What::Finished
            } else {
                What::Void
            };
            news.told.push(told(&before, timer, (now, what)));
        }
        news.told.extend(self.present());
        news
    }

    /// Goes on to another time. A clock that was set back changes nothing until it is where it was.
    pub fn tick(&mut self, now: i64) -> News {
        let mut news = News::default();
        while let Some(at) = self.next().filter(|at| *at <= now) {
            self.until = at;
            if now - at > LATE_MAX {
                news.missed = true;
            } else {
                let over = self.state.timer.as_ref();
                let over = over.filter(|timer| timer.phase(at) == Phase::Over);
                let finished = over.map(|timer| told(&self.state, timer, (at, What::Finished)));
                news.told.extend(finished.or_else(|| self.present()));
            }
        }
        self.until = self.until.max(now);
        news
    }

    /// How far the timer is.
    fn present(&self) -> Option<Told> {
        let timer = self.state.timer.as_ref()?;
        let what = match timer.phase(self.until) {
            Phase::Work | Phase::Tracking => What::Work,
            Phase::Rest | Phase::LongBreak => What::Rest,
            Phase::Over => return None,
        };
        Some(told(&self.state, timer, (self.until, what)))
    }

    fn is_finished(&self, timer: &Timer) -> bool {
        let item = self.state.item(&timer.item);
        let pomodoro = item.and_then(|item| item.pomodoros.get(timer.pomodoro));
        pomodoro.is_some_and(|pomodoro| pomodoro.finished)
    }
}

fn told(state: &State, timer: &Timer, (at, what): (i64, What)) -> Told {
    let name = state.item(&timer.item).map(|item| item.name.clone());
    let until = match what {
        What::Work | What::Rest => timer.phase_ends(at),
        What::Finished | What::Void => None,
    };
    Told {
        at,
        item: timer.item.clone(),
        name: name.unwrap_or_default(),
        until,
        what,
    }
}
