//! A pomodoro timer on a passive store: nobody has to run anywhere for a pomodoro to end.
//!
//! The state holds when the timer started, and every client computes from the time how far it got. The history is
//! sequenced: each update was possible when it was made, or the history is refused. It is read from and written to
//! Flowkeeper's own file.
//!
//! # Layout
//! - [`update`], [`span`]: what can happen
//! - [`state`], [`model`]: what it makes
//! - [`view`]: what a person sees at a given time
//! - [`timekeeper`]: what a client tells by its own clock while it runs
//! - [`line`](mod@line), [`kinds`], [`history`]: Flowkeeper's file
//! - [`import`]: taking a file over
//! - [`session`]: what one device does with a space
//! - [`args`], [`command`]: the command

pub mod args;
pub mod command;
pub mod history;
pub mod import;
pub mod kinds;
pub mod line;
pub mod model;
mod print;
mod rules;
pub mod session;
pub mod span;
pub mod state;
pub mod timekeeper;
pub mod update;
pub mod view;
