//! What became of the calls of a recording.

use super::app::App;
use super::show;
use crate::record::{RecordedCall, Replayed};
use icecore::{Error, Result, UpdateId};

/// How many lines an error names: the first ones tell enough, and each was shown when it came.
const NAMED_MAX: usize = 10;

/// How many calls came, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    lines: u64,
    made: u64,
    known: u64,
    refused: Lines,
    conflicts: Lines,
    unreadable: Lines,
}

/// Lines of which nothing was made.
#[derive(Debug, Default)]
struct Lines {
    count: u64,
    names: Vec<String>,
}

impl Lines {
    fn add(&mut self, number: u64, id: Option<UpdateId>) {
        self.count += 1;
        if self.names.len() < NAMED_MAX {
            let id = id.map_or_else(String::new, |id| format!(" ({id})"));
            self.names.push(format!("line {number}{id}"));
        }
    }

    fn named(&self) -> String {
        let names = self.names.join(", ");
        match self.count.saturating_sub(self.names.len() as u64) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

impl Tally {
    /// Takes a line. One of which nothing can be made is named, and the ones after it are taken.
    pub(super) async fn take(&mut self, app: &mut App, line: &[u8]) -> Result<()> {
        self.lines += 1;
        let call = match RecordedCall::parse(line) {
            Ok(call) => call,
            Err(error) => {
                self.unreadable.add(self.lines, None);
                let hint = error.hint();
                let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                show::warning(&format!("line {}: {error}{hint}", self.lines));
                return Ok(());
            }
        };
        let shown = call.clone();
        match app.take(call).await? {
            Replayed::Made(_) => self.made += 1,
            Replayed::Known => {
                self.known += 1;
                app.shows.beside("known", &shown, None)?;
            }
            Replayed::Refused(reason) => {
                self.refused.add(self.lines, shown.id);
                app.shows.beside("refused", &shown, Some(&reason))?;
            }
            Replayed::Conflict(reason) => {
                self.conflicts.add(self.lines, shown.id);
                app.shows.beside("conflict", &shown, Some(&reason))?;
            }
        }
        Ok(())
    }

    /// Says what became of all. That of some nothing was made is an error.
    pub(super) fn end(self, app: &App) -> Result<()> {
        let Self {
            made,
            known,
            refused,
            conflicts,
            unreadable,
            lines,
        } = self;
        let counts = format!("{made} made, {known} known, {} refused", refused.count);
        let conflicting = match conflicts.count {
            0 => String::new(),
            count => format!(", {count} in conflict"),
        };
        app.shows.remark(&(counts + &conflicting))?;
        if conflicts.count > 0 {
            return Err(Error::conflict(format!(
                "{} of {lines} calls are others than those that are known under their ids",
                conflicts.count
            ))
            .with_object(conflicts.named())
            .with_hint(
                "the recording is of a device that was put back from a backup, or copied; to make such a call all the same, \
                 replay its line without the \"id\"",
            ));
        }
        if unreadable.count > 0 {
            return Err(Error::invalid(format!(
                "{} of {lines} lines are no calls",
                unreadable.count
            ))
            .with_object(unreadable.named())
            .with_hint("the others were taken; mend these, and replay them alone"));
        }
        if refused.count > 0 {
            return Err(
                Error::invalid(format!("{} of {lines} calls were refused", refused.count))
                    .with_object(refused.named())
                    .with_hint(
                        "the others were made; what is not possible yet can be replayed again, and what was made counts once",
                    ),
            );
        }
        Ok(())
    }
}
