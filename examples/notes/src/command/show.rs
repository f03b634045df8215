//! What the command prints.

use crate::call::Call;
use crate::model::NotesModel;
use crate::notebook::Status;
use icecore::typed::to_typed;
use icecore::{Error, Replica, Result};
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

impl Shows {
    /// The notes, or the whole state as typed JSON.
    pub(super) fn list(self, replica: &Replica<NotesModel>) -> Result<()> {
        let notebook = replica.state();
        if self.json {
            return line(&to_typed(&notebook.0)?.to_string());
        }
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

    /// The whole history, as calls.
    pub(super) async fn calls(self, replica: &Replica<NotesModel>) -> Result<()> {
        for recorded in replica.history().await? {
            match recorded.update {
                Ok(made) if self.json => call(&made)?,
                Ok(made) => line(&format!("{}  {made:?}", recorded.at))?,
                Err(rejected) => line(&format!("{}  unreadable: {rejected}", recorded.at))?,
            }
        }
        Ok(())
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
