//! The fold: a sequenced history, in which every update was possible when it was made.

use crate::rules::{backlogs, categories, items, timer};
use crate::state::{State, User};
use crate::update::Update;
use icecore::{Meta, Model, RawValue, Rejected, message, time};

/// The model of pomodoro spaces.
///
/// A space of it has the order `sequence`: each writer saw the state that its update was made for. So an update that the
/// state does not allow is not a merge gone wrong but an impossible history, and every refusal is
/// [`Rejected::inconsistent`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pomodoros;

impl Model for Pomodoros {
    type State = State;
    type Update = Update;

    fn name(&self) -> &'static str {
        "pomodoro"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads_key(&self) -> bool {
        false
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Update, Rejected> {
        message::decode(kind, data).map_err(|rejected| Rejected::inconsistent(rejected.reason))
    }

    fn apply(&self, state: &mut State, update: Update, meta: &Meta<'_>) -> Result<(), Rejected> {
        let at = time::from_rfc3339(meta.at).map_err(|e| Rejected::inconsistent(e.to_string()))?;
        apply(state, update, at).map_err(Rejected::inconsistent)
    }
}

/// Applies one update that happened at a time, in milliseconds since 1970. What was over by then is settled first: the
/// time is the update's own, so that every replica settles the same, whenever it reads the history.
///
/// # Errors
/// Why the state does not allow it; it is unchanged then.
pub fn apply(state: &mut State, update: Update, at: i64) -> Result<(), String> {
    if state.count > 0 && at < state.last {
        // What would be impossible at any time is the better reason for a person.
        dispatch(&mut state.clone(), update, state.last)?;
        let (at, last) = (time::to_rfc3339(at), time::to_rfc3339(state.last));
        return Err(format!(
            "happened at {at}, before the update in front of it ({last})"
        ));
    }
    let settled = state.settle(at);
    let applied = dispatch(state, update, at);
    match (&applied, settled) {
        (Ok(()), _) => {
            state.last = at;
            state.count += 1;
        }
        (Err(_), Some(timer)) => state.unsettle(timer),
        (Err(_), None) => {}
    }
    applied
}

fn dispatch(state: &mut State, update: Update, at: i64) -> Result<(), String> {
    match update {
        Update::CreateUser { identity, name } => create_user(state, identity, name),
        _ if state.user.is_none() => Err("there is no user yet: CreateUser comes first".to_owned()),
        Update::CreateBacklog { id, name } => backlogs::create(state, id, name),
        Update::RenameBacklog { id, name } => backlogs::rename(state, &id, name),
        Update::ReorderBacklog { id, index } => backlogs::reorder(state, &id, index),
        Update::DeleteBacklog { id } => backlogs::delete(state, &id),
        Update::CreateWorkitem { id, backlog, name } => items::create(state, id, &backlog, name),
        Update::RenameWorkitem { id, name } => items::rename(state, &id, name),
        Update::MoveWorkitem { id, backlog } => items::move_to(state, &id, &backlog),
        Update::ReorderWorkitem { id, index } => items::reorder(state, &id, index),
        Update::CompleteWorkitem { id } => items::complete(state, &id, at),
        Update::RestoreWorkitem { id } => items::restore(state, &id),
        Update::DeleteWorkitem { id } => items::delete(state, &id),
        Update::UpdateWorkitemCategories { id, remove, add } => {
            categories::update_item(state, &id, &remove, add)
        }
        Update::AddPomodoro {
            item,
            count,
            r#type,
        } => items::add(state, &item, count, r#type),
        Update::RemovePomodoro { item, count } => items::remove(state, &item, count),
        Update::StartTimer { item, work, rest } => timer::start(state, item, (work, rest), at),
        Update::StopTimer => timer::stop(state, at),
        Update::AddInterruption { item, .. } => timer::interrupt(state, &item),
        Update::CreateCategory { id, parent, name } => categories::create(state, id, parent, name),
        Update::RenameCategory { id, name } => categories::rename(state, &id, name),
        Update::ReorderCategory { id, index } => categories::reorder(state, &id, index),
        Update::DeleteCategory { id } => categories::delete(state, &id),
    }
}

fn create_user(state: &mut State, identity: String, name: String) -> Result<(), String> {
    if let Some(User { identity, .. }) = &state.user {
        return Err(format!("the space is that of {identity} already"));
    }
    if !is_identity(&identity) {
        return Err(format!(
            "{identity:?} is no identity of a user: write it like user@local.host"
        ));
    }
    state.user = Some(User { identity, name });
    Ok(())
}

/// Stands unquoted in each line of the file, between a comma and a colon.
fn is_identity(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "@.-_+".contains(c);
    text.len() <= 254 && text.contains('@') && text.chars().all(allowed)
}
