//! Categories: a tree of groups, of which those with an id that begins with `#` are built into the app.

use super::{check_new_id, find_item};
use crate::state::{Category, State};

pub(crate) fn create(
    state: &mut State,
    id: String,
    parent: String,
    name: String,
) -> Result<(), String> {
    check_new_id("category", &id, is_known(state, &id))?;
    check_known(state, &parent)?;
    state.categories.push(Category { id, parent, name });
    Ok(())
}

pub(crate) fn rename(state: &mut State, id: &str, name: String) -> Result<(), String> {
    let index = position(state, id)?;
    state.categories[index].name = name;
    Ok(())
}

/// The index counts among those below the same parent.
pub(crate) fn reorder(state: &mut State, id: &str, index: usize) -> Result<(), String> {
    let from = position(state, id)?;
    let parent = &state.categories[from].parent;
    let has_parent =
        |(place, category): (usize, &Category)| (category.parent == *parent).then_some(place);
    let places: Vec<usize> = state
        .categories
        .iter()
        .enumerate()
        .filter_map(has_parent)
        .collect();
    let to = match places.get(index) {
        Some(place) => *place,
        None if index == places.len() => state.categories.len(),
        None => return Err(format!("there is no place {index} among {}", places.len())),
    };
    super::reorder(&mut state.categories, from, to)
}

pub(crate) fn delete(state: &mut State, id: &str) -> Result<(), String> {
    position(state, id)?;
    let mut gone = vec![id.to_owned()];
    let mut next = 0;
    while let Some(parent) = gone.get(next).cloned() {
        let below = state
            .categories
            .iter()
            .filter(|category| category.parent == parent);
        gone.extend(below.map(|category| category.id.clone()));
        next += 1;
    }
    state
        .categories
        .retain(|category| !gone.contains(&category.id));
    for item in state
        .backlogs
        .iter_mut()
        .flat_map(|backlog| &mut backlog.items)
    {
        item.categories.retain(|category| !gone.contains(category));
    }
    Ok(())
}

pub(crate) fn update_item(
    state: &mut State,
    item: &str,
    remove: &str,
    add: String,
) -> Result<(), String> {
    if !add.is_empty() {
        check_known(state, &add)?;
    }
    let item = find_item(state, item)?;
    if !remove.is_empty() && !item.categories.contains(remove) {
        return Err(format!(
            "the item {} is not in the category {remove}",
            item.id
        ));
    }
    item.categories.remove(remove);
    if !add.is_empty() {
        item.categories.insert(add);
    }
    Ok(())
}

fn check_known(state: &State, id: &str) -> Result<(), String> {
    if is_known(state, id) {
        return Ok(());
    }
    Err(format!("there is no category {id}"))
}

fn is_known(state: &State, id: &str) -> bool {
    id.starts_with('#') || position(state, id).is_ok()
}

fn position(state: &State, id: &str) -> Result<usize, String> {
    let found = state
        .categories
        .iter()
        .position(|category| category.id == id);
    found.ok_or_else(|| format!("there is no category {id}"))
}
