//! `watch`: what any device does as it arrives, and by this device's clock what ends by itself.

use crate::line::write_time;
use crate::print;
use crate::session::Session;
use crate::state::State;
use crate::timekeeper::{self, Timekeeper, Told, What};
use crate::update::Update;
use crate::view::{View, view};
use icecore::{Change, Error, ErrorKind, News, Result, Stage, time};
use serde::Serialize;
use serde_json::json;
use std::error::Error as _;
use std::fmt;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// The longest sleep: a clock that is set, or a machine that wakes up, is noticed after that.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// How to watch.
pub struct Watching {
    every: Duration,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    offline: bool,
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching")
            .field("every", &self.every)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl Watching {
    /// Asking the store every so often, until Ctrl-C or for some seconds.
    pub fn at_a_terminal(every: Duration, seconds: Option<u64>) -> Self {
        Self::until(every, async move {
            let over = async {
                match seconds {
                    Some(seconds) => wait(Duration::from_secs(seconds)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                // Where Ctrl-C cannot be heard, it ends the program as ever.
                Ok(()) = tokio::signal::ctrl_c() => {}
            }
        })
    }

    /// Asking the store every so often, until something is over.
    pub fn until(every: Duration, end: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            every,
            end: Box::pin(end),
            offline: false,
        }
    }

    /// Without asking the store: the time alone is watched.
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }
}

/// Where lines go as they are made: text for people, or JSON, one value per line.
pub struct Lines<'a> {
    json: bool,
    to: &'a mut (dyn Write + Send),
}

impl fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

impl<'a> Lines<'a> {
    /// Lines go there.
    pub fn new(json: bool, to: &'a mut (dyn Write + Send)) -> Self {
        Self { json, to }
    }

    /// Something that a person should know.
    ///
    /// # Errors
    /// `Denied` when nobody takes it.
    pub fn trouble(&mut self, text: &str) -> Result<()> {
        self.line(&json!({ "trouble": text }), || format!("! {text}"))
    }

    /// What was told as trouble is over.
    fn over(&mut self) -> Result<()> {
        self.line(&json!({ "trouble": null }), || {
            "! the store answers again".to_owned()
        })
    }

    fn line(&mut self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let line = if self.json {
            serde_json::to_string(value)
                .map_err(|e| Error::internal("BUG: a line has no JSON form").with_source(e))?
        } else {
            text()
        };
        let written = writeln!(self.to, "{line}").and_then(|()| self.to.flush());
        written.map_err(|e| {
            Error::denied("cannot write the output")
                .with_hint("check where it goes: a full disk, maybe")
                .with_source(e)
        })
    }
}

/// Whether nobody reads the output any more.
pub(super) fn is_closed(error: &Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints the state, then every change and whatever ends by itself, until the end. Nothing is recorded.
///
/// # Errors
/// What waiting does not mend: a history that is inconsistent, an account that was deleted, a store that lets this device
/// in no more. A store that does not answer is told of and waited for.
pub async fn watch(session: &Session, lines: &mut Lines<'_>, how: Watching) -> Result<()> {
    let Watching {
        every,
        mut end,
        offline,
    } = how;
    let mut changes = session.replica.changes();
    let mut screen = Screen::new(session);
    // It ends with this function, also in the middle of a request: what it does can be cut short anywhere.
    let mut syncing = JoinSet::new();
    let (tell, mut troubles) = unbounded_channel();
    if !offline {
        syncing.spawn(keep_syncing(session.clone(), every, tell));
    }
    screen.begin(lines)?;
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            Some(news) = changes.next() => {
                screen.news(lines, news)?;
                while let Some(news) = changes.try_next() {
                    screen.news(lines, news)?;
                }
                screen.changed(lines)?;
            }
            Some(trouble) = troubles.recv() => {
                let Some(error) = trouble else {
                    lines.over()?;
                    continue;
                };
                lines.trouble(&with_hint(&error))?;
                if error.kind() != ErrorKind::Unavailable {
                    return Err(error);
                }
            }
            () = wait(screen.sleep()) => screen.tick(lines)?,
        }
    }
}

/// Syncs for ever, every so often. Tells when that begins to fail, when it fails otherwise, and when it works again.
async fn keep_syncing(session: Session, every: Duration, tell: UnboundedSender<Option<Error>>) {
    let mut told: Option<ErrorKind> = None;
    loop {
        let failed = session.sync_now().await.err();
        // The store has answered: something that this device wanted to send is impossible, which is told as such.
        let trouble = failed.filter(|error| error.kind() != ErrorKind::Conflict);
        let kind = trouble.as_ref().map(Error::kind);
        if kind != told {
            told = kind;
            if tell.send(trouble).is_err() {
                return;
            }
        }
        wait(every).await;
    }
}

