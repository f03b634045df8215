//! What the tests of the command share.

pub(crate) mod azure;
pub(crate) mod command;
pub(crate) mod http;
pub(crate) mod lax;
pub(crate) mod localstack;
pub(crate) mod proxy;
pub(crate) mod s3;
pub(crate) mod serving;
pub(crate) mod stuck;
pub(crate) mod tools;
