//! The two halves of a sync: pull what others wrote, flush what is queued.

mod arrived;
mod flush;
mod passing;
mod pull;
mod restored;
mod resume;

pub use flush::Acknowledged;
pub(crate) use passing::Tail;
pub use restored::{Lost, Restored};

use crate::replica::SpaceReplica;
use crate::saved;
use crate::status;
use icecore_core::{Author, Entry, Error, Generation, Result, Update, UpdateId};
use icecore_store::rollup::write_due_snapshot;
use serde::Serialize;

/// What a pull brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Whether the state may have changed.
    pub changed: bool,
    /// Update objects read.
    pub objects: u64,
    /// Segments and snapshots read.
    pub layers: u64,
    /// The space has entered another epoch.
    pub new_epoch: bool,
    /// Own updates that were queued again, for the new epoch lacks them, or the store does.
    pub requeued: u64,
    /// The store was put back to an older state, or holds another history: so many updates that this replica had read, or
    /// written, are missing there. Its own ones are queued again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
    /// Own updates that were set aside for a person: their ids are in the history, which was compressed, so that nobody can
    /// tell whether they are there already.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<UpdateId>,
    /// The model was found to make different states of the same updates, in this segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impure: Option<Generation>,
    /// The new author of this replica, when somebody else was found to write as the old one.
    pub new_author: Option<Author>,
    /// The updates that are part of the state now and were not known before, in canonical order. Empty where
    /// [`Pulled::reread`] says so.
    #[serde(skip)]
    pub arrived: Vec<Entry>,
    /// The state was taken from a snapshot, or the space was read for the first time: what changed is not known update by
    /// update.
    #[serde(skip)]
    pub reread: bool,
}

impl Pulled {
    /// Adds what another pull of the same sync brought.
    pub(super) fn add(&mut self, later: Self) {
        self.changed |= later.changed;
        self.reread |= later.reread;
        self.new_epoch |= later.new_epoch;
        self.objects += later.objects;
        self.layers += later.layers;
        self.requeued += later.requeued;
        self.restored = later.restored.or(self.restored);
        self.impure = later.impure.or(self.impure);
        self.set_aside.extend(later.set_aside);
        self.new_author = later.new_author.or(self.new_author);
        self.arrived.extend(later.arrived);
    }

    /// What is told once, whatever became of the sync that found it out. What changed is seen in the state.
    fn untold(self) -> Self {
        Self {
            requeued: self.requeued,
            restored: self.restored,
            set_aside: self.set_aside,
            impure: self.impure,
            new_author: self.new_author,
            ..Self::default()
        }
    }
}

