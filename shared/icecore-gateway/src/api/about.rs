//! `GET /v1/token` and `GET /healthz`.

use super::Gateway;
use super::answer::json;
use super::caller::Caller;
use super::refusal::Refused;
use crate::token::Right;
use axum::extract::State;
use axum::response::Response;
use icecore_core::wire::{Health, Refusal, TokenInfo};
use icecore_core::{Error, StoreId};
use std::time::Duration;

/// How long what the bucket answered counts.
const HEALTH_COUNTS_FOR: Duration = Duration::from_secs(5);

/// What came of the last look at the bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// When, by the monotonic clock.
    at: Duration,
    /// Whose store it is, if it answered.
    store: Option<StoreId>,
}

/// Tell what the token allows.
#[utoipa::path(
    get,
    path = "/v1/token",
    responses(
        (status = 200, description = "What it allows", body = TokenInfo),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn token(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
) -> Result<Response, Refused> {
    let grants = access
        .grants
        .iter()
        .map(|grant| icecore_core::wire::TokenGrant {
            spaces: grant.spaces.iter().map(ToString::to_string).collect(),
            rights: grant
                .rights
                .iter()
                .map(|right: Right| right.to_string())
                .collect(),
        });
    json(&TokenInfo {
        now: gateway.store.now(),
        subject: access.subject.clone(),
        grants: grants.collect(),
        author: access.author,
        expires_at: access.expires_at,
    })
}

/// Tell whether the gateway and its bucket work.
#[utoipa::path(
    get,
    path = "/healthz",
    responses(
        (status = 200, description = "Both do", body = Health),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    )
)]
pub(crate) async fn health(State(gateway): State<Gateway>) -> Result<Response, Refused> {
    // Anybody may ask, as often as they like: the bucket is asked once in a while, and for one of them.
    let mut last = gateway.health.lock().await;
    let now = gateway.clock().monotonic();
    let store = match *last {
        Some(asked) if now.saturating_sub(asked.at) < HEALTH_COUNTS_FOR => asked.store,
        _ => {
            let info = gateway.store.info().await;
            if let Err(error) = &info {
                tracing::warn!(%error, "the bucket does not answer as it should");
            }
            let store = info.ok().map(|info| info.store);
            let at = gateway.clock().monotonic();
            *last = Some(Asked { at, store });
            store
        }
    };
    let store = store.ok_or_else(|| {
        Error::unavailable("the bucket does not answer as it should")
            .with_hint("the gateway's log says why; ask again in a few seconds")
    })?;
    json(&Health {
        now: gateway.store.now(),
        store,
    })
}
