//! Typed replicas: an app's own state and messages, offline first, on nothing but a bucket.
//!
//! ```
//! use icecore::{Meta, Model, Order, Place, RawValue, Rejected, Replica, message};
//! use serde::{Deserialize, Serialize};
//! use std::collections::BTreeMap;
//!
//! /// What the app keeps.
//! type Tasks = BTreeMap<u32, String>;
//!
//! /// What can happen to it.
//! #[derive(Debug, Clone, Serialize, Deserialize)]
//! #[serde(tag = "kind", content = "data", rename_all = "snake_case")]
//! enum Msg {
//!     Add { id: u32, title: String },
//!     Rename { id: u32, title: String },
//! }
//!
//! #[derive(Debug, Clone)]
//! struct Todo;
//!
//! impl Model for Todo {
//!     type State = Tasks;
//!     type Update = Msg;
//!     fn name(&self) -> &'static str {
//!         "todo"
//!     }
//!     fn version(&self) -> u32 {
//!         1
//!     }
//!     fn initial(&self) -> Tasks {
//!         Tasks::new()
//!     }
//!     fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
//!         message::decode(kind, data)
//!     }
//!     fn apply(&self, tasks: &mut Tasks, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
//!         match msg {
//!             Msg::Add { id, title } => drop(tasks.insert(id, title)),
//!             Msg::Rename { id, title } => match tasks.get_mut(&id) {
//!                 Some(task) => *task = title,
//!                 None => return Err(Rejected::new(format!("there is no task {id}"))),
//!             },
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let store = folder.path().join("store").display().to_string();
//! let phone = Place::new(&store).with_replica(folder.path().join("phone"));
//! let laptop = Place::new(&store).with_replica(folder.path().join("laptop"));
//!
//! let replica = Replica::create(Todo, &phone, "todo", Order::Timestamp).await?;
//! replica.update(Msg::Add { id: 1, title: "Pack".to_owned() }).await?;
//! replica.update(Msg::Rename { id: 1, title: "Pack the tent".to_owned() }).await?;
//! replica.sync().await?;
//!
//! let other = Replica::open(Todo, &laptop, "todo").await?;
//! other.sync().await?;
//! assert_eq!(other.state()[&1], "Pack the tent");
//! # Ok::<(), icecore::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Layout
//! - [`place`]: where the store and the local copy lie, and what opens an encrypted space
//! - [`replica`]: opening, updating, reading, syncing
//! - [`changes`]: what changed, by whom, pending or confirmed
//! - [`secrets`]: what opens encrypted spaces
//! - [`class`]: typed JSON for states and arguments
//! - [`example`]: a small model for trying things out
//! - [`latest`]: values that go by modification time
//! - [`inputs`]: a sequence of inputs, for a state that is a function of them
//! - [`exit`]: how a command of one's own ends
//! - [`line_log`]: what an app's own server remembers of its clients, in a file
//! - [`past`]: the history, past states, conflicts and what else a person decides
//! - [`system`]: the clock, the randomness and the environment of this machine
//!
//! # Guarantees
//! An update is on this device's disk before [`Replica::update`] returns, and is sent until the bucket has it, whatever
//! crashes. It is applied exactly once, everywhere, and all replicas that have seen the same updates hold the same state.
//!
//! # New versions
//! Devices update at different times. A program that meets what a newer version of its model wrote holds, and says so
//! ([`News::Held`]); how to change a model is in
//! `docs/upgrading.md` of the repository.
//!
//! # Non-goals
//! Folding without a model: the crates `icecore-replica` and `icecore-store` below this one do that.

pub mod changes;
pub mod class;
pub mod example;
pub mod exit;
pub mod inputs;
pub mod latest;
pub mod line_log;
pub mod past;
pub mod place;
pub mod replica;
pub mod secrets;
mod space;
pub mod system;

pub use changes::{Change, Changes, News, Stage};
pub use class::Typed;
pub use icecore_core::canonical;
pub use icecore_core::model::{self, message};
pub use icecore_core::{
    Author, Conflict, Covered, Epoch, Error, ErrorKind, Key, Meta, Model, ModelRef, Newer, Order,
    Reason, Rejected, RejectedUpdate, Result, Seq, SpaceName, UpdateId, Violation, time, typed,
};
pub use icecore_replica::Refusal;
pub use icecore_replica::status::{Refused, Status};
pub use icecore_store::transient::Seen;
pub use icecore_store::verify::VerifyReport;
pub use inputs::Inputs;
pub use latest::{Latest, Modified};
pub use line_log::LineLog;
pub use past::Recorded;
pub use place::Place;
pub use replica::{App, Replica, Synced};
pub use serde_json::value::RawValue;
pub use space::link;
