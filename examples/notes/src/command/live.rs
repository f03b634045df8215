//! An instance that runs: it takes calls as they come, and shows what changes, whoever changed it.

use super::app::App;
use super::lines;
use super::screen::{self, Screen};
use super::tally::Tally;
use crate::model::NotesModel;
use icecore::{Error, ErrorKind, Replica, Result};
use std::future::pending;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How often a running instance asks the store.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Runs until the input ends. What the store holds comes while it runs, and nothing waits for it.
pub(super) async fn run(app: &mut App) -> Result<()> {
    let mut changes = app.replica.changes();
    let mut shown = Screen::of(app);
    app.shows.here(&app.replica)?;
    // A call is judged by what the store holds, as far as it can be asked.
    app.pull().await?;
    shown.show_all(&mut changes).await?;
    let mut lines = lines::lines(std::io::stdin());
    let (replica, offline, queued) = (app.replica.clone(), app.offline, Notify::new());
    let (tell, mut troubles) = unbounded_channel();
    let mut tally = Tally::default();
    {
        let mut syncing = pin!(async {
            if offline {
                pending::<()>().await;
            }
            keep_syncing(&replica, &queued, tell).await;
        });
        loop {
            tokio::select! {
                () = &mut syncing => {}
                line = lines.recv() => match line {
                    Some(line) => {
                        tally.take(app, &line?).await?;
                        queued.notify_one();
                    }
                    None => break,
                },
                Some(news) = changes.next() => shown.news(&news).await?,
                Some(trouble) = troubles.recv() => screen::trouble(trouble.as_ref()),
            }
            shown.show_all(&mut changes).await?;
        }
        // What syncs is given up here: it may hold what the last sync needs.
    }
    app.pull().await?;
    shown.show_all(&mut changes).await?;
    tally.end(app)
}

/// Syncs for ever: at once when something is queued, else every so often. Tells when it begins to fail, when it fails
/// otherwise, and when it works again.
async fn keep_syncing(
    replica: &Replica<NotesModel>,
    queued: &Notify,
    tell: UnboundedSender<Option<Error>>,
) {
    let mut told: Option<ErrorKind> = None;
    loop {
        let trouble = replica.sync().await.err();
        let kind = trouble.as_ref().map(Error::kind);
        if kind != told {
            told = kind;
            // Who shows it ends together with this.
            drop(tell.send(trouble));
        }
        if kind.is_some() {
            // Not at once, however much is queued.
            super::wait(SYNC_EVERY).await;
        } else {
            tokio::select! {
                () = super::wait(SYNC_EVERY) => {}
                () = queued.notified() => {}
            }
        }
    }
}

/// Replays a recording, and ends.
pub(super) async fn replay(app: &mut App, file: &Path) -> Result<()> {
    let mut from = std::io::BufReader::new(lines::open(file)?);
    app.pull().await?;
    let mut changes = app.replica.changes();
    let mut screen = Screen::of(app);
    let mut tally = Tally::default();
    while let Some(line) = lines::next(&mut from)? {
        tally.take(app, &line).await?;
        screen.show_all(&mut changes).await?;
    }
    app.pull().await?;
    tally.end(app)
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore::{Order, Place};
    use icecore_sim::bucket::{Faults, SimBucket};
    use icecore_sim::clock::SimClock;
    use icecore_sim::random::Random;
    use icecore_store::Store;
    use icecore_store::backend::ServerTime;
    use std::sync::Arc;

    /// The store goes away twice. Each time that is told once, however often it is asked in vain, and so is its coming back.
    #[tokio::test(start_paused = true)]
    async fn each_outage_is_told_once_and_so_is_its_end() {
        let (clock, random) = (SimClock::start(), Random::new(7));
        let bucket = SimBucket::new(random.clone(), clock.clone());
        let store = Store::on(
            Arc::new(bucket.clone()),
            object_store::path::Path::from("notes"),
            Arc::new(clock),
            Arc::new(random),
            Arc::new(ServerTime::new()),
        );
        let place = Place::on(store);
        let replica = Replica::create(NotesModel, &place, "notes", Order::Timestamp).await;
        let replica = replica.unwrap();
        let (tell, mut troubles) = unbounded_channel();
        let queued = Notify::new();
        let test = async {
            for _ in 0..2 {
                bucket.set_faults(Faults {
                    refused: 1.0,
                    ..Faults::none()
                });
                let trouble: Option<Error> = troubles.recv().await.unwrap();
                assert!(trouble.is_some_and(|error| error.is_unavailable()));
                super::super::wait(SYNC_EVERY * 10).await;
                assert!(troubles.is_empty(), "nothing more is said of it");
                bucket.set_faults(Faults::none());
                assert!(troubles.recv().await.unwrap().is_none());
            }
        };
        tokio::select! {
            () = test => {}
            () = keep_syncing(&replica, &queued, tell) => {}
        }
    }
}
