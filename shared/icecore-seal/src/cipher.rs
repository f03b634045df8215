//! AES-256-GCM with a key and a nonce that are derived for one message.

use crate::derive::hkdf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce, Tag};
use zeroize::Zeroizing;

/// Bytes of an authentication tag.
pub(crate) const TAG: usize = 16;
const KEY: usize = 32;
const NONCE: usize = 12;

/// A ciphertext, its tag or its associated data are not what was encrypted.
pub(crate) struct Refused;

/// Encrypts or decrypts one message, in place.
pub(crate) struct Cipher {
    aes: Aes256Gcm,
    nonce: [u8; NONCE],
}

impl Cipher {
    pub(crate) fn derive(ikm: &[u8; 32], salt: &[u8], info: &[u8]) -> Self {
        let mut derived = Zeroizing::new([0; KEY + NONCE]);
        hkdf(ikm, Some(salt), info, derived.as_mut());
        let (key, rest) = derived.split_at(KEY);
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(rest);
        Self {
            aes: Aes256Gcm::new_from_slice(key).expect("BUG: the key has 32 bytes"),
            nonce,
        }
    }

    /// Encrypts once: the nonce must not be used again.
    pub(crate) fn encrypt(self, associated: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        self.aes
            .encrypt_inout_detached(&Nonce::from(self.nonce), associated, plain.into())
            .expect("BUG: nothing of 64 GiB is encrypted")
            .into()
    }

    /// Decrypts, or leaves the bytes as they are.
    pub(crate) fn decrypt(
        self,
        associated: &[u8],
        ciphertext: &mut [u8],
        tag: [u8; TAG],
    ) -> Result<(), Refused> {
        let (nonce, tag) = (Nonce::from(self.nonce), Tag::from(tag));
        self.aes
            .decrypt_inout_detached(&nonce, associated, ciphertext.into(), &tag)
            .map_err(|_| Refused)
    }
}
