//! [`Identity`], the secret of a program or person, and the [`PublicKey`] that others know it by.

use crate::Random;
use crate::derive::{array_from_base64, to_base64};
use crate::error::KeyTextError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;
use x25519_dalek::{SharedSecret, StaticSecret};
use zeroize::Zeroizing;

const SECRET_PREFIX: &str = "icecore-secret-";
const PUBLIC_PREFIX: &str = "icecore-public-";
const CHECKSUM: usize = 4;
/// Characters of base64url for 32 bytes and their checksum.
const TEXT: usize = 48;

/// An X25519 secret (RFC 7748): it opens what is wrapped for its [`PublicKey`]. `Debug` shows the public key only.
///
/// ```
/// use icecore_seal::Identity;
///
/// # let mut random = || [5; 32];
/// let identity = Identity::generate(&mut random);
/// let text = identity.to_text();
/// let again: Identity = text.parse()?;
/// assert_eq!(again.public(), identity.public());
///
/// let mistyped = text.replace("BQUF", "BQUE");
/// let error = mistyped.parse::<Identity>().unwrap_err();
/// assert_eq!(error.to_string(), "a character is wrong: the checksum does not fit");
/// # Ok::<(), icecore_seal::KeyTextError>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    secret: StaticSecret,
    /// Kept beside it, for to compute it takes as long as to open something.
    public: PublicKey,
}

impl Identity {
    /// A new one.
    pub fn generate(random: Random<'_>) -> Self {
        Self::from_secret(&Zeroizing::new(random()))
    }

    pub(crate) fn from_secret(bytes: &[u8; 32]) -> Self {
        let secret = StaticSecret::from(*bytes);
        let public = PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes());
        Self { secret, public }
    }

    /// What others need to wrap something for it. It is no secret.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The secret as text, to be kept where nobody else reads: `icecore-secret-…`. [`FromStr`] reads it.
    pub fn to_text(&self) -> Zeroizing<String> {
        text_of(SECRET_PREFIX, self.secret.as_bytes())
    }

    /// What it has in common with the owner of a public key; nothing where that would be zero, which everybody knows.
    pub(crate) fn agree(&self, public: PublicKey) -> Option<SharedSecret> {
        let shared = self.secret.diffie_hellman(&public.0.into());
        shared.was_contributory().then_some(shared)
    }
}

impl FromStr for Identity {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        if text.starts_with(PUBLIC_PREFIX) {
            return Err(KeyTextError::PublicForSecret);
        }
        Ok(Self::from_secret(&*bytes_of(SECRET_PREFIX, text)?))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.public)
    }
}

/// The public half of an [`Identity`]; as text and in JSON `icecore-public-…`. It is none of those of low order, with
/// which everybody agrees on zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes 32 bytes for a public key that nobody agrees with before it was looked at: [`Identity::agree`] does.
    pub(crate) const fn unchecked(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether it is of low order. Any secret tells, for all are multiples of the low orders.
    fn is_weak(self) -> bool {
        let agreed = StaticSecret::from([1; 32]).diffie_hellman(&self.0.into());
        !agreed.was_contributory()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_of(PUBLIC_PREFIX, &self.0))
    }
}

impl FromStr for PublicKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        if text.starts_with(SECRET_PREFIX) {
            return Err(KeyTextError::SecretForPublic);
        }
        let public = Self(*bytes_of(PUBLIC_PREFIX, text)?);
        if public.is_weak() {
            return Err(KeyTextError::Weak);
        }
        Ok(public)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyTextError;
    fn try_from(text: String) -> Result<Self, KeyTextError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(public: PublicKey) -> Self {
        public.to_string()
    }
}

fn checksum(bytes: &[u8; 32]) -> [u8; CHECKSUM] {
    let digest = Sha256::digest(bytes);
    [digest[0], digest[1], digest[2], digest[3]]
}

fn text_of(prefix: &str, bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut checked = Zeroizing::new([0; 32 + CHECKSUM]);
    checked[..32].copy_from_slice(bytes);
    checked[32..].copy_from_slice(&checksum(bytes));
    let encoded = Zeroizing::new(to_base64(checked.as_slice()));
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + TEXT));
    text.push_str(prefix);
    text.push_str(&encoded);
    text
}

fn bytes_of(prefix: &'static str, text: &str) -> Result<Zeroizing<[u8; 32]>, KeyTextError> {
    let encoded = text
        .strip_prefix(prefix)
        .ok_or(KeyTextError::Prefix(prefix))?;
    let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !encoded.chars().all(is_digit) {
        return Err(KeyTextError::Character);
    }
    if encoded.len() != TEXT {
        return Err(KeyTextError::Length(encoded.len()));
    }
    let checked = array_from_base64::<{ 32 + CHECKSUM }>(encoded);
    let checked = Zeroizing::new(checked.ok_or(KeyTextError::Character)?);
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(&checked[..32]);
    if checksum(&bytes).as_slice().ct_ne(&checked[32..]).into() {
        return Err(KeyTextError::Checksum);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
