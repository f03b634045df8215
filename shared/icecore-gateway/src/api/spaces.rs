//! `GET /v1/spaces` and `DELETE /v1/spaces/{space}`.

use super::Gateway;
use super::answer::json;
use super::apart::apart;
use super::caller::{Caller, SpaceInPath};
use super::refusal::Refused;
use crate::token::{Access, Right, SpacePattern};
use axum::extract::State;
use axum::response::Response;
use icecore_core::wire::{Erased, Refusal, SpaceList};
use icecore_core::{Error, ObjectKey, SpaceName};
use icecore_store::epochs::erase;
use std::collections::BTreeSet;

/// List the spaces that the token may read.
#[utoipa::path(
    get,
    path = "/v1/spaces",
    responses(
        (status = 200, description = "Their names, sorted", body = SpaceList),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
) -> Result<Response, Refused> {
    let spaces = readable(&gateway, &access).await?;
    json(&SpaceList { spaces })
}

async fn readable(gateway: &Gateway, access: &Access) -> icecore_core::Result<Vec<SpaceName>> {
    let exact = access.patterns(Right::Read).map(SpacePattern::as_exact);
    let Some(named) = exact.collect::<Option<BTreeSet<_>>>() else {
        let mut spaces = gateway.store.spaces().await?;
        spaces.retain(|space| access.may(Right::Read, space));
        return Ok(spaces);
    };
    // A few names are looked up instead of listing all that there are.
    let mut spaces = Vec::new();
    for name in named {
        let key = ObjectKey::Space(name.clone());
        if gateway.store.bucket.exists(&key).await? {
            spaces.push(name.clone());
        }
    }
    Ok(spaces)
}

/// Erase a space: all its objects but a tombstone, which refuses late writes. Needs the right `admin`.
#[utoipa::path(
    delete,
    path = "/v1/spaces/{space}",
    params(("space" = String, Path, description = "The name of the space")),
    responses(
        (status = 200, description = "It is erased", body = Erased),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The token does not allow this", body = Refusal),
        (status = 404, description = "There is no such space", body = Refusal),
        (status = 409, description = "Somebody changed the space meanwhile", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
        (status = 503, description = "The bucket does not answer; run it again, it goes on", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn erase_space(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    SpaceInPath(name): SpaceInPath,
) -> Result<Response, Refused> {
    access.check_owns(&name)?;
    // What a linked space holds is forwarded before it goes.
    let store = gateway.store.clone();
    let erased = apart(&gateway, async move { erase(&store, &name).await }).await?;
    json(&Erased {
        objects: erased.objects,
        erased_at: erased.erased_at,
    })
}

/// Whether a token may have one more space. Whoever administers everything may have any number.
pub(super) async fn check_number(gateway: &Gateway, access: &Access) -> icecore_core::Result<()> {
    if access.may_all(Right::Admin) {
        return Ok(());
    }
    let most = gateway.limits.spaces_max;
    let exact = access.patterns(Right::Admin).map(SpacePattern::as_exact);
    if exact
        .collect::<Option<BTreeSet<_>>>()
        .is_some_and(|named| named.len() <= most)
    {
        return Ok(());
    }
    let spaces = gateway.store.spaces().await?;
    let own = spaces
        .iter()
        .filter(|space| access.may(Right::Admin, space));
    if own.count() < most {
        return Ok(());
    }
    Err(
        Error::denied(format!("there are {most} spaces of this token already")).with_hint(
            "use one of them, or ask whoever runs the gateway to raise its limit `spaces_max`",
        ),
    )
}
