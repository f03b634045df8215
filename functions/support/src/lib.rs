//! What the functions share.
//!
//! # Layout
//! - [`system`]: the real clock, randomness and environment
//! - [`variables`]: the environment, checked
//! - [`aws`]: signed calls of AWS's own APIs
//!
//! # Non-goals
//! Anything that only one function needs.

pub mod aws;
pub mod system;
pub mod variables;

pub use aws::{Api, Endpoint};
pub use variables::Variables;
