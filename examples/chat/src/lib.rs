//! A chat on icecore: messages, names, pictures and joins are updates, in a history that all devices share; who is
//! connected and who is typing are transient events beside it.
//!
//! # Layout
//! - [`update`], [`png`], [`id`]: what can happen in a chat
//! - [`model`]: what it makes of it
//! - [`presence`]: who is here, who is typing
//! - [`args`], [`command`], [`output`]: the command `chat`
//! - [`wire`], [`event_log`], [`hub`], [`api`]: events up and events down over HTTP, for clients that speak no icecore
//! - [`conversation`], [`plan`], [`pace`], [`mod@replay`]: the log of an IRC channel, played by one replica per nickname
//!
//! The part that an app of one's own needs is [`update`] and [`model`]; everything else calls [`icecore::Replica`].

pub mod api;
pub mod args;
pub mod command;
pub mod conversation;
pub mod digest;
pub mod event_log;
pub mod hub;
pub mod id;
pub mod model;
pub mod output;
pub mod pace;
pub mod plan;
pub mod png;
pub mod presence;
pub mod replay;
pub mod update;
pub mod wire;
