//! The format once more, with the libraries and as it stands in the crate's docs.

use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, aead::Aead as _, aead::Payload};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use icecore_seal::{Keyring, NewHolder, SpaceKeys};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn array<const N: usize>(text: &str) -> [u8; N] {
    bytes(text).try_into().unwrap()
}

/// Draws these, and no more; the test fails where some are left.
#[derive(Debug)]
pub(crate) struct Drawn<'a>(std::slice::Iter<'a, String>);

impl<'a> Drawn<'a> {
    pub(crate) fn new(random: &'a [String]) -> Self {
        Self(random.iter())
    }

    pub(crate) fn draw(&mut self) -> [u8; 32] {
        array(self.0.next().expect("the case has more random bytes"))
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.len() == 0
    }
}

/// The space key of a keyring that has this one only.
pub(crate) fn space_keys(key: &str) -> SpaceKeys {
    let public = icecore_seal::Identity::generate(&mut || [1; 32]).public();
    let name = "somebody".to_owned();
    let holder = NewHolder::Member { name, public };
    let mut random = || array(key);
    Keyring::create(b"[]", vec![holder], "2026-11-21T12:00:00Z", &mut random)
        .unwrap()
        .1
}

/// The key and nonce of one message.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Derived {
    pub(crate) key: String,
    pub(crate) nonce: String,
}

impl Derived {
    pub(crate) fn of(ikm: &[u8], salt: &[u8], info: &str) -> Self {
        let mut out = [0; 44];
        let hkdf = Hkdf::<Sha256>::new(Some(salt), ikm);
        hkdf.expand(info.as_bytes(), &mut out).unwrap();
        Self {
            key: text(&out[..32]),
            nonce: text(&out[32..]),
        }
    }

    /// Ciphertext and tag.
    pub(crate) fn encrypt(&self, associated: &[u8], plain: &[u8]) -> Vec<u8> {
        let cipher = Aes256Gcm::new_from_slice(&bytes(&self.key)).unwrap();
        let payload = Payload {
            msg: plain,
            aad: associated,
        };
        let nonce = Nonce::from(array::<12>(&self.nonce));
        cipher.encrypt(&nonce, payload).unwrap()
    }
}

pub(crate) fn subkey(key: &[u8], info: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let hkdf = Hkdf::<Sha256>::new(None, key);
    hkdf.expand(info.as_bytes(), &mut out).unwrap();
    out
}

pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        hmac.update(part);
    }
    text(&hmac.finalize().into_bytes())
}
