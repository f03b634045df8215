//! An instance that runs: it takes calls as they come, and shows what changes, whoever changed it.

use super::app::App;
use super::{lines, show};
use crate::record::{RecordedCall, Replayed};
use crate::update::Update;
use icecore::{Changes, Error, News, Result};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

/// How often a running instance asks the store.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How many calls came, and what became of them.
#[derive(Debug, Default)]
struct Tally {
    lines: u64,
    made: u64,
    known: u64,
    refused: u64,
    unreadable: u64,
}

/// Runs until the input ends. What the store holds comes while it runs, and nothing waits for it.
pub(super) async fn run(app: &mut App) -> Result<()> {
    let mut changes = app.replica.changes();
    app.shows.here(&app.replica)?;
    // A call is judged by what the store holds, as far as it can be asked.
    app.pull().await?;
    show_all(app, &mut changes, &mut None)?;
    let mut lines = lines::lines(std::io::stdin());
    let (replica, offline) = (app.replica.clone(), app.offline);
    let mut tally = Tally::default();
    let mut failure = None;
    {
        let mut syncing = pin!(async move {
            if offline {
                std::future::pending::<()>().await;
            }
            replica.keep_syncing(SYNC_EVERY).await;
        });
        loop {
            tokio::select! {
                () = &mut syncing => {}
                line = lines.recv() => match line {
                    Some(line) => tally.take(app, &line?).await?,
                    None => break,
                },
                Some(news) = changes.next() => show_news(app, &news, &mut failure)?,
            }
            show_all(app, &mut changes, &mut failure)?;
        }
        // What syncs is given up here: it may hold what the last sync needs.
    }
    app.pull().await?;
    show_all(app, &mut changes, &mut failure)?;
    tally.end(app)
}

/// Replays a recording, and ends.
pub(super) async fn replay(app: &mut App, file: &Path) -> Result<()> {
    let mut from = std::io::BufReader::new(lines::open(file)?);
    app.pull().await?;
    let mut changes = app.replica.changes();
    let mut tally = Tally::default();
    while let Some(line) = lines::next(&mut from)? {
        tally.take(app, &line).await?;
        show_all(app, &mut changes, &mut None)?;
    }
    app.pull().await?;
    tally.end(app)
}

impl Tally {
    /// Takes a line. One that is no call is named, and the ones after it are taken.
    async fn take(&mut self, app: &mut App, line: &[u8]) -> Result<()> {
        self.lines += 1;
        let call = match RecordedCall::parse(line) {
            Ok(call) => call,
            Err(error) => {
                self.unreadable += 1;
                let hint = error
                    .hint()
                    .map_or_else(String::new, |hint| format!("; {hint}"));
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
                self.refused += 1;
                app.shows.beside("refused", &shown, Some(&reason))?;
            }
        }
        Ok(())
    }

    fn end(self, app: &App) -> Result<()> {
        let Self {
            made,
            known,
            refused,
            unreadable,
            lines,
        } = self;
        app.shows
            .remark(&format!("{made} made, {known} known, {refused} refused"))?;
        if unreadable > 0 {
            return Err(
                Error::invalid(format!("{unreadable} of {lines} lines are no calls"))
                    .with_hint("the others were taken; mend these, and replay them alone"),
            );
        }
        Ok(())
    }
}

fn show_all(app: &App, changes: &mut Changes<Update>, failure: &mut Option<String>) -> Result<()> {
    while let Some(news) = changes.try_next() {
        show_news(app, &news, failure)?;
    }
    Ok(())
}

/// Shows news; a failure that lasts is told once.
fn show_news(app: &App, news: &News<Update>, failure: &mut Option<String>) -> Result<()> {
    if let News::SyncFailed(why) = news {
        if failure.as_ref() != Some(why) {
            show::warning(&format!("{why}; what is changed waits in the queue"));
            *failure = Some(why.clone());
        }
        return Ok(());
    }
    app.shows.news(&app.replica, news)
}
