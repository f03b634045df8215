//! The one-call sync: a client sends what it has and gets what it lacks.
//!
//! The server is a replica like any other. What it is given becomes durable updates of its own; what it gives out is all
//! that the bucket holds, whoever wrote it.

use crate::arrivals::{Arrivals, Page, Watermark};
use crate::attempts::{Activity, Attempts};
use crate::event::{Message, Time};
use icecore::{Error, Replica, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::sync::Mutex;

/// The most events of one call.
pub const EVENTS_MAX: usize = 1_000;
/// The most entries of the log that one answer goes through.
pub const PAGE_MAX: usize = 5_000;

/// What a client sends.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncRequest {
    /// The `newSyncTimestamp` of the last answer. Not a time: clients call it so because it once was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_timestamp: Option<String>,
    /// What happened on the client since; also what it does not know the fate of.
    #[serde(default)]
    pub events: Vec<GivenEvent>,
}

/// An event of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenEvent {
    /// When it happened by the client's clock.
    #[serde(rename = "occurredAt")]
    pub occurred_at: Time,
    /// `kind` and `data`.
    #[serde(flatten)]
    pub message: Message,
}

/// What a client gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResponse {
    /// All that became visible after the watermark, the client's own events among it: they have a server time now. A
    /// client replaces what it holds under the same id.
    pub new_events: Vec<SeenEvent>,
    /// What to send next time.
    pub new_sync_timestamp: String,
    /// Whether to call again at once for the rest.
    pub has_more: bool,
}

/// An event that the bucket holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenEvent {
    /// What the merged order goes by first.
    pub server_time: Time,
    /// The event.
    #[serde(flatten)]
    pub event: GivenEvent,
}

/// A replica of the space, and the log of what arrived in it.
pub struct Hub {
    replica: Replica<Activity>,
    /// Held while it is decided which events are new, so that two calls with the same ones store them once.
    storing: Mutex<()>,
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
            arrivals: Arc::new(StdMutex::new(Arrivals::open(log)?)),
        })
    }

    /// One call. It can be repeated, and cut anywhere: an event is stored once, and none is skipped.
    ///
    /// # Errors
    /// `Invalid` for a request that is wrong: nothing of it was stored. `Unavailable` when the bucket does not answer:
    /// the events are stored here, and sent when it does; the call is to be repeated for the answer.
    pub async fn call(&self, request: SyncRequest) -> Result<SyncResponse> {
        let text = request.last_sync_timestamp.as_deref();
        let watermark = text
            .filter(|text| !text.is_empty())
            .map(str::parse)
            .transpose()?;
        self.store(request.events).await?;
        self.replica.sync().await.map_err(|error| {
            if error.is_unavailable() {
                return error.with_hint("the events are kept here and sent later; repeat the call");
            }
            error
        })?;
        self.page(watermark).await
    }

    /// Makes updates of the events that are not there yet.
    async fn store(&self, events: Vec<GivenEvent>) -> Result<()> {
        if events.len() > EVENTS_MAX {
            return Err(
                Error::invalid(format!("more than {EVENTS_MAX} events in one call"))
                    .with_object("events")
                    .with_hint("send them in several calls"),
            );
        }
        let _storing = self.storing.lock().await;
        let state = self.replica.state();
        let mut seen = BTreeSet::new();
        let mut new = Vec::new();
        for GivenEvent {
            occurred_at,
            message,
        } in events
        {
            let stamp = message.stamp();
            let is_known = state.event(&stamp.attempt, stamp.id).is_some();
            if !is_known && seen.insert((stamp.attempt.clone(), stamp.id)) {
                new.push((occurred_at.0, message));
            }
        }
        if !new.is_empty() {
            self.replica.update_all(new).await?;
        }
        Ok(())
    }

    async fn page(&self, watermark: Option<Watermark>) -> Result<SyncResponse> {
        let (arrivals, seen) = (Arc::clone(&self.arrivals), self.replica.state());
        // A disk is waited for, and a client that goes away must not leave half of it done.
        let append = move || -> Result<Page> {
            let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            arrivals.append_new(&seen)?;
            Ok(arrivals.after(watermark, PAGE_MAX))
        };
        let page = tokio::task::spawn_blocking(append)
            .await
            .map_err(|e| Error::internal("the log of arrivals broke off").with_source(e))??;
        // Looked up in the state of now: another call may have appended what the one of before does not hold.
        Ok(answer(&page, &self.replica.state()))
    }
}

fn answer(page: &Page, state: &Attempts) -> SyncResponse {
    let mut found: Vec<_> = page
        .events
        .iter()
        // One that was redacted since is in no state any more.
        .filter_map(|(attempt, id)| Some((attempt, state.event(attempt, *id)?)))
        .filter(|(_, event)| event.is_confirmed())
        .collect();
    found.sort_by_key(|(_, event)| event.rank());
    let new_events = found.into_iter().map(|(attempt, event)| SeenEvent {
        server_time: Time(i64::try_from(event.server.get()).unwrap_or(i64::MAX)),
        event: GivenEvent {
            occurred_at: event.occurred,
            message: event.to_message(attempt),
        },
    });
    SyncResponse {
        new_events: new_events.collect(),
        new_sync_timestamp: page.watermark.to_string(),
        has_more: page.has_more,
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}
