//! The class: what the app would be without any sync.

use icecore::Rejected;
use icecore::typed::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names a note for ever. Whoever adds a note chooses it, so that no two devices choose the same.
pub type NoteId = String;

/// How far a note is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// To be done.
    #[default]
    Open,
    /// Begun.
    Started,
    /// Done, and when.
    Done(Date),
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is called; no two notes should have the same.
    pub title: String,
    /// What it says.
    pub text: String,
    /// When it is due.
    pub due: Option<Date>,
    /// How far it is.
    pub status: Status,
}

/// All notes, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notebook {
    /// The notes.
    pub notes: BTreeMap<NoteId, Note>,
}

/// The argument of [`Notebook::add`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add {
    /// Its id.
    pub id: NoteId,
    /// The note.
    pub note: Note,
}

/// The argument of [`Notebook::rename`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Which note.
    pub id: NoteId,
    /// What it is called from now on.
    pub title: String,
}

/// The argument of [`Notebook::write`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Which note.
    pub id: NoteId,
    /// What it says from now on.
    pub text: String,
}

/// The argument of [`Notebook::postpone`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postpone {
    /// Which note.
    pub id: NoteId,
    /// When it is due from now on; never without.
    pub due: Option<Date>,
}

/// The argument of [`Notebook::mark`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which note.
    pub id: NoteId,
    /// How far it is.
    pub status: Status,
}

/// The methods that change a notebook. Each takes one argument and either does all that it says or nothing.
#[expect(
    clippy::needless_pass_by_value,
    reason = "each method takes its argument as an update brings it"
)]
impl Notebook {
    /// Adds a note.
    ///
    /// # Errors
    /// When there is one of this id, or the title is empty.
    pub fn add(&mut self, add: Add) -> Result<(), Rejected> {
        check_title(&add.note.title)?;
        if self.notes.contains_key(&add.id) {
            return Err(Rejected::new(format!("there is a note {} already", add.id)));
        }
        self.notes.insert(add.id, add.note);
        Ok(())
    }

    /// Gives a note another title.
    ///
    /// # Errors
    /// When there is no such note, or the title is empty.
    pub fn rename(&mut self, rename: Rename) -> Result<(), Rejected> {
        check_title(&rename.title)?;
        self.note(&rename.id)?.title = rename.title;
        Ok(())
    }

    /// Gives a note another text.
    ///
    /// # Errors
    /// When there is no such note.
    pub fn write(&mut self, write: Write) -> Result<(), Rejected> {
        self.note(&write.id)?.text = write.text;
        Ok(())
    }

    /// Sets when a note is due.
    ///
    /// # Errors
    /// When there is no such note.
    pub fn postpone(&mut self, postpone: Postpone) -> Result<(), Rejected> {
        self.note(&postpone.id)?.due = postpone.due;
        Ok(())
    }

    /// Sets how far a note is.
    ///
    /// # Errors
    /// When there is no such note.
    pub fn mark(&mut self, mark: Mark) -> Result<(), Rejected> {
        self.note(&mark.id)?.status = mark.status;
        Ok(())
    }

    /// Removes a note.
    ///
    /// # Errors
    /// When there is no such note.
    pub fn remove(&mut self, id: NoteId) -> Result<(), Rejected> {
        let removed = self.notes.remove(&id);
        removed.map(drop).ok_or_else(|| no_note(&id))
    }

    fn note(&mut self, id: &str) -> Result<&mut Note, Rejected> {
        self.notes.get_mut(id).ok_or_else(|| no_note(id))
    }
}

fn no_note(id: &str) -> Rejected {
    Rejected::new(format!("there is no note {id}"))
}

fn check_title(title: &str) -> Result<(), Rejected> {
    if title.trim().is_empty() {
        return Err(Rejected::new("a note needs a title"));
    }
    Ok(())
}
