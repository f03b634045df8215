//! A store for the small app, and its devices.

use super::counter::{Counter, Msg};
use icecore::secrets::{FIRST_HOLDER, GivenSecrets};
use icecore::system::{OsIds, SystemClock};
use icecore::{Order, Place, Replica, UpdateId};
use icecore_seal::{Passphrase, PassphraseCost};
use icecore_store::keyring::{KeyringChange, change_keyring};
use icecore_store::{Store, backend};
use std::sync::Arc;
use tempfile::TempDir;

/// A store in a folder of its own, and a folder for each replica.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn place(&self, replica: &str) -> Place {
        let store = self.folder.path().join("store").display().to_string();
        Place::new(store).with_replica(self.folder.path().join(replica))
    }

    pub(crate) async fn replica(&self, name: &str, order: Order) -> Replica<Counter> {
        let place = self.place(name);
        match Replica::create(Counter::default(), &place, "count", order).await {
            Ok(replica) => replica,
            // Of an inconsistent history the rest can be looked at all the same.
            Err(error) if error.is_corrupt() => Replica::open(Counter::default(), &place, "count")
                .await
                .unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Changes the passphrase, as the command does.
    pub(crate) async fn change_passphrase(&self, old: &str, new: &str) {
        let store = self.folder.path().join("store").display().to_string();
        let clock = Arc::new(SystemClock::new());
        let backend = backend::open(
            &store,
            std::iter::empty(),
            Arc::<SystemClock>::clone(&clock),
        )
        .unwrap();
        let secrets = vec![GivenSecrets::passphrase(old).unwrap()];
        let store = Store::new(&backend, clock, Arc::new(OsIds)).with_secrets(Arc::new(secrets));
        let new = Passphrase::new(new).unwrap();
        let holder = FIRST_HOLDER.to_owned();
        let change = KeyringChange::SetPassphrase(holder, new, PassphraseCost::CHEAP);
        let space = "count".parse().unwrap();
        change_keyring(&store, &space, change).await.unwrap();
    }

    /// Publishes what the model would not allow.
    pub(crate) async fn forge(&self, msg: Msg) -> UpdateId {
        let place = self.place("forger");
        let model = Counter { lax: true };
        let replica = Replica::open(model, &place, "count").await.unwrap();
        let id = replica.update(msg).await.unwrap();
        replica.sync().await.unwrap();
        id
    }
}
