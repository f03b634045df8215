//! The golden vectors in `tests/vectors/seal.json` of the workspace, which clients in other languages read too.
//!
//! Of each case the input stands in the file; what follows from it is computed here and compared. What lies between
//! input and outcome is computed a second time, with the libraries alone, so that it is known to be what the crate
//! does. After a change of the format, or for a new case, `ICECORE_BLESS=1 cargo test -p icecore-seal --test vectors`
//! writes it instead: look at the difference before it is committed.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[allow(dead_code, reason = "the vectors of icecore-core need more of it")]
#[path = "../../icecore-core/tests/vectors/encoding.rs"]
mod encoding;
#[allow(dead_code, reason = "the vectors of icecore-core need more of it")]
#[path = "../../icecore-core/tests/vectors/files.rs"]
mod files;

#[path = "vectors/contents.rs"]
mod contents;
#[path = "vectors/keyrings.rs"]
mod keyrings;
#[path = "vectors/plainly.rs"]
mod plainly;

use contents::{KeyText, NoKeyText, Refused, SealedCase};
use keyrings::{PassphraseCase, RefusedKeyring, Story, Wrap};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    key_texts: Vec<KeyText>,
    key_texts_invalid: Vec<NoKeyText>,
    sealed: Vec<SealedCase>,
    refused: Vec<Refused>,
    passphrases: Vec<PassphraseCase>,
    wraps: Vec<Wrap>,
    keyrings: Vec<Story>,
    keyrings_refused: Vec<RefusedKeyring>,
}

#[test]
fn seal() {
    files::check("seal.json", |written: Seal| Seal {
        key_texts: each(&written.key_texts, KeyText::computed),
        key_texts_invalid: each(&written.key_texts_invalid, NoKeyText::computed),
        sealed: each(&written.sealed, SealedCase::computed),
        refused: each(&written.refused, Refused::computed),
        passphrases: each(&written.passphrases, PassphraseCase::computed),
        wraps: each(&written.wraps, Wrap::computed),
        keyrings: each(&written.keyrings, Story::computed),
        keyrings_refused: each(&written.keyrings_refused, RefusedKeyring::computed),
    });
}

fn each<C>(cases: &[C], computed: fn(&C) -> C) -> Vec<C> {
    cases.iter().map(computed).collect()
}
