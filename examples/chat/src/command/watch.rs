//! `watch`: every change as it comes, and who is connected or typing.

use super::show::minute;
use crate::model::{Chat, Update, nameless};
use crate::output::Output;
use crate::pace::wait;
use crate::presence::{Presence, SAY_CONNECTED_EVERY, say_connected};
use futures::FutureExt;
use futures::future::BoxFuture;
use icecore::{Author, Change, ErrorKind, News, Replica, Result, Stage};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// How often to look for what is new, and for who is here.
const EVERY: Duration = Duration::from_secs(1);

/// How to watch: how often to look, until when, and what is typed meanwhile.
pub struct Watching {
    every: Duration,
    end: BoxFuture<'static, ()>,
    typed: UnboundedReceiver<String>,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

impl Watching {
    /// Until Ctrl-C, or for some seconds; what is typed comes from stdin.
    pub fn at_a_terminal(seconds: Option<u64>) -> Self {
        let end = async move {
            let after = match seconds {
                Some(seconds) => wait(Duration::from_secs(seconds)).boxed(),
                None => futures::future::pending().boxed(),
            };
            tokio::select! {
                () = after => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        Self {
            every: EVERY,
            end: end.boxed(),
            typed: stdin_lines(),
        }
    }

    /// As said, for other screens and for tests.
    pub fn new(
        every: Duration,
        end: BoxFuture<'static, ()>,
        typed: UnboundedReceiver<String>,
    ) -> Self {
        Self { every, end, typed }
    }
}

/// A thread of its own: reading a terminal cannot be cut short, and must not hold up the end of the program.
fn stdin_lines() -> UnboundedReceiver<String> {
    let (send, typed) = unbounded_channel();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines();
        lines
            .map_while(std::io::Result::ok)
            .try_for_each(|line| send.send(line))
    });
    typed
}

/// Prints every change until the end.
///
/// # Errors
/// What the replica's folder or the output is to blame for; a store that does not answer is waited for.
pub async fn watch(replica: &Replica<Chat>, out: &mut Output<'_>, how: Watching) -> Result<()> {
    let Watching {
        every,
        mut end,
        mut typed,
    } = how;
    let mut screen = Screen::of(replica);
    let mut changes = replica.changes();
    // Both end with this function, also in the middle of a request: what they do can be cut short anywhere.
    let mut tasks = JoinSet::new();
    let syncing = replica.clone();
    tasks.spawn(async move { syncing.keep_syncing(every).await });
    let (send, mut presences) = unbounded_channel();
    tasks.spawn(look_who_is_here(replica.clone(), every, send));
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            Some(news) = changes.next() => screen.news(out, news)?,
            Some(presence) = presences.recv() => screen.presence(out, &presence)?,
            Some(line) = typed.recv() => match replica.update(Update::say(line)).await {
                // Whoever mistypes is told, and goes on.
                Err(error) if error.kind() == ErrorKind::Invalid => trouble(out, &error.to_string())?,
                said => drop(said?),
            },
        }
    }
}

/// Says that one is here and tells when the others come, go, type and stop.
async fn look_who_is_here(
    replica: Replica<Chat>,
    every: Duration,
    send: UnboundedSender<Presence>,
) {
    let mut shown = Presence::default();
    let mut said_at = None;
    loop {
        let now = replica.now();
        if said_at.is_none_or(|at| now - at >= SAY_CONNECTED_EVERY)
            && say_connected(&replica).await.is_ok()
        {
            said_at = Some(now);
        }
        // Where the store does not answer, what was last seen is as good as anything.
        if let Ok(presence) = Presence::look(&replica).await
            && presence != shown
        {
            shown = presence.clone();
            if send.send(presence).is_err() {
                return;
            }
        }
        wait(every).await;
    }
}

/// What is printed, and the names in it.
struct Screen<'a> {
    replica: &'a Replica<Chat>,
    /// As they were before the change that is printed: the state is ahead of it.
    names: BTreeMap<Author, String>,
}

impl<'a> Screen<'a> {
    fn of(replica: &'a Replica<Chat>) -> Self {
        let state = replica.state();
        let names = state
            .members
            .keys()
            .map(|&author| (author, state.name_of(author)));
        Self {
            replica,
            names: names.collect(),
        }
    }

    fn news(&mut self, out: &mut Output<'_>, news: News<Update>) -> Result<()> {
        match news {
            News::Change(change) => self.change(out, &change),
            News::Reread => {
                *self = Self::of(self.replica);
                let messages = self.replica.state().messages.len();
                out.result(&json!({"messages": messages}), || {
                    format!("* the chat has {messages} messages")
                })
            }
            News::Rejected { id, reason, .. } => {
                trouble(out, &format!("{id} is rejected: {reason}"))
            }
            News::Refused { id, reason } => trouble(out, &format!("{id} is refused: {reason}")),
            News::Held { needed, .. } => trouble(
                out,
                &format!("another device has version {needed} of the chat: update this program"),
            ),
            News::Restored { missing, .. } => trouble(
                out,
                &format!(
                    "the store was put back to an older state; it lacked {missing} updates, and the own ones are sent again"
                ),
            ),
            News::SetAside { id } => trouble(
                out,
                &format!("{id} may have been sent before: look whether it is there"),
            ),
            News::Impure { .. } => trouble(
                out,
                "BUG: this program made two different states of the same messages",
            ),
            News::SyncFailed(reason) => trouble(out, &reason),
        }
    }

    fn change(&mut self, out: &mut Output<'_>, change: &Change<Update>) -> Result<()> {
        let author = change.id.author;
        let who = self.names.get(&author).cloned();
        let who = who.unwrap_or_else(|| nameless(author));
        let stage = match change.stage {
            Stage::Pending => "pending",
            Stage::Confirmed => "confirmed",
        };
        let what = match &change.update {
            Ok(Update::Say { text }) => format!("<{who}> {text}"),
            Ok(Update::Name { name }) => format!("* {who} is now known as {name}"),
            Ok(Update::Picture { .. }) => format!("* {who} shows a picture"),
            Ok(Update::Join) => format!("* {who} joined"),
            Ok(Update::Leave) => format!("* {who} left"),
            Err(rejected) => format!("* {who}: {rejected}"),
        };
        // The same update comes again, confirmed.
        if let (Ok(Update::Name { name }), Stage::Confirmed) = (&change.update, change.stage) {
            self.names.insert(author, name.clone());
        }
        let update = change.update.as_ref().ok();
        let value = json!({"at": change.at, "author": author, "seq": change.id.seq, "name": who, "stage": stage, "update": update});
        out.result(&value, || {
            format!("{} {what} ({stage})", minute(&change.at))
        })
    }

    fn presence(&mut self, out: &mut Output<'_>, presence: &Presence) -> Result<()> {
        let state = self.replica.state();
        out.result(presence, || {
            let names = |authors: &BTreeSet<Author>| match authors.len() {
                0 => "nobody".to_owned(),
                _ => authors
                    .iter()
                    .map(|&a| state.name_of(a))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            format!(
                "* connected: {}; typing: {}",
                names(&presence.connected),
                names(&presence.typing)
            )
        })
    }
}

fn trouble(out: &mut Output<'_>, text: &str) -> Result<()> {
    out.result(&json!({ "trouble": text }), || format!("! {text}"))
}
