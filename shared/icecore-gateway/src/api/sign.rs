//! `POST /v1/spaces/{space}/sign` and `POST /v1/sign`: presigned requests, one by one.

use super::Gateway;
use super::answer::{self, parse, space};
use super::caller::{Caller, OwnAddress};
use super::refusal::Refused;
use super::spaces::check_number;
use crate::limits::at_most;
use crate::ops;
use crate::token::Access;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use icecore_core::wire::{Condition, Op, Refusal, SignRequest, SignResponse};
use icecore_core::{ObjectKey, Result, SpaceName};

/// Get presigned requests for objects of a space.
///
/// Reading and listing need the right `read`, the head hint `write`, all else `admin`. The bucket is asked nothing,
/// unless a space is to be created.
#[utoipa::path(
    post,
    path = "/v1/spaces/{space}/sign",
    params(("space" = String, Path, description = "The name of the space")),
    request_body = SignRequest,
    responses(
        (status = 200, description = "The presigned requests, in order", body = SignResponse),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The token does not allow this", body = Refusal),
        (status = 408, description = "The body did not arrive in time", body = Refusal),
        (status = 413, description = "The body is too large", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn sign_in_space(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    OwnAddress(own): OwnAddress,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let name = space(&name)?;
    sign(&gateway, (&access, Some(&name)), &own, &body).await
}

/// Get presigned requests for what belongs to no space: `store.json`, and listings over all spaces.
#[utoipa::path(
    post,
    path = "/v1/sign",
    request_body = SignRequest,
    responses(
        (status = 200, description = "The presigned requests, in order", body = SignResponse),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The token does not allow this", body = Refusal),
        (status = 408, description = "The body did not arrive in time", body = Refusal),
        (status = 413, description = "The body is too large", body = Refusal),
        (status = 429, description = "The token makes too many calls", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn sign_outside(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    OwnAddress(own): OwnAddress,
    body: Bytes,
) -> Result<Response, Refused> {
    sign(&gateway, (&access, None), &own, &body).await
}

async fn sign(
    gateway: &Gateway,
    (access, space): (&Access, Option<&SpaceName>),
    own: &str,
    body: &Bytes,
) -> Result<Response, Refused> {
    let SignRequest { ops } = parse(body)?;
    at_most("ops", ops.len(), gateway.limits.urls_max)?;
    for op in &ops {
        ops::check(access, space, op)?;
    }
    if ops.iter().any(creates_a_space) {
        check_number(gateway, access).await?;
    }
    let now = gateway.store.now();
    let sign = |op: &Op| {
        let unsigned = ops::unsigned(&gateway.presigner, &gateway.limits, op)?;
        gateway.sign_for(access, unsigned, own, now)
    };
    let signed = ops.iter().map(sign).collect::<Result<_>>()?;
    let count = ops.len();
    answer::signed(&SignResponse { now, signed }, count)
}

fn creates_a_space(op: &Op) -> bool {
    let Op::Put {
        path, condition, ..
    } = op
    else {
        return false;
    };
    *condition == Condition::Absent && matches!(path.parse(), Ok(ObjectKey::Space(_)))
}
