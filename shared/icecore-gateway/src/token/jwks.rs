//! The published keys of an issuer (RFC 7517).

use super::key::{Algorithm, ED25519_BYTES, VerifyKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use icecore_core::{Error, Result};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

/// The most keys that are taken: an issuer that rotates has two or three.
const KEYS_MAX: usize = 64;

/// The lengths of an RSA modulus that count: 2048 bits and more (RFC 7518, 3.3), and no more than the
/// library takes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

const P256_BYTES: usize = 32;

/// A key as the issuer publishes it; what is not needed here is not looked at.
#[derive(Debug, Deserialize)]
struct PublishedKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of an issuer that can check tokens signed with one of `algorithms`. A key of another kind is no
/// error: issuers publish keys for other uses beside them.
pub(super) fn parse(body: &[u8], algorithms: &[Algorithm]) -> Result<Vec<VerifyKey>> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<Value>,
    }
    let published: Published = serde_json::from_slice(body)
        .map_err(|e| Error::unavailable("the answer is no set of keys").with_source(e))?;
    Ok(published
        .keys
        .into_iter()
        .filter_map(|key| usable(serde_json::from_value(key).ok()?))
        .filter(|key| algorithms.contains(&key.algorithm))
        .take(KEYS_MAX)
        .collect())
}

fn usable(key: PublishedKey) -> Option<VerifyKey> {
    let operations = key.key_ops.as_ref();
    if key.purpose.as_ref().is_some_and(|purpose| purpose != "sig")
        || operations.is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
    {
        return None;
    }
    let mut usable = match (key.kty.as_str(), key.crv.as_deref()) {
        ("RSA", _) => rsa(&key)?,
        ("EC", Some("P-256")) => p256(&key)?,
        ("OKP", Some("Ed25519")) => ed25519(&key)?,
        // Among them `oct`: a secret that is published is none.
        _ => return None,
    };
    if key.alg.is_some_and(|alg| alg != usable.algorithm.as_str()) {
        return None;
    }
    usable.kid = key.kid;
    Some(usable)
}

fn rsa(key: &PublishedKey) -> Option<VerifyKey> {
    let (n, e) = (bytes(key.n.as_ref())?, bytes(key.e.as_ref())?);
    let significant = n.iter().skip_while(|byte| **byte == 0).count();
    let key = DecodingKey::from_rsa_raw_components(&n, &e);
    RSA_BYTES
        .contains(&significant)
        .then(|| VerifyKey::new(Algorithm::Rs256, key))
}

fn p256(key: &PublishedKey) -> Option<VerifyKey> {
    let (x, y) = (key.x.as_ref(), key.y.as_ref());
    let fits = bytes(x)?.len() == P256_BYTES && bytes(y)?.len() == P256_BYTES;
    let key = DecodingKey::from_ec_components(x?, y?).ok()?;
    fits.then(|| VerifyKey::new(Algorithm::Es256, key))
}

fn ed25519(key: &PublishedKey) -> Option<VerifyKey> {
    let x = bytes(key.x.as_ref())?;
    let key = DecodingKey::from_ed_der(&x);
    (x.len() == ED25519_BYTES).then(|| VerifyKey::new(Algorithm::EdDsa, key))
}

fn bytes(base64: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(base64?).ok()
}
