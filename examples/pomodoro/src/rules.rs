//! The effect of each kind of update. Every function checks first and changes then: on an error nothing changed.

pub(crate) mod backlogs;
pub(crate) mod categories;
pub(crate) mod items;
pub(crate) mod timer;

use crate::state::{Item, State};

/// Refuses an id that cannot be used: it is what other updates refer to, so it is not empty, and not taken.
fn check_new_id(what: &str, id: &str, taken: bool) -> Result<(), String> {
    if id.is_empty() {
        return Err(format!("a new {what} needs an id"));
    }
    if taken {
        return Err(format!("the {what} {id} is there already"));
    }
    Ok(())
}

/// Moves one entry before the one that stands at `index` now, as the user sees the list before the move.
fn reorder<T>(list: &mut Vec<T>, from: usize, index: usize) -> Result<(), String> {
    if index > list.len() {
        return Err(format!("there is no place {index} among {}", list.len()));
    }
    let moved = list.remove(from);
    // The entry's own place is gone: what stood behind it stands one further up.
    list.insert(if index > from { index - 1 } else { index }, moved);
    Ok(())
}

fn find_item<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Item, String> {
    state
        .item_mut(id)
        .ok_or_else(|| format!("there is no item {id}"))
}

/// An item on which work can be planned and done.
fn find_open_item<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Item, String> {
    let item = find_item(state, id)?;
    if item.sealed {
        return Err(format!("the item {id} is complete: restore it first"));
    }
    Ok(item)
}
