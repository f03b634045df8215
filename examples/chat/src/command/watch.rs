//! `watch`: every change as it comes, and who is connected or typing.

use super::EVERY;
use super::show::minute;
use crate::id::{ConversationId, UserId};
use crate::model::{Chat, State};
use crate::output::Output;
use crate::pace::wait;
use crate::presence::{Presence, SAY_CONNECTED_EVERY, say_connected};
use crate::update::Update;
use futures::FutureExt;
use futures::future::BoxFuture;
use icecore::{Change, Error, ErrorKind, News, Replica, Result, Stage};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// How to watch: how often to look, until when, and what is typed meanwhile, by whom and where.
pub struct Watching {
    every: Duration,
    end: BoxFuture<'static, ()>,
    typed: UnboundedReceiver<String>,
    user: Option<UserId>,
    conversation: ConversationId,
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
        Self::new(EVERY, end.boxed(), stdin_lines())
    }

    /// As said, for other screens and for tests.
    pub fn new(
        every: Duration,
        end: BoxFuture<'static, ()>,
        typed: UnboundedReceiver<String>,
    ) -> Self {
        Self {
            every,
            end,
            typed,
            user: None,
            conversation: ConversationId::default(),
        }
    }

    /// What is typed is said by this user.
    #[must_use]
    pub fn as_user(self, user: Option<UserId>) -> Self {
        Self { user, ..self }
    }

    /// What is typed is said there.
    #[must_use]
    pub fn saying_in(self, conversation: ConversationId) -> Self {
        Self {
            conversation,
            ..self
        }
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
        user,
        conversation,
    } = how;
    let queued = Arc::new(Notify::new());
    let say = async |text: String| {
        let update = Update::say_in(conversation.clone(), text).by(user.clone());
        let said = replica.update(update).await;
        queued.notify_one();
        said
    };
    let mut screen = Screen::of(replica);
    let mut changes = replica.changes();
    // Both end with this function, also in the middle of a request: what they do can be cut short anywhere.
    let mut tasks = JoinSet::new();
    let (tell, mut troubles) = unbounded_channel();
    tasks.spawn(keep_syncing(
        replica.clone(),
        every,
        Arc::clone(&queued),
        tell,
    ));
    let (send, mut presences) = unbounded_channel();
    tasks.spawn(look_who_is_here(replica.clone(), user.clone(), every, send));
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            Some(news) = changes.next() => screen.news(out, news)?,
            Some(text) = troubles.recv() => match text {
                Some(text) => trouble(out, &text)?,
                None => over(out)?,
            },
            Some(presence) = presences.recv() => screen.presence(out, &presence)?,
            Some(line) = typed.recv() => match say(line).await {
                // Whoever mistypes is told, and goes on.
                Err(error) if error.kind() == ErrorKind::Invalid => trouble(out, &error.to_string())?,
                said => drop(said?),
            },
        }
    }
}

/// Syncs for ever: at once when something is queued, else every so often. Tells when that begins to fail, when it fails
/// otherwise, and when it works again.
async fn keep_syncing(
    replica: Replica<Chat>,
    every: Duration,
    queued: Arc<Notify>,
    tell: UnboundedSender<Option<String>>,
) {
    let mut told: Option<ErrorKind> = None;
    loop {
        let failed = replica.sync().await.err();
        let kind = failed.as_ref().map(Error::kind);
        if kind != told {
            told = kind;
            if tell.send(failed.as_ref().map(with_hint)).is_err() {
                return;
            }
        }
        if kind.is_some() {
            // Not at once, however much is queued.
            wait(every).await;
        } else {
            tokio::select! {
                () = wait(every) => {}
                () = queued.notified() => {}
            }
        }
    }
}

fn with_hint(error: &Error) -> String {
    let hint = error.hint();
    hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
}

