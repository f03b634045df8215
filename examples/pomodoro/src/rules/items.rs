//! Items and their planned pomodoros.

use super::{check_new_id, find_item, find_open_item, reorder as reorder_list};
use crate::rules::backlogs;
use crate::state::{Item, Phase, Pomodoro, State};
use crate::update::PomodoroType;
use std::collections::BTreeSet;

/// More on one item would be a slip of the keyboard; without a limit one update could fill the memory.
const POMODOROS_MAX: usize = 1_000;

pub(crate) fn create(
    state: &mut State,
    id: String,
    backlog: &str,
    name: String,
) -> Result<(), String> {
    let backlog = backlogs::position(state, backlog)?;
    check_new_id("item", &id, state.item(&id).is_some())?;
    state.backlogs[backlog].items.push(Item {
        id,
        name,
        sealed: false,
        pomodoros: Vec::new(),
        interruptions: 0,
        intervals: 0,
        categories: BTreeSet::new(),
    });
    Ok(())
}

pub(crate) fn rename(state: &mut State, id: &str, name: String) -> Result<(), String> {
    find_item(state, id)?.name = name;
    Ok(())
}

pub(crate) fn move_to(state: &mut State, id: &str, backlog: &str) -> Result<(), String> {
    let to = backlogs::position(state, backlog)?;
    let (from, index) = position(state, id)?;
    if from == to {
        return Err(format!("the item {id} is in the backlog {backlog} already"));
    }
    let item = state.backlogs[from].items.remove(index);
    state.backlogs[to].items.push(item);
    Ok(())
}

pub(crate) fn reorder(state: &mut State, id: &str, index: usize) -> Result<(), String> {
    let (backlog, from) = position(state, id)?;
    reorder_list(&mut state.backlogs[backlog].items, from, index)
}

/// Seals the item. Work that was not over is void and counts as an interruption, as does a rest that was cut short; a
/// tracker and a long break end well, because nobody said when they should.
pub(crate) fn complete(state: &mut State, id: &str, at: i64) -> Result<(), String> {
    let item = find_open_item(state, id)?;
    item.sealed = true;
    let Some(timer) = state.timer_on(id) else {
        return Ok(());
    };
    let void = matches!(timer.phase(at), Phase::Work | Phase::Rest);
    state.end_timer(!void);
    if void {
        count_interruption(find_item(state, id)?);
    }
    Ok(())
}

pub(crate) fn restore(state: &mut State, id: &str) -> Result<(), String> {
    let item = find_item(state, id)?;
    if !item.sealed {
        return Err(format!("the item {id} is not complete"));
    }
    item.sealed = false;
    Ok(())
}

pub(crate) fn delete(state: &mut State, id: &str) -> Result<(), String> {
    let (backlog, index) = position(state, id)?;
    state.timer.take_if(|timer| timer.item == id);
    state.backlogs[backlog].items.remove(index);
    Ok(())
}

pub(crate) fn add(
    state: &mut State,
    id: &str,
    count: u32,
    r#type: PomodoroType,
) -> Result<(), String> {
    let item = find_open_item(state, id)?;
    let after = item.pomodoros.len().saturating_add(count as usize);
    if count == 0 || after > POMODOROS_MAX {
        return Err(format!(
            "an item has at most {POMODOROS_MAX} pomodoros, added one or more at once"
        ));
    }
    let new = Pomodoro {
        r#type,
        finished: false,
    };
    item.pomodoros.resize(after, new);
    Ok(())
}

pub(crate) fn remove(state: &mut State, id: &str, count: u32) -> Result<(), String> {
    let running = usize::from(state.timer_on(id).is_some());
    let item = find_open_item(state, id)?;
    // New ones follow the finished ones and the one that runs, so the last new ones are simply the last.
    let new = item
        .pomodoros
        .iter()
        .filter(|pomodoro| !pomodoro.finished)
        .count()
        - running;
    if count == 0 || count as usize > new {
        return Err(format!(
            "cannot take back {count} pomodoros of {id}, which has {new} new ones"
        ));
    }
    item.pomodoros
        .truncate(item.pomodoros.len() - count as usize);
    Ok(())
}

pub(crate) fn count_interruption(item: &mut Item) {
    item.interruptions = item.interruptions.saturating_add(1);
}

/// In which backlog, and where in it.
fn position(state: &State, id: &str) -> Result<(usize, usize), String> {
    let in_backlog = |items: &[Item]| items.iter().position(|item| item.id == id);
    let mut places = state.backlogs.iter().enumerate();
    places
        .find_map(|(backlog, list)| Some((backlog, in_backlog(&list.items)?)))
        .ok_or_else(|| format!("there is no item {id}"))
}
