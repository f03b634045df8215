//! The fold: an update calls its method; and the rule that no two notes have one title.

use crate::call::{Call, escaped};
use crate::notebook::Notebook;
use icecore::{Meta, Model, RawValue, Rejected, Typed, Violation};
use std::collections::BTreeMap;

/// The name of the rule.
pub const ONE_TITLE: &str = "one-title";

/// The model `notes`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotesModel;

impl Model for NotesModel {
    type State = Typed<Notebook>;
    type Update = Call;

    fn name(&self) -> &'static str {
        "notes"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Typed<Notebook> {
        Typed::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Call, Rejected> {
        Call::from_update(kind, data)
    }

    fn apply(
        &self,
        notebook: &mut Typed<Notebook>,
        call: Call,
        _: &Meta<'_>,
    ) -> Result<(), Rejected> {
        call.apply(notebook)
    }

    fn check(&self, notebook: &Typed<Notebook>) -> Vec<Violation> {
        let mut titled: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (id, note) in &notebook.notes {
            let path = format!("/notes/{}/title", escaped(id));
            titled.entry(&note.title).or_default().push(path);
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
        Call::from_update(kind, data).map_or_else(|_| Vec::new(), |call| call.touches())
    }
}
