//! `POST /v1/spaces/{space}/sign` and `POST /v1/sign`: presigned requests, one by one.

use super::Gateway;
use super::answer::{self, parse};
use super::caller::{Caller, OwnAddress, SpaceInPath};
use super::refusal::Refused;
use super::spaces::check_number;
use crate::limits::at_most;
use crate::ops;
use crate::token::{Access, Right};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use icecore_core::wire::{Condition, Content, Op, Refusal, SignRequest, SignResponse};
use icecore_core::{Epoch, Error, Generation, ObjectKey, Result, SpaceName};

/// The most bytes of a snapshot, packed, that somebody may put who does not administer the space.
const WRITERS_SNAPSHOT_BYTES_MAX: u64 = 64 << 20;

/// Get presigned requests for objects of a space.
///
/// Reading and listing need the right `read`, the head hint `write`, and so does the snapshot of the newest segment of an
/// encrypted space, where there is none; all else `admin`. The bucket is asked nothing, unless a space is to be created or
/// a snapshot is put with the right `write`.
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
    SpaceInPath(name): SpaceInPath,
    body: Bytes,
) -> Result<Response, Refused> {
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
        match space.and_then(|space| Some((space, snapshot_of_a_writer(access, space, op)?))) {
            Some((space, snapshot)) => check_snapshot(gateway, space, snapshot).await?,
            None => ops::check(access, space, op)?,
        }
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

/// The snapshot that somebody who may write and not administer wants to put where there is none.
fn snapshot_of_a_writer(
    access: &Access,
    space: &SpaceName,
    op: &Op,
) -> Option<(Epoch, Generation, u64)> {
    let Op::Put {
        path,
        condition: Condition::Absent,
        content: Content::Layer,
        body,
    } = op
    else {
        return None;
    };
    let Ok(ObjectKey::Snapshot(of, epoch, generation)) = path.parse() else {
        return None;
    };
    let is_writers = access.may(Right::Write, space) && !access.may(Right::Admin, space);
    (of == *space && is_writers).then_some((epoch, generation, body.bytes))
}

/// Who may write may put a snapshot in an encrypted space, for nobody else can: the roll-up holds no key. A sealed state
/// shows that its maker holds one. Only that of the newest segment, so that nobody takes the places of later ones.
async fn check_snapshot(
    gateway: &Gateway,
    space: &SpaceName,
    (epoch, generation, bytes): (Epoch, Generation, u64),
) -> Result<(), Refused> {
    let info = gateway.store.space(space).await?.info;
    let path = ObjectKey::Snapshot(space.clone(), epoch, generation).to_string();
    if info.keyring.is_none() {
        let error = Error::denied("the token does not allow `admin` in this space")
            .with_object(path)
            .with_hint("a snapshot of a space that is not encrypted is written by the roll-up");
        return Err(error.into());
    }
    if bytes > WRITERS_SNAPSHOT_BYTES_MAX {
        let error = Error::invalid(format!("the snapshot has {bytes} bytes"))
            .with_object(path)
            .with_hint("one that is so large is written by a holder of `admin`");
        return Err(error.into());
    }
    // It and those after it.
    let before = generation.saturating_sub(1);
    let after = (before > Generation::ZERO).then(|| format!("{before:#}"));
    let folder = ObjectKey::segments(space, epoch);
    let parse = |name: &str| name.parse::<Generation>().ok();
    let bucket = &gateway.store.bucket;
    let (listed, _) = bucket.list_some(&folder, after, 2, parse).await?;
    let is_newest = matches!(listed.as_slice(), [only] if only.key == generation);
    if info.epoch != epoch || !is_newest {
        let error = Error::conflict("this is not the snapshot of the newest segment")
            .with_object(path)
            .with_hint("read the segments that were written since; a later snapshot may be due");
        return Err(error.into());
    }
    Ok(())
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
