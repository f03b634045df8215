//! Devices, and what lies on disks.

use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The files below a folder, whose bytes, packed or not, hold a text.
pub(crate) fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let mut unpacked = Vec::new();
        let is_packed = GzDecoder::new(bytes.as_slice())
            .read_to_end(&mut unpacked)
            .is_ok();
        if contains(&bytes, text) || (is_packed && contains(&unpacked, text)) {
            found.push(path);
        }
    }
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Every file below a folder, byte for byte.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

/// Nothing in the space is wrong.
pub(crate) async fn verify(replica: &icecore::Replica<icecore_example_steps::Steps>) {
    let report = replica.verify().await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
}
