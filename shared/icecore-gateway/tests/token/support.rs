//! A clock that is set by hand, issuers that are made up, and tokens that no library would make.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use icecore_core::{Error, Result};
use icecore_gateway::token::{Fetch, Secret, TokenFault, TokenSettings, Verifier};
use icecore_store::Clock;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// 2026-11-20T00:00:00Z, in seconds.
pub(crate) const START: i64 = 1_795_132_800;

pub(crate) const ED25519_A: &str = include_str!("keys/test-ed25519-a-private.pem");
pub(crate) const ED25519_A_PUBLIC: &str = include_str!("keys/test-ed25519-a-public.pem");
pub(crate) const ED25519_B: &str = include_str!("keys/test-ed25519-b-private.pem");
pub(crate) const ED25519_B_PUBLIC: &str = include_str!("keys/test-ed25519-b-public.pem");
pub(crate) const RSA_A: &str = include_str!("keys/test-rsa-a-private.pem");
pub(crate) const RSA_A_PUBLIC: &str = include_str!("keys/test-rsa-a-public.pem");
pub(crate) const RSA_B: &str = include_str!("keys/test-rsa-b-private.pem");
pub(crate) const RSA_SHORT: &str = include_str!("keys/test-rsa-short-private.pem");
pub(crate) const P256: &str = include_str!("keys/test-p256-private.pem");

pub(crate) const SECRET: &str = "a secret of the tests, long enough";

pub(crate) fn secret() -> Secret {
    SECRET.parse().unwrap()
}

/// Time that stands still until it is moved.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<watch::Sender<i64>>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.0.send_modify(|now| *now += millis);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> i64 {
        START * 1000 + *self.0.borrow()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(*self.0.borrow()).unwrap())
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        let mut time = self.0.subscribe();
        let until = i64::try_from(until.as_millis()).unwrap();
        time.wait_for(|now| *now >= until).await.unwrap();
    }
}

/// What issuers answer, and how often they were asked.
#[derive(Debug, Default)]
pub(crate) struct FakeFetch {
    answers: Mutex<BTreeMap<String, String>>,
    pub(crate) count: AtomicUsize,
    /// While it is taken, no answer comes.
    pub(crate) gate: tokio::sync::Mutex<()>,
}

impl FakeFetch {
    pub(crate) fn set(&self, url: &str, answer: &Value) {
        let mut answers = self.answers.lock().unwrap();
        answers.insert(url.to_owned(), answer.to_string());
    }

    pub(crate) fn go_down(&self) {
        self.answers.lock().unwrap().clear();
    }

    pub(crate) fn asked(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Fetch for FakeFetch {
    async fn get(&self, url: &str) -> Result<Bytes> {
        self.count.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().await);
        let answer = self.answers.lock().unwrap().get(url).cloned();
        answer
            .map(Bytes::from)
            .ok_or_else(|| Error::unavailable("nobody answers").with_object(url))
    }
}

/// A verifier with what it stands on.
pub(crate) struct Setup {
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) clock: ManualClock,
    pub(crate) fetch: Arc<FakeFetch>,
}

impl Setup {
    pub(crate) fn new(settings: &Value) -> Self {
        let settings = TokenSettings::from_json(settings.to_string().as_bytes()).unwrap();
        let (clock, fetch) = (ManualClock::new(), Arc::new(FakeFetch::default()));
        let port: Arc<dyn Fetch> = Arc::<FakeFetch>::clone(&fetch);
        let verifier = Verifier::new(&settings, &port, Arc::new(clock.clone())).unwrap();
        let verifier = Arc::new(verifier);
        Self {
            verifier,
            clock,
            fetch,
        }
    }

    /// One secret, and nothing else.
    pub(crate) fn with_secret() -> Self {
        Self::new(&json!({ "hs256_secrets": [SECRET] }))
    }

    /// One issuer whose users have the space `user-{sub}`.
    pub(crate) fn with_issuer() -> Self {
        Self::new(&json!({ "issuers": [issuer()] }))
    }

    pub(crate) async fn fault(&self, token: &str) -> TokenFault {
        match self.verifier.verify(token).await {
            Ok(access) => panic!("taken: {token} as {access:?}"),
            Err(fault) => fault,
        }
    }
}

pub(crate) const ISSUER: &str = "https://login.example.com/";
pub(crate) const JWKS: &str = "https://login.example.com/keys";

pub(crate) fn issuer() -> Value {
    json!({
        "issuer": ISSUER,
        "audience": "app",
        "jwks_url": JWKS,
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "rules": [{ "claim": "sub", "spaces": ["user-{}"], "rights": ["read", "write"] }],
    })
}

/// The claims of a good token of the issuer.
pub(crate) fn issuer_claims() -> Value {
    json!({ "iss": ISSUER, "aud": "app", "sub": "ada", "exp": START + 3600, "iat": START })
}

/// The claims of a good token of the gateway's own.
pub(crate) fn own_claims() -> Value {
    json!({ "aud": "icecore", "sub": "ada", "exp": START + 3600, "spaces": ["notes"], "rights": ["read"] })
}

/// The same object with some members replaced, or taken out where they are null.
pub(crate) fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        let members = object.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header, whatever the key is for.
pub(crate) fn signed(
    header: &Value,
    claims: &Value,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let message = format!(
        "{}.{}",
        base64(header.to_string()),
        base64(claims.to_string())
    );
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

pub(crate) fn hs256(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    signed(&json!({ "alg": "HS256" }), claims, &key, Algorithm::HS256)
}

/// A key of an issuer: how it signs, and how it is published.
pub(crate) struct IssuerKey {
    algorithm: Algorithm,
    key: EncodingKey,
    kid: &'static str,
}

impl IssuerKey {
    pub(crate) fn rsa(pem: &str, kid: &'static str) -> Self {
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let algorithm = Algorithm::RS256;
        Self {
            algorithm,
            key,
            kid,
        }
    }

    pub(crate) fn p256(kid: &'static str) -> Self {
        let key = EncodingKey::from_ec_pem(P256.as_bytes()).unwrap();
        let algorithm = Algorithm::ES256;
        Self {
            algorithm,
            key,
            kid,
        }
    }

    pub(crate) fn ed25519(pem: &str, kid: &'static str) -> Self {
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
        let algorithm = Algorithm::EdDSA;
        Self {
            algorithm,
            key,
            kid,
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm, "kid": self.kid, "typ": "JWT" });
        signed(&header, claims, &self.key, self.algorithm)
    }

    pub(crate) fn published(&self) -> Value {
        let key = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        let key = serde_json::to_value(key).unwrap();
        with(key, &json!({ "kid": self.kid, "use": "sig" }))
    }
}

pub(crate) fn key_set(keys: &[&IssuerKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.published()).collect::<Vec<_>>() })
}
