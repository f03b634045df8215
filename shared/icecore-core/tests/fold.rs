//! Order, fold and plans: whatever the order of arrival, one history, one state.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "fold/catch_up.rs"]
mod catch_up;
#[path = "fold/history.rs"]
mod history;
#[path = "fold/keys.rs"]
mod keys;
#[path = "fold/order.rs"]
mod order;
#[path = "fold/rollup.rs"]
mod rollup;
#[path = "fold/snapshots.rs"]
mod snapshots;
#[path = "fold/world.rs"]
mod world;
