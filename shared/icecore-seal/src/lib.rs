//! The encryption of a space: contents sealed under its keys, and the keyring that holds those keys for people.
//!
//! A space has [`SpaceKeys`], numbered from 1. What is written is sealed under the newest; what was sealed under an
//! older one stays readable. The [`Keyring`] stands in the bucket for all to see: it has the space keys, wrapped for
//! each of its holders, who are passphrases and [`Identity`]s. Nothing here does I/O, reads a clock or draws a random
//! number, and nothing here knows what a space is: a caller gives a *context*, bytes that say what a ciphertext is
//! about, and nothing opens in another context.
//!
//! # Layout
//! - [`SpaceKeys`], [`Sealed`], [`SealedBytes`]: contents
//! - [`Passphrase`], [`Identity`], [`PublicKey`]: what opens a keyring
//! - [`Keyring`], [`Change`]: the keyring, and how it changes
//!
//! ```
//! use icecore_seal::{Identity, Keyring, NewHolder, Secret};
//!
//! let mut count = 0;
//! // In a program: 32 bytes of the system's randomness.
//! let mut random = || {
//!     count += 1;
//!     [count; 32]
//! };
//! let ada = Identity::generate(&mut random);
//! let holder = NewHolder::Member {
//!     name: "ada".to_owned(),
//!     public: ada.public(),
//! };
//! let (keyring, _) = Keyring::create(b"[\"notes\"]", vec![holder], "2026-11-21T12:00:00Z", &mut random)?;
//!
//! let keys = keyring.open(b"[\"notes\"]", &Secret::Identity(ada))?;
//! let sealed = keys.seal(b"[\"notes\",1]", b"hello", [7; 16]);
//! assert_eq!(keys.open(b"[\"notes\",1]", &sealed)?.as_slice(), b"hello");
//! assert!(keys.open(b"[\"notes\",2]", &sealed).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bytes
//! Binary values are base64url without padding. `HKDF(key, info)` is HKDF-SHA-256 (RFC 5869) without a salt, 32 bytes;
//! `n` is a key's number as four bytes, most significant first; `‖` puts bytes one after the other.
//!
//! | what | is |
//! | --- | --- |
//! | sealed content | salt (16) ‖ ciphertext ‖ tag (16): AES-256-GCM, key (32) ‖ nonce (12) = HKDF-SHA-256(ikm = space key, salt, info = `icecore seal v1`), associated data = context |
//! | `wrapped` | ephemeral public key (32) ‖ ciphertext ‖ tag (16) of all space keys in order, each n ‖ key (32): AES-256-GCM, key (32) ‖ nonce (12) = HKDF-SHA-256(ikm = X25519 shared secret, salt = ephemeral ‖ holder's public key, info = `icecore wrap v1`), associated data = context ‖ holder's public key ‖ holder's name |
//! | `link` of key n | HMAC-SHA-256(HKDF(key n − 1, `icecore link v1`), context ‖ n ‖ HKDF(key n, `icecore commitment v1`)); for n = 1, key 1 takes the place of key n − 1 too |
//! | `mac` | HMAC-SHA-256(HKDF(newest key, `icecore keyring v1`), context ‖ JSON of the keyring without `mac`) |
//! | fingerprint | the first 10 bytes of HKDF(newest key, `icecore fingerprint v1`) in Crockford's base 32, in groups of four |
//! | a passphrase's secret | Argon2id (RFC 9106, version 0x13) of passphrase and salt, 32 bytes: an X25519 secret |
//! | text of a secret or public key | `icecore-secret-` or `icecore-public-`, then base64url of the 32 bytes ‖ the first four bytes of their SHA-256 |
//!
//! The JSON under `mac` has no blanks, escapes no more than it must (as `JSON.stringify` does), and has these members in
//! this order: `version`; `keys`, each `number`, `made_at`, `link`; `holders`, each `name`, `kind` (`"member"`, or
//! `{"passphrase":{…}}` with `salt`, `memory_kib`, `passes`, `lanes`), `public`, `added_at`, `wrapped`.
//!
//! Contexts are put before other bytes without their length. No context may therefore be the beginning of another:
//! JSON arrays are not.
//!
//! # Guarantees
//! - Who holds no space key can neither read a sealed content, nor make one, nor change or move it.
//! - Who does not hold the newest space key cannot change the keyring of a replica that has seen it
//!   ([`Keyring::open`] with [`Keyring::check_follows`]): not holders, not keys, not an older version.
//! - Bytes from a bucket never make anything here panic, nor use more than [`PassphraseCost::MOST`] of memory.
//! - Secrets are wiped from memory when they are dropped, are not in any `Debug` output, and are compared in constant
//!   time. Copies on the stack that the libraries below make are wiped as far as they do it.
//!
//! # Non-goals
//! - Protection from holders: each can read all, change all, and add others. A removed holder keeps what it could read.
//! - A replica that has never seen the space takes any keyring that it can open: people compare
//!   [`SpaceKeys::fingerprint`]s. Likewise a bucket can show an old keyring to who never saw a newer one.
//! - Hiding how long contents are. Guarding a weak passphrase from who can read the bucket: the cost of Argon2id is all
//!   that stands in the way.

mod cipher;
mod derive;
mod error;
mod identity;
mod keyring;
mod keys;
mod passphrase;
mod sealed;

pub use error::{KeyTextError, KeyringError, OpenError};
pub use identity::{Identity, PublicKey};
pub use keyring::{
    Change, HOLDERS_MAX, Holder, HolderKind, KEYS_MAX, KeyInfo, Keyring, NAME_CHARS_MAX, NewHolder,
    PASSPHRASES_MAX,
};
pub use keys::{KeyNumber, SpaceKeys};
pub use passphrase::{Passphrase, PassphraseCost, Secret};
pub use sealed::{SEALED_EXTRA, Sealed, SealedBytes};

/// Where random bytes come from: 32 new ones at each call, fit for keys (from the operating system). The same bytes
/// twice reveal what is sealed, so a replay of fixed ones is for tests only.
pub type Random<'a> = &'a mut dyn FnMut() -> [u8; 32];
