//! Clients that run at the same time, and the considerations of a timer whose server only passes messages.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod clients;
mod considerations;
mod processes;
mod support;
mod timekeeper;
mod watching;
mod wire;
