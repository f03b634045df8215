//! An S3 endpoint over any [`object_store::ObjectStore`], to be mounted into an HTTP server or called in process.
//!
//! [`Endpoint`] answers the requests that icecore, its browsers and the AWS SDKs make: objects with conditions,
//! ranges, checksums and metadata, multipart uploads, listings, copies and buckets. Requests are signed with `SigV4`, in the header or
//! in a presigned URL. [`Cors`] says which web pages may send them.
//!
//! What it does not have: versions, encryption with keys of the client, forms, the older
//! signatures, virtual-hosted addresses. A request that asks for one of these is refused; access lists, tags and
//! storage classes are ignored.

mod admission;
mod buckets;
mod checksums;
mod cors;
mod endpoint;
mod error;
mod keys;
mod memory;
mod objects;
mod uploads;

pub use cors::Cors;
pub use endpoint::{Builder, Endpoint, Peer};
pub use memory::{Full, Memory, Share};
pub use s3s::Body;
