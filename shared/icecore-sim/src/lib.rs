//! For tests: what the outside world does to a store, made to happen on demand.
//!
//! # Layout
//! - [`s3_server`]: an S3 server in this process, with faults
//! - [`cloud`]: the Lambda Runtime API, SQS and SSM
//! - [`random`], [`clock`]: a seed, and a time that only moves when everybody waits
//! - [`bucket`]: a bucket in memory that loses responses, delays, refuses and lists piecemeal
//! - [`gateway`]: the real gateway, and a double of the bucket that takes presigned requests
//! - [`world`]: writers, readers, roll-ups, pruners and epochs on one bucket
//! - [`ledger`]: what the actors made and were told
//! - [`checker`]: whether the five promises held
//!
//! # Non-goals
//! Being part of a released program: everything here may panic, and favours clarity over speed.

pub mod bucket;
pub mod checker;
pub mod clock;
pub mod cloud;
pub mod gateway;
pub mod ledger;
pub mod random;
pub mod s3_server;
pub mod world;
