//! Under which keys an update may be written.

use crate::limits::{Limits, at_most};
use crate::ops;
use crate::presign::Unsigned;
use crate::token::Access;
use icecore_core::plan::KeyClock;
use icecore_core::plan::key::{AHEAD_MILLIS_MAX, clamp};
use icecore_core::wire::{KeyHints, KeyWish, WriteRequest};
use icecore_core::{Error, Key, ObjectKey, Result, SpaceName};
use icecore_store::{Ids, random_between};

/// Keys below this one are places in a sequence, and no times: 10^12 ms after 1970 was in September 2001.
const FIRST_TIME: u64 = 1_000_000_000_000;
/// How far from now a time may be that a client names itself: it tried it before.
const NAMED_KEY_WINDOW_MS: u64 = 10 * 60 * 1000;

/// Chooses the keys for each body of a request, and what is to be signed for them.
///
/// # Errors
/// `Denied` when the token is bound to another author; `Invalid` for a key that cannot be written now, or too much.
pub(crate) fn plan(
    (access, space): (&Access, &SpaceName),
    request: &WriteRequest,
    limits: &Limits,
    (now, ids): (i64, &dyn Ids),
) -> Result<Vec<Vec<(Key, Unsigned)>>> {
    access
        .check_author(request.author, space)
        .map_err(|error| error.with_object("write.author"))?;
    at_most("write.objects", request.objects.len(), limits.writes_max)?;
    let spare = request.spare.min(limits.spare_max);
    let each = usize::from(spare) + 1;
    at_most("write.spare", request.objects.len() * each, limits.urls_max)?;
    let keys = match &request.keys {
        KeyWish::At { key } => vec![vec![named_key(*key, request, now)?]],
        KeyWish::After(hints) => chosen_keys(*hints, request.objects.len(), each, (now, ids)),
    };
    let slot = |key: Key, body| {
        let object = ObjectKey::Update(space.clone(), request.epoch, key);
        Ok((key, ops::slot(&object, body, request.author, limits)?))
    };
    let bodies = request.objects.iter();
    bodies
        .zip(keys)
        .map(|(body, keys)| keys.into_iter().map(|key| slot(key, *body)).collect())
        .collect()
}

fn named_key(key: Key, request: &WriteRequest, now: i64) -> Result<Key> {
    if request.objects.len() != 1 {
        return Err(Error::invalid("one key is for one body")
            .with_object("write.keys.at")
            .with_hint("name one body, or let the gateway choose with write.keys.after"));
    }
    let is_place = key > Key::MIN && key.get() < FIRST_TIME;
    let is_near = key.get().abs_diff(clamp(now).get()) <= NAMED_KEY_WINDOW_MS;
    if is_place || is_near {
        return Ok(key);
    }
    Err(Error::invalid(format!("the key {key} is too far from now"))
        .with_object("write.keys.at")
        .with_hint("let the gateway choose with write.keys.after"))
}

/// Keys as a client with a right clock would choose them: rising from body to body, so that they can be written one
/// after the other whichever of the spare ones were needed.
fn chosen_keys(
    mut hints: KeyHints,
    bodies: usize,
    each: usize,
    (now, ids): (i64, &dyn Ids),
) -> Vec<Vec<Key>> {
    // A roll-up reaches no further than the server's times; a client that says so must not write ahead of them.
    let horizon = clamp(now).saturating_add(AHEAD_MILLIS_MAX);
    hints.reached = hints.reached.min(horizon);
    let random = |min: u64, max: u64| random_between(ids, min, max);
    let first = KeyClock::from(hints).first(now, random);
    let mut next = first;
    let mut all = Vec::with_capacity(bodies);
    for _ in 0..bodies {
        let mut clock = KeyClock::from(hints);
        let mut keys = vec![next];
        let mut last = next;
        while keys.len() < each {
            last = clock.bump(last, random);
            keys.push(last);
        }
        next = last.saturating_add(1);
        all.push(keys);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Grant, Rights, SpacePattern};
    use icecore_core::wire::BodyInfo;
    use icecore_core::{Author, Epoch, ErrorKind};

    const NOW: i64 = 1_763_640_000_000;

    #[derive(Debug)]
    struct Seven;

    impl Ids for Seven {
        fn random(&self) -> u128 {
            7
        }
    }

    fn author(n: u128) -> Author {
        Author::from_parts(1, n)
    }

    fn access(bound: Option<Author>) -> Access {
        Access {
            subject: "dev".to_owned(),
            grants: vec![Grant {
                spaces: vec![SpacePattern::all()],
                rights: Rights::read_write(),
            }],
            author: bound,
            must_be_bound: false,
            guest: false,
            expires_at: i64::MAX,
            token_id: "t".to_owned(),
        }
    }

    fn hints(seen: u64, reached: u64) -> KeyHints {
        KeyHints {
            own_last: None,
            seen: Key::new(seen).unwrap(),
            reached: Key::new(reached).unwrap(),
            stride: 1,
        }
    }

    fn request(keys: KeyWish, bodies: usize) -> WriteRequest {
        WriteRequest {
            epoch: Epoch::MIN,
            author: author(1),
            keys,
            objects: vec![BodyInfo::of(b"{}"); bodies],
            spare: 2,
        }
    }

    fn keys(request: &WriteRequest, bound: Option<Author>) -> Result<Vec<Vec<u64>>> {
        let space = "notes".parse().unwrap();
        let access = access(bound);
        let planned = plan(
            (&access, &space),
            request,
            &Limits::default(),
            (NOW, &Seven),
        )?;
        let of = |keys: Vec<(Key, Unsigned)>| keys.iter().map(|(k, _)| k.get()).collect();
        Ok(planned.into_iter().map(of).collect())
    }

    #[test]
    fn keys_rise_from_the_gateways_clock() {
        let now = u64::try_from(NOW).unwrap();
        let found = keys(&request(KeyWish::After(hints(5, 0)), 2), None).unwrap();
        assert_eq!(found[0][0], now);
        let flat: Vec<u64> = found.concat();
        assert_eq!(flat.len(), 6);
        assert!(flat.windows(2).all(|pair| pair[0] < pair[1]), "{flat:?}");
        let after = keys(&request(KeyWish::After(hints(now + 10, 0)), 1), None).unwrap();
        assert_eq!(after[0][0], now + 11);
    }

    #[test]
    fn no_client_writes_far_ahead() {
        let now = u64::try_from(NOW).unwrap();
        let hour = 3_600_000;
        let seen = keys(&request(KeyWish::After(hints(now + hour, 0)), 1), None).unwrap();
        assert_eq!(seen[0][0], now);
        let reached = keys(&request(KeyWish::After(hints(0, now + hour)), 1), None).unwrap();
        assert!(reached[0][0] <= now + AHEAD_MILLIS_MAX + 1);
        for far in [now + hour, now - hour, 0] {
            let key = Key::new(far).unwrap();
            let refused = keys(&request(KeyWish::At { key }, 1), None).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{far}");
        }
        let place = Key::new(17).unwrap();
        assert_eq!(
            keys(&request(KeyWish::At { key: place }, 1), None).unwrap(),
            [[17]]
        );
    }

    #[test]
    fn a_bound_token_writes_as_its_author_only() {
        let wish = || KeyWish::After(hints(0, 0));
        assert!(keys(&request(wish(), 1), Some(author(1))).is_ok());
        let refused = keys(&request(wish(), 1), Some(author(2))).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied);
    }
}
