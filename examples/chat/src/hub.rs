//! The two calls for clients that speak no icecore: events up, and events down from the last one held.
//!
//! The server is a replica like any other. What it is given becomes durable updates of its own; what it gives out is all
//! that the bucket holds, whoever wrote it.

mod given;

pub use given::{EVENTS_MAX, read_events};

use crate::event_log::{EventLog, Given, Place};
use crate::id::{ConversationId, EventId, UserId};
use crate::model::{Chat, Message, State};
use crate::update::{Stamp, Update};
use crate::wire::{Content, Event};
use futures::{Stream, stream};
use given::{Caller, Wanted};
use icecore::{Author, Changes, Error, News, Replica, Result, Stage, message, time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::sync::{Mutex, watch};

/// The most updates that wait here for a store that does not answer: who sends more is told to keep them.
pub const PENDING_MAX: usize = 10_000;
/// The most bytes of them: a hundred pictures, or thousands of messages.
pub const PENDING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A replica of the space, and the log of what was seen in it.
pub struct Hub {
    replica: Replica<Chat>,
    author: Author,
    /// Who speaks where a client names nobody.
    own: UserId,
    /// Held while it is decided which events are new, so that two calls with the same ones store them once. How many bytes
    /// each of the last updates has that were queued here: those that still wait are the newest of them.
    storing: Mutex<VecDeque<usize>>,
    pending_bytes_max: usize,
    inbox: Mutex<Inbox>,
    log: Arc<StdMutex<EventLog>>,
    /// Under which name this server's part of the log is begun.
    log_name: String,
    grown: watch::Sender<Grown>,
}

/// What the replica tells.
struct Inbox {
    changes: Changes<Update>,
    /// Whether something may have been missed: then the whole history is looked through. So it is at the beginning, and after
    /// a look that was cut off or failed.
    whole: bool,
}

/// What those who stream wait for.
#[derive(Debug, Clone, Copy, Default)]
struct Grown {
    events: usize,
    is_over: bool,
}

impl Hub {
    /// Serves a replica, whose log lies in the file. What is there already is in the log when this returns.
    ///
    /// # Errors
    /// As [`EventLog::open`] and [`Replica::sync`].
    pub async fn open(replica: Replica<Chat>, user: Option<UserId>, log: &Path) -> Result<Self> {
        let author = replica.author().await?;
        let name = crate::digest::sha256(format!("{author}\n{}", replica.now()).as_bytes());
        let hub = Self {
            author,
            own: user.unwrap_or_else(|| author.into()),
            storing: Mutex::new(VecDeque::new()),
            pending_bytes_max: PENDING_BYTES_MAX,
            inbox: Mutex::new(Inbox {
                changes: replica.changes(),
                whole: true,
            }),
            log: Arc::new(StdMutex::new(EventLog::open(log)?)),
            log_name: name[..8].to_owned(),
            grown: watch::Sender::new(Grown::default()),
            replica,
        };
        hub.refresh().await?;
        Ok(hub)
    }

    /// With another limit than [`PENDING_BYTES_MAX`].
    #[must_use]
    pub fn with_pending_bytes_max(mut self, bytes: usize) -> Self {
        self.pending_bytes_max = bytes;
        self
    }

    /// Stores events, all or none, and answers with what is stored, one for one. It can be repeated, and cut anywhere.
    /// `named` is who calls, where that is known: then nobody can speak for somebody else.
    ///
    /// # Errors
    /// `Invalid` for an event that is wrong, `Denied` for one of somebody else, `NotFound` for one about a message that is
    /// not there: nothing of the call was stored. `Unavailable` when the bucket does not answer: the events are stored
    /// here and sent when it does; the call is to be repeated for the answer.
    pub async fn submit(&self, events: Vec<Event>, named: Option<&UserId>) -> Result<Vec<Event>> {
        let own = &self.own;
        let wanted = Caller { named, own }.wanted(events, self.replica.now())?;
        self.check_told(&wanted).await?;
        let ids = self.store(&wanted).await?;
        self.refresh().await.map_err(|error| {
            if error.is_unavailable() {
                return error.with_hint("the events are kept here and sent later; repeat the call");
            }
            error
        })?;
        let mut answer = Vec::new();
        for (wanted, id) in wanted.iter().zip(ids) {
            let stored = match self.stored(id).await? {
                Some(stored) => stored,
                None => self.held(wanted, id)?,
            };
            answer.push(wanted.answer(stored));
        }
        Ok(answer)
    }

    /// What a client says of a message that the server is to have stored has to be so.
    async fn check_told(&self, wanted: &[Wanted]) -> Result<()> {
        if self.not_stored(wanted).await?.is_none() {
            return Ok(());
        }
        // Another server, or a device, may have stored it a moment ago: that there is none is said of the bucket.
        self.refresh().await?;
        match self.not_stored(wanted).await? {
            None => Ok(()),
            Some(n) => Err(Error::not_found("there is no such message")
                .with_object(format!("events[{n}]"))
                .with_hint("send a message as sendingNewMessage: the answer says that it is stored, and its uuid")),
        }
    }

    /// The first one that is said of a message which is not known here.
    async fn not_stored(&self, wanted: &[Wanted]) -> Result<Option<usize>> {
        for (n, wanted) in wanted.iter().enumerate() {
            let (Wanted::Sent(event) | Wanted::Received(event)) = wanted else {
                continue;
            };
            let stored = self.stored(*event).await?;
            if !stored.is_some_and(|stored| matches!(stored.content, Content::NewMessage(_))) {
                return Ok(Some(n));
            }
        }
        Ok(None)
    }

    /// Makes updates of the events that are not there yet. Returns the ids of all.
    async fn store(&self, wanted: &[Wanted]) -> Result<Vec<EventId>> {
        let mut waiting = self.storing.lock().await;
        let state = self.replica.state();
        let mut seen = BTreeSet::new();
        let mut ids = Vec::new();
        let mut new = Vec::new();
        for wanted in wanted {
            let (at, update) = match wanted {
                Wanted::Sent(event) | Wanted::Received(event) => {
                    ids.push(Some(*event));
                    continue;
                }
                Wanted::New(at, update) => (*at, update),
            };
            let id = update.given_event(self.author);
            let held = id.filter(|id| state.holds(update, *id));
            if let Some(id) = held {
                self.check_same(id, (at, update), ids.len()).await?;
            }
            let is_known = held.is_some() || id.is_some_and(|id| !seen.insert(id));
            if !is_known {
                new.push((ids.len(), at, update));
            }
            ids.push(id);
        }
        if !new.is_empty() {
            let mut sizes = Vec::new();
            for (_, _, update) in &new {
                sizes.push(message::encode(*update)?.1.get().len());
            }
            let pending = self.replica.pending().await?;
            // What is sent leaves the queue in order.
            while waiting.len() > pending {
                waiting.pop_front();
            }
            let bytes: usize = waiting.iter().chain(&sizes).sum();
            if pending + new.len() > PENDING_MAX || bytes > self.pending_bytes_max {
                return Err(Error::unavailable("the store has not answered for long")
                    .with_hint("keep the events and send them later: none of them was stored"));
            }
            let updates = new
                .iter()
                .map(|(_, at, update)| (*at, Update::clone(update)));
            let made = self.replica.update_all(updates.collect()).await?;
            waiting.extend(sizes);
            for ((n, _, update), made) in new.iter().zip(made) {
                ids[*n] = Some(update.event(made));
            }
        }
        let ids = ids.into_iter().collect::<Option<_>>();
        Ok(ids.expect("BUG: an event that was given no id is new"))
    }

    /// What is stored under an id stays. Whoever sends something else under it would take it for stored.
    async fn check_same(&self, id: EventId, (at, update): (i64, &Update), n: usize) -> Result<()> {
        let Some(stored) = self.stored(id).await? else {
            return Ok(());
        };
        let (at, user) = (time::to_rfc3339(at), update.user(self.author));
        if Event::named(id, &at, update, &user).says_the_same(&stored) {
            return Ok(());
        }
        Err(
            Error::conflict("another event is stored under this temporary id")
                .with_object(format!("events[{n}]"))
                .with_hint("send this one under an id that was not used before: nothing of the call was stored"),
        )
    }

    /// What the state holds and the log does not: a history that was compressed begins with a state, and a log that is begun
    /// then has no events from before. What is sent again is known all the same.
    fn held(&self, wanted: &Wanted, id: EventId) -> Result<Event> {
        match wanted {
            Wanted::New(at, update) if self.replica.state().holds(update, id) => {
                let (at, user) = (time::to_rfc3339(*at), update.user(self.author));
                Ok(Event::named(id, &at, update, &user))
            }
            _ => Err(Error::unavailable("an event is stored and not seen yet")
                .with_hint("repeat the call: what was stored is not stored twice")),
        }
    }

    async fn stored(&self, event: EventId) -> Result<Option<Event>> {
        self.with_log(move |log| log.get(event)).await
    }

    /// Syncs, and appends to the log what became visible. Whatever is cut off is made up for by the next one.
    ///
    /// # Errors
    /// As [`Replica::sync`], and errors of the log.
    pub async fn refresh(&self) -> Result<()> {
        // One at a time: when a sync returns, nobody else holds news of what it sent.
        let mut inbox = self.inbox.lock().await;
        let synced = self.replica.sync().await?;
        let mut whole = std::mem::replace(&mut inbox.whole, true);
        let mut events = Vec::new();
        let mut told = BTreeSet::new();
        while let Some(news) = inbox.changes.try_next() {
            match news {
                News::Change(change) if change.stage == Stage::Confirmed => {
                    told.insert(change.id);
                    let update = change.update.as_ref().ok();
                    events.extend(update.map(|update| Event::of(change.id, &change.at, update)));
                }
                News::Reread | News::Restored { .. } => whole = true,
                _ => {}
            }
        }
        // What was queued while the sync was under way may have been sent by it, and told to nobody.
        whole |= synced.acknowledged.iter().any(|a| !told.contains(&a.id));
        let (differs, some) = self
            .with_log(move |log| Ok((log.differs(&events)?, events)))
            .await?;
        events = if whole || differs {
            self.whole_history().await?
        } else {
            some
        };
        let name = self.log_name.clone();
        let len = self
            .with_log(move |log| {
                log.append(&events, &name)?;
                Ok(log.len())
            })
            .await?;
        self.grown.send_if_modified(|grown| {
            let has_grown = grown.events < len;
            grown.events = grown.events.max(len);
            has_grown
        });
        inbox.whole = false;
        Ok(())
    }

    /// All that is stored and is as it has to be: what another program wrote is not, maybe. Of an event that was stored twice,
    /// by two servers, that copy counts which counts in the state: the first in the order of the history.
    ///
    /// A history that was compressed begins with a state. Its messages have all that an event says, so they come first.
    async fn whole_history(&self) -> Result<Vec<Event>> {
        let history = self.replica.history().await?;
        let mut messages = messages(&self.replica.state());
        let mut events = Vec::new();
        for recorded in &history {
            let Ok(update) = &recorded.update else {
                continue;
            };
            if update.check().is_err() {
                continue;
            }
            let event = update.event(recorded.id);
            let counts = messages.remove(&event).map(|(_, message)| message);
            events.push(counts.unwrap_or_else(|| Event::of(recorded.id, &recorded.at, update)));
        }
        let mut before: Vec<_> = messages.into_values().collect();
        before.sort_by_key(|(order, _)| *order);
        let before = before.into_iter().map(|(_, event)| event);
        Ok(before.chain(events).collect())
    }

    /// Everything that stands in the log after a place, then what becomes visible, until the end.
    pub fn events(
        self: &Arc<Self>,
        after: Option<Place>,
    ) -> impl Stream<Item = Result<Given>> + Send + use<> {
        let reading = Reading {
            hub: Arc::clone(self),
            grown: self.grown.subscribe(),
            after,
            position: None,
            page: VecDeque::new(),
        };
        stream::try_unfold(reading, |mut reading| async move {
            let next = reading.next().await?;
            Ok(next.map(|given| (given, reading)))
        })
    }

    /// Ends all streams: a server that stops waits for them.
    pub fn end(&self) {
        self.grown.send_modify(|grown| grown.is_over = true);
    }

    /// A disk is waited for, and a client that goes away must not leave half of it done.
    async fn with_log<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut EventLog) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let log = Arc::clone(&self.log);
        let act = move || act(&mut log.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(act)
            .await
            .map_err(|e| Error::internal("the log of events broke off").with_source(e))?
    }
}

