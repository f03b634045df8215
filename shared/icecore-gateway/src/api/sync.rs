//! `POST /v1/spaces/{space}/sync`: all that a client lacks, and where it can write.

use super::Gateway;
use super::answer::{parse, signed};
use super::caller::{Caller, OwnAddress, SpaceInPath};
use super::charge::charge;
use super::refusal::Refused;
use crate::look::prepare;
use crate::presign::Unsigned;
use crate::slots;
use crate::token::Right;
use crate::usage::Amount;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use icecore_core::wire::{Refusal, Slot, SyncRequest, SyncResponse, WriteRequest};
use icecore_core::{Key, Result};

/// Look at a space, get slots to write to it, or both.
///
/// A look needs the right `read`, slots need `write`. Slots alone cost the bucket no request, but for a
/// listing now and then where the space may hold only so much.
#[utoipa::path(
    post,
    path = "/v1/spaces/{space}/sync",
    params(("space" = String, Path, description = "The name of the space")),
    request_body = SyncRequest,
    responses(
        (status = 200, description = "What the look found, and the slots", body = SyncResponse),
        (status = 400, description = "The request is wrong", body = Refusal),
        (status = 401, description = "The token is missing, wrong or expired", body = Refusal),
        (status = 403, description = "The token does not allow this", body = Refusal),
        (status = 404, description = "There is no such space", body = Refusal),
        (status = 408, description = "The body did not arrive in time", body = Refusal),
        (status = 413, description = "The body is too large, or the space is full", body = Refusal),
        (status = 429, description = "The token makes too many calls, or writes too much", body = Refusal),
        (status = 503, description = "The bucket does not answer", body = Refusal),
    ),
    security(("token" = []))
)]
pub(crate) async fn sync(
    State(gateway): State<Gateway>,
    Caller(access): Caller,
    OwnAddress(own): OwnAddress,
    SpaceInPath(name): SpaceInPath,
    body: Bytes,
) -> Result<Response, Refused> {
    let request: SyncRequest = parse(&body)?;
    if request.look.is_some() {
        access.check(Right::Read, &name)?;
    }
    if request.write.is_some() {
        access.check(Right::Write, &name)?;
    }
    let found = match &request.look {
        Some(wish) => Some(prepare(&gateway, &name, wish, (&access, &own)).await?),
        None => None,
    };
    // Last, for slots do not live long.
    let now = gateway.store.now();
    let mut all = Vec::new();
    if let Some(write) = &request.write {
        let at = (now, &*gateway.store.ids);
        let planned = slots::plan((&access, &name), write, &gateway.limits, at)?;
        charge(&gateway, &access, &name, amount(&planned, write)).await?;
        for keys in planned {
            let sign = |(key, unsigned)| {
                let signed = gateway.sign_for(&access, unsigned, &own, now)?;
                Ok(Slot { key, signed })
            };
            all.push(keys.into_iter().map(sign).collect::<Result<_>>()?);
        }
    }
    let count = all.iter().map(Vec::len).sum::<usize>()
        + found.as_ref().map_or(0, |found| found.urls.len());
    let answer = SyncResponse {
        now,
        author: access.author,
        found,
        slots: all,
    };
    signed(&answer, count)
}

/// What is written if each slot is used.
fn amount(slots: &[Vec<(Key, Unsigned)>], write: &WriteRequest) -> Amount {
    let each = slots.iter().zip(&write.objects).map(|(slots, body)| {
        let objects = slots.len() as u64;
        let bytes = body.bytes.saturating_mul(objects);
        Amount { objects, bytes }
    });
    each.fold(Amount::default(), Amount::and)
}
