//! What a running instance shows of what changes; with `--json` it is a recording, which lacks nothing.

use super::app::App;
use super::show::{self, Shows};
use crate::model::NotesModel;
use crate::record::RecordedCall;
use crate::update::Update;
use icecore::{Change, Changes, Covered, Error, News, Replica, Result, Stage, UpdateId};

/// What is shown, and what was.
pub(super) struct Screen {
    replica: Replica<NotesModel>,
    shows: Shows,
    /// The calls that whoever reads the recording knows of: those that were here before, and those that were printed.
    passed: Covered,
    /// Whether more changed than was told one by one. Then the history says what, and until it has said it nothing is passed
    /// on: a call may need one that came before it.
    behind: bool,
    /// How many calls the notebook holds that nobody can print any more.
    lost: u64,
}

impl Screen {
    pub(super) fn of(app: &App) -> Self {
        let replica = app.replica.clone();
        let mut passed = Covered::default();
        for id in replica.state().calls.ids() {
            passed.insert(id);
        }
        Self {
            replica,
            shows: app.shows,
            passed,
            behind: false,
            lost: 0,
        }
    }

    /// Shows all news that are there.
    pub(super) async fn show_all(&mut self, changes: &mut Changes<Update>) -> Result<()> {
        while let Some(news) = changes.try_next() {
            self.news(&news).await?;
        }
        if self.behind {
            self.catch_up().await?;
        }
        Ok(())
    }

    /// Shows news.
    pub(super) async fn news(&mut self, news: &News<Update>) -> Result<()> {
        match news {
            News::Change(change) if self.shows.json => self.pass_on(change),
            News::Change(change) => show::change(change),
            News::Reread if self.shows.json => {
                self.behind = true;
                self.catch_up().await
            }
            other => self.shows.news(&self.replica, other),
        }
    }

    /// Prints a call that was made here or came from elsewhere.
    fn pass_on(&mut self, change: &Change<Update>) -> Result<()> {
        // What is stored is in the history too, which says what came before it.
        if self.behind && change.stage == Stage::Confirmed {
            return Ok(());
        }
        let recorded = icecore::Recorded {
            id: change.id,
            key: icecore::Key::MAX,
            at: change.at.clone(),
            update: change.update.clone(),
        };
        match RecordedCall::of(recorded) {
            Ok(call) => self.print(&call),
            Err(error) => {
                show::warning(&error.to_string());
                Ok(())
            }
        }
    }

    /// Once: what was made here is told again when it is stored.
    fn print(&mut self, call: &RecordedCall) -> Result<()> {
        if call.id.is_some_and(|id| !self.passed.insert(id)) {
            return Ok(());
        }
        show::line(&call.to_line()?)
    }

    /// Prints what the notebook holds, the history says, and nobody was told of.
    async fn catch_up(&mut self) -> Result<()> {
        let history = match self.replica.history().await {
            Ok(history) => history,
            Err(error) => {
                show::warning(&format!(
                    "what changed cannot be printed yet: {error}; it is printed with what changes next, and \
                     `notes calls --json` prints all calls"
                ));
                return Ok(());
            }
        };
        let state = self.replica.state();
        for recorded in history {
            // What cannot be read, and what is not possible, is part of no notebook.
            if let Ok(call) = RecordedCall::of(recorded)
                && call.id.is_some_and(|id| state.calls.get(id).is_some())
            {
                self.print(&call)?;
            }
        }
        self.behind = false;
        let untold = |id: &UpdateId| !self.passed.contains(*id);
        let untold = state.calls.ids().filter(untold).count();
        // What waits here is told when it is stored.
        let lost = untold.saturating_sub(self.replica.pending().await?) as u64;
        if lost > self.lost {
            show::warning(&format!(
                "{lost} calls of the notebook are not printed: the history was compressed, and begins with a state that has \
                 them; `notes list --json` prints the notebook"
            ));
        }
        self.lost = lost;
        Ok(())
    }
}

/// Syncs begin to fail, fail otherwise, or work again.
pub(super) fn trouble(trouble: Option<&Error>) {
    match trouble {
        Some(error) => show::warning(&format!("{error}; what is changed waits in the queue")),
        None => show::warning("the store answers again"),
    }
}
