//! The endpoint as its clients see it: signed by the code of AWS, in process and over sockets, on memory and on a
//! folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod checksums_of_parts;
mod conditions;
mod cors;
mod hostile;
mod listings;
mod multipart;
mod objects;
mod presigned;
mod sdk;
mod support;
mod versions;
