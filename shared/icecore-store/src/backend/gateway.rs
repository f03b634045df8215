//! A store behind a gateway: each access by a presigned request, which the gateway gives to whoever has a token.
//!
//! # Layout
//! - `address`, `token`: where the gateway is, and as whom to ask
//! - `calls`: the gateway's HTTP API
//! - `wire`: HTTP requests with their retries, and what answers mean
//! - `desk`: presigned requests that are still good, and what was prepared for the next look
//! - `listing`: pages of a bucket's listing
//! - `signed`: presigned requests at hand or asked for, sent, and made anew where the bucket refuses them
//! - `answers`: what came back
//! - `objects`, `broker`: the two traits, on all of these

mod address;
mod answers;
mod broker;
mod calls;
mod desk;
mod listing;
mod objects;
mod signed;
mod token;
mod wire;

pub use address::GatewayAddress;
pub use token::TokenSource;

use crate::backend::ServerTime;
use crate::ports::Clock;
use desk::Desk;
use icecore_core::Author;
use object_store::client::HttpClient;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use token::Token;

/// An object store and a [`crate::Broker`] by way of a gateway.
///
/// Uploads and downloads go straight to the bucket; the gateway is asked for presigned requests only, and never
/// while the ones at hand are still good. Cheap to clone: clones share what they were given.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    address: GatewayAddress,
    token: Token,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    server_time: Arc<ServerTime>,
    desk: Mutex<Desk>,
    author: Mutex<Option<Author>>,
}

impl Gateway {
    /// A store behind the gateway at `address`, reached with `http`. No request is made. What its answers say of
    /// its time goes to `server_time`.
    pub fn new(
        address: GatewayAddress,
        token: TokenSource,
        http: HttpClient,
        clock: Arc<dyn Clock>,
        server_time: Arc<ServerTime>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                address,
                token: Token::new(token),
                http,
                clock,
                server_time,
                desk: Mutex::default(),
                author: Mutex::default(),
            }),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.inner
            .desk
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateway").field(&self.inner.address).finish()
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gateway {}", self.inner.address)
    }
}
