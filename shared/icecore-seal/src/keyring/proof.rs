//! What shows that a keyring was made by somebody who held its keys: links and mac.

use super::{Holder, KeyInfo, Keyring};
use crate::derive::{Proof, subkey};
use crate::error::KeyringError;
use crate::keys::{KeyNumber, SpaceKeys};
use serde::Serialize;

/// All that the mac covers, in the order in which it covers it: all of a keyring but the mac.
#[derive(Serialize)]
struct Covered<'a> {
    version: u64,
    keys: &'a [KeyInfo],
    holders: &'a [Holder],
}

impl Keyring {
    /// The mac that this keyring must have.
    pub(super) fn proof(&self, context: &[u8], keys: &SpaceKeys) -> Proof {
        let covered = Covered {
            version: self.version,
            keys: &self.keys,
            holders: &self.holders,
        };
        let json = serde_json::to_vec(&covered).expect("BUG: a keyring is plain JSON");
        let key = subkey(keys.newest_key(), b"icecore keyring v1");
        Proof::new(&key, &[context, &json])
    }

    /// Whether these are the keys of this keyring, and who made it held them.
    pub(super) fn check_proofs(
        &self,
        context: &[u8],
        keys: &SpaceKeys,
    ) -> Result<(), KeyringError> {
        if keys.all().len() != self.keys.len() {
            return Err(KeyringError::Changed("the number of keys"));
        }
        for info in &self.keys {
            if !link(context, keys, info.number).is(&info.link) {
                return Err(KeyringError::Changed("the link of a key"));
            }
        }
        if !self.proof(context, keys).is(&self.mac) {
            return Err(KeyringError::Changed("its mac"));
        }
        Ok(())
    }
}

/// The link of a key that is among `keys`.
pub(super) fn link(context: &[u8], keys: &SpaceKeys, number: KeyNumber) -> Proof {
    let before = KeyNumber::new(number.get() - 1).unwrap_or(KeyNumber::FIRST);
    let [before, this] = [before, number].map(|number| {
        let key = keys.get(number);
        key.expect("BUG: a link is asked for of a key that is not there")
    });
    let number = number.get().to_be_bytes();
    let commitment = subkey(this, b"icecore commitment v1");
    let parts = [context, &number, commitment.as_slice()];
    Proof::new(&subkey(before, b"icecore link v1"), &parts)
}
