//! Sealed contents: [`Sealed`], as text, and [`SealedBytes`].

use crate::cipher::{Cipher, TAG};
use crate::derive::{from_base64, to_base64};
use crate::error::OpenError;
use crate::keys::{KeyNumber, SpaceKeys};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const SALT: usize = 16;

/// How many bytes a sealed content has more than the content: its salt and its tag.
pub const SEALED_EXTRA: usize = SALT + TAG;

/// A content that only who holds the space keys can read, as text for JSON: `{"key":1,"sealed":"…"}`.
///
/// ```
/// # use icecore_seal::{Identity, Keyring, NewHolder, OpenError, Sealed};
/// # let public = Identity::generate(&mut || [1; 32]).public();
/// # let holder = NewHolder::Member { name: "ada".to_owned(), public };
/// # let (_, keys) = Keyring::create(b"[]", vec![holder], "2026-11-21T12:00:00Z", &mut || [9; 32])?;
/// let sealed = keys.seal(b"[\"notes\",\"ada\",1]", b"hello", [7; 16]);
/// let json = serde_json::to_string(&sealed)?;
/// assert!(json.starts_with(r#"{"key":1,"sealed":"BwcH"#));
///
/// let sealed: Sealed = serde_json::from_str(&json)?;
/// assert_eq!(keys.open(b"[\"notes\",\"ada\",1]", &sealed)?.as_slice(), b"hello");
/// // The same bytes at another place are refused.
/// let moved = keys.open(b"[\"notes\",\"ada\",2]", &sealed);
/// assert_eq!(moved, Err(OpenError::Refused));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The space key it is sealed under, so that a reader knows which to take.
    pub key: KeyNumber,
    /// base64url of the bytes that [`SealedBytes`] has.
    pub sealed: String,
}

/// A sealed content as it is, for large ones that are not part of a JSON text: a third smaller, and sealed and opened
/// in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBytes {
    /// The space key it is sealed under.
    pub key: KeyNumber,
    /// Salt (16 bytes), ciphertext, tag (16 bytes).
    pub bytes: Vec<u8>,
}

impl SpaceKeys {
    /// Seals a content under the newest key. It opens in the same `context` only.
    ///
    /// The `salt` is random. With the same key and salt again, who sees two sealed contents learns how the two contents
    /// differ, and can forge others: take new randomness each time.
    ///
    /// # Panics
    /// If the content is of 64 GiB or more.
    pub fn seal(&self, context: &[u8], plain: &[u8], salt: [u8; 16]) -> Sealed {
        let mut bytes = Vec::with_capacity(plain.len() + SEALED_EXTRA);
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(plain);
        self.encrypt(context, &mut bytes);
        Sealed {
            key: self.newest(),
            sealed: to_base64(&bytes),
        }
    }

    /// As [`seal`](Self::seal), in place. With [`SEALED_EXTRA`] spare bytes of capacity nothing is allocated; without,
    /// the content may stay behind in memory that was given back.
    ///
    /// # Panics
    /// If the content is of 64 GiB or more.
    pub fn seal_bytes(&self, context: &[u8], plain: Vec<u8>, salt: [u8; 16]) -> SealedBytes {
        let mut bytes = plain;
        let end = bytes.len();
        bytes.reserve_exact(SEALED_EXTRA);
        bytes.resize(end + SALT, 0);
        bytes.copy_within(..end, SALT);
        bytes[..SALT].copy_from_slice(&salt);
        self.encrypt(context, &mut bytes);
        SealedBytes {
            key: self.newest(),
            bytes,
        }
    }

    /// Opens what was sealed in the same `context`.
    ///
    /// # Errors
    /// [`UnknownKey`](OpenError::UnknownKey) when it is sealed under a key that is not among these;
    /// [`Refused`](OpenError::Refused) when it, its key or its context is not what it was;
    /// [`Malformed`](OpenError::Malformed) when it is no sealed content at all.
    pub fn open(&self, context: &[u8], sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let bytes = from_base64(&sealed.sealed).ok_or(OpenError::Malformed)?;
        self.decrypt(context, sealed.key, bytes)
    }

    /// As [`open`](Self::open), in place: nothing is allocated.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_bytes(
        &self,
        context: &[u8],
        sealed: SealedBytes,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.decrypt(context, sealed.key, sealed.bytes)
    }

    /// Encrypts what stands behind a salt, and puts the tag behind it.
    fn encrypt(&self, context: &[u8], bytes: &mut Vec<u8>) {
        let (salt, plain) = bytes.split_at_mut(SALT);
        let cipher = Cipher::derive(self.newest_key(), salt, INFO);
        let tag = cipher.encrypt(context, plain);
        bytes.extend_from_slice(&tag);
    }

    fn decrypt(
        &self,
        context: &[u8],
        number: KeyNumber,
        bytes: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut bytes = Zeroizing::new(bytes);
        let (salt, rest) = bytes
            .split_at_mut_checked(SALT)
            .ok_or(OpenError::Malformed)?;
        let (content, tag) = rest.split_last_chunk_mut().ok_or(OpenError::Malformed)?;
        let key = self.get(number).ok_or(OpenError::UnknownKey(number))?;
        Cipher::derive(key, salt, INFO)
            .decrypt(context, content, *tag)
            .map_err(|_| OpenError::Refused)?;
        let end = bytes.len() - TAG;
        bytes.copy_within(SALT..end, 0);
        bytes.truncate(end - SALT);
        Ok(bytes)
    }
}

const INFO: &[u8] = b"icecore seal v1";

#[cfg(test)]
mod tests;
