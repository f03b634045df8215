//! Where a store lives: the back ends, what they cost, and whether they can be trusted.
//!
//! Everything here is an `object_store::ObjectStore` or works on one. A back end must honour put-if-absent and
//! If-Match; [`probe`] races them before a store is created.

mod error;
mod folder;
mod gateway;
mod metered;
mod probe;
mod server_time;
mod signing;
mod tls;
mod url;

use error::wrapped;

pub(crate) use error::is_full;

pub use error::{from_object_store, is_already_exists, is_conditional_conflict};
pub use folder::Folder;
pub use gateway::{Gateway, GatewayAddress, TokenSource};
pub use metered::{KindCounts, Metered, RequestCounts, cost_usd};
pub use probe::{ProbeReport, probe};
pub use server_time::{ServerTime, WithServerTime};
pub use tls::Connector;
pub use url::{Backend, BackendKind, open};
