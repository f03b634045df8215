//! A history: all updates with the time of each, from Flowkeeper's file and back.

use crate::kinds::{ADMIN, call_of, update_of};
use crate::line::{Line, bad_line, read_lines, write_line};
use crate::model::apply;
use crate::state::State;
use crate::update::Update;
use icecore::Result;

/// When an update happened, in milliseconds since 1970, and the update.
pub type Dated = (i64, Update);

/// A whole history that is consistent: each of its updates was possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Its updates; the first one is number 1.
    pub updates: Vec<Dated>,
    /// Where each one's line begins in the file, from 1: for messages.
    pub places: Vec<usize>,
    /// What they make.
    pub state: State,
}

impl History {
    /// Reads Flowkeeper's file.
    ///
    /// # Errors
    /// `Invalid` for the first line that is not readable, is missing, or says what cannot have happened: with its place
    /// and the reason. Nothing is repaired.
    pub fn read(file: &[u8]) -> Result<Self> {
        let mut history = Self::default();
        for line in read_lines(file)? {
            history
                .push(&line)
                .map_err(|reason| bad_line(line.place, reason))?;
        }
        Ok(history)
    }

    fn push(&mut self, line: &Line) -> Result<(), String> {
        let next = self.state.count + 1;
        if line.number != next {
            let number = line.number;
            return Err(format!(
                "has the number {number} where {next} must follow: a line is missing, or is there twice"
            ));
        }
        let update = update_of(&line.call)?;
        check_user(&self.state, &update, &line.user)?;
        apply(&mut self.state, update.clone(), line.at)?;
        self.updates.push((line.at, update));
        self.places.push(line.place);
        Ok(())
    }
}

/// Each user writes their own history, but nobody creates themselves.
fn check_user(state: &State, update: &Update, user: &str) -> Result<(), String> {
    let expected = match (update, &state.user) {
        (Update::CreateUser { .. }, _) => ADMIN,
        (_, Some(user)) => user.identity.as_str(),
        (_, None) => return Ok(()),
    };
    if user != expected {
        return Err(format!(
            "is by {user:?} where only {expected:?} can be: a space holds one user's history"
        ));
    }
    Ok(())
}

/// Folds updates from the beginning.
///
/// # Errors
/// `Corrupt` for the first one that cannot have happened, with its number.
pub fn fold<'a>(updates: impl IntoIterator<Item = &'a Dated>) -> Result<State> {
    let mut state = State::default();
    fold_onto(&mut state, updates)?;
    Ok(state)
}

/// Folds updates onto a state.
///
/// # Errors
/// As [`fold`].
pub fn fold_onto<'a>(
    state: &mut State,
    updates: impl IntoIterator<Item = &'a Dated>,
) -> Result<()> {
    for (at, update) in updates {
        let number = state.count + 1;
        apply(state, update.clone(), *at)
            .map_err(|reason| icecore::Error::corrupt(format!("update {number}: {reason}")))?;
    }
    Ok(())
}

/// Writes updates as Flowkeeper's file, the first one with the number `first`. `user` is whose they are.
pub fn write<'a>(first: u64, user: &str, updates: impl IntoIterator<Item = &'a Dated>) -> String {
    let mut file = String::new();
    for (number, (at, update)) in (first..).zip(updates) {
        let by = if matches!(update, Update::CreateUser { .. }) {
            ADMIN
        } else {
            user
        };
        file.push_str(&write_line((number, *at), by, &call_of(update)));
    }
    file
}
