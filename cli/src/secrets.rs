//! The secrets that open encrypted spaces: given on the command line or by the environment, or asked for.

use crate::progress::hidden_while;
use icecore::secrets::GivenSecrets;
use icecore_core::{Result, SpaceName};
use icecore_seal::{KeyringError, Passphrase, Secret};
use icecore_store::{Secrets, Store};
use std::error::Error as _;
use std::sync::Arc;

/// The secrets of one command. They are read, or asked for, when the content of an encrypted space is needed.
#[derive(Debug, Clone)]
pub(crate) struct CommandSecrets(Arc<GivenSecrets>);

impl CommandSecrets {
    pub(crate) fn new(given: GivenSecrets) -> Self {
        Self(Arc::new(given))
    }

    /// What was given, for what a space is made of.
    pub(crate) fn given(&self) -> &GivenSecrets {
        &self.0
    }

    /// A passphrase to be set, from `--new-passphrase-fd` or the environment, or asked for.
    ///
    /// # Errors
    /// As [`GivenSecrets::other_passphrase`].
    pub(crate) fn other_passphrase(&self, fd: Option<u32>, what: &str) -> Result<Passphrase> {
        hidden_while(|| self.0.other_passphrase(fd, what))
    }
}

impl Secrets for CommandSecrets {
    fn secrets(&self, space: &SpaceName) -> Result<Vec<Arc<Secret>>> {
        hidden_while(|| self.0.secrets(space))
    }
}

/// The same store for what needs no content: it opens no encrypted space, and asks nobody.
pub(crate) fn without_secrets(store: &Store) -> Store {
    store
        .clone()
        .with_secrets(Arc::new(Vec::<Arc<Secret>>::new()))
}

/// Whether a secret was given that does not open the space.
pub(crate) fn is_wrong_secret(error: &icecore_core::Error) -> bool {
    let cause = error.source().and_then(|s| s.downcast_ref());
    matches!(
        cause,
        Some(KeyringError::WrongPassphrase | KeyringError::NotAHolder)
    )
}
