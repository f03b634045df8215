//! Fitness sessions: steps and activities of several devices, for guests without an account who may become users.
//!
//! # Layout
//! - [`event`]: the updates
//! - [`fitness`]: the model, and the state
//! - [`account`]: who this device writes as, in a file for its owner's eyes
//! - [`gateway`]: making a guest, linking it, erasing it, by HTTP
//! - [`device`]: what a person does on one device
//! - [`command`]: the `steps` command, without its terminal

pub mod account;
pub mod command;
pub mod device;
pub mod event;
pub mod fitness;
pub mod gateway;

pub use account::Account;
pub use device::{Device, Whose};
pub use event::{Id, Message, Sport};
pub use fitness::{Fitness, Session, Steps};
