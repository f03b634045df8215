//! From the text of a token to what it allows.

use super::access::{Access, Grant};
use super::claims::{OwnClaims, Registered};
use super::fault::TokenFault;
use super::fetch::Fetch;
use super::issuer::Issuer;
use super::key::{self, VerifyKey};
use super::parts::Parts;
use super::settings::TokenSettings;
use icecore_core::Result;
use icecore_store::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far in the future a token may say to have been made or to begin, in milliseconds: clocks differ.
/// For its end there is no such leeway.
pub const LEEWAY_MS: i64 = 30_000;

/// Verifies tokens. One is made per process and shared by all requests: it holds the keys of the issuers.
#[derive(Debug)]
pub struct Verifier {
    own_keys: Vec<VerifyKey>,
    /// The audience of the gateway's own tokens; empty when none is asked for.
    own_audience: Vec<String>,
    issuers: BTreeMap<String, Issuer>,
    bound_authors: bool,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// A verifier that asks issuers through `fetch`, when the first token of each arrives.
    ///
    /// # Errors
    /// `Invalid` when the settings are wrong; see [`TokenSettings::check`].
    pub fn new(
        settings: &TokenSettings,
        fetch: &Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        settings.check()?;
        let issuers = settings.issuers.iter().cloned().map(|settings| {
            let name = settings.issuer.clone();
            let issuer = Issuer::new(settings, Arc::clone(fetch), Arc::clone(&clock));
            (name, issuer)
        });
        Ok(Self {
            own_keys: settings.own_keys()?,
            own_audience: settings.audience.iter().cloned().collect(),
            issuers: issuers.collect(),
            bound_authors: settings.bound_authors,
            clock,
        })
    }

    /// What a token allows.
    ///
    /// A token that names an issuer of the settings is checked with the keys of that issuer and no other;
    /// any other with the gateway's own keys, and then its `iss` means nothing.
    ///
    /// # Errors
    /// What is wrong with it. Nothing is said of the content of a token whose signature is wrong.
    pub async fn verify(&self, token: &str) -> Result<Access, TokenFault> {
        let parts = Parts::of(token)?;
        let named = parts.issuer()?;
        if let Some(issuer) = named.as_ref().and_then(|name| self.issuers.get(name)) {
            let access = issuer.verify(&parts).await?;
            return Ok(Access {
                must_be_bound: self.bound_authors,
                ..access
            });
        }
        key::verify(&self.own_keys, &parts).map_err(|fault| match named.as_deref() {
            Some(issuer) => TokenFault::UnknownIssuer {
                issuer: issuer.into(),
            },
            None => fault,
        })?;
        let claims: Registered = parts.claims()?;
        claims.check(self.clock.now(), &self.own_audience)?;
        let own: OwnClaims = parts.claims()?;
        let grant = Grant {
            spaces: own.spaces,
            rights: own.rights,
        };
        Ok(Access {
            subject: claims.subject,
            grants: vec![grant],
            author: own.author,
            must_be_bound: self.bound_authors,
            guest: own.guest,
            expires_at: claims.expires_at,
            token_id: parts.id(claims.token_id.as_deref()),
        })
    }
}
