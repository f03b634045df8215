//! An input store: a sequence of inputs to which anybody may add at any time, and a state that is a function of them.
//!
//! Where a [`Model`] folds each update into a state as it arrives, here the inputs themselves are what is kept, and the app
//! computes what it shows from all of them: so what it computes may change with each version of the app, and an input that
//! comes late stands where it belongs, by when it happened.
//!
//! ```
//! use icecore::{Inputs, Place, Recorded};
//! use serde::{Deserialize, Serialize};
//! use std::collections::BTreeSet;
//!
//! #[derive(Debug, Clone, Serialize, Deserialize)]
//! #[serde(tag = "kind", content = "data", rename_all = "snake_case")]
//! enum Door {
//!     Opened(String),
//!     Closed(String),
//! }
//!
//! /// The function: which doors are open.
//! fn open(inputs: Vec<Recorded<Door>>) -> BTreeSet<String> {
//!     let mut open = BTreeSet::new();
//!     for input in inputs.into_iter().filter_map(|input| input.update.ok()) {
//!         match input {
//!             Door::Opened(door) => open.insert(door),
//!             Door::Closed(door) => open.remove(&door),
//!         };
//!     }
//!     open
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let store = folder.path().join("store").display().to_string();
//! # let place = Place::new(&store).with_replica(folder.path().join("house"));
//! # let other = Place::new(&store).with_replica(folder.path().join("garage"));
//! let house = Inputs::create(&place, "doors").await?;
//! house.append(2_000, &Door::Closed("front".to_owned())).await?;
//! house.replica().sync().await?;
//!
//! // Another device adds what happened before, later.
//! let garage = Inputs::<Door>::create(&other, "doors").await?;
//! garage.append(1_000, &Door::Opened("front".to_owned())).await?;
//! garage.append(3_000, &Door::Opened("garage".to_owned())).await?;
//! garage.replica().sync().await?;
//!
//! house.replica().sync().await?;
//! assert_eq!(open(house.all()), BTreeSet::from(["garage".to_owned()]));
//! # Ok::<(), icecore::Error>(())
//! # }).unwrap();
//! ```

use crate::past::Recorded;
use crate::place::Place;
use crate::replica::Replica;
use icecore_core::model::log::{Entry, Log, State};
use icecore_core::model::message;
use icecore_core::{Meta, Model, Order, Rejected, Result, UpdateId, time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use std::marker::PhantomData;

/// The model of an input store. It is the built-in model `log`, whatever the inputs are: so the `icecore` command shows the
/// sequence and adds to it, and any roll-up writes its snapshots.
#[derive(Debug, Clone, Copy, Default)]
pub struct InputLog;

/// An input as an update carries it: not decoded, for the sequence takes also what this version of the app cannot read.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    kind: String,
    data: Box<RawValue>,
}

impl Input {
    /// What the app makes of it.
    ///
    /// # Errors
    /// [`Rejected`] when it is none of `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Rejected> {
        message::decode(&self.kind, &self.data)
    }
}

impl Model for InputLog {
    type State = State;
    type Update = Input;

    fn name(&self) -> &'static str {
        Log.name()
    }

    fn version(&self) -> u32 {
        Log.version()
    }

    fn initial(&self) -> State {
        Log.initial()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Input, Rejected> {
        let (kind, data) = (kind.to_owned(), data.to_owned());
        Ok(Input { kind, data })
    }

    fn apply(&self, state: &mut State, input: Input, meta: &Meta<'_>) -> Result<(), Rejected> {
        Log.apply(state, Log.decode(&input.kind, &input.data)?, meta)
    }
}

/// An input store on this device: the sequence as far as it is known here, and what waits to be sent. It is read offline.
///
/// `T` is an enum with `#[serde(tag = "kind", content = "data")]`, or whatever serializes like one.
#[derive(Debug)]
pub struct Inputs<T> {
    replica: Replica<InputLog>,
    input: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Inputs<T> {
    /// Opens an input store on this device. No request is made.
    ///
    /// # Errors
    /// As [`Replica::open`].
    pub async fn open(place: &Place, space: &str) -> Result<Self> {
        Ok(Self::on(Replica::open(InputLog, place, space).await?))
    }

    /// Opens an input store, and makes the store and the space first where they are missing.
    ///
    /// # Errors
    /// As [`Replica::create`].
    pub async fn create(place: &Place, space: &str) -> Result<Self> {
        let order = Order::Timestamp;
        let replica = Replica::create(InputLog, place, space, order).await?;
        Ok(Self::on(replica))
    }

    /// The same for an encrypted store: what opens it is in the place, a passphrase or an identity.
    ///
    /// # Errors
    /// As [`Replica::create_encrypted`].
    pub async fn create_encrypted(place: &Place, space: &str) -> Result<Self> {
        let order = Order::Timestamp;
        let replica = Replica::create_encrypted(InputLog, place, space, order).await?;
        Ok(Self::on(replica))
    }

    fn on(replica: Replica<InputLog>) -> Self {
        let input = PhantomData;
        Self { replica, input }
    }

    /// Adds what happened at a time, in milliseconds since 1970 UTC: now, or long ago. It is on this device's disk when this
    /// returns, and sent by the next sync.
    ///
    /// # Errors
    /// As [`Replica::update`].
    pub async fn append(&self, at: i64, input: &T) -> Result<UpdateId> {
        let (kind, data) = message::encode(input)?;
        self.replica.update_at(at, Input { kind, data }).await
    }

    /// All inputs that are known here, in the order in which they happened: by their `at`; of those that say the same, by the
    /// key of the object that carried them, then by author and seq. All devices that have seen the same inputs have the same
    /// order. One of which `at` is no time stands where its key does.
    ///
    /// What cannot be read as a `T` is there with the reason.
    pub fn all(&self) -> Vec<Recorded<T>> {
        let state = self.replica.state();
        let mut all: Vec<(i64, Recorded<T>)> = state.entries().iter().map(recorded).collect();
        all.sort_by_key(|(at, input)| (*at, input.key, input.id));
        all.into_iter().map(|(_, input)| input).collect()
    }

    /// The replica below: to sync, to hear of what is added, to look at the history.
    pub fn replica(&self) -> &Replica<InputLog> {
        &self.replica
    }
}

/// An entry with the time by which it is sorted.
fn recorded<T: DeserializeOwned>(entry: &Entry) -> (i64, Recorded<T>) {
    let key = i64::try_from(entry.key.get()).unwrap_or(i64::MAX);
    let update = to_raw_value(&entry.data)
        .map_err(|e| Rejected::new(e.to_string()))
        .and_then(|data| message::decode(&entry.kind, &data));
    let recorded = Recorded {
        id: UpdateId {
            author: entry.author,
            seq: entry.seq,
        },
        key: entry.key,
        at: entry.at.clone(),
        update,
    };
    (time::from_rfc3339(&entry.at).unwrap_or(key), recorded)
}
