//! Updates of a document: applied whole or not at all, and the state reads back to the same bytes.
#![no_main]

use icecore_core::fold::Step;
use icecore_core::{Author, Folded, Key, ModelRef, Registry, Seq, Update, UpdateId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut model = ModelRef::named("document");
    model.settings = serde_json::json!({"rules": [{"rule": "unique", "path": "/notes/*/title"}]});
    let model = Registry::built_in().open(&model).expect("a model");
    let mut folded = Folded::initial(model);
    // One update in each line.
    for (line, seq) in text.lines().zip(1..) {
        let Ok(update) = Update::from_text(line.to_owned()) else {
            continue;
        };
        let id = UpdateId {
            author: Author::from_parts(1, 1),
            seq: Seq::new(seq).expect("a seq"),
        };
        let step = Step {
            id,
            key: Key::MIN,
            update: &update,
            opened: true,
        };
        let before = folded.state_json().expect("JSON");
        let rejected = folded.rejected.count;
        folded = folded.after(std::iter::once(step));
        if folded.rejected.count > rejected {
            assert_eq!(folded.state_json().expect("JSON"), before, "all or nothing");
        }
        drop(folded.conflicts());
    }
    let state = folded.state_json().expect("JSON");
    let value: serde_json::Value = serde_json::from_slice(&state).expect("canonical JSON is JSON");
    let mut again = Vec::new();
    icecore_core::canonical::write(&value, &mut again).expect("it can be written");
    assert_eq!(again, state);
});
