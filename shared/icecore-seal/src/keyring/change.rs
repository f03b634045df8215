//! Making a keyring, and making its next version.

use super::form::{KEYS_MAX, check_time};
use super::maker::Maker;
use super::{HolderKind, Keyring};
use crate::Random;
use crate::error::KeyringError;
use crate::identity::PublicKey;
use crate::keys::{KeyNumber, SpaceKeys};
use crate::passphrase::{Passphrase, PassphraseCost};
use std::fmt;

/// Somebody who shall be able to open a keyring.
#[derive(Debug, Clone)]
pub enum NewHolder {
    /// Whoever knows a passphrase.
    Passphrase {
        /// See [`Holder::name`](super::Holder::name).
        name: String,
        /// The passphrase.
        passphrase: Passphrase,
        /// What it shall cost to try one; [`default`](PassphraseCost::default) but in tests.
        cost: PassphraseCost,
    },
    /// Whoever has the [`Identity`](crate::Identity) of a public key.
    Member {
        /// See [`Holder::name`](super::Holder::name).
        name: String,
        /// Of the member's identity.
        public: PublicKey,
    },
}

/// A change of a keyring about to be made, by somebody who holds its newest key. It draws 32 random bytes for a new
/// key, then for each holder it wraps for 32 for the salt of a passphrase (of which it takes 16), where it has a new
/// one, and 32 for the wrapping.
pub struct Change<'a> {
    keyring: &'a Keyring,
    keys: &'a SpaceKeys,
    maker: Maker<'a>,
}

impl fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change(of version {})", self.keyring.version)
    }
}

impl Keyring {
    /// The first version of a keyring, with one key, for one holder or more.
    ///
    /// `context` says which space it is of; it opens in no other. `at` is the time, as RFC 3339 has it.
    ///
    /// # Errors
    /// [`Invalid`](KeyringError::Invalid) without holders, with too many, or with a name, time or cost that cannot be;
    /// [`NameTaken`](KeyringError::NameTaken) and [`KeyTaken`](KeyringError::KeyTaken) when two holders are alike;
    /// [`TooExpensive`](KeyringError::TooExpensive) when a passphrase shall cost too much.
    pub fn create(
        context: &[u8],
        holders: Vec<NewHolder>,
        at: &str,
        random: Random<'_>,
    ) -> Result<(Self, SpaceKeys), KeyringError> {
        check_time(at)?;
        if holders.is_empty() {
            return Err(KeyringError::Invalid("a keyring needs a holder"));
        }
        let mut maker = Maker {
            context,
            at,
            random,
        };
        let keys = SpaceKeys::new(vec![maker.key()]);
        let mut keyring = Self {
            version: 1,
            keys: vec![maker.info(&keys)],
            holders: Vec::new(),
            mac: String::new(),
        };
        for holder in holders {
            maker.add(&mut keyring, &keys, holder)?;
        }
        keyring.mac = keyring.proof(context, &keys).into_text();
        Ok((keyring, keys))
    }

    /// Begins a change: what it shall be is said by the methods of [`Change`]. `keys` are those that
    /// [`open`](Self::open) gave for this keyring; `context` and `at` are as in [`create`](Self::create).
    ///
    /// # Errors
    /// [`Stale`](KeyringError::Stale) when the keys are not those of this version;
    /// [`Changed`](KeyringError::Changed) when the keyring and they do not fit together;
    /// [`Invalid`](KeyringError::Invalid) when `at` cannot be a time.
    pub fn change<'a>(
        &'a self,
        context: &'a [u8],
        keys: &'a SpaceKeys,
        at: &'a str,
        random: Random<'a>,
    ) -> Result<Change<'a>, KeyringError> {
        check_time(at)?;
        self.check_form()?;
        let (have, newest) = (keys.newest(), KeyNumber::of_index(self.keys.len() - 1));
        if have != newest {
            return Err(KeyringError::Stale { have, newest });
        }
        self.check_proofs(context, keys)?;
        let maker = Maker {
            context,
            at,
            random,
        };
        Ok(Change {
            keyring: self,
            keys,
            maker,
        })
    }
}

