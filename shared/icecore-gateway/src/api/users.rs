//! `POST /v1/users` and `POST /v1/users/{id}/link`: guests, and what becomes of them.

use super::Gateway;
use super::answer::{created, json, parse};
use super::apart::apart;
use super::caller::{Caller, SpaceInPath};
use super::edge::within;
use super::refusal::Refused;
use super::spaces::check_number;
use crate::token::{Access, Right};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use icecore_core::wire::{CreateUser, LinkUser, Refusal, UserLinked};
use icecore_core::{Error, Result, SpaceName};
use icecore_store::link::{check_source, forward_all, join};
use std::time::Duration;

/// How long a call forwards what a guest wrote. What is left then is for the scheduled roll-up.
const FORWARD_MAX: Duration = Duration::from_secs(15);

/// Make a guest: an id, a space of its own, and a token that is good for that space.
///
/// It needs no token, and is refused unless the gateway's settings say that it takes guests.
#[utoipa::path(
    post,
    path = "/v1/users",
    request_body = CreateUser,
    responses(
        (status = 201, description = "The guest, and its token: it is shown once", body = icecore_core::wire::NewUser),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 403, description = "The gateway takes no guests", body = Refusal),
        (status = 408, description = "The body did not arrive in time", body = Refusal),
        (status = 413, description = "The body is too large", body = Refusal),
        (status = 429, description = "Too many guests come at once", body = Refusal),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    ),
    security(())
)]
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    body: Bytes,
) -> Result<Response, Refused> {
    let guests = gateway.guests.as_deref().ok_or_else(|| {
        Error::denied("this gateway takes no guests")
            .with_hint("ask whoever runs it for a token, or to set `guests` in its settings")
    })?;
    let request: CreateUser = parse(&body)?;
    let model = guests.model(request.model)?;
    guests
        .take(gateway.clock().monotonic())
        .map_err(Refused::too_many_guests)?;
    let user = guests.create(&*gateway.store.ids, gateway.store.now())?;
    gateway
        .store
        .put_space(&user.space, model, request.order)
        .await?;
    created(&user)
}

/// Link a guest to a user: the guest's history joins the user's space.
///
/// The updates keep author and seq, so nothing is there twice however often this is called. What devices still write to the
/// guest's space is forwarded by the scheduled roll-up. The token is the user's, with the right `write` in the user's
/// space, and `admin` if there is no such space yet.
#[utoipa::path(
    post,
    path = "/v1/users/{id}/link",
    params(("id" = String, Path, description = "The id of the guest")),
    request_body = LinkUser,
    responses(
        (status = 200, description = "They are linked", body = UserLinked),
        (status = 400, description = "The request is wrong, or the spaces do not fit together", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The tokens do not allow this", body = Refusal),
        (status = 404, description = "There is no such guest", body = Refusal),
        (status = 408, description = "The body did not arrive in time", body = Refusal),
        (status = 409, description = "The guest is linked to another space", body = Refusal),
        (status = 413, description = "The body is too large", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
        (status = 503, description = "The bucket does not answer; call again, it goes on", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn link(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    SpaceInPath(from): SpaceInPath,
    body: Bytes,
) -> Result<Response, Refused> {
    let LinkUser { guest_token, into } = parse(&body)?;
    access.check(Right::Write, &into)?;
    if access.guest {
        // Else one guest's space could take in those of many.
        return Err(Error::denied("a guest's space joins the space of a user")
            .with_object("into")
            .with_hint("sign in first, and call with the user's token")
            .into());
    }
    if access.author.is_some() || access.must_be_bound {
        // What a guest wrote may name any author, which such a token must not.
        access.check(Right::Admin, &into)?;
    }
    check_is_own(&gateway, &access, &from, guest_token.as_deref()).await?;
    // What was written is read and packed anew.
    let linked = apart(&gateway, link_now(gateway.clone(), access, (from, into))).await?;
    json(&linked)
}

async fn link_now(
    gateway: Gateway,
    access: Access,
    (from, into): (SpaceName, SpaceName),
) -> Result<UserLinked> {
    create_if_missing(&gateway, &access, (&from, &into)).await?;
    let linked = join(&gateway.store, &from, &into).await?;
    let (updates, complete) = forward_now(&gateway, &from).await?;
    Ok(UserLinked {
        updates,
        complete,
        from,
        into,
        linked_at: linked.at,
    })
}

/// Nobody takes over a guest that is not theirs.
async fn check_is_own(
    gateway: &Gateway,
    access: &Access,
    guest: &SpaceName,
    token: Option<&str>,
) -> Result<(), Refused> {
    let Some(token) = token else {
        return Ok(access
            .check_owns(guest)
            .map_err(|error| error.with_hint("send the guest's own token as `guest_token`"))?);
    };
    let proof = match gateway.verifier.verify(token).await {
        Ok(proof) => proof,
        Err(fault) if !fault.needs_other_token() => return Err(fault.into()),
        Err(fault) => {
            // The caller's own token is good: a 401 would tell the client to get another.
            let hint = fault.hint();
            let message = format!("the guest's token is refused: {}", Error::from(fault));
            return Err(Error::denied(message)
                .with_object("guest_token")
                .with_hint(hint)
                .into());
        }
    };
    Ok(proof
        .check_owns(guest)
        .map_err(|error| error.with_object("guest_token"))?)
}

/// Whoever signs in for the first time has no space yet.
async fn create_if_missing(
    gateway: &Gateway,
    access: &Access,
    (from, into): (&SpaceName, &SpaceName),
) -> Result<()> {
    let missing = match gateway.store.space_or_tombstone(into).await {
        Ok(_) => return Ok(()),
        Err(error) if error.is_not_found() => error,
        Err(error) => return Err(error),
    };
    if !access.may(Right::Admin, into) {
        return Err(missing);
    }
    check_number(gateway, access).await?;
    let guest = gateway.store.space(from).await?.info;
    // Before there is a space whose name stays taken.
    check_source(&gateway.store, &guest, into).await?;
    let put = gateway.store.put_space(into, guest.model, guest.order);
    match put.await {
        // A second call for the same user was faster.
        Err(error) if error.is_conflict() => Ok(()),
        put => put.map(drop),
    }
}

/// Forwards what there is as far as the time allows, and tells whether that was all.
async fn forward_now(gateway: &Gateway, from: &SpaceName) -> Result<(u64, bool)> {
    let forwarding = Box::pin(forward_all(&gateway.store, from));
    match within(gateway, FORWARD_MAX, forwarding).await {
        Some(updates) => Ok((updates?, true)),
        None => Ok((0, false)),
    }
}
