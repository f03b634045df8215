//! The pure part of icecore: ids, object paths, codecs, the order of updates, the fold and the models.
//!
//! Nothing here does I/O, reads a clock or draws a random number: the same input gives the same bytes on
//! every machine. The shell around it (`icecore-store`, `icecore-replica`) talks to the bucket.
//!
//! # Layout
//! - [`ids`], [`paths`], [`time`], [`due`], [`error`]: the words of the protocol as types
//! - [`update`], [`segment`], [`snapshot`], [`space`], [`layers`], [`transient`]: the objects of the bucket and their
//!   bytes
//! - [`covered`], [`order`], [`invariants`], [`plan`], [`rules`]: the rules
//! - [`model`], [`content`], [`fold`], [`base`], [`canonical`], [`typed`]: from updates to a state
//! - [`reason`]: why an update was rejected, and how a rule is broken
//!
//! # Guarantees
//! Decoding never panics, whatever the bytes. Folding the same updates in the same order gives the same
//! canonical bytes. Encoding what was decoded gives an equal value.
//!
//! # Non-goals
//! Talking to a bucket, keeping a queue, choosing when to do either.

pub mod base;
pub mod canonical;
pub mod content;
pub mod covered;
pub mod digest;
pub mod due;
pub mod error;
pub mod fold;
pub mod ids;
pub mod invariants;
pub mod layers;
pub mod model;
pub mod newer;
mod optional;
pub mod order;
pub mod paths;
pub mod plan;
pub mod reason;
pub mod rules;
pub mod segment;
pub mod snapshot;
pub mod space;
pub mod time;
pub mod tip;
pub mod transient;
pub mod typed;
pub mod update;
mod weight;
pub mod wire;
pub mod witness;

pub use base::Base;
pub use content::{Content, Seal};
pub use covered::Covered;
pub use digest::Digest;
pub use error::{Error, ErrorKind, Result};
pub use fold::{Conflict, Folded, RejectedUpdate};
pub use ids::{Author, Epoch, Generation, Key, Seq, SpaceName, StoreId, UpdateId};
pub use model::{Meta, Model, Registry, Rejected, Violation};
pub use newer::Newer;
pub use paths::ObjectKey;
pub use reason::Reason;
pub use segment::{Entry, Segment, SegmentHeader};
pub use snapshot::Snapshot;
pub use space::{Head, Joined, Linked, ModelRef, Order, SpaceInfo, StoreInfo};
pub use tip::Tip;
pub use update::{Update, UpdateObject};
pub use witness::Witness;
