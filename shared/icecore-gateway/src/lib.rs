//! The gateway: a way to the bucket for clients that hold no credentials of it.
//!
//! It checks a token and hands out presigned requests; uploads and downloads go straight to the bucket. It keeps
//! nothing: any number may run beside each other, in functions or on a machine.
//!
//! # Layout
//! - [`token`]: who asks, and what they may do
//! - [`presign`]: presigned requests, by pure computation
//! - `ops`: which right an operation needs, and what exactly is signed for it
//! - `slots`: under which keys an update may be written
//! - `look`: all that a client lacks, in one answer
//! - [`guests`]: users without an account
//! - [`observer`]: who is told of each call
//! - [`settings`]: what a gateway is told once
//! - [`limits`]: how much one call and one token may ask for
//! - [`api`]: the HTTP API, an axum router, with its `OpenAPI` document
//!
//! # Guarantees
//! A slot writes exactly one body under exactly one new key, in exactly one author's name. No request of a client reaches
//! outside the spaces and the rights of its token. Tokens, secrets, presigned addresses and bodies are never logged.
//!
//! # Non-goals
//! Storing anything, knowing users or their passwords, looking into updates.

pub mod api;
pub mod guests;
pub mod limits;
mod look;
pub mod observer;
mod ops;
pub mod presign;
pub mod settings;
mod slots;
pub mod token;
mod usage;

pub use api::{Gateway, router};
pub use guests::Guests;
pub use limits::Limits;
pub use observer::{Call, Observer};
pub use presign::{BucketAddress, Endpoint, Keys, Presigner};
pub use settings::Settings;
