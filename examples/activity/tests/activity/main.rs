//! Activity attempts as devices, servers and their clients meet them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod command;
mod devices;
mod merge;
mod refusals;
mod support;