/// The messages that a state has and the bucket holds, as events, with their order in it.
fn messages(state: &State) -> BTreeMap<EventId, (usize, Event)> {
    let conversations = state.conversations.iter();
    let messages = conversations.flat_map(|(id, c)| c.messages.iter().map(move |m| (id, m)));
    let stored = messages.filter(|(_, message)| !message.sending);
    let event = |(order, (conversation, message)): (usize, (&ConversationId, &Message))| {
        let update = Update::Say {
            conversation: conversation.clone(),
            text: message.text.clone(),
            stamp: Stamp {
                temporary: message.temporary.clone(),
                user: message.user.clone(),
            },
        };
        let event = Event::of(message.id, &message.at, &update);
        (message.event(), (order, event))
    };
    stored.enumerate().map(event).collect()
}

/// A client that reads the log.
struct Reading {
    hub: Arc<Hub>,
    grown: watch::Receiver<Grown>,
    after: Option<Place>,
    /// Found with the first page.
    position: Option<usize>,
    page: VecDeque<Given>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Given>> {
        loop {
            if let Some(given) = self.page.pop_front() {
                return Ok(Some(given));
            }
            // What comes from here on is waited for below, also if it comes before the page is read.
            if self.grown.borrow_and_update().is_over {
                return Ok(None);
            }
            let (after, position) = (self.after.take(), self.position);
            let (position, page) = self
                .hub
                .with_log(move |log| {
                    let from = position.unwrap_or_else(|| log.position_after(after.as_ref()));
                    let page = log.page(from)?;
                    Ok((from + page.len(), page))
                })
                .await?;
            self.position = Some(position);
            self.page.extend(page);
            if self.page.is_empty() && self.grown.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}
