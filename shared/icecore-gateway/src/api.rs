//! The HTTP API: an axum router, for a function or a listener.
//!
//! # Layout
//! - `caller`: who asks, from the request's token
//! - `refusal`: what an error looks like
//! - `charge`: what a token may write, and a space may hold
//! - `edge`: what every request passes through: limits, request id, headers, CORS, the log
//! - `apart`: where what computes for long is done
//! - `answer`: JSON, packed where the client takes it
//! - `document`: the `OpenAPI` document
//! - `sync`, `sign`, `spaces`, `users`, `transient`, `about`: the endpoints

mod about;
mod answer;
mod apart;
mod caller;
mod charge;
mod document;
mod edge;
mod refusal;
mod sign;
mod spaces;
mod sync;
mod transient;
mod users;

pub use edge::Origins;

use apart::Apart;

use crate::guests::{GuestSettings, Guests};
use crate::limits::{Limits, Rate};
use crate::observer::Observer;
use crate::presign::{Presigner, Unsigned};
use crate::token::{Access, Verifier};
use crate::usage::{Amount, OBJECTS_MAX, Usage};
use axum::Router;
use axum::middleware::from_fn_with_state;
use icecore_core::Result;
use icecore_core::wire::Signed;
use icecore_store::{Clock, Store};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything that the API stands on. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) store: Store,
    pub(crate) presigner: Presigner,
    pub(crate) limits: Arc<Limits>,
    verifier: Arc<Verifier>,
    rate: Arc<Rate>,
    written: Arc<Rate>,
    usage: Arc<Usage>,
    origins: Arc<Origins>,
    public_url: Option<Arc<str>>,
    guests: Option<Arc<Guests>>,
    observer: Option<Arc<dyn Observer>>,
    health: Arc<Mutex<Option<about::Asked>>>,
    apart: Apart,
}

impl Gateway {
    /// A gateway to a store, whose requests it signs with `presigner` and whose tokens `verifier` knows.
    pub fn new(store: Store, presigner: Presigner, verifier: Verifier, limits: Limits) -> Self {
        Self {
            store,
            presigner,
            rate: Arc::new(Rate::new(limits.burst, limits.calls_per_second)),
            written: Arc::new(bytes_written(&limits)),
            usage: Arc::default(),
            limits: Arc::new(limits),
            verifier: Arc::new(verifier),
            origins: Arc::default(),
            public_url: None,
            guests: None,
            observer: None,
            health: Arc::default(),
            apart: Apart::Here,
        }
    }

    /// Pages of these origins may call it. Without, none may.
    #[must_use]
    pub fn with_origins(mut self, origins: Origins) -> Self {
        self.origins = Arc::new(origins);
        self
    }

    /// It takes guests. Without, it takes none.
    #[must_use]
    pub fn with_guests(mut self, guests: Option<Guests>) -> Self {
        self.guests = guests.map(Arc::new);
        self
    }

    /// What may compute for long is done on threads of its own, so that no other call waits for it. For a server; it needs a
    /// runtime with real time.
    #[must_use]
    pub fn with_own_threads(mut self) -> Self {
        self.apart = Apart::threads();
        self
    }

    /// Somebody is told of each call.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// As clients know it, `https://host`, where that is not what their requests say.
    #[must_use]
    pub fn with_public_url(mut self, url: &str) -> Self {
        self.public_url = Some(url.trim_end_matches('/').into());
        self
    }

    /// Signs a request for whoever has this token: it ends with the token at the latest.
    pub(crate) fn sign_for(
        &self,
        access: &Access,
        mut request: Unsigned,
        own: &str,
        now: i64,
    ) -> Result<Signed> {
        let left = u64::try_from(access.expires_at.saturating_sub(now)).unwrap_or(0);
        // In whole seconds, as signatures count; and none lives for less than one.
        let left = Duration::from_secs((left / 1_000).max(1));
        request.expires_in = request.expires_in.min(left);
        self.presigner.sign(&request, own, now)
    }

    /// The most that a space may hold which this token writes to; `None` where nobody limits it. A guest keeps its token when
    /// no more guests are taken.
    pub(crate) fn most(&self, access: &Access) -> Option<Amount> {
        if access.guest {
            let guests = self.guests.as_ref();
            return Some(
                guests.map_or_else(|| GuestSettings::default().most(), |guests| guests.most()),
            );
        }
        let Limits {
            space_bytes,
            space_objects,
            ..
        } = *self.limits;
        (space_bytes.is_some() || space_objects.is_some()).then(|| Amount {
            bytes: space_bytes.unwrap_or(u64::MAX),
            objects: space_objects.unwrap_or(OBJECTS_MAX).min(OBJECTS_MAX),
        })
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.store.clock
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 2^53 bytes one more or less is of no account"
)]
fn bytes_written(limits: &Limits) -> Rate {
    let bytes = |bytes: u64| bytes as f64;
    Rate::new(
        bytes(limits.write_bytes_burst),
        bytes(limits.write_bytes_per_second),
    )
}

impl fmt::Debug for Gateway {
    // Not derived: it holds keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

/// The router of the API.
pub fn router(gateway: &Gateway) -> Router {
    let (router, document) = endpoints().split_for_parts();
    let document = document::finished(document);
    router
        .merge(document::route(&document))
        .fallback(refusal::no_endpoint)
        .method_not_allowed_fallback(refusal::wrong_method)
        .layer(from_fn_with_state(gateway.clone(), edge::pass))
        .with_state(gateway.clone())
}

/// The `OpenAPI` document of the API, as JSON.
pub fn document_json() -> String {
    let (_, document) = endpoints().split_for_parts();
    document::to_json(&document::finished(document))
}

fn endpoints() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(sync::sync))
        .routes(routes!(sign::sign_in_space))
        .routes(routes!(sign::sign_outside))
        .routes(routes!(spaces::list))
        .routes(routes!(spaces::erase_space))
        .routes(routes!(transient::post, transient::list))
        .routes(routes!(users::create))
        .routes(routes!(users::link))
        .routes(routes!(about::token))
        .routes(routes!(about::health))
}
