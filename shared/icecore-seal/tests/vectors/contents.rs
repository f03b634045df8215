//! Sealed contents, and keys as texts.

use super::plainly::{Derived, array, bytes, space_keys, text};
use icecore_seal::{Identity, KeyTextError, OpenError, PublicKey, Sealed};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyText {
    name: String,
    secret: String,
    #[serde(default)]
    secret_text: String,
    #[serde(default)]
    public: String,
    #[serde(default)]
    public_text: String,
}

impl KeyText {
    pub(crate) fn computed(&self) -> Self {
        let secret = array(&self.secret);
        let identity = Identity::generate(&mut || secret);
        let again: Identity = identity.to_text().parse().unwrap();
        assert_eq!(again.public(), identity.public());
        let static_secret = x25519_dalek::StaticSecret::from(secret);
        let public = x25519_dalek::PublicKey::from(&static_secret);
        assert_eq!(public.as_bytes(), identity.public().as_bytes());
        Self {
            name: self.name.clone(),
            secret: self.secret.clone(),
            secret_text: identity.to_text().to_string(),
            public: text(public.as_bytes()),
            public_text: identity.public().to_string(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoKeyText {
    name: String,
    text: String,
    #[serde(default)]
    as_secret: String,
    #[serde(default)]
    as_public: String,
}

impl NoKeyText {
    pub(crate) fn computed(&self) -> Self {
        Self {
            name: self.name.clone(),
            text: self.text.clone(),
            as_secret: word(self.text.parse::<Identity>().err()),
            as_public: word(self.text.parse::<PublicKey>().err()),
        }
    }
}

fn word(error: Option<KeyTextError>) -> String {
    let word = match error {
        None => "",
        Some(KeyTextError::Prefix(_)) => "prefix",
        Some(KeyTextError::SecretForPublic) => "secret_for_public",
        Some(KeyTextError::PublicForSecret) => "public_for_secret",
        Some(KeyTextError::Length(_)) => "length",
        Some(KeyTextError::Character) => "character",
        Some(KeyTextError::Checksum) => "checksum",
        Some(KeyTextError::Weak) => "weak",
    };
    word.to_owned()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedCase {
    name: String,
    space_key: String,
    context: String,
    plain: String,
    salt: String,
    #[serde(default)]
    derived: Derived,
    #[serde(default)]
    sealed: String,
}

impl SealedCase {
    pub(crate) fn computed(&self) -> Self {
        let (keys, context) = (space_keys(&self.space_key), self.context.as_bytes());
        let sealed = keys.seal(context, self.plain.as_bytes(), array(&self.salt));
        let opened = keys.open(context, &sealed).unwrap();
        assert_eq!(opened.as_slice(), self.plain.as_bytes());

        let salt = bytes(&self.salt);
        let derived = Derived::of(&bytes(&self.space_key), &salt, "icecore seal v1");
        let ciphertext = derived.encrypt(context, self.plain.as_bytes());
        assert_eq!(sealed.sealed, text(&[salt, ciphertext].concat()));
        Self {
            name: self.name.clone(),
            space_key: self.space_key.clone(),
            context: self.context.clone(),
            plain: self.plain.clone(),
            salt: self.salt.clone(),
            derived,
            sealed: serde_json::to_string(&sealed).unwrap(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    name: String,
    space_key: String,
    context: String,
    sealed: String,
    #[serde(default)]
    error: String,
}

impl Refused {
    pub(crate) fn computed(&self) -> Self {
        let sealed: Sealed = serde_json::from_str(&self.sealed).unwrap();
        let opened = space_keys(&self.space_key).open(self.context.as_bytes(), &sealed);
        let error = match opened.unwrap_err() {
            OpenError::UnknownKey(_) => "unknown_key",
            OpenError::Refused => "refused",
            OpenError::Malformed => "malformed",
        };
        Self {
            name: self.name.clone(),
            space_key: self.space_key.clone(),
            context: self.context.clone(),
            sealed: self.sealed.clone(),
            error: error.to_owned(),
        }
    }
}
