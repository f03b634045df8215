//! The parts that keyrings are made of: keys and holders.

use super::proof::link;
use super::wrap::wrap;
use super::{Holder, HolderKind, KeyInfo, Keyring, NewHolder};
use crate::Random;
use crate::derive::{Key, to_base64};
use crate::error::KeyringError;
use crate::identity::PublicKey;
use crate::keys::SpaceKeys;
use crate::passphrase::{Passphrase, PassphraseCost};

/// What every new part of a keyring needs.
pub(super) struct Maker<'a> {
    pub(super) context: &'a [u8],
    pub(super) at: &'a str,
    pub(super) random: Random<'a>,
}

impl Maker<'_> {
    /// A new space key.
    pub(super) fn key(&mut self) -> Key {
        Key::new((self.random)())
    }

    /// What is told of the newest key.
    pub(super) fn info(&self, keys: &SpaceKeys) -> KeyInfo {
        let number = keys.newest();
        KeyInfo {
            number,
            made_at: self.at.to_owned(),
            link: link(self.context, keys, number).into_text(),
        }
    }

    /// Wraps all keys for a holder.
    pub(super) fn wrap(
        &mut self,
        keys: &SpaceKeys,
        name: &str,
        public: PublicKey,
    ) -> Result<String, KeyringError> {
        wrap(self.context, keys, (name, public), self.random)
    }

    /// Adds a holder, after checking that it can be.
    pub(super) fn add(
        &mut self,
        keyring: &mut Keyring,
        keys: &SpaceKeys,
        holder: NewHolder,
    ) -> Result<(), KeyringError> {
        let (name, kind, public) = match holder {
            NewHolder::Member { name, public } => {
                keyring.check_room(&name, false)?;
                (name, HolderKind::Member, public)
            }
            NewHolder::Passphrase {
                name,
                passphrase,
                cost,
            } => {
                keyring.check_room(&name, true)?;
                let (kind, public) = self.derive(&passphrase, cost)?;
                (name, kind, public)
            }
        };
        if let Some(other) = keyring.holder_of(public) {
            return Err(KeyringError::KeyTaken(other.name.clone()));
        }
        let wrapped = self.wrap(keys, &name, public)?;
        keyring.holders.push(Holder {
            name,
            kind,
            public,
            added_at: self.at.to_owned(),
            wrapped,
        });
        Ok(())
    }

    /// Takes a passphrase in, under a new salt.
    fn derive(
        &mut self,
        passphrase: &Passphrase,
        cost: PassphraseCost,
    ) -> Result<(HolderKind, PublicKey), KeyringError> {
        let mut salt = [0; 16];
        salt.copy_from_slice(&(self.random)()[..16]);
        let public = passphrase.derive(&salt, cost)?.public();
        let kind = HolderKind::Passphrase {
            salt: to_base64(&salt),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
        };
        Ok((kind, public))
    }
}
