//! A person with a device: what happens next, and what the device does then.

use super::plan::{SECOND, Session};
use crate::bench::sample::{message, queued};
use icecore_core::{Error, Result, SpaceName, UpdateId};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::Store;
use std::collections::VecDeque;

const POLL_EVERY: u64 = 5 * SECOND;

/// One person, one device.
pub(super) struct Person {
    number: u64,
    name: SpaceName,
    device: Replica,
    /// While the app is open.
    space: Option<SpaceReplica>,
    sessions: VecDeque<Session>,
    next_poll: u64,
    made: u64,
    acknowledged: Vec<UpdateId>,
}

impl Person {
    pub(super) fn new(
        store: Store,
        space: &SpaceName,
        number: u64,
        sessions: Vec<Session>,
    ) -> Result<Self> {
        Ok(Self {
            number,
            name: space.clone(),
            device: Replica::in_memory(store)?,
            space: None,
            next_poll: sessions.first().map_or(0, |session| session.open.start),
            sessions: sessions.into(),
            made: 0,
            acknowledged: Vec::new(),
        })
    }

    pub(super) fn made(&self) -> u64 {
        self.made
    }

    pub(super) fn acknowledged(&self) -> &[UpdateId] {
        &self.acknowledged
    }

    /// When something happens next, in milliseconds since midnight.
    pub(super) fn next(&self) -> Option<u64> {
        let session = self.sessions.front()?;
        let update = session.updates.first().copied().unwrap_or(u64::MAX);
        Some(self.next_poll.min(update))
    }

    /// Lets happen what happens at this time.
    pub(super) async fn act(&mut self, at: u64) -> Result<()> {
        let Some(session) = self.sessions.front_mut() else {
            return Ok(());
        };
        if self.space.is_none() {
            self.space = Some(self.device.space(&self.name)?);
        }
        let space = self.space.as_mut().ok_or_else(no_app)?;
        if session.updates.first().is_some_and(|due| *due <= at) {
            session.updates.remove(0);
            self.made += 1;
            space.enqueue(&[queued(message(self.number, self.made)?)])?;
        }
        let is_offline = session.offline.as_ref().is_some_and(|o| o.contains(&at));
        let is_over = at >= session.open.end && session.updates.is_empty();
        // Who closes the app without a network has it sent the next time, and at the end of the day.
        let last_chance = is_over && self.sessions.len() == 1;
        if !is_offline || last_chance {
            let synced = space.sync().await?;
            let ids = synced
                .acknowledged
                .iter()
                .map(|acknowledged| acknowledged.id);
            self.acknowledged.extend(ids);
        }
        self.next_poll = at + POLL_EVERY;
        if is_over {
            self.space = None;
            self.sessions.pop_front();
            if let Some(session) = self.sessions.front() {
                self.next_poll = session.open.start;
            }
        }
        Ok(())
    }
}

fn no_app() -> Error {
    Error::internal("BUG: somebody acts without an app")
}
