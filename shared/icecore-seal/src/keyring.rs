//! The [`Keyring`]: the keys of a space, wrapped for each of its holders, as it stands in the bucket.

mod change;
mod form;
mod maker;
mod proof;
mod wrap;

use crate::derive::array_from_base64;
use crate::error::KeyringError;
use crate::identity::{Identity, PublicKey};
use crate::keys::{KeyNumber, SpaceKeys};
use crate::passphrase::{Passphrase, PassphraseCost, Secret};
use serde::{Deserialize, Serialize};

pub use change::{Change, NewHolder};
pub use form::{HOLDERS_MAX, KEYS_MAX, NAME_CHARS_MAX, PASSPHRASES_MAX};

/// The keys of a space, wrapped for each of its holders. It is no secret: it stands in the bucket, as JSON.
///
/// It never changes in place. [`create`](Self::create) makes the first version, and each [`change`](Self::change) the
/// next one; the caller stores it only where the version before is still the newest (a conditional put). A reader
/// [`open`](Self::open)s it, and lets [`check_follows`](Self::check_follows) compare it with the last one it opened.
///
/// ```
/// use icecore_seal::{Identity, Keyring, KeyringError, NewHolder, Passphrase, PassphraseCost, Secret};
///
/// # let mut count = 0;
/// # let mut random = || { count += 1; [count; 32] };
/// let context = br#"["icecore",1,"keyring","a store","notes"]"#;
/// let passphrase = Passphrase::new("correct horse battery staple")?;
/// let holders = vec![NewHolder::Passphrase {
///     name: "us".to_owned(),
///     passphrase: passphrase.clone(),
///     cost: PassphraseCost::CHEAP, // in a program: default()
/// }];
/// let (first, keys) = Keyring::create(context, holders, "2026-11-21T12:00:00Z", &mut random)?;
///
/// // A second holder, by the public key that she sent.
/// let ada = Identity::generate(&mut random);
/// let holder = NewHolder::Member { name: "ada".to_owned(), public: ada.public() };
/// let at = "2026-11-21T12:05:00Z";
/// let second = first.change(context, &keys, at, &mut random)?.add_holder(holder)?;
/// let ada = Secret::Identity(ada);
/// assert_eq!(second.open(context, &ada)?.fingerprint(), keys.fingerprint());
///
/// // Without her there is a new key.
/// let at = "2026-11-22T09:00:00Z";
/// let (third, newer) = second.change(context, &keys, at, &mut random)?.remove_holder("ada")?;
/// assert_eq!(third.open(context, &ada).unwrap_err(), KeyringError::NotAHolder);
/// let opened = third.open(context, &Secret::Passphrase(passphrase))?;
/// assert_eq!(opened.fingerprint(), newer.fingerprint());
/// third.check_follows(&first)?;
/// assert!(first.check_follows(&third).is_err());
/// # Ok::<(), KeyringError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyring {
    version: u64,
    keys: Vec<KeyInfo>,
    holders: Vec<Holder>,
    mac: String,
}

/// What everybody may know of a space key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its number: its place among all, from 1.
    pub number: KeyNumber,
    /// When it was made, as who made it says.
    pub made_at: String,
    /// Shows that who made it held the key before, and ties the keyring to this very key. The first key is linked to
    /// itself, so that nobody can put another in its place.
    pub link: String,
}

/// One who can open the keyring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// For people, and for [`Change::remove_holder`]; no two holders have the same.
    pub name: String,
    /// Where the secret of `public` comes from.
    pub kind: HolderKind,
    /// What the keys are wrapped for. Of a passphrase too, so that who rotates can wrap for everybody.
    pub public: PublicKey,
    /// When the holder was added or got this passphrase, as who did it says.
    pub added_at: String,
    /// All space keys, for this holder only.
    pub wrapped: String,
}

/// Where a holder's secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// From a passphrase, by Argon2id.
    Passphrase {
        /// 16 random bytes, so that the same passphrase elsewhere gives another secret.
        salt: String,
        /// [`PassphraseCost::memory_kib`].
        memory_kib: u32,
        /// [`PassphraseCost::passes`].
        passes: u32,
        /// [`PassphraseCost::lanes`].
        lanes: u32,
    },
    /// The holder keeps an [`Identity`].
    Member,
}

impl HolderKind {
    /// What it costs to try a passphrase; nothing where there is none.
    pub const fn cost(&self) -> Option<PassphraseCost> {
        match *self {
            Self::Passphrase {
                memory_kib,
                passes,
                lanes,
                ..
            } => Some(PassphraseCost {
                memory_kib,
                passes,
                lanes,
            }),
            Self::Member => None,
        }
    }

