//! A local copy of icecore spaces on one device: a durable queue in `SQLite`, the saved base and tail, and the
//! steps of a sync.
//!
//! # Layout
//! - [`replica`]: opening a folder (or memory), one [`SpaceReplica`] per space
//! - [`queue`]: what waits to be published; survives a crash and a power cut
//! - [`once`]: updates with a name of their caller's
//! - [`sync`]: pull and flush
//! - [`refusal`]: what a sequenced space refused, and what happened in between
//! - [`status`]: how far it is, and why it is stuck
//! - [`takeover`]: what an older folder of the same replica holds
//! - `db`, `saved`: the tables, and what a reader leaves in them
//!
//! # Guarantees
//! An update is durable before [`SpaceReplica::enqueue`] returns, keeps its `(author, seq)` for ever, and leaves
//! the queue only when it is stored in the bucket. What was read and how far was read are saved in one
//! transaction.
//!
//! # Non-goals
//! Deciding when to sync: the caller does.

#[cfg(feature = "copies")]
mod copies;
mod db;
mod forget;
mod marker;
pub mod once;
pub mod queue;
pub mod refusal;
pub mod replica;
mod saved;
pub mod status;
pub mod sync;
pub mod takeover;

pub use once::Once;
pub use queue::{NewUpdate, Pending};
pub use refusal::Refusal;
pub use replica::{Replica, SpaceReplica, Unusable};
pub use status::Status;
pub use sync::{Acknowledged, Lost, Pulled, Restored, Synced};
