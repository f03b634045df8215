//! One person's device in a replay.

use super::verdict::Ending;
use super::{Options, Tally};
use crate::model::Chat;
use crate::plan::{Action, Cue};
use icecore::{Place, Replica, Result};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A device, cheap to clone; clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    place: Place,
    space: String,
    midnight: i64,
    device: Arc<Mutex<Device>>,
}

#[derive(Debug)]
struct Device {
    /// Opened with the first cue: there is no device before somebody comes.
    replica: Option<Replica<Chat>>,
    connected: bool,
}

impl Actor {
    pub(super) fn new(place: Place, options: &Options) -> Self {
        Self {
            place,
            space: options.space.clone(),
            midnight: options.midnight,
            device: Arc::new(Mutex::new(Device {
                replica: None,
                connected: true,
            })),
        }
    }

    async fn replica(&self, device: &mut Device) -> Result<Replica<Chat>> {
        if device.replica.is_none() {
            device.replica = Some(Replica::open(Chat, &self.place, &self.space).await?);
        }
        Ok(device.replica.clone().expect("BUG: it was opened just now"))
    }

    /// Plays some cues, one after the other. What is made is durable at once; it is sent together, as soon as there is a
    /// connection.
    pub(super) async fn play(&self, cues: Vec<Cue>) -> Result<Tally> {
        let mut device = self.device.lock().await;
        let replica = self.replica(&mut device).await?;
        let mut tally = Tally::default();
        let mut due = false;
        for cue in cues {
            match cue.action {
                Action::Make(update) => {
                    replica.update_at(self.midnight + cue.at, update).await?;
                    due = true;
                }
                Action::Disconnect => {
                    if due && device.connected {
                        tally.add(sync(&replica).await?);
                    }
                    (due, device.connected) = (false, false);
                    tally.disconnections += 1;
                }
                Action::Connect => (due, device.connected) = (true, true),
                Action::Poll => due = true,
            }
        }
        if due && device.connected {
            tally.add(sync(&replica).await?);
        }
        Ok(tally)
    }

    /// Finds the connection again, sends and reads.
    pub(super) async fn catch_up(&self) -> Result<Tally> {
        let mut device = self.device.lock().await;
        device.connected = true;
        let replica = self.replica(&mut device).await?;
        sync(&replica).await
    }

    /// What it holds now.
    pub(super) async fn ending(&self) -> Result<Ending> {
        let mut device = self.device.lock().await;
        let replica = self.replica(&mut device).await?;
        Ok(Ending {
            author: replica.author().await?,
            pending: replica.pending().await?,
            state: replica.state(),
        })
    }
}

/// A sync. A store that does not answer is part of life: what is queued stays queued.
async fn sync(replica: &Replica<Chat>) -> Result<Tally> {
    let mut tally = Tally {
        syncs: 1,
        ..Tally::default()
    };
    match replica.sync().await {
        Ok(synced) => {
            let mut keys = BTreeSet::new();
            for sent in synced.acknowledged {
                if keys.insert(sent.key) {
                    tally.objects += 1;
                    tally.puts += u64::from(sent.puts);
                }
            }
        }
        Err(error) if error.is_unavailable() => tally.unanswered = 1,
        Err(error) => return Err(error),
    }
    Ok(tally)
}
