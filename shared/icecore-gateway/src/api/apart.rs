//! What may compute for long is done apart from the threads that answer calls.

use super::Gateway;
use icecore_core::{Error, Result};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

/// How many of these are under way at once: others wait for them, and nobody else does.
const AT_ONCE: usize = 1;

/// Where that is done.
#[derive(Debug, Clone)]
pub(crate) enum Apart {
    /// By the call itself: a function has one call at a time, and a simulation one thread.
    Here,
    /// On threads of their own.
    Threads(Arc<Semaphore>),
}

impl Apart {
    pub(crate) fn threads() -> Self {
        Self::Threads(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Does something that unpacks or folds what is stored. It ends with the call: when nobody waits for it any more, it stops at
/// its next request.
pub(crate) async fn apart<T: Send + 'static>(
    gateway: &Gateway,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let Apart::Threads(places) = &gateway.apart else {
        return work.await;
    };
    let place = Arc::clone(places).acquire_owned().await;
    let runtime = Handle::current();
    let (wanted, mut given_up) = oneshot::channel::<()>();
    let done = spawn_blocking(move || {
        let _place = place;
        runtime.block_on(async {
            tokio::select! {
                done = work => Some(done),
                _ = &mut given_up => None,
            }
        })
    });
    let done = done.await;
    drop(wanted);
    match done {
        Ok(Some(done)) => done,
        Ok(None) | Err(_) => Err(Error::internal("BUG: the work of a call ended before it")),
    }
}
