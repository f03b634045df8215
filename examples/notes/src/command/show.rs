//! What the command prints.

use crate::call::Call;
use crate::model::{NotesModel, State};
use crate::notebook::{Notebook, Status};
use crate::record::RecordedCall;
use crate::update::Update;
use icecore::typed::{info, to_typed};
use icecore::{Change, Error, News, Replica, Result, Stage, canonical};
use serde_json::json;
use std::io::Write;

/// How to show things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shows {
    /// As JSON.
    pub(super) json: bool,
}

/// Prints one line.
pub(super) fn line(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|e| Error::unavailable("the output is closed").with_source(e))
}

/// Prints one line on stderr.
pub(super) fn warning(text: &str) {
    // A closed stderr is no reason to complain.
    drop(writeln!(std::io::stderr(), "warning: {text}"));
}

/// Prints a call, as the update that it is.
pub(super) fn call(call: &Call) -> Result<()> {
    let update = serde_json::to_string(call)
        .map_err(|e| Error::internal("BUG: a call has no JSON form").with_source(e))?;
    line(&update)
}

/// A call for a person: the method, and its argument as it is shown.
fn told(call: &Call) -> Result<String> {
    Ok(format!("{} {}", call.method(), call.info()?))
}

/// Prints a notebook as plain JSON without types.
pub(super) fn plain(notebook: &Notebook) -> Result<()> {
    line(&info(notebook)?.to_string())
}

/// Prints the whole state, as every device writes it.
pub(super) fn state(state: &State) -> Result<()> {
    line(&String::from_utf8_lossy(&canonical::to_vec(state)?))
}

impl Shows {
    /// The notes, or the whole notebook as typed JSON.
    pub(super) async fn list(self, replica: &Replica<NotesModel>) -> Result<()> {
        let state = replica.state();
        if self.json {
            return line(&to_typed(&state.notebook.0)?.to_string());
        }
        if state.notebook.notes.is_empty() {
            // Nothing is known of the store, or there is nothing: these are not the same.
            let is_read = replica.status().await?.epoch.is_some();
            return line(if is_read {
                "no notes"
            } else {
                "no notes here; nothing was read from the store yet"
            });
        }
        notes(&state.notebook)
    }

    /// The whole history, as calls; with `--json` as a recording.
    pub(super) async fn calls(self, replica: &Replica<NotesModel>) -> Result<()> {
        for recorded in replica.history().await? {
            let (at, id) = (recorded.at.clone(), recorded.id);
            match RecordedCall::of(recorded) {
                Ok(made) if self.json => line(&made.to_line()?)?,
                Ok(made) => line(&format!("{at}  {}", told(&made.call)?))?,
                Err(error) if self.json => warning(&error.to_string()),
                Err(error) => line(&format!("{at}  {id} cannot be read: {error}"))?,
            }
        }
        Ok(())
    }

    /// What is here before anything was asked of the store.
    pub(super) fn here(self, replica: &Replica<NotesModel>) -> Result<()> {
        let count = replica.state().notebook.notes.len();
        self.remark(&format!("notes here: {count}; the store is read meanwhile"))
    }

    /// A remark for people, which is no part of what is printed as JSON.
    pub(super) fn remark(self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { line(text) }
    }

    /// A call of which nothing was made.
    pub(super) fn beside(self, what: &str, call: &RecordedCall, why: Option<&str>) -> Result<()> {
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let text = format!("{what:9} {}{why}", told(&call.call)?);
        if self.json {
            warning(&text);
            return Ok(());
        }
        line(&text)
    }

    /// What there is to tell, for a person.
    pub(super) fn news(self, replica: &Replica<NotesModel>, news: &News<Update>) -> Result<()> {
        match news {
            News::Reread => {
                let count = replica.state().notebook.notes.len();
                self.remark(&format!(
                    "read      the whole notebook; notes here: {count}"
                ))
            }
            News::Rejected { id, reason, .. } => {
                warning(&format!("{id} is not possible any more: {reason}"));
                Ok(())
            }
            other => {
                warning(&format!("{other:?}"));
                Ok(())
            }
        }
    }

    /// What a merge broke, and how to settle it.
    pub(super) async fn conflicts(self, replica: &Replica<NotesModel>) -> Result<()> {
        let conflicts = replica.conflicts().await?;
        if self.json {
            for conflict in conflicts {
                line(&json!(conflict).to_string())?;
            }
            return Ok(());
        }
        for conflict in &conflicts {
            line(&format!("{}  {}", conflict.id, conflict.message()))?;
            for path in &conflict.paths {
                line(&format!("    {path}"))?;
            }
            let updates: Vec<String> = conflict.updates.iter().map(ToString::to_string).collect();
            line(&format!("    set by {}", updates.join(", ")))?;
        }
        if conflicts.is_empty() {
            return line("nothing waits for a person");
        }
        line("settle one with: notes rename ID TITLE --settles CONFLICT")
    }
}

/// What changed, for a person.
pub(super) fn change(change: &Change<Update>) -> Result<()> {
    let what = match (change.stage, change.own, &change.update) {
        // It was shown when it was made.
        (Stage::Confirmed, true, _) => return Ok(()),
        (Stage::Pending, _, Ok(Update::Replay(_))) => "replayed",
        (Stage::Pending, ..) => "made",
        (Stage::Confirmed, false, _) => "arrived",
    };
    let recorded = icecore::Recorded {
        id: change.id,
        key: icecore::Key::MAX,
        at: change.at.clone(),
        update: change.update.clone(),
    };
    let call = match RecordedCall::of(recorded) {
        Ok(call) => call,
        Err(error) => {
            warning(&error.to_string());
            return Ok(());
        }
    };
    line(&format!("{what:9} {}", told(&call.call)?))
}

/// The notes, for a person.
pub(super) fn notes(notebook: &Notebook) -> Result<()> {
    for (id, note) in &notebook.notes {
        let status = match note.status {
            Status::Open => "open".to_owned(),
            Status::Started => "started".to_owned(),
            Status::Done(at) => format!("done {at}"),
        };
        let due = note
            .due
            .map_or_else(String::new, |due| format!(", due {due}"));
        line(&format!("{id}  {} ({status}{due})", note.title))?;
        if !note.text.is_empty() {
            line(&format!("    {}", note.text))?;
        }
    }
    Ok(())
}

/// The inputs of a notebook, in the order in which they happened.
pub(super) fn inputs(all: &[icecore::Recorded<Update>]) -> Result<()> {
    for input in all {
        match &input.update {
            Ok(update) => line(&format!("{}  {}", input.at, told(update.call())?))?,
            Err(rejected) => line(&format!("{}  cannot be read: {rejected}", input.at))?,
        }
    }
    Ok(())
}
