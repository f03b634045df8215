//! The keys of a space: [`KeyNumber`] and [`SpaceKeys`].

use crate::derive::{Key, hkdf, subkey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The number of a space key: 1, 2, 3 …
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyNumber(NonZeroU32);

impl KeyNumber {
    /// The number of the key that a keyring begins with.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The key of this number; none is 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// That of the key which stands at this place in a list of all, from 0.
    pub(crate) fn of_index(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(Self::new);
        number.expect("BUG: there are no more than KEYS_MAX keys")
    }

    fn index(self) -> usize {
        usize::try_from(self.get() - 1).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All keys of a space, from the first to the newest. A clone is cheap, for it is the same keys; `Debug` shows the
/// numbers only.
///
/// They come from [`Keyring::create`](crate::Keyring::create) or [`Keyring::open`](crate::Keyring::open); to seal and
/// open contents with them is described at [`Sealed`](crate::Sealed).
#[derive(Clone)]
pub struct SpaceKeys(Arc<Vec<Key>>);

impl SpaceKeys {
    /// Those keys; there is at least one.
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        assert!(!keys.is_empty(), "BUG: a space has at least one key");
        Self(Arc::new(keys))
    }

    /// The same, and a newer one.
    pub(crate) fn with(&self, newest: Key) -> Self {
        // All room at once: a vector that grows leaves copies behind that nobody wipes.
        let mut keys = Vec::with_capacity(self.0.len() + 1);
        keys.extend(self.0.iter().cloned());
        keys.push(newest);
        Self::new(keys)
    }

    /// The number of the newest key, under which contents are sealed.
    pub fn newest(&self) -> KeyNumber {
        KeyNumber::of_index(self.0.len() - 1)
    }

    /// Whether the key of this number is among them.
    pub fn has(&self, number: KeyNumber) -> bool {
        self.get(number).is_some()
    }

    /// A short text that two people who hold the same newest key see alike, to compare by voice or by eye: four groups
    /// of four characters, such as `7Q4M-0ZKD-H2W9-XB3E`. It reveals nothing of the key. Compared once, it shows that
    /// nobody put another keyring in the place of the right one.
    pub fn fingerprint(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let derived = subkey(self.newest_key(), b"icecore fingerprint v1");
        let mut text = String::with_capacity(19);
        for (n, bytes) in derived[..10].chunks(5).enumerate() {
            let bits = bytes
                .iter()
                .fold(0_u64, |bits, b| bits << 8 | u64::from(*b));
            for place in 0..8 {
                if place == 4 || (place == 0 && n > 0) {
                    text.push('-');
                }
                let digit = bits >> (35 - 5 * place) & 31;
                text.push(char::from(ALPHABET[usize::try_from(digit).unwrap_or(0)]));
            }
        }
        text
    }

    /// 32 bytes for this text, which tell nothing of it and which only who holds the keys can make: the same whatever keys
    /// were added since the first.
    pub fn token(&self, text: &[u8]) -> [u8; 32] {
        let first = self.0.first().expect("BUG: a space has at least one key");
        let mut token = [0; 32];
        let key = subkey(first, b"icecore token v1");
        hkdf(&key[..], None, text, &mut token);
        token
    }

    pub(crate) fn get(&self, number: KeyNumber) -> Option<&Key> {
        self.0.get(number.index())
    }

    pub(crate) fn newest_key(&self) -> &Key {
        self.0.last().expect("BUG: a space has at least one key")
    }

    /// All, from the first.
    pub(crate) fn all(&self) -> &[Key] {
        &self.0
    }
}

impl fmt::Debug for SpaceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpaceKeys(1..={})", self.newest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_numbers_begin_with_one() {
        assert_eq!(KeyNumber::new(0), None);
        assert_eq!(KeyNumber::new(1), Some(KeyNumber::FIRST));
        assert_eq!(serde_json::to_string(&KeyNumber::FIRST).unwrap(), "1");
        assert!(serde_json::from_str::<KeyNumber>("0").is_err());
        assert_eq!(KeyNumber::of_index(6).to_string(), "7");
    }

    #[test]
    fn keys_have_all_numbers_up_to_the_newest() {
        let one = SpaceKeys::new(vec![Key::new([1; 32])]);
        let two = one.with(Key::new([2; 32]));
        assert_eq!((one.newest().get(), two.newest().get()), (1, 2));
        let second = KeyNumber::of_index(1);
        assert!(!one.has(second) && two.has(second));
        assert!(!two.has(KeyNumber::new(u32::MAX).unwrap()));
        assert_eq!(one.get(KeyNumber::FIRST), two.get(KeyNumber::FIRST));
    }

    #[test]
    fn a_fingerprint_is_that_of_the_newest_key() {
        let one = SpaceKeys::new(vec![Key::new([1; 32])]);
        let two = one.with(Key::new([2; 32]));
        let other = SpaceKeys::new(vec![Key::new([3; 32]), Key::new([2; 32])]);
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(two.fingerprint(), other.fingerprint());
        let groups: Vec<usize> = one.fingerprint().split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 4, 4]);
    }

    #[test]
    fn debug_shows_numbers_only() {
        let keys = SpaceKeys::new(vec![Key::new([171; 32])]);
        assert_eq!(format!("{keys:?}"), "SpaceKeys(1..=1)");
    }
}
