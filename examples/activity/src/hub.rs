//! The one-call sync: a client sends what it has and gets what it lacks.
//!
//! The server is a replica like any other. What it is given becomes durable updates of its own; what it gives out is all
//! that the bucket holds, whoever wrote it.

use crate::apply::store_events;
use crate::arrivals::{Arrivals, Page, Watermark};
use crate::attempts::{Activity, Attempts};
use crate::event::parts::json_bytes;
use crate::event::{ActivityEvent, EventId, Time};
use crate::timeline::Event;
use icecore::{Error, Replica, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Not;
use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::sync::{Mutex, Semaphore};

/// The most events of one call.
pub const EVENTS_MAX: usize = 1_000;
/// The most calls that are worked on at the same time; others wait.
pub const CALLS_MAX: usize = 64;
/// The most events that wait here for a bucket that does not answer: who sends more is told to keep them.
pub const PENDING_MAX: usize = 10_000;

/// What a client sends.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncRequest {
    /// The `newSyncTimestamp` of the last answer. None, or 0, for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_timestamp: Option<Watermark>,
    /// What happened on the client since; also what it does not know the fate of.
    #[serde(default)]
    pub events: Vec<ActivityEvent>,
}

/// What a client gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResponse {
    /// All that became visible after the watermark, but for what the client just sent; and what counts in the place of
    /// something that it just sent. A client replaces what it holds under the same id.
    pub new_events: Vec<SeenEvent>,
    /// What to send next time.
    pub new_sync_timestamp: Watermark,
    /// Whether to call again at once for the rest; left out when not.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub has_more: bool,
}

/// An event that the bucket holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenEvent {
    /// The event.
    #[serde(flatten)]
    pub event: ActivityEvent,
    /// What the merged order goes by first; left out unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<Time>,
}

/// A replica of the space, and the log of what arrived in it.
pub struct Hub {
    replica: Replica<Activity>,
    /// Held while it is decided which events are new, so that two calls with the same ones store them once.
    storing: Mutex<()>,
    calls: Arc<Semaphore>,
    arrivals: Arc<StdMutex<Arrivals>>,
}

impl Hub {
    /// Serves a replica; the log lies in the file.
    ///
    /// # Errors
    /// As [`Arrivals::open`].
    pub fn open(replica: Replica<Activity>, log: &Path) -> Result<Self> {
        Ok(Self {
            replica,
            storing: Mutex::new(()),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            arrivals: Arc::new(StdMutex::new(Arrivals::open(log)?)),
        })
    }

    /// One call. It can be repeated, and cut anywhere: an event is stored once, and none is skipped.
    ///
    /// # Errors
    /// `Invalid` for a request that is wrong: nothing of it was stored. `Unavailable` when the bucket does not answer:
    /// the events are stored here, and sent when it does; the call is to be repeated for the answer.
    pub async fn call(&self, request: SyncRequest, with_times: bool) -> Result<SyncResponse> {
        let SyncRequest {
            last_sync_timestamp,
            events,
        } = request;
        if events.len() > EVENTS_MAX {
            return Err(
                Error::invalid(format!("more than {EVENTS_MAX} events in one call"))
                    .with_object("events")
                    .with_hint("send them in several calls"),
            );
        }
        // Held until the work is done, though nobody may wait for it any more.
        let one_of_some = Arc::clone(&self.calls).acquire_owned().await;
        if !events.is_empty() {
            let _storing = self.storing.lock().await;
            if self.replica.pending().await? + events.len() > PENDING_MAX {
                return Err(Error::unavailable("the bucket has not answered for long")
                    .with_hint("keep the events and send them later: none of them was stored"));
            }
            store_events(&self.replica, events.clone()).await?;
        }
        self.replica.sync().await.map_err(|error| {
            if error.is_unavailable() {
                return error.with_hint("the events are kept here and sent later; repeat the call");
            }
            error
        })?;
        let watermark = last_sync_timestamp.unwrap_or_default();
        let work = self.answer(watermark, events, with_times);
        spawn_blocking(move || {
            let _one_of_some = one_of_some;
            work()
        })
        .await
    }

    /// Sends what waits here, if anything does.
    ///
    /// # Errors
    /// As [`Replica::sync`].
    pub async fn send_waiting(&self) -> Result<()> {
        if self.replica.pending().await? == 0 {
            return Ok(());
        }
        self.replica.sync().await.map(drop)
    }

    /// What makes the answer.
    fn answer(
        &self,
        watermark: Watermark,
        brought: Vec<ActivityEvent>,
        with_times: bool,
    ) -> impl FnOnce() -> Result<SyncResponse> + Send + 'static {
        let (arrivals, replica) = (Arc::clone(&self.arrivals), self.replica.clone());
        move || {
            let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            // Looked at under the lock: no call logs an older state than another one did.
            let state = replica.state();
            arrivals.append_new(&state, replica.now())?;
            let page = arrivals.after(watermark, |id| weight(&state, id));
            drop(arrivals);
            Ok(answer(&page, &state, &brought, with_times))
        }
    }
}

/// A disk is waited for, and a client that goes away must not leave half of it done.
async fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("the log of arrivals broke off").with_source(e))?
}

fn weight(state: &Attempts, id: &EventId) -> usize {
    state.event(id).map_or(0, |(_, event)| json_bytes(event))
}

/// What the client lacks: what arrived, but for what it brought itself. Where something else counts under an id that it
/// brought, it gets that, however long ago it arrived: the client has just shown that it holds another copy.
fn answer(
    page: &Page,
    state: &Attempts,
    brought: &[ActivityEvent],
    with_times: bool,
) -> SyncResponse {
    let counts = |id: &EventId| {
        // One that was redacted since is in no state any more.
        let (attempt, event) = state.event(id)?;
        event.is_confirmed().then_some((attempt, event))
    };
    let mut lacking = page.ids.clone();
    for event in brought {
        lacking.remove(&event.id);
    }
    for event in brought {
        if counts(&event.id).is_some_and(|(attempt, e)| e.to_exchanged(attempt) != *event) {
            lacking.insert(event.id.clone());
        }
    }
    let mut found: Vec<_> = lacking.iter().filter_map(counts).collect();
    found.sort_by_key(|(_, event)| (event.rank(), &event.id));
    let new_events = found.into_iter().map(|(attempt, event)| SeenEvent {
        event: event.to_exchanged(attempt),
        server_time: with_times.then(|| server_time(event)),
    });
    SyncResponse {
        new_events: new_events.collect(),
        new_sync_timestamp: page.watermark,
        has_more: page.has_more,
    }
}

fn server_time(event: &Event) -> Time {
    Time::nearest(i64::try_from(event.server_time.get()).unwrap_or(i64::MAX))
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}
