//! `POST` and `GET /v1/spaces/{space}/transient`: events that are no part of the history.

use super::Gateway;
use super::answer::{created, json, parse};
use super::caller::{Caller, SpaceInPath};
use super::charge::charge;
use super::refusal::Refused;
use crate::token::Right;
use crate::usage::Amount;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use icecore_core::transient::{TRANSIENT_TTL, TransientEvent};
use icecore_core::wire::{Refusal, SendTransient, SentTransient, TransientList, TransientSeen};
use icecore_store::transient::{Seen, live, send};
use std::time::Duration;

/// Send a transient event, such as "is typing": others see it for seconds, and no history does.
///
/// It needs the right `write`.
#[utoipa::path(
    post,
    path = "/v1/spaces/{space}/transient",
    params(("space" = String, Path, description = "The name of the space")),
    request_body = SendTransient,
    responses(
        (status = 201, description = "It is stored", body = SentTransient),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The token does not allow this", body = Refusal),
        (status = 404, description = "There is no such space", body = Refusal),
        (status = 408, description = "The body did not arrive in time", body = Refusal),
        (status = 409, description = "The author sends too many at once", body = Refusal),
        (status = 413, description = "The body is too large, or the space is full", body = Refusal),
        (status = 429, description = "The token makes too many calls, or writes too much", body = Refusal),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn post(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    SpaceInPath(name): SpaceInPath,
    body: Bytes,
) -> Result<Response, Refused> {
    let request: SendTransient = parse(&body)?;
    access.check(Right::Write, &name)?;
    access.check_author(request.author, &name)?;
    let ttl = request.ttl_ms.map_or(TRANSIENT_TTL, Duration::from_millis);
    let event = TransientEvent::new(&request.kind, request.data, ttl)?;
    let info = gateway.store.space(&name).await?.info;
    let more = Amount {
        objects: 1,
        bytes: body.len() as u64,
    };
    charge(&gateway, &access, &name, more).await?;
    let key = send(&gateway.store, &info, request.author, &event).await?;
    let ttl = i64::try_from(event.ttl_ms).unwrap_or(i64::MAX);
    created(&SentTransient {
        key,
        expires_at: gateway.store.now().saturating_add(ttl),
    })
}

/// Read the transient events of a space that live.
///
/// It needs the right `read`. A key with its author names an event: ask again after some seconds, and pass over what was
/// seen.
#[utoipa::path(
    get,
    path = "/v1/spaces/{space}/transient",
    params(("space" = String, Path, description = "The name of the space")),
    responses(
        (status = 200, description = "Those that live, in order of their keys", body = TransientList),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The token does not allow this", body = Refusal),
        (status = 404, description = "There is no such space", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    SpaceInPath(name): SpaceInPath,
) -> Result<Response, Refused> {
    access.check(Right::Read, &name)?;
    let info = gateway.store.space(&name).await?.info;
    let seen = |seen: Seen| TransientSeen {
        key: seen.key,
        author: seen.author,
        kind: seen.event.kind,
        data: seen.event.data,
        expires_at: seen.expires_at,
    };
    let events = live(&gateway.store, &info).await?;
    json(&TransientList {
        now: gateway.store.now(),
        events: events.into_iter().map(seen).collect(),
    })
}
