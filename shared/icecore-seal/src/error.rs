//! What can go wrong: with a content, with the text of a key, with a keyring.

use crate::keys::KeyNumber;
use thiserror::Error;

/// Why a sealed content does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It is sealed under a key that these keys do not have: look for a newer keyring.
    #[error("sealed under key {0}, which is not at hand")]
    UnknownKey(KeyNumber),
    /// It, or its context, is not what was sealed, or the key is another one of the same number.
    #[error("the sealed content, its key or its context is not what it was")]
    Refused,
    /// It has not the form of a sealed content.
    #[error("not the form of a sealed content")]
    Malformed,
}

/// Why a text is not that of an [`Identity`](crate::Identity) or [`PublicKey`](crate::PublicKey).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyTextError {
    /// It begins with something else.
    #[error("it does not begin with {0}")]
    Prefix(&'static str),
    /// It is a secret where a public key is asked for: who sees it should make a new one.
    #[error("this is a secret, not a public key: show it to nobody")]
    SecretForPublic,
    /// It is a public key where a secret is asked for.
    #[error("this is a public key, not a secret")]
    PublicForSecret,
    /// Characters are missing, or there are too many.
    #[error("it has {0} characters after the prefix, not 48")]
    Length(usize),
    /// It has a character that does not occur in such texts.
    #[error("it has a character that is none of A-Z, a-z, 0-9, - and _")]
    Character,
    /// It was mistyped: the checksum does not fit.
    #[error("a character is wrong: the checksum does not fit")]
    Checksum,
    /// A public key of low order: what is wrapped for it, everybody can open.
    #[error("the public key is one that protects nothing")]
    Weak,
}

/// Why a keyring does not open, change or follow another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// The passphrase is that of no holder; or the bucket changed what it is derived with.
    #[error("the passphrase is not that of any holder")]
    WrongPassphrase,
    /// No holder has this identity, or none has a passphrase.
    #[error("not a holder of this keyring")]
    NotAHolder,
    /// Somebody who does not hold the newest key changed the keyring, or it is damaged: the part that does not fit.
    #[error("the keyring was changed by somebody who does not hold its keys: {0}")]
    Changed(&'static str),
    /// The keys at hand are older or newer than the keyring: open it again.
    #[error("the keys at hand end with {have}, those of the keyring with {newest}")]
    Stale {
        /// The newest key at hand.
        have: KeyNumber,
        /// The newest key of the keyring.
        newest: KeyNumber,
    },
    /// A passphrase, or all of them together, would cost more than [`PassphraseCost::MOST`](crate::PassphraseCost).
    #[error("to try the passphrase would cost more time or memory than allowed")]
    TooExpensive,
    /// The keyring is older than one that was seen before.
    #[error("the keyring went back from version {from} to {to}")]
    RolledBack {
        /// The version that was seen.
        from: u64,
        /// The version that is there now.
        to: u64,
    },
    /// Another holder has the name.
    #[error("there is a holder {0:?} already")]
    NameTaken(String),
    /// The holder of this name has the public key.
    #[error("the holder {0:?} has this public key already")]
    KeyTaken(String),
    /// No holder has the name.
    #[error("there is no holder {0:?}")]
    NoSuchHolder(String),
    /// Without this holder nobody could open the keyring.
    #[error("the last holder cannot be removed")]
    LastHolder,
    /// What was asked for is not possible: what is wrong with it.
    #[error("{0}")]
    Invalid(&'static str),
}
