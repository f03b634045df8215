//! The fold: an update calls its method; and the rule that no two notes have one title.

use crate::call::{Call, title_of};
use crate::calls::{Calls, Content};
use crate::notebook::Notebook;
use crate::update::Update;
use icecore::{Meta, Model, RawValue, Rejected, Typed, UpdateId, Violation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the rule.
pub const ONE_TITLE: &str = "one-title";

/// What a running instance holds.
// The fields stand in the order of their names, as canonical JSON has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Which calls the notebook contains, by their ids, and what each was: one that comes by another way once more is known,
    /// and one that only says to be the same is not taken for it.
    pub calls: Calls,
    /// The notebook.
    pub notebook: Typed<Notebook>,
}

impl State {
    /// Calls a method, unless this very call is contained already.
    ///
    /// # Errors
    /// As the method, and as [`Content::of`] and [`Calls::contains`]. A call that was refused does not count as contained: it
    /// can be played again when it is possible.
    pub fn play(&mut self, id: UpdateId, call: Call) -> Result<(), Rejected> {
        let content = Content::of(&call)?;
        if self.calls.contains(id, content)? {
            return Ok(());
        }
        call.apply(&mut self.notebook)?;
        self.calls.insert(id, content);
        Ok(())
    }
}

/// The model `notes`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotesModel;

impl Model for NotesModel {
    type State = State;
    type Update = Update;

    fn name(&self) -> &'static str {
        "notes"
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
        Update::from_parts(kind, data)
    }

    fn apply(&self, state: &mut State, update: Update, meta: &Meta<'_>) -> Result<(), Rejected> {
        let (author, seq) = (meta.author, meta.seq);
        let (id, call) = update.into_call(UpdateId { author, seq });
        state.play(id, call)
    }

    fn check(&self, state: &State) -> Vec<Violation> {
        let mut titled: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (id, note) in &state.notebook.notes {
            titled.entry(&note.title).or_default().push(title_of(id));
        }
        titled.retain(|_, paths| paths.len() > 1);
        let violation = |(title, paths): (&str, Vec<String>)| Violation {
            rule: ONE_TITLE.to_owned(),
            reason: format!("{} notes are called {title:?}", paths.len()).into(),
            paths,
        };
        titled.into_iter().map(violation).collect()
    }

    fn touches(&self, kind: &str, data: &RawValue) -> Vec<String> {
        let update = Update::from_parts(kind, data);
        update.map_or_else(|_| Vec::new(), |update| update.call().touches())
    }
}
