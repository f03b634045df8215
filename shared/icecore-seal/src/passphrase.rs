//! A passphrase, what it costs to try one, and the identity that follows from it.

use crate::error::KeyringError;
use crate::identity::Identity;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

/// A passphrase, in Unicode's form NFKC: systems differ in whether a letter and its accent are typed as one character or
/// as two, and it must open on all of them. Nothing is trimmed. `Debug` does not show it.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a text for a passphrase.
    ///
    /// # Errors
    /// [`Invalid`](KeyringError::Invalid) when it is empty.
    pub fn new(text: impl Into<String>) -> Result<Self, KeyringError> {
        let typed = Zeroizing::new(text.into());
        let normalizer = ComposingNormalizerBorrowed::new_nfkc();
        let text = Zeroizing::new(normalizer.normalize(&typed).into_owned());
        if text.is_empty() {
            return Err(KeyringError::Invalid("the passphrase is empty"));
        }
        Ok(Self(text))
    }

    /// The identity that follows from the passphrase. It is slow, and meant to be.
    ///
    /// # Errors
    /// Those of [`PassphraseCost::check`], before anything is derived;
    /// [`TooExpensive`](KeyringError::TooExpensive) when there is not enough memory.
    pub(crate) fn derive(
        &self,
        salt: &[u8; 16],
        cost: PassphraseCost,
    ) -> Result<Identity, KeyringError> {
        cost.check()?;
        let mut secret = Zeroizing::new([0; 32]);
        argon2id(self.0.as_bytes(), salt, cost, secret.as_mut())?;
        Ok(Identity::from_secret(&secret))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// What opens a keyring.
#[derive(Debug, Clone)]
pub enum Secret {
    /// What a person remembers. Slow: see [`Keyring::identity_of`](crate::Keyring::identity_of).
    Passphrase(Passphrase),
    /// What a program keeps.
    Identity(Identity),
}

/// What it costs to try one passphrase (Argon2id, RFC 9106), for us and for who guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseCost {
    /// How much memory it takes, in KiB. More makes guessing with many small processors dearer.
    pub memory_kib: u32,
    /// How often it goes over that memory.
    pub passes: u32,
    /// How many processors could share the work. Here one does it all.
    pub lanes: u32,
}

impl PassphraseCost {
    /// The least that makes sense, for tests: about 20 µs.
    pub const CHEAP: Self = Self {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };

    /// The most that is tried: a hostile bucket could ask for more, and so use up the memory of who opens it.
    pub const MOST: Self = Self {
        memory_kib: 256 * 1024,
        passes: 10,
        lanes: 8,
    };

    /// Whether it is within what Argon2id can do and what we are willing to do.
    ///
    /// # Errors
    /// [`TooExpensive`](KeyringError::TooExpensive) above [`MOST`](Self::MOST); [`Invalid`](KeyringError::Invalid) below
    /// what Argon2id needs: one pass, one lane, 8 KiB for each lane.
    pub fn check(self) -> Result<(), KeyringError> {
        let most = Self::MOST;
        if self.memory_kib > most.memory_kib || self.passes > most.passes || self.lanes > most.lanes
        {
            return Err(KeyringError::TooExpensive);
        }
        if self.passes < 1 || self.lanes < 1 || self.memory_kib < 8 * self.lanes {
            let what = "a passphrase needs a pass, a lane, and 8 KiB of memory for each lane";
            return Err(KeyringError::Invalid(what));
        }
        Ok(())
    }
}

/// 64 MiB, 3 passes: the second of the choices that RFC 9106 recommends, with one lane, for browsers have no more.
impl Default for PassphraseCost {
    fn default() -> Self {
        Self {
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
        }
    }
}

