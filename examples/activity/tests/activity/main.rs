//! Activity attempts as devices, servers and their clients meet them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod calls;
mod command;
mod devices;
mod document;
mod merge;
mod process;
mod refusals;
mod stopping;
mod support;