    /// The salt and cost of a passphrase; nothing where there is none.
    fn derivation(&self) -> Result<Option<([u8; 16], PassphraseCost)>, KeyringError> {
        let (Self::Passphrase { salt, .. }, Some(cost)) = (self, self.cost()) else {
            return Ok(None);
        };
        cost.check()?;
        let salt = array_from_base64(salt).ok_or(KeyringError::Changed("a salt"))?;
        Ok(Some((salt, cost)))
    }
}

impl Keyring {
    /// How many times it was changed, and one: the first has version 1.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What everybody may know of the space keys, from the first to the newest.
    pub fn keys(&self) -> &[KeyInfo] {
        &self.keys
    }

    /// Who can open it, in the order in which they were added.
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// The holder of this name.
    pub fn holder(&self, name: &str) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.name == name)
    }

    /// The holder that a passphrase or identity of this public key stands for.
    pub fn holder_of(&self, public: PublicKey) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.public == public)
    }

    /// Unwraps all space keys, and checks that the keyring is as somebody made it who held the newest of them.
    ///
    /// With a passphrase it takes as long as [`identity_of`](Self::identity_of); otherwise some 0.1 ms.
    ///
    /// # Errors
    /// [`NotAHolder`](KeyringError::NotAHolder), [`WrongPassphrase`](KeyringError::WrongPassphrase) or
    /// [`TooExpensive`](KeyringError::TooExpensive) when the secret opens nothing; [`Changed`](KeyringError::Changed)
    /// when something in the keyring does not fit, or it is of another `context`.
    pub fn open(&self, context: &[u8], secret: &Secret) -> Result<SpaceKeys, KeyringError> {
        self.check_form()?;
        let derived;
        let identity = match secret {
            Secret::Identity(identity) => identity,
            Secret::Passphrase(passphrase) => {
                derived = self.identity_of(passphrase)?;
                derived.as_ref().ok_or(KeyringError::WrongPassphrase)?
            }
        };
        let holder = self.holder_of(identity.public());
        let holder = holder.ok_or(KeyringError::NotAHolder)?;
        let keys = wrap::unwrap(context, holder, identity)?;
        self.check_proofs(context, &keys)?;
        Ok(keys)
    }

    /// The identity that a passphrase stands for, so that a caller can keep it and [`open`](Self::open) with it in
    /// 0.1 ms; nothing where it is the passphrase of no holder. Slow: some 0.2 s for each holder with a passphrase.
    ///
    /// It stays the same until the passphrase is set anew, and is as secret as the passphrase.
    ///
    /// # Errors
    /// Before anything is derived: [`NotAHolder`](KeyringError::NotAHolder) when no holder has a passphrase;
    /// [`TooExpensive`](KeyringError::TooExpensive), [`Invalid`](KeyringError::Invalid) or
    /// [`Changed`](KeyringError::Changed) when the keyring asks for too much or for what cannot be done.
    pub fn identity_of(&self, passphrase: &Passphrase) -> Result<Option<Identity>, KeyringError> {
        let mut tries = Vec::new();
        for holder in &self.holders {
            if let Some((salt, cost)) = holder.kind.derivation()? {
                tries.push((holder.public, salt, cost));
            }
        }
        if tries.is_empty() {
            return Err(KeyringError::NotAHolder);
        }
        if tries.len() > PASSPHRASES_MAX {
            return Err(KeyringError::TooExpensive);
        }
        for (public, salt, cost) in tries {
            let identity = passphrase.derive(&salt, cost)?;
            if identity.public() == public {
                return Ok(Some(identity));
            }
        }
        Ok(None)
    }

    /// Whether somebody who has seen `older` may take this one in its place: it is not older, and has the same keys and
    /// perhaps more. It says nothing of who made it: [`open`](Self::open) does, and both together show that a holder of
    /// the newest key of `older` made what came after.
    ///
    /// # Errors
    /// [`RolledBack`](KeyringError::RolledBack) when its version is lower; [`Changed`](KeyringError::Changed) when it is
    /// another one of the same version, or has other keys.
    pub fn check_follows(&self, older: &Self) -> Result<(), KeyringError> {
        if self.version < older.version {
            return Err(KeyringError::RolledBack {
                from: older.version,
                to: self.version,
            });
        }
        if self.version == older.version && self.mac != older.mac {
            return Err(KeyringError::Changed("there is another of this version"));
        }
        if !self.keys.starts_with(&older.keys) {
            return Err(KeyringError::Changed("its keys are not those seen before"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