/// What a sync did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Synced {
    /// What came.
    pub pulled: Pulled,
    /// What went.
    pub acknowledged: Vec<Acknowledged>,
    /// How many updates this replica rolled up in passing, for nobody else does.
    #[serde(skip_serializing_if = "is_zero")]
    pub rolled_up: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl SpaceReplica {
    /// Pulls, then publishes everything that is queued. The outcome is kept for [`SpaceReplica::status`].
    ///
    /// # Errors
    /// As pull and flush; what was done until then stays done, and what is queued stays queued.
    pub async fn sync(&mut self) -> Result<Synced> {
        self.sync_with(&mut |_, _| {}).await
    }

    /// As [`SpaceReplica::sync`], telling of each acknowledgement as it comes, and of the update: it may have been queued
    /// while this was under way.
    ///
    /// # Errors
    /// As [`SpaceReplica::sync`].
    pub async fn sync_with(
        &mut self,
        acknowledged: &mut (dyn FnMut(&Acknowledged, &Update) + Send),
    ) -> Result<Synced> {
        // On the heap, as the halves below: everything that waits for a sync would carry all of it otherwise.
        let result = Box::pin(self.try_sync(acknowledged)).await;
        let now = self.replica.store().clock.now();
        status::note_outcome(
            &mut self.replica.db(),
            &self.space,
            now,
            result.as_ref().err(),
        )?;
        result
    }

    async fn try_sync(
        &mut self,
        tell: &mut (dyn FnMut(&Acknowledged, &Update) + Send),
    ) -> Result<Synced> {
        let _lock = self.replica.lock().await?;
        self.late = std::mem::take(&mut self.late).untold();
        let pulled = self.pull_explained(!self.pulled).await?;
        self.late.add(pulled);
        self.check_version()?;
        let acknowledged = self.flush_locked(tell).await?;
        let pulled = std::mem::take(&mut self.late);
        if pulled.layers > 0 {
            self.snapshot_if_due().await;
        }
        // Last: nothing that is queued waits for it.
        let rolled_up = self.roll_up_if_long().await;
        Ok(Synced {
            pulled,
            acknowledged,
            rolled_up,
        })
    }

    /// A program that meets what a newer version of the model wrote holds: it sends nothing, and keeps what is queued.
    fn check_version(&mut self) -> Result<()> {
        let pending = self.pending(usize::MAX)?;
        let reader = self.held_reader()?;
        reader.check_version()?;
        let content = reader.base.folded.content();
        for p in pending {
            if let Some(newer) = content.is_newer(p.update.model_version()) {
                return Err(newer.error("a queued update").with_object(p.id.to_string()));
            }
        }
        Ok(())
    }

    /// A roll-up without the keys, or without the model, writes no snapshots: who has both does. Failing to is harmless.
    async fn snapshot_if_due(&mut self) {
        let Ok(reader) = self.held_reader() else {
            return;
        };
        match write_due_snapshot(&reader.store().clone(), reader).await {
            Ok(Some(written)) => {
                reader.snapshot = written.generation;
                reader.base.blind = false;
            }
            Ok(None) => {}
            Err(error) => {
                // Not at once again: a token may not allow it.
                reader.base.blind = false;
                tracing::debug!(%error, "no snapshot was written; another replica does");
            }
        }
    }

    /// Looks for what is new: one conditional GET while nothing changed and nothing is due. The first pull of a
    /// session looks at everything.
    ///
    /// # Errors
    /// As [`icecore_store::Reader::poll`].
    pub async fn pull(&mut self) -> Result<Pulled> {
        let _lock = self.replica.lock().await?;
        self.pull_explained(!self.pulled).await
    }

    async fn pull_explained(&mut self, everything: bool) -> Result<Pulled> {
        let pulled = Box::pin(self.pull_locked(everything)).await;
        pulled.map_err(|error| self.explained(error))
    }

    /// An error of the store as this replica sees it: a store that it has read before, and that is not there, is away and not
    /// missing.
    pub fn explained(&self, error: Error) -> Error {
        let is_away = error.is_not_found()
            && error
                .object()
                .is_some_and(|object| object.ends_with("store.json"))
            && matches!(
                saved::info(self.replica.db().read(), &self.space),
                Ok(Some(_))
            );
        if !is_away {
            return error;
        }
        let away = Error::not_found("there is no store here, though this replica has read it before")
            .with_hint("mount the disk or the folder that it is on, or check --store; nothing is lost: the replica keeps what it has read and what is queued");
        match error.object() {
            Some(object) => away.with_object(object.to_owned()),
            None => away,
        }
    }

    /// Lets the next sync look at everything, whatever the head says: this program has just changed the space itself.
    pub fn look_again(&mut self) {
        self.pulled = false;
    }

    /// Publishes everything that is queued; pulls first if this session has not yet, so that it writes to the
    /// epoch that counts and not as an author that another writer uses.
    ///
    /// # Errors
    /// As [`icecore_store::publish::publish`]; what is queued stays queued.
    pub async fn flush(&mut self) -> Result<Vec<Acknowledged>> {
        let _lock = self.replica.lock().await?;
        if !self.pulled || self.pull_is_overdue() {
            self.pull_explained(true).await?;
        }
        self.check_version()?;
        Box::pin(self.flush_locked(&mut |_, _| {})).await
    }
}
