//! Keys. Each is for one algorithm: what a token says of its algorithm chooses no other use of a key.

use super::fault::TokenFault;
use super::parts::{Header, Parts};
use super::secret::Secret;
use icecore_core::{Error, Result};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The bytes of a public key of Ed25519.
pub(super) const ED25519_BYTES: usize = 32;

/// How a token is signed. There is deliberately nothing else, least of all `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256: with a secret that signs as well as checks.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The name in tokens (RFC 7518, RFC 8037).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn inner(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key that signs tokens. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    kid: Option<String>,
    key: EncodingKey,
}

impl SigningKey {
    /// HS256 with a secret.
    pub fn hs256(secret: &Secret) -> Self {
        Self {
            algorithm: Algorithm::Hs256,
            kid: None,
            key: EncodingKey::from_secret(secret.bytes()),
        }
    }

    /// `EdDSA` with a private key of Ed25519 in PEM (PKCS#8), as `openssl genpkey -algorithm ed25519` makes.
    /// Its tokens name the thumbprint (RFC 7638) of the public key, so that a verifier with several keys
    /// finds the right one.
    ///
    /// # Errors
    /// `Invalid` when it is something else.
    pub fn ed25519_pem(pem: &str) -> Result<Self> {
        let invalid = || {
            Error::invalid("this is no private key of Ed25519 in PEM")
                .with_hint("make one with `openssl genpkey -algorithm ed25519`")
        };
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| invalid())?;
        let algorithm = Algorithm::EdDsa;
        // A key that brings its public half along in the PEM has no thumbprint here, and signs all the same.
        let kid = Jwk::from_encoding_key(&key, algorithm.inner())
            .and_then(|public| public.thumbprint(ThumbprintHash::SHA256))
            .ok();
        let key = Self {
            algorithm,
            kid,
            key,
        };
        key.sign(b"").map_err(|_| invalid())?;
        Ok(key)
    }

    /// The key id that its tokens name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(super) fn header(&self) -> Header {
        Header::new(self.algorithm.as_str(), self.kid())
    }

    /// The signature of a message, in the base64 of tokens.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String> {
        crypto::sign(message, &self.key, self.algorithm.inner())
            .map_err(|e| Error::invalid("the key cannot sign").with_source(e))
    }
}

/// A key that checks tokens.
#[derive(Debug, Clone)]
pub(super) struct VerifyKey {
    pub(super) algorithm: Algorithm,
    /// Which tokens are for this key; those of every id when it has none.
    pub(super) kid: Option<String>,
    key: DecodingKey,
}

impl VerifyKey {
    /// A key of some algorithm. The caller has looked at its length: a short one makes the library panic.
    pub(super) fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let kid = None;
        Self {
            algorithm,
            kid,
            key,
        }
    }

    pub(super) fn hs256(secret: &Secret) -> Self {
        Self::new(Algorithm::Hs256, DecodingKey::from_secret(secret.bytes()))
    }

    /// A public key of Ed25519 in PEM, with its thumbprint as its id.
    pub(super) fn ed25519_pem(pem: &str) -> Result<Self> {
        let invalid = || {
            Error::invalid("this is no public key of Ed25519 in PEM").with_hint(
                "get it with `openssl pkey -in private.pem -pubout`; private keys do not belong here",
            )
        };
        let key = DecodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| invalid())?;
        if key.try_get_as_bytes().map(<[u8]>::len).ok() != Some(ED25519_BYTES) {
            return Err(invalid());
        }
        let mut key = Self::new(Algorithm::EdDsa, key);
        let public = Jwk::from_decoding_key(&key.key, Some(key.algorithm.inner()));
        let thumbprint = public.and_then(|public| public.thumbprint(ThumbprintHash::SHA256));
        key.kid = Some(thumbprint.map_err(|_| invalid())?);
        Ok(key)
    }

    /// Whether a token with this header may be signed with this key.
    pub(super) fn is_for(&self, header: &Header) -> bool {
        let same_id = match (&self.kid, &header.kid) {
            (Some(mine), Some(wanted)) => mine == wanted,
            _ => true,
        };
        same_id && self.algorithm.as_str() == header.alg
    }

    fn verifies(&self, parts: &Parts<'_>) -> bool {
        let message = parts.signed.as_bytes();
        crypto::verify(parts.signature, message, &self.key, self.algorithm.inner())
            .is_ok_and(|good| good)
    }
}

/// Checks the signature of a token with those of the keys that it may be signed with.
pub(super) fn verify(keys: &[VerifyKey], parts: &Parts<'_>) -> Result<(), TokenFault> {
    let header = &parts.header;
    if !keys.iter().any(|key| key.algorithm.as_str() == header.alg) {
        let algorithm = header.alg.as_str().into();
        return Err(TokenFault::WrongAlgorithm { algorithm });
    }
    let mut fitting = keys.iter().filter(|key| key.is_for(header)).peekable();
    if fitting.peek().is_none() {
        let kid = header.kid.as_deref().unwrap_or_default().into();
        return Err(TokenFault::UnknownKey { kid });
    }
    if fitting.any(|key| key.verifies(parts)) {
        Ok(())
    } else {
        Err(TokenFault::BadSignature)
    }
}
