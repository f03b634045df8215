//! A way to the bucket by way of somebody who hands out access: what the protocol tells it beforehand.
//!
//! Who holds credentials asks the bucket alone. A client of a gateway has to be given a presigned request for each
//! access. It could ask for each as it comes; told beforehand what is about to be needed, it asks once for all.

use async_trait::async_trait;
use bytes::Bytes;
use icecore_core::wire::{KeyWish, Look};
use icecore_core::{Author, Epoch, Key, ObjectKey, Result, SpaceName};
use std::fmt::Debug;

/// What a client of a gateway is told before it makes its requests.
///
/// # Contract
/// The object store that belongs to a broker works without being told anything; then each request costs a second one,
/// to the gateway. What was prepared is used at most once, only by requests made soon after, and never after a write.
#[async_trait]
pub trait Broker: Debug + Send + Sync {
    /// A look at the space is about to be taken: what it will ask is asked in one go.
    ///
    /// # Errors
    /// `Unavailable`: the requests may still go through, with what is left of earlier answers; `Denied`, `NotFound`.
    async fn prepare(&self, space: &SpaceName, look: Look) -> Result<()>;

    /// These objects are about to be read.
    ///
    /// # Errors
    /// As [`Broker::prepare`].
    async fn want(&self, keys: &[ObjectKey]) -> Result<()>;

    /// Chooses the keys under which an update object may be written, to be tried in this order; never none.
    ///
    /// # Errors
    /// As [`Broker::prepare`].
    async fn reserve(&self, reservation: Reservation) -> Result<Vec<Key>>;

    /// The only author that may write, where access is bound to one.
    fn author(&self) -> Option<Author>;
}

/// An update object that is about to be written.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The space.
    pub space: SpaceName,
    /// The epoch.
    pub epoch: Epoch,
    /// Who writes it.
    pub author: Author,
    /// The exact body.
    pub body: Bytes,
    /// Under which key.
    pub keys: KeyWish,
}
