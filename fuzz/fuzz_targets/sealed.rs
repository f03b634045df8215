//! Sealed contents, keys, passphrases and keyrings.
#![no_main]

use icecore_seal::{Identity, Keyring, Passphrase, PublicKey, Sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drop(serde_json::from_slice::<Keyring>(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    drop(serde_json::from_slice::<Sealed>(bytes));
    let _ = text.parse::<PublicKey>();
    drop(text.parse::<Identity>());
    drop(Passphrase::new(text));
});
