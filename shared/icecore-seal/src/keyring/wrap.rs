//! Space keys, wrapped for one holder.

use super::Holder;
use crate::Random;
use crate::cipher::{Cipher, TAG};
use crate::derive::{Key, from_base64, to_base64};
use crate::error::KeyringError;
use crate::identity::{Identity, PublicKey};
use crate::keys::{KeyNumber, SpaceKeys};
use zeroize::Zeroizing;

const INFO: &[u8] = b"icecore wrap v1";
const PUBLIC: usize = 32;
const NUMBER: usize = 4;
const ENTRY: usize = NUMBER + 32;

/// Wraps all keys for the owner of `public`, with an identity that nobody keeps.
pub(super) fn wrap(
    context: &[u8],
    keys: &SpaceKeys,
    holder: (&str, PublicKey),
    random: Random<'_>,
) -> Result<String, KeyringError> {
    let (_, public) = holder;
    let ephemeral = Identity::generate(random);
    let cipher = cipher(&ephemeral, public, (ephemeral.public(), public));
    let cipher = cipher.ok_or(KeyringError::Invalid("the public key protects nothing"))?;
    // All room at once: a vector that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(PUBLIC + keys.all().len() * ENTRY + TAG));
    bytes.extend_from_slice(ephemeral.public().as_bytes());
    for (index, key) in keys.all().iter().enumerate() {
        bytes.extend_from_slice(&KeyNumber::of_index(index).get().to_be_bytes());
        bytes.extend_from_slice(key.as_slice());
    }
    let tag = cipher.encrypt(&associated(context, holder), &mut bytes[PUBLIC..]);
    bytes.extend_from_slice(&tag);
    Ok(to_base64(&bytes))
}

/// Unwraps what was wrapped for this holder, whose identity it is.
pub(super) fn unwrap(
    context: &[u8],
    holder: &Holder,
    identity: &Identity,
) -> Result<SpaceKeys, KeyringError> {
    let wrong = || KeyringError::Changed("the wrapped keys");
    let mut bytes = Zeroizing::new(from_base64(&holder.wrapped).ok_or_else(wrong)?);
    let (ephemeral, rest) = bytes.split_first_chunk_mut().ok_or_else(wrong)?;
    let (entries, tag) = rest.split_last_chunk_mut().ok_or_else(wrong)?;
    let ephemeral = PublicKey::unchecked(*ephemeral);
    let public = identity.public();
    let cipher = cipher(identity, ephemeral, (ephemeral, public)).ok_or_else(wrong)?;
    let associated = associated(context, (&holder.name, public));
    cipher
        .decrypt(&associated, entries, *tag)
        .map_err(|_| wrong())?;
    keys_of(entries).ok_or_else(wrong)
}

/// The same for both sides: who wraps has the ephemeral secret, the holder its own.
fn cipher(
    ours: &Identity,
    theirs: PublicKey,
    (ephemeral, holder): (PublicKey, PublicKey),
) -> Option<Cipher> {
    let shared = ours.agree(theirs)?;
    let mut salt = [0; 2 * PUBLIC];
    salt[..PUBLIC].copy_from_slice(ephemeral.as_bytes());
    salt[PUBLIC..].copy_from_slice(holder.as_bytes());
    Some(Cipher::derive(shared.as_bytes(), &salt, INFO))
}

fn associated(context: &[u8], (name, public): (&str, PublicKey)) -> Vec<u8> {
    [context, public.as_bytes(), name.as_bytes()].concat()
}

/// Reads entries with all numbers from 1.
fn keys_of(entries: &[u8]) -> Option<SpaceKeys> {
    if entries.is_empty() || !entries.len().is_multiple_of(ENTRY) {
        return None;
    }
    let mut keys = Vec::with_capacity(entries.len() / ENTRY);
    for (entry, number) in entries.chunks_exact(ENTRY).zip(1_u32..) {
        let (stated, bytes) = entry.split_at(NUMBER);
        if stated != number.to_be_bytes() {
            return None;
        }
        let mut key = Key::default();
        key.copy_from_slice(bytes);
        keys.push(key);
    }
    Some(SpaceKeys::new(keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::HolderKind;

    fn entries(numbers: &[u32]) -> Vec<u8> {
        let entry = |n: &u32| [&n.to_be_bytes()[..], &[7; 32]].concat();
        numbers.iter().flat_map(entry).collect()
    }

    #[test]
    fn wrapped_keys_are_numbered_from_one() {
        let newest = |numbers: &[u32]| keys_of(&entries(numbers)).map(|keys| keys.newest().get());
        assert_eq!(newest(&[1]), Some(1));
        assert_eq!(newest(&[1, 2, 3]), Some(3));
        for wrong in [&[][..], &[0], &[2], &[1, 3], &[2, 1], &[1, 1], &[u32::MAX]] {
            assert_eq!(newest(wrong), None, "{wrong:?}");
        }
        assert!(keys_of(&entries(&[1])[..35]).is_none());
        assert!(keys_of(&entries(&[1, 2])[..40]).is_none());
    }

    #[test]
    fn another_context_name_or_identity_unwraps_nothing() {
        let keys = SpaceKeys::new(vec![Key::new([9; 32])]);
        let [ada, bob] = [1, 2].map(|n| Identity::from_secret(&[n; 32]));
        let holder = |name: &str, public| Holder {
            name: name.to_owned(),
            kind: HolderKind::Member,
            public,
            added_at: String::new(),
            wrapped: wrap(b"here", &keys, ("ada", ada.public()), &mut || [3; 32]).unwrap(),
        };
        let right = holder("ada", ada.public());
        assert!(unwrap(b"here", &right, &ada).is_ok());
        assert!(unwrap(b"there", &right, &ada).is_err());
        assert!(unwrap(b"here", &holder("bob", ada.public()), &ada).is_err());
        assert!(unwrap(b"here", &right, &bob).is_err());
    }
}
