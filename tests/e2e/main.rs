//! Tests of the whole: the `icecore` command as a user runs it, and the rules of the source tree.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod cli;
mod demo;
mod functions;
mod kill;
mod pages;
mod serve;
mod stuck;
mod support;
mod tidy;
mod two_replicas;
