//! The commands that record something: the update that each stands for.

use crate::args::Command;
use crate::kinds::update_of;
use crate::line::read_call;
use crate::session::Session;
use crate::span::Span;
use crate::state::State;
use crate::update::{PomodoroType, Update};
use crate::view::view;
use icecore::{Error, Result};

/// What a command records.
pub(super) struct Recording {
    /// The update.
    pub(super) update: Update,
    /// The id of what it makes, if it makes something.
    pub(super) id: Option<String>,
}

/// The update that a command stands for in the present state.
///
/// # Errors
/// `Invalid` for arguments that stand for none.
pub(super) async fn recording(session: &Session, command: &Command) -> Result<Recording> {
    let command = command.clone();
    Ok(match command {
        Command::AddBacklog { name, id } => {
            let id = chosen(session, id).await?;
            let update = Update::CreateBacklog {
                id: id.clone(),
                name,
            };
            Recording {
                update,
                id: Some(id),
            }
        }
        Command::AddItem { backlog, name, id } => {
            let id = chosen(session, id).await?;
            let update = Update::CreateWorkitem {
                id: id.clone(),
                backlog,
                name,
            };
            Recording {
                update,
                id: Some(id),
            }
        }
        other => {
            let update = change(session, other)?;
            Recording { update, id: None }
        }
    })
}

fn change(session: &Session, command: Command) -> Result<Update> {
    let state = session.replica.state();
    Ok(match command {
        Command::AddPomodoro {
            item,
            count,
            tracker,
        } => {
            let r#type = if tracker {
                PomodoroType::Tracker
            } else {
                PomodoroType::Normal
            };
            Update::AddPomodoro {
                item,
                count,
                r#type,
            }
        }
        Command::Start { item, work, rest } => {
            // Whoever starts a tracker does not want the usual lengths.
            let normal = !next_is_tracker(&state, &item);
            let work = normal.then(|| span(&work)).transpose()?;
            let rest = normal.then(|| span(&rest)).transpose()?;
            Update::StartTimer { item, work, rest }
        }
        Command::Stop => Update::StopTimer,
        Command::Interrupt { reason, duration } => {
            let seen = view(&state, session.replica.now());
            let running = seen.running().map(|(item, _)| item.id.clone());
            let item =
                running.ok_or_else(|| Error::invalid("nothing runs that could be interrupted"))?;
            let duration = duration.as_deref().map(span).transpose()?;
            Update::AddInterruption {
                item,
                reason,
                duration,
            }
        }
        Command::Complete { item } => Update::CompleteWorkitem { id: item },
        Command::Do { call } => update_of(&read_call(&call)?).map_err(Error::invalid)?,
        other => return Err(Error::internal(format!("BUG: {other:?} records nothing"))),
    })
}

async fn chosen(session: &Session, id: Option<String>) -> Result<String> {
    match id {
        Some(id) => Ok(id),
        None => session.new_id().await,
    }
}

fn next_is_tracker(state: &State, item: &str) -> bool {
    let pomodoros = state.item(item).map(|item| item.pomodoros.as_slice());
    let mut pomodoros = pomodoros.unwrap_or_default().iter();
    let next = pomodoros.find(|pomodoro| !pomodoro.finished);
    next.is_some_and(|pomodoro| pomodoro.r#type == PomodoroType::Tracker)
}

fn span(text: &str) -> Result<Span> {
    Span::parse(text).ok_or_else(|| Error::invalid(format!("{text:?} is not a number of seconds")))
}