impl Change<'_> {
    /// Adds a holder, who can then read everything, the old contents too.
    ///
    /// # Errors
    /// [`NameTaken`](KeyringError::NameTaken), [`KeyTaken`](KeyringError::KeyTaken),
    /// [`TooExpensive`](KeyringError::TooExpensive) and [`Invalid`](KeyringError::Invalid), as
    /// [`create`](Keyring::create).
    pub fn add_holder(mut self, holder: NewHolder) -> Result<Keyring, KeyringError> {
        let mut next = self.next()?;
        self.maker.add(&mut next, self.keys, holder)?;
        Ok(self.finish(next, self.keys))
    }

    /// Removes a holder, and makes a new key for the others: the holder reads nothing that is sealed under it. What was
    /// sealed before, the holder could have kept.
    ///
    /// # Errors
    /// [`NoSuchHolder`](KeyringError::NoSuchHolder); [`LastHolder`](KeyringError::LastHolder);
    /// [`Invalid`](KeyringError::Invalid) when there are [`KEYS_MAX`] keys.
    pub fn remove_holder(self, name: &str) -> Result<(Keyring, SpaceKeys), KeyringError> {
        let mut next = self.next()?;
        next.holders.retain(|holder| holder.name != name);
        if next.holders.len() == self.keyring.holders.len() {
            return Err(KeyringError::NoSuchHolder(name.to_owned()));
        }
        if next.holders.is_empty() {
            return Err(KeyringError::LastHolder);
        }
        self.rotated(next)
    }

    /// Makes a new key, for the same holders.
    ///
    /// # Errors
    /// [`Invalid`](KeyringError::Invalid) when there are [`KEYS_MAX`] keys.
    pub fn rotate(self) -> Result<(Keyring, SpaceKeys), KeyringError> {
        let next = self.next()?;
        self.rotated(next)
    }

    /// Gives a holder who has a passphrase another one. The keys are the same: who knows the old passphrase and has kept
    /// the old keyring still reads what is written, until the next [`rotate`](Self::rotate).
    ///
    /// # Errors
    /// [`NoSuchHolder`](KeyringError::NoSuchHolder); [`Invalid`](KeyringError::Invalid) when the holder is a member, or
    /// the cost is too low; [`TooExpensive`](KeyringError::TooExpensive).
    pub fn set_passphrase(
        mut self,
        name: &str,
        passphrase: Passphrase,
        cost: PassphraseCost,
    ) -> Result<Keyring, KeyringError> {
        let mut next = self.next()?;
        let place = next.holders.iter().position(|holder| holder.name == name);
        let place = place.ok_or_else(|| KeyringError::NoSuchHolder(name.to_owned()))?;
        if next.holders[place].kind == HolderKind::Member {
            return Err(KeyringError::Invalid("the holder has no passphrase"));
        }
        next.holders.remove(place);
        let holder = NewHolder::Passphrase {
            name: name.to_owned(),
            passphrase,
            cost,
        };
        self.maker.add(&mut next, self.keys, holder)?;
        // It stays at its place: only what changed looks changed.
        next.holders[place..].rotate_right(1);
        Ok(self.finish(next, self.keys))
    }

    fn next(&self) -> Result<Keyring, KeyringError> {
        Ok(Keyring {
            version: self.keyring.next_version()?,
            ..self.keyring.clone()
        })
    }

    fn rotated(mut self, mut next: Keyring) -> Result<(Keyring, SpaceKeys), KeyringError> {
        if next.keys.len() >= KEYS_MAX {
            return Err(KeyringError::Invalid("the keyring has 1,000 keys"));
        }
        let keys = self.keys.with(self.maker.key());
        next.keys.push(self.maker.info(&keys));
        for holder in &mut next.holders {
            holder.wrapped = self.maker.wrap(&keys, &holder.name, holder.public)?;
        }
        Ok((self.finish(next, &keys), keys))
    }

    fn finish(&self, mut next: Keyring, keys: &SpaceKeys) -> Keyring {
        next.mac = next.proof(self.maker.context, keys).into_text();
        next
    }
}