/// Says that one is here and tells when the others come, go, type and stop.
async fn look_who_is_here(
    replica: Replica<Chat>,
    user: Option<UserId>,
    every: Duration,
    send: UnboundedSender<Presence>,
) {
    let mut shown = Presence::default();
    let mut said_at = None;
    loop {
        let now = replica.now();
        if said_at.is_none_or(|at| now - at >= SAY_CONNECTED_EVERY)
            && say_connected(&replica, user.clone()).await.is_ok()
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
    names: BTreeMap<UserId, String>,
}

impl<'a> Screen<'a> {
    fn of(replica: &'a Replica<Chat>) -> Self {
        let state = replica.state();
        let users = state.users.keys();
        let names = users.map(|user| (user.clone(), state.name_of(user)));
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
                let messages = self.replica.state().messages().count();
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
        let stage = match change.stage {
            Stage::Pending => "pending",
            Stage::Confirmed => "confirmed",
        };
        let author = change.id.author;
        let update = change.update.as_ref().ok();
        let user = update.map_or_else(|| author.into(), |update| update.user(author));
        let who = self.names.get(&user).cloned();
        let who = who.unwrap_or_else(|| user.nameless());
        let state = self.replica.state();
        let what = match &change.update {
            Ok(update) => happening(&state, update, &who),
            Err(rejected) => format!("* {who}: {rejected}"),
        };
        // The same update comes again, confirmed.
        if let (Some(Update::Name { name, .. }), Stage::Confirmed) = (update, change.stage) {
            self.names.insert(user.clone(), name.clone());
        }
        let value = json!({
            "at": change.at, "author": author, "seq": change.id.seq, "user": user, "name": who,
            "stage": stage, "update": update,
            "uuid": update.map(|update| update.event(change.id)),
        });
        out.result(&value, || {
            format!("{} {what} ({stage})", minute(&change.at))
        })
    }

    fn presence(&mut self, out: &mut Output<'_>, presence: &Presence) -> Result<()> {
        let state = self.replica.state();
        out.result(presence, || {
            let all = |names: Vec<String>| match names.len() {
                0 => "nobody".to_owned(),
                _ => names.join(", "),
            };
            let connected = presence.connected.iter();
            let typing = presence.typing.iter();
            format!(
                "* connected: {}; typing: {}",
                all(connected.map(|user| state.name_of(user)).collect()),
                all(typing
                    .map(|(user, conversation)| state.name_of(user) + &place(&state, conversation))
                    .collect())
            )
        })
    }
}

/// What happened, for a person.
fn happening(state: &State, update: &Update, who: &str) -> String {
    match update {
        Update::Say {
            conversation, text, ..
        } => format!("<{who}{}> {text}", place(state, conversation)),
        Update::Read { message, .. } => {
            let read = state.messages().find(|m| m.event() == *message);
            let text = read.map_or("a message", |message| &message.text);
            format!("* {who} has read: {text}")
        }
        Update::Name { name, .. } => format!("* {who} is now known as {name}"),
        Update::Picture { .. } => format!("* {who} shows a picture"),
        Update::Join { conversation, .. } => {
            format!("* {who} joined{}", place(state, conversation))
        }
        Update::Leave { conversation, .. } => {
            format!("* {who} left{}", place(state, conversation))
        }
        Update::Rename { name, .. } => format!("* {who} calls a conversation {name}"),
    }
}

/// In which conversation, where it is another than the one that every chat begins with.
fn place(state: &State, conversation: &ConversationId) -> String {
    if conversation.is_default() {
        return String::new();
    }
    let title = state.title_of(conversation).map(str::to_owned);
    format!(" in {}", title.unwrap_or_else(|| conversation.to_string()))
}

/// What was told as trouble is over.
fn over(out: &mut Output<'_>) -> Result<()> {
    out.result(&json!({ "trouble": null }), || {
        "! the store answers again".to_owned()
    })
}

fn trouble(out: &mut Output<'_>, text: &str) -> Result<()> {
    out.result(&json!({ "trouble": text }), || format!("! {text}"))
}
