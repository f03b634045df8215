//! The protocol of icecore on a bucket: publish, read, roll up, prune, verify, new epochs.
//!
//! Everything here works on an [`object_store::ObjectStore`] that honours put-if-absent; time and randomness
//! are injected ([`ports`]), so a simulation runs the very code that talks to S3.
//!
//! # Layout
//! - [`backend`]: opens a bucket from a URL, the folder back end, the check of a back end, request counting
//! - [`store`], [`bucket`], [`settings`], [`ports`]: what every part below stands on
//! - [`broker`]: what a client of a gateway is told before its requests
//! - [`publish`]: from an update object to an acknowledged key
//! - [`reader`]: the newest state and what changed since
//! - [`rollup`], [`prune`], [`verify`], [`history`]: what an operator runs, by hand or on a schedule
//! - [`rounds`]: roll-up and pruning of a whole store, round after round, for a function or a server
//! - [`keyring`]: encrypted spaces, and who can open them
//! - [`link`]: the history of one space joins that of another
//! - [`transient`]: events that are part of no history
//! - [`epochs`]: `compress`, `redact`, `reset`, the sweep of old epochs, `erase`
//!
//! # Guarantees
//! Numbered in `docs/protocol.md`; each has a test in this crate, in `icecore-sim` or under `tests/`.
//!
//! # Non-goals
//! A durable queue and the sync loop: see `icecore-replica`.

pub mod adopt;
pub mod backend;
pub mod broker;
pub mod bucket;
pub mod epochs;
mod held;
pub mod history;
mod keychain;
pub mod keyring;
pub mod link;
pub mod ports;
pub mod prune;
pub mod publish;
pub mod reader;
pub mod rollup;
pub mod rounds;
pub mod settings;
pub mod store;
pub mod transient;
pub mod verify;

pub use backend::{Backend, BackendKind};
pub use broker::Broker;
pub use bucket::Bucket;
pub use keychain::Secrets;
pub use ports::{Clock, Ids, draw, new_author, random_between};
pub use reader::Reader;
pub use settings::Settings;
pub use store::Store;
