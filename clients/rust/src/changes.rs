//! What changed, by whom, and whether it is confirmed: for an app that shows it.

use icecore_core::{Generation, Model, Rejected, Update, UpdateId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many changes wait for a listener that does not keep up; then it gets [`News::Reread`] instead.
pub(crate) const CHANGES_MAX: usize = 4_096;

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In this device's queue: on its disk, part of its state, known to nobody else.
    Pending,
    /// In the bucket.
    Confirmed,
}

/// An update that became part of the state, or got further.
#[derive(Debug, Clone)]
pub struct Change<U> {
    /// Which update: its author, and the author's counter.
    pub id: UpdateId,
    /// Whether this replica wrote it.
    pub own: bool,
    /// When it happened by its author's clock, RFC 3339.
    pub at: String,
    /// The update; what cannot be read has the reason instead.
    pub update: Result<U, Rejected>,
    /// How far it is.
    pub stage: Stage,
}

/// What there is to tell.
#[derive(Debug, Clone)]
pub enum News<U> {
    /// An update became part of the state, or was confirmed.
    Change(Change<U>),
    /// An update is in the history, and the model does not apply it: now or any more, for what came before it may have
    /// come later. It is listed ([`crate::Replica::rejected`]) until another one settles it.
    Rejected {
        /// The update.
        id: UpdateId,
        /// Whether this replica wrote it.
        own: bool,
        /// Why.
        reason: String,
    },
    /// A sequenced space's state no longer allows an own update: it was set aside and not sent
    /// ([`crate::Replica::refused`]).
    Refused {
        /// The update.
        id: UpdateId,
        /// Why.
        reason: String,
    },
    /// The store was put back to an older state. This replica has published again what it had written itself.
    Restored {
        /// How many updates that this replica had read or written were missing.
        missing: u64,
        /// How many of them it has published again.
        requeued: u64,
    },
    /// An own update was not sent and was set aside: the history, which was compressed, holds its id, and nobody can tell
    /// whether it is there already ([`crate::Replica::refused`]).
    SetAside {
        /// The id that the update had.
        id: UpdateId,
    },
    /// The model made two different states of the same updates: it looks at a clock, at chance or at the order of a hash map,
    /// or was changed without a new version. Nothing is lost, but replicas may differ until it is mended.
    Impure {
        /// The segment of which it did.
        generation: Generation,
    },
    /// The space holds what a newer version of the model wrote. This program holds: it shows what it last saw with its own
    /// updates on top, and sends these once it is updated.
    Held {
        /// The version that is needed.
        needed: u32,
        /// The version that this program has.
        known: u32,
    },
    /// The state was read as a whole, from a snapshot or another epoch, or more changed than was listened to: look at it
    /// anew.
    Reread,
    /// A sync in the background failed. What is queued stays queued, and it is tried again.
    SyncFailed(String),
}

/// The news of a replica, from the moment of asking.
#[derive(Debug)]
pub struct Changes<U>(broadcast::Receiver<News<U>>);

impl<U: Clone> Changes<U> {
    pub(crate) fn new(receiver: broadcast::Receiver<News<U>>) -> Self {
        Self(receiver)
    }

    /// Waits for the next; `None` when the replica is gone.
    pub async fn next(&mut self) -> Option<News<U>> {
        match self.0.recv().await {
            Ok(news) => Some(news),
            Err(RecvError::Lagged(_)) => Some(News::Reread),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next one that is there already.
    pub fn try_next(&mut self) -> Option<News<U>> {
        use broadcast::error::TryRecvError;
        match self.0.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Lagged(_)) => Some(News::Reread),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

/// An update, as its model decodes it, and when it happened.
pub(crate) fn decoded<M: Model>(
    model: &M,
    update: &Update,
) -> (Result<M::Update, Rejected>, String) {
    let Some(parts) = update.parts() else {
        let reason = "the update is not of the form {\"at\", \"kind\", \"data\"}";
        return (Err(Rejected::new(reason)), String::new());
    };
    let update = icecore_core::model::decode(model, &parts.kind, parts.data);
    (update, parts.at.into_owned())
}
