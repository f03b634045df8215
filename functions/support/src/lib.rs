//! What the functions share.
//!
//! # Layout
//! - [`system`]: the real clock, randomness and environment
//! - [`memory`]: what gets which part of the memory
//! - [`variables`]: the environment, checked
//! - [`aws`]: signed calls of AWS's own APIs
//!
//! # Non-goals
//! Anything that only one function needs.

pub mod aws;
pub mod memory;
pub mod system;
pub mod variables;

pub use aws::{Api, Endpoint};
pub use memory::Memory;
pub use variables::Variables;