fn with_hint(error: &Error) -> String {
    let hint = error.hint();
    hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a screen that people look at is in real time"
)]
async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// What is printed, and what was.
struct Screen<'a> {
    session: &'a Session,
    time: Timekeeper,
    /// The state that whoever reads the lines knows.
    known: Arc<State>,
}

#[derive(Serialize)]
struct StateLine<'a> {
    state: &'a View,
}

impl<'a> Screen<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            time: Timekeeper::new(session.replica.now()),
            known: session.replica.state(),
        }
    }

    fn begin(&mut self, lines: &mut Lines<'_>) -> Result<()> {
        self.show(lines)?;
        self.changed(lines)
    }

    /// How long nothing happens by itself.
    fn sleep(&self) -> Duration {
        let Some(next) = self.time.next() else {
            return SLEEP_MAX;
        };
        let millis = next.saturating_sub(self.session.replica.now());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0)).min(SLEEP_MAX)
    }

    fn tick(&mut self, lines: &mut Lines<'_>) -> Result<()> {
        let news = self.time.tick(self.session.replica.now());
        self.tell(lines, &news)
    }

    fn changed(&mut self, lines: &mut Lines<'_>) -> Result<()> {
        self.known = self.session.replica.state();
        let now = self.session.replica.now();
        let news = self.time.changed(Arc::clone(&self.known), now);
        self.tell(lines, &news)
    }

    fn tell(&self, lines: &mut Lines<'_>, news: &timekeeper::News) -> Result<()> {
        for told in &news.told {
            let value = json!({ "told": {
                "at": time::to_rfc3339(told.at), "item": told.item, "name": told.name,
                "until": told.until.map(time::to_rfc3339), "what": told.what,
            } });
            lines.line(&value, || told_text(told))?;
        }
        if news.missed {
            self.show(lines)?;
        }
        Ok(())
    }

    /// The whole state, as it is now.
    fn show(&self, lines: &mut Lines<'_>) -> Result<()> {
        let seen = view(&self.session.replica.state(), self.session.replica.now());
        let text = || print::state(&seen).trim_end().to_owned();
        lines.line(&StateLine { state: &seen }, text)
    }

    fn news(&mut self, lines: &mut Lines<'_>, news: News<Update>) -> Result<()> {
        match news {
            News::Change(change) => print_change(lines, &change)?,
            News::Reread if self.known == self.session.replica.state() => {}
            News::Reread => self.show(lines)?,
            News::Rejected { id, reason, .. } => {
                lines.trouble(&format!("{id} is impossible: {reason}"))?;
            }
            News::Refused { reason, .. } => lines.trouble(&format!(
                "what this device recorded is impossible now, see `pomodoro refused`: {reason}"
            ))?,
            News::Held { needed, .. } => lines.trouble(&format!(
                "another device writes version {needed} of this model: update this program"
            ))?,
            News::Restored { missing, .. } => lines.trouble(&format!(
                "the store was put back to an older state and lacked {missing} updates; those of this device are sent again"
            ))?,
            News::SetAside { id } => lines.trouble(&format!(
                "{id} may have been sent before: see `pomodoro refused`"
            ))?,
            News::Impure { .. } => lines.trouble(
                "BUG: this program made two different states of the same updates",
            )?,
            News::SyncFailed(reason) => lines.trouble(&reason)?,
        }
        Ok(())
    }
}

fn print_change(lines: &mut Lines<'_>, change: &Change<Update>) -> Result<()> {
    let stage = match change.stage {
        Stage::Pending => "pending",
        Stage::Confirmed => "confirmed",
    };
    let text = match (&change.update, time::from_rfc3339(&change.at)) {
        (Ok(update), Ok(at)) => print::dated(&(at, update.clone())),
        (Ok(update), Err(_)) => format!("{update:?}"),
        (Err(unreadable), _) => unreadable.to_string(),
    };
    let value = json!({ "change": {
        "at": change.at, "id": change.id.to_string(), "own": change.own, "stage": stage, "text": text,
    } });
    lines.line(&value, || text.clone())
}

fn told_text(told: &Told) -> String {
    let Told { name, item, .. } = told;
    let at = write_time(told.at);
    let until = match told.until {
        Some(until) => format!("until {}", write_time(until)),
        None => "until it is stopped".to_owned(),
    };
    match told.what {
        What::Work => format!("{at} * at work on {name}  ({item}) {until}"),
        What::Rest => format!("{at} * at rest after {name}  ({item}) {until}"),
        What::Finished => format!("{at} * finished {name}  ({item})"),
        What::Void => format!("{at} * void: {name}  ({item})"),
    }
}
