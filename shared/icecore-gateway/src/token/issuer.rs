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
use icecore_core::Digest;
use icecore_store::Clock;
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
        Ok(Access {
            subject: claims.subject,
            grants: rule::grants(&self.settings.rules, &parts.claims()?),
            author: None,
            expires_at: claims.expires_at,
            token_id: self.token_id(parts, claims.token_id.as_deref()),
        })
    }

    /// Other issuers may use the same ids.
    fn token_id(&self, parts: &Parts<'_>, called: Option<&str>) -> String {
        let id = called.map(|id| format!("{} {id}", self.settings.issuer));
        let id = id.map(|id| Digest::of(id.as_bytes()).to_string());
        parts.id(id.as_deref())
    }
}
