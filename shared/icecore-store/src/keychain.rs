//! The secrets that open encrypted spaces, and the keys that they gave.

use crate::ports::Ids;
use icecore_core::content::{SpaceSeal, keyring_context};
use icecore_core::{Error, ObjectKey, Result, SpaceInfo, SpaceName};
use icecore_seal::{Identity, Keyring, KeyringError, Secret};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where secrets come from: a prompt, a file, a key store of the system.
///
/// # Contract
/// Asked once per space, and again when what it gave does not open it any more. The likeliest secret comes first. None:
/// nobody can give one, and the space is handled without its content.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The secrets to try for a space.
    ///
    /// # Errors
    /// What keeps them from being read.
    fn secrets(&self, space: &SpaceName) -> Result<Vec<Arc<Secret>>>;
}

/// Secrets that are at hand.
impl Secrets for Vec<Arc<Secret>> {
    fn secrets(&self, _space: &SpaceName) -> Result<Vec<Arc<Secret>>> {
        Ok(self.clone())
    }
}

/// The secrets of a program, and the keys that they gave so far.
pub(crate) struct Keychain {
    secrets: Arc<dyn Secrets>,
    opened: Mutex<BTreeMap<SpaceName, Opened>>,
}

struct Opened {
    /// Of a passphrase what Argon2id made of it: that takes long.
    identity: Arc<Secret>,
    keyring: Keyring,
    seal: Arc<SpaceSeal>,
}

impl Keychain {
    pub(crate) fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self {
            secrets,
            opened: Mutex::default(),
        }
    }

    /// The keys of a space; `None` when no secret is at hand.
    pub(crate) fn seal(
        &self,
        info: &SpaceInfo,
        keyring: &Keyring,
    ) -> Result<Option<Arc<SpaceSeal>>> {
        if let Some(opened) = self.opened().get(&info.space) {
            if opened.keyring == *keyring {
                return Ok(Some(Arc::clone(&opened.seal)));
            }
            let identity = Arc::clone(&opened.identity);
            if let Ok(keys) = keyring.open(&context(info), &identity) {
                let seal = Arc::new(SpaceSeal::new(info, keys));
                return Ok(Some(seal));
            }
        }
        let secrets = self.secrets.secrets(&info.space)?;
        let mut failed = None;
        for secret in &secrets {
            match open(info, keyring, secret) {
                Ok((identity, seal)) => {
                    let opened = Opened {
                        identity,
                        keyring: keyring.clone(),
                        seal: Arc::clone(&seal),
                    };
                    self.opened().insert(info.space.clone(), opened);
                    return Ok(Some(seal));
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => Err(of_keyring(error, info)),
            None => Ok(None),
        }
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<SpaceName, Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keychain").finish_non_exhaustive()
    }
}

fn open(
    info: &SpaceInfo,
    keyring: &Keyring,
    secret: &Arc<Secret>,
) -> Result<(Arc<Secret>, Arc<SpaceSeal>), KeyringError> {
    let identity = match &**secret {
        Secret::Identity(_) => Arc::clone(secret),
        Secret::Passphrase(passphrase) => {
            let identity: Option<Identity> = keyring.identity_of(passphrase)?;
            Arc::new(Secret::Identity(
                identity.ok_or(KeyringError::WrongPassphrase)?,
            ))
        }
    };
    let keys = keyring.open(&context(info), &identity)?;
    Ok((identity, Arc::new(SpaceSeal::new(info, keys))))
}

fn context(info: &SpaceInfo) -> Vec<u8> {
    keyring_context(&info.store, &info.space)
}

/// What went wrong with a space's keyring, and what to do about it.
pub(crate) fn of_keyring(error: KeyringError, info: &SpaceInfo) -> Error {
    let object = ObjectKey::Space(info.space.clone()).to_string();
    let (wrapped, hint) = match &error {
        KeyringError::WrongPassphrase => (
            Error::denied("the passphrase does not open the space"),
            "check it; it may have been changed since: `icecore keyring show` tells when. What is queued stays queued",
        ),
        KeyringError::NotAHolder => (
            Error::denied(
                "the secret at hand is none that opens the space, or was removed from it",
            ),
            "ask somebody who opens it to add you: `icecore keyring add`. What is queued stays queued, and what was read before stays readable with the old copy",
        ),
        KeyringError::Changed(_) => (
            Error::corrupt(
                "the keyring of the space was changed by somebody who does not hold its keys",
            ),
            "nothing was sent and nothing is lost: restore space.json from a versioned bucket or a backup, and find out who can write to it",
        ),
        KeyringError::RolledBack { .. } => (
            Error::corrupt("the keyring of the space was put back to an older one"),
            "nothing was sent and nothing is lost: restore the newest space.json; a removed member could read what is sealed under an old key",
        ),
        KeyringError::TooExpensive => (
            Error::corrupt(
                "trying the passphrase would cost more memory or time than any keyring may ask for",
            ),
            "somebody may have changed space.json: restore it from a versioned bucket or a backup",
        ),
        KeyringError::Stale { .. } => (
            Error::conflict("the keyring was changed meanwhile"),
            "repeat the command",
        ),
        KeyringError::NameTaken(_) | KeyringError::KeyTaken(_) => (
            Error::conflict(error.to_string()),
            "`icecore keyring show` lists the holders",
        ),
        KeyringError::NoSuchHolder(_) => (
            Error::not_found(error.to_string()),
            "`icecore keyring show` lists the holders",
        ),
        KeyringError::LastHolder | KeyringError::Invalid(_) => (
            Error::invalid(error.to_string()),
            "`icecore keyring show` lists the holders",
        ),
    };
    wrapped
        .with_object(object)
        .with_hint(hint)
        .with_source(error)
}

/// Fresh random bytes, fit for keys.
pub(crate) fn random_bytes(ids: &dyn Ids) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&ids.random().to_be_bytes());
    bytes[16..].copy_from_slice(&ids.random().to_be_bytes());
    bytes
}
