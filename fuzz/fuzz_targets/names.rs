//! Paths, ids, times and patterns: what parses prints as it was read.
#![no_main]

use icecore_core::{Author, Digest, Epoch, Key, ObjectKey, SpaceName, UpdateId};
use icecore_gateway::token::SpacePattern;
use libfuzzer_sys::fuzz_target;

fn same<T: std::str::FromStr + std::fmt::Display>(text: &str) {
    if let Ok(parsed) = text.parse::<T>() {
        assert_eq!(parsed.to_string(), text);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    same::<ObjectKey>(text);
    same::<SpaceName>(text);
    same::<SpacePattern>(text);
    same::<Author>(text);
    same::<Epoch>(text);
    same::<Digest>(text);
    drop(text.parse::<Key>());
    drop(text.parse::<UpdateId>());
    drop(icecore_core::time::from_rfc3339(text));
});