fn argon2id(
    passphrase: &[u8],
    salt: &[u8],
    cost: PassphraseCost,
    out: &mut [u8],
) -> Result<(), KeyringError> {
    let invalid = |_| KeyringError::Invalid("Argon2id does not take this passphrase");
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(out.len()));
    let params = params.map_err(invalid)?;
    let mut blocks = Vec::new();
    blocks
        .try_reserve_exact(params.block_count())
        .map_err(|_| KeyringError::TooExpensive)?;
    blocks.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon2.hash_password_into_with_memory(passphrase, salt, out, &mut blocks);
    for block in &mut blocks {
        block.zeroize();
    }
    done.map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::to_base64;

    #[test]
    fn argon2id_is_that_of_rfc_9106() {
        // Section 5.3. It has a secret and associated data too, which we do not use: the crate is asked directly.
        let mut params = argon2::ParamsBuilder::new();
        params.m_cost(32).t_cost(3).p_cost(4).output_len(32);
        params.data(argon2::AssociatedData::new(&[4; 12]).unwrap());
        let (id, version) = (Algorithm::Argon2id, Version::V0x13);
        let argon2 = Argon2::new_with_secret(&[3; 8], id, version, params.build().unwrap());
        let mut tag = [0; 32];
        argon2
            .unwrap()
            .hash_password_into(&[1; 32], &[2; 16], &mut tag)
            .unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(tag, expected);
    }

    #[test]
    fn argon2id_as_we_use_it_is_that_of_the_reference_program() {
        // From its own tests: `$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc`.
        let cost = PassphraseCost {
            memory_kib: 256,
            passes: 2,
            lanes: 2,
        };
        let mut tag = [0; 32];
        argon2id(b"password", b"somesalt", cost, &mut tag).unwrap();
        assert_eq!(
            to_base64(&tag),
            "bQk8UB_VmZZF4Oo79iDXuL5_0ttZwg2f_5U52iv1cDc"
        );
    }

    #[test]
    fn every_character_of_a_passphrase_counts() {
        let public = |text: &str| {
            let passphrase = Passphrase::new(text).unwrap();
            let identity = passphrase.derive(&[1; 16], PassphraseCost::CHEAP);
            identity.unwrap().public()
        };
        assert_eq!(public("a b"), public("a b"));
        for other in ["a b ", " a b", "A b", "a  b", "a b\n"] {
            assert_ne!(public("a b"), public(other), "{other:?}");
        }
        assert!(Passphrase::new("").is_err());
    }

    #[test]
    fn salt_and_cost_make_another_identity() {
        let passphrase = Passphrase::new("correct horse").unwrap();
        let public = |salt, cost| passphrase.derive(&salt, cost).unwrap().public();
        let dearer = PassphraseCost {
            memory_kib: 16,
            ..PassphraseCost::CHEAP
        };
        let one = public([1; 16], PassphraseCost::CHEAP);
        assert_ne!(one, public([2; 16], PassphraseCost::CHEAP));
        assert_ne!(one, public([1; 16], dearer));
    }

    #[test]
    fn costs_have_limits() {
        let cost = |memory_kib, passes, lanes| {
            let cost = PassphraseCost {
                memory_kib,
                passes,
                lanes,
            };
            cost.check()
        };
        assert_eq!(PassphraseCost::default().check(), Ok(()));
        assert_eq!(PassphraseCost::MOST.check(), Ok(()));
        for (memory_kib, passes, lanes) in [(262_145, 1, 1), (8, 11, 1), (128, 1, 9)] {
            let refused = cost(memory_kib, passes, lanes);
            assert_eq!(refused, Err(KeyringError::TooExpensive));
        }
        assert_eq!(
            cost(u32::MAX, u32::MAX, u32::MAX),
            Err(KeyringError::TooExpensive)
        );
        for (memory_kib, passes, lanes) in [(7, 1, 1), (8, 0, 1), (8, 1, 0), (8, 1, 2)] {
            let refused = cost(memory_kib, passes, lanes);
            assert!(matches!(refused, Err(KeyringError::Invalid(_))));
        }
    }

    #[test]
    fn debug_does_not_show_the_passphrase() {
        let passphrase = Passphrase::new("hunter2").unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase(…)");
        let secret = Secret::Passphrase(passphrase);
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
