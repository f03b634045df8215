//! A small app: a sum that must never be below zero.

use icecore::secrets::{FIRST_HOLDER, GivenSecrets};
use icecore::system::{OsIds, SystemClock};
use icecore::{Meta, Model, Order, Place, RawValue, Rejected, Replica, UpdateId, message};
use icecore_seal::{Passphrase, PassphraseCost};
use icecore_store::keyring::{KeyringChange, change_keyring};
use icecore_store::{Store, backend};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tempfile::TempDir;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) sum: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub(crate) enum Msg {
    Add { by: i64 },
    Take { by: i64 },
    Impossible,
}

/// The model; `lax` takes everything, as a program with a bug would.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    lax: bool,
}

impl Model for Counter {
    type State = Count;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "counter"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Count {
        Count::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, count: &mut Count, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        match msg {
            _ if self.lax => {}
            Msg::Add { by } => count.sum += by,
            Msg::Take { by } if count.sum >= by => count.sum -= by,
            Msg::Take { by } => {
                let reason = format!("{by} cannot be taken from {}", count.sum);
                return Err(Rejected::new(reason));
            }
            Msg::Impossible => return Err(Rejected::inconsistent("it never happens")),
        }
        Ok(())
    }
}

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
