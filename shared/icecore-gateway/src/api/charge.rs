//! What a token may write, and a space may hold.

use super::Gateway;
use super::refusal::Refused;
use crate::token::{Access, Right};
use crate::usage::Amount;
use icecore_core::SpaceName;

/// A guest may write a quarter of what others may.
const GUESTS_SHARE: u64 = 4;

/// Takes what is about to be written from what the token may write, and from what the space may hold.
///
/// # Errors
/// 429 where the token has to wait, 413 where the space is full; what listing the space reports.
pub(super) async fn charge(
    gateway: &Gateway,
    access: &Access,
    space: &SpaceName,
    more: Amount,
) -> Result<(), Refused> {
    if access.may(Right::Admin, space) {
        return Ok(());
    }
    let share = if access.guest { GUESTS_SHARE } else { 1 };
    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 bytes one more or less is of no account"
    )]
    let bytes = more.bytes.saturating_mul(share) as f64;
    let now = gateway.clock().monotonic();
    let (rate, token) = (&gateway.written, &access.token_id);
    rate.take_many(token, bytes, now)
        .map_err(Refused::too_much)?;
    let Some(most) = gateway.most(access) else {
        return Ok(());
    };
    let added = gateway.usage.add(&gateway.store, space, more, most).await;
    if !matches!(added, Ok(None)) {
        // Nothing is written.
        rate.give_back(token, bytes, now);
    }
    match added? {
        None => Ok(()),
        Some(full) => Err(Refused::full(full)),
    }
}
