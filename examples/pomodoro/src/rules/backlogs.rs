//! Backlogs: created, renamed, moved, deleted.

use super::{check_new_id, reorder as reorder_list};
use crate::state::{Backlog, State};

pub(crate) fn create(state: &mut State, id: String, name: String) -> Result<(), String> {
    check_new_id("backlog", &id, state.backlog(&id).is_some())?;
    let items = Vec::new();
    state.backlogs.push(Backlog { id, name, items });
    Ok(())
}

pub(crate) fn rename(state: &mut State, id: &str, name: String) -> Result<(), String> {
    let index = position(state, id)?;
    state.backlogs[index].name = name;
    Ok(())
}

pub(crate) fn reorder(state: &mut State, id: &str, index: usize) -> Result<(), String> {
    let from = position(state, id)?;
    reorder_list(&mut state.backlogs, from, index)
}

pub(crate) fn delete(state: &mut State, id: &str) -> Result<(), String> {
    let index = position(state, id)?;
    let backlog = state.backlogs.remove(index);
    // What ran in it is void, and its item is gone: nothing is left to write that to.
    state
        .timer
        .take_if(|timer| backlog.items.iter().any(|item| item.id == timer.item));
    Ok(())
}

pub(crate) fn position(state: &State, id: &str) -> Result<usize, String> {
    let found = state.backlogs.iter().position(|backlog| backlog.id == id);
    found.ok_or_else(|| format!("there is no backlog {id}"))
}
