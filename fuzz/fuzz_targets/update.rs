//! Update objects: what parses is written again so that it says the same.
#![no_main]

use icecore_core::{Update, UpdateObject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(object) = UpdateObject::from_json(bytes) {
        let again =
            UpdateObject::from_json(&object.to_json()).expect("what was read can be written");
        assert_eq!(again, object);
        for (_, update) in object.entries() {
            drop(update.parts());
            let stored = Update::from_stored(update.as_text().to_owned());
            assert_eq!(&stored.expect("its text is kept"), update);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(Update::from_text(text.to_owned()));
    }
});
