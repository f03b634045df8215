//! Activity attempts: what several devices saw of an exercise, merged into one order and shown as status, duration and
//! points.
//!
//! # Layout
//! - [`event`]: what a device says that happened
//! - [`timeline`]: the events of an attempt in their merged order
//! - [`attempts`]: the model, which puts them there
//! - [`projection`]: what an attempt's events amount to, by pure computation
//! - [`apply`]: new events for an attempt: merged, computed anew, stored
//! - [`arrivals`], [`hub`], [`api`]: a one-call sync over HTTP, for clients that speak no icecore
//! - [`command`]: the `activity` command, without its terminal
//! - [`bench`](mod@bench): how long folding takes

pub mod api;
pub mod apply;
pub mod arrivals;
pub mod attempts;
pub mod bench;
pub mod command;
pub mod event;
pub mod hub;
pub mod projection;
pub mod timeline;

pub use apply::apply_events;
pub use arrivals::Watermark;
pub use attempts::{Activity, ActivityAttempt, Attempts};
pub use event::{
    ActivityEvent, AttemptId, EventId, EventType, Members, Message, Source, Time, What,
};
pub use hub::{Hub, SyncRequest, SyncResponse};
pub use projection::{Projection, Status, project};
pub use timeline::{Event, Timeline};
