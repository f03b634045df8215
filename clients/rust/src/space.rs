//! A space as a whole: made, linked, erased, rolled up, compressed and checked.

use crate::place::{Opened, Place};
use crate::replica::{App, Replica};
use icecore_core::model::log::Log;
use icecore_core::{Error, ModelRef, Order, Result, SpaceName};
use icecore_seal::NewHolder;
use icecore_store::epochs::erase::Erased;
use icecore_store::epochs::{self, NewEpoch};
use icecore_store::link::Link;
use icecore_store::prune::{self, PruneReport};
use icecore_store::rollup::{self, RollupOptions, RollupReport};
use icecore_store::verify::{VerifyReport, verify};

/// Makes the store and the space where they are missing.
pub(crate) async fn create(
    opened: &Opened,
    space: &SpaceName,
    (model, order): (ModelRef, Order),
    holders: Option<Vec<NewHolder>>,
) -> Result<()> {
    let store = &opened.store;
    opened.create().await?;
    let wanted = (model.name.clone(), order, holders.is_some());
    let created = match holders {
        None => store.create_space(space, model, order).await,
        Some(holders) => {
            store
                .create_encrypted_space(space, model, order, holders)
                .await
        }
    };
    match created {
        Err(error) if error.is_conflict() => {
            let there = store.space(space).await?.info;
            let found = (there.model.name, there.order, there.keyring.is_some());
            if found == wanted {
                return Ok(());
            }
            Err(Error::conflict(format!(
                "there is another space {space}: of the model {}, {:?}, {}",
                found.0,
                found.1,
                encrypted(found.2)
            ))
            .with_hint(format!(
                "this app wants the model {}, {:?}, {}; choose another name",
                wanted.0,
                wanted.1,
                encrypted(wanted.2)
            )))
        }
        created => created.map(drop),
    }
}

fn encrypted(is: bool) -> &'static str {
    if is { "encrypted" } else { "not encrypted" }
}

/// Lets the history of one space join that of another, now and from now on: a guest's that of a user. It can be repeated,
/// and nothing is there twice.
///
/// # Errors
/// `Conflict` when the space is linked to another one already; `Invalid` for spaces that cannot be linked; otherwise as
/// [`Replica::sync`].
pub async fn link(place: &Place, from: &str, into: &str) -> Result<Link> {
    let store = place.open(&Log)?.store;
    icecore_store::link::link(&store, &from.parse()?, &into.parse()?).await
}

impl<M: App> Replica<M> {
    /// Presses everything that is stored into the next segment, and a snapshot when one is due. Whoever may write can do
    /// it, beside any number of others; usually a scheduled function does.
    ///
    /// # Errors
    /// As [`Replica::sync`].
    pub async fn roll_up(&self) -> Result<RollupReport> {
        let options = RollupOptions {
            now: true,
            ..RollupOptions::default()
        };
        rollup::roll_up(self.store(), self.name(), &options).await
    }

    /// Deletes update objects, snapshots and old epochs that are no longer needed and older than the retention time.
    ///
    /// # Errors
    /// As [`Replica::sync`].
    pub async fn prune(&self) -> Result<PruneReport> {
        prune::prune(self.store(), self.name(), None).await
    }

    /// Begins a history that is the present state alone. It is read back and compared, byte for byte, before it replaces
    /// the old one.
    ///
    /// # Errors
    /// `Conflict` when the space was changed meanwhile; otherwise as [`Replica::sync`]. The old history stays then.
    pub async fn compress(&self) -> Result<NewEpoch> {
        epochs::compress(self.store(), self.name()).await
    }

    /// Removes every object of the space. What is written to it later is refused, and its name stays taken.
    ///
    /// # Errors
    /// `Unavailable`: do it again, it goes on; otherwise as [`Replica::sync`].
    pub async fn erase(&self) -> Result<Erased> {
        let erased = epochs::erase(self.store(), self.name()).await?;
        self.space().lock().await.look_again();
        Ok(erased)
    }

    /// Folds the whole history anew and holds everything stored against it.
    ///
    /// # Errors
    /// As [`Replica::sync`]. What is wrong with the space is no error but a problem of the report.
    pub async fn verify(&self) -> Result<VerifyReport> {
        verify(self.store(), self.name(), &mut |_, _| {}).await
    }
}
