//! Tokens of an issuer of `OpenID` Connect.

use super::access::Access;
use super::cache::KeyCache;
use super::claims::Registered;
use super::fault::TokenFault;
use super::fetch::Fetch;
use super::key;
use super::parts::Parts;
use super::rule;
use super::settings::IssuerSettings;
use icecore_core::{Author, Digest};
use icecore_store::Clock;
use serde_json::Value;
use std::sync::Arc;

/// An issuer, and the keys that it has now.
#[derive(Debug)]
pub(super) struct Issuer {
    settings: IssuerSettings,
    keys: Arc<KeyCache>,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    pub(super) fn new(
        settings: IssuerSettings,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let keys = KeyCache::new(&settings, fetch, Arc::clone(&clock));
        Self {
            settings,
            keys: Arc::new(keys),
            clock,
        }
    }

    /// A token of this issuer. One whose claims no rule knows is good and allows nothing.
    pub(super) async fn verify(&self, parts: &Parts<'_>) -> Result<Access, TokenFault> {
        let alg = parts.header.alg.as_str();
        let mut allowed = self.settings.algorithms.iter();
        if !allowed.any(|algorithm| algorithm.as_str() == alg) {
            // Before anything is fetched: no key of this issuer is ever used so.
            let algorithm = alg.into();
            return Err(TokenFault::WrongAlgorithm { algorithm });
        }
        key::verify(&self.keys.keys(&parts.header).await?, parts)?;
        let claims: Registered = parts.claims()?;
        claims.check(self.clock.now(), &self.settings.audience)?;
        let all: Value = parts.claims()?;
        Ok(Access {
            subject: claims.subject,
            grants: rule::grants(&self.settings.rules, &all),
            author: self.author(&all)?,
            must_be_bound: false,
            guest: false,
            expires_at: claims.expires_at,
            token_id: self.token_id(parts, claims.token_id.as_deref()),
        })
    }

    /// The author that the token is bound to. A claim that is there and names none would otherwise free its bearer.
    fn author(&self, claims: &Value) -> Result<Option<Author>, TokenFault> {
        let name = self.settings.author_claim.as_deref();
        let Some(claim) = name.and_then(|name| rule::find(name, claims)) else {
            return Ok(None);
        };
        let author = claim.as_str().and_then(|text| text.parse().ok());
        author.map(Some).ok_or_else(|| {
            TokenFault::malformed(
                "the claim that names its author is no UUID in lower case with hyphens",
            )
        })
    }

    /// Other issuers may use the same ids.
    fn token_id(&self, parts: &Parts<'_>, called: Option<&str>) -> String {
        let id = called.map(|id| format!("{} {id}", self.settings.issuer));
        let id = id.map(|id| Digest::of(id.as_bytes()).to_string());
        parts.id(id.as_deref())
    }
}
