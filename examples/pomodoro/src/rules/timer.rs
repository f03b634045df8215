//! The timer: started, stopped, interrupted. That it ends by itself is [`State::settle`].

use super::{find_open_item, items};
use crate::span::Span;
use crate::state::{Phase, State, Timer, WorkAndRest};
use crate::update::PomodoroType;

pub(crate) fn start(
    state: &mut State,
    item: String,
    (work, rest): (Option<Span>, Option<Span>),
    at: i64,
) -> Result<(), String> {
    if let Some(timer) = &state.timer {
        return Err(format!(
            "the timer runs already, on the item {}",
            timer.item
        ));
    }
    let found = find_open_item(state, &item)?;
    let new = found
        .pomodoros
        .iter()
        .position(|pomodoro| !pomodoro.finished);
    let pomodoro = new.ok_or_else(|| format!("the item {item} has no new pomodoro"))?;
    let span = match (found.pomodoros[pomodoro].r#type, work, rest) {
        (PomodoroType::Tracker, None, None) => None,
        (PomodoroType::Normal, Some(work), Some(rest)) if !work.is_zero() => {
            Some(WorkAndRest { work, rest })
        }
        (PomodoroType::Tracker, ..) => {
            return Err(format!(
                "the next pomodoro of {item} is a tracker: it has no length"
            ));
        }
        (PomodoroType::Normal, ..) => {
            return Err(format!(
                "the next pomodoro of {item} needs the seconds of work and of rest"
            ));
        }
    };
    found.intervals = found.intervals.saturating_add(1);
    state.timer = Some(Timer {
        item,
        pomodoro,
        started: at,
        span,
    });
    Ok(())
}

/// Work that is stopped is void: the pomodoro is new again. Everything else was over when the user says so.
pub(crate) fn stop(state: &mut State, at: i64) -> Result<(), String> {
    let timer = state
        .timer
        .as_ref()
        .ok_or("no timer runs that could be stopped")?;
    let finished = timer.phase(at) != Phase::Work;
    state.end_timer(finished);
    Ok(())
}

pub(crate) fn interrupt(state: &mut State, id: &str) -> Result<(), String> {
    let runs = state.timer_on(id).is_some();
    let item = find_open_item(state, id)?;
    if !runs {
        return Err(format!(
            "nothing runs on the item {id} that could be interrupted"
        ));
    }
    items::count_interruption(item);
    Ok(())
}
