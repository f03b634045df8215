//! Fitness sessions as people and their phones meet them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod erased;
mod expired;
mod gateway;
mod guests;
mod home;
mod latest;
mod model;
mod phones;
mod sessions;
mod support;
mod year;
