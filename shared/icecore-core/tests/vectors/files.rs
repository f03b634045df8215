//! Reading, comparing and writing the vector files.

use super::encoding::laid_out;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The top of the workspace.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn is_blessing() -> bool {
    std::env::var_os("ICECORE_BLESS").is_some_and(|value| value == "1")
}

pub(crate) fn read<F: DeserializeOwned>(name: &str) -> F {
    let path = top().join("tests/vectors").join(name);
    let text = fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The files are written while other tests of this program read them.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a file, computes all of it that can be computed, and compares the two; or writes what was computed.
pub(crate) fn check<F: DeserializeOwned + Serialize>(name: &str, compute: impl FnOnce(F) -> F) {
    let _alone = one_at_a_time();
    let written: Value = read(name);
    let computed = compute(read(name));
    if is_blessing() {
        let text = laid_out(&serde_json::to_string(&computed).unwrap());
        fs::write(top().join("tests/vectors").join(name), text).unwrap();
        return;
    }
    let computed = serde_json::to_value(&computed).unwrap();
    for (section, cases) in computed.as_object().unwrap() {
        let written = &written[section];
        let (Some(cases), Some(written)) = (cases.as_array(), written.as_array()) else {
            panic!("{name}: `{section}` is not a list in both");
        };
        assert_eq!(
            cases.len(),
            written.len(),
            "{name}: {section}: {BLESS_HINT}"
        );
        for (n, (case, written)) in cases.iter().zip(written).enumerate() {
            let title = case["name"].as_str().unwrap_or_default();
            compare(&format!("{name}: {section}[{n}] {title}"), case, written);
        }
    }
}

const BLESS_HINT: &str = "if this is meant to be, run with ICECORE_BLESS=1";

/// Member by member, so that a failure shows the one that differs.
fn compare(place: &str, computed: &Value, written: &Value) {
    if let (Some(members), Some(_)) = (computed.as_object(), written.as_object()) {
        for (member, value) in members {
            let place = format!("{place}.{member}");
            compare(&place, value, &written[member]);
        }
        return;
    }
    assert!(
        computed == written,
        "{place} is\n  {computed}\nand not\n  {written}\n{BLESS_HINT}"
    );
}
