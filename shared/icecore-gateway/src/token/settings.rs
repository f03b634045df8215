//! Which keys and issuers count.

use super::claims::{DEFAULT_AUDIENCE, read_one_or_many};
use super::fetch::checked_url;
use super::key::{Algorithm, VerifyKey};
use super::rule::{self, ClaimRule};
use super::secret::{Secret, secrets};
use icecore_core::{Error, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeSet;

/// The most secrets, and the most public keys: each may be tried for each token.
const KEYS_MAX: usize = 16;

/// Which tokens count: those signed with one of these keys, and those of these issuers.
///
/// Several secrets or keys are for rotation: all are good for checking, so a new one is added here first,
/// used for signing next, and the old one removed when its last token is over.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// What tokens of these keys must name in `aud`; `null` to take those for any service.
    pub audience: Option<String>,
    /// Secrets of HS256.
    #[serde(deserialize_with = "secrets")]
    pub hs256_secrets: Vec<Secret>,
    /// Public keys of Ed25519.
    #[serde(deserialize_with = "public_keys")]
    pub eddsa_public_keys: Vec<PublicKey>,
    /// Whether writing takes a token that names an author, so that no member of a shared space can write as another one.
    pub bound_authors: bool,
    /// Issuers of `OpenID` Connect.
    pub issuers: Vec<IssuerSettings>,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            audience: Some(DEFAULT_AUDIENCE.to_owned()),
            hs256_secrets: Vec::new(),
            eddsa_public_keys: Vec::new(),
            bound_authors: false,
            issuers: Vec::new(),
        }
    }
}

/// A public key of Ed25519: in JSON its PEM, or an object with `pem` and `kid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The key, as `openssl pkey -pubout` prints it.
    pub pem: String,
    /// The id that tokens call it by, which counts when there are several keys; its thumbprint (RFC 7638),
    /// if not given.
    pub kid: Option<String>,
}

/// An issuer of `OpenID` Connect, and what its tokens allow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// Its URL, letter for letter as its tokens have it in `iss`.
    pub issuer: String,
    /// What its tokens must name in `aud`: one of these, usually the client id of the app. Without it any
    /// app of the same issuer could use its users' tokens here.
    #[serde(deserialize_with = "read_one_or_many")]
    pub audience: Vec<String>,
    /// Where its keys are [default: where `{issuer}/.well-known/openid-configuration` says].
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// How its tokens may be signed [default: RS256 and ES256].
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// The claim, or a JSON pointer to it, that names the author which may write with a token: a UUID, another one for
    /// each device. Without it the tokens are bound to none.
    #[serde(default)]
    pub author_claim: Option<String>,
    /// What its tokens allow: each rule adds to the others.
    pub rules: Vec<ClaimRule>,
}

fn default_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Rs256, Algorithm::Es256]
}

impl TokenSettings {
    /// Reads settings and checks them.
    ///
    /// # Errors
    /// `Invalid`, which says where; never with a secret in it.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let settings: Self = serde_json::from_slice(json).map_err(|e| {
            Error::invalid("the settings of tokens cannot be read")
                .with_hint("see docs/gateway.md for their form")
                .with_source(e)
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Refuses settings by which no token could count, or too many.
    ///
    /// # Errors
    /// `Invalid`, which says what is wrong.
    pub fn check(&self) -> Result<()> {
        let counts = [self.hs256_secrets.len(), self.eddsa_public_keys.len()];
        if counts.iter().sum::<usize>() + self.issuers.len() == 0 {
            return Err(Error::invalid("no token could be good: there are no keys")
                .with_hint("give at least one of hs256_secrets, eddsa_public_keys and issuers"));
        }
        if counts.iter().any(|count| *count > KEYS_MAX) {
            return Err(
                Error::invalid(format!("there are more than {KEYS_MAX} secrets or keys"))
                    .with_hint("remove those whose tokens have all expired"),
            );
        }
        if self.audience.as_deref() == Some("") {
            return Err(Error::invalid("the audience is empty")
                .with_hint("leave it out for `icecore`, or set it to null to check none"));
        }
        self.own_keys()?;
        let mut names = BTreeSet::new();
        for issuer in &self.issuers {
            if !names.insert(&issuer.issuer) {
                let error = Error::invalid("an issuer is given twice");
                return Err(error.with_object(issuer.issuer.as_str()));
            }
            issuer.check()?;
        }
        Ok(())
    }

    /// The keys of the gateway's own tokens.
    pub(super) fn own_keys(&self) -> Result<Vec<VerifyKey>> {
        let mut keys: Vec<_> = self.hs256_secrets.iter().map(VerifyKey::hs256).collect();
        for public in &self.eddsa_public_keys {
            let mut key = VerifyKey::ed25519_pem(&public.pem)?;
            key.kid = public.kid.clone().or(key.kid);
            if self.eddsa_public_keys.len() == 1 {
                // It is the one, whatever its tokens call it.
                key.kid = None;
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

impl IssuerSettings {
    fn check(&self) -> Result<()> {
        let wrong = |problem: &str, hint: &str| {
            Err(Error::invalid(problem)
                .with_object(self.issuer.as_str())
                .with_hint(hint))
        };
        checked_url(&self.issuer)?;
        self.jwks_url.as_deref().map(checked_url).transpose()?;
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return wrong(
                "the issuer has no audience",
                "name what its tokens have in `aud`, usually the client id of your app",
            );
        }
        if self.algorithms.is_empty() {
            return wrong(
                "the issuer has no algorithms",
                "leave `algorithms` out for RS256 and ES256",
            );
        }
        if self.algorithms.contains(&Algorithm::Hs256) {
            return wrong(
                "HS256 is not for issuers, whose keys everybody can read",
                "use RS256, ES256 or EdDSA",
            );
        }
        if self.rules.is_empty() {
            return wrong(
                "the issuer has no rules, so that its tokens would allow nothing",
                "say in `rules` which claims give which spaces",
            );
        }
        rule::check(&self.rules).map_err(|error| error.with_object(self.issuer.as_str()))
    }
}

/// Reads keys from JSON by hand: should a private key stand here by mistake, no error may show it.
fn public_keys<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<PublicKey>, D::Error> {
    let wrong =
        || D::Error::custom("a public key must be a text (its PEM), or have `pem` and maybe `kid`");
    let Value::Array(items) = Value::deserialize(json)? else {
        return Err(D::Error::custom("the public keys must be a list"));
    };
    let read = |item: Value| {
        let (pem, kid) = match item {
            Value::String(pem) => (pem, None),
            Value::Object(mut members) => {
                let mut text = |name: &str| match members.remove(name) {
                    None => Ok(None),
                    Some(Value::String(text)) => Ok(Some(text)),
                    Some(_) => Err(wrong()),
                };
                let (pem, kid) = (text("pem")?.ok_or_else(wrong)?, text("kid")?);
                if !members.is_empty() {
                    return Err(wrong());
                }
                (pem, kid)
            }
            _ => return Err(wrong()),
        };
        Ok(PublicKey { pem, kid })
    };
    items.into_iter().map(read).collect()
}
