//! Devices on a store in a folder, and histories written by hand.

use icecore::Place;
use icecore_example_pomodoro::history;
use icecore_example_pomodoro::import::Mode;
use icecore_example_pomodoro::kinds::update_of;
use icecore_example_pomodoro::line::read_call;
use icecore_example_pomodoro::session::Session;
use icecore_example_pomodoro::update::Update;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const SPACE: &str = "pomodoro";
/// Long ago.
pub(crate) const START: i64 = 1_781_096_400_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const START_I: &str = r#"StartTimer("i", "1500", "300")"#;

pub(crate) fn update(call: &str) -> Update {
    update_of(&read_call(call).unwrap()).unwrap()
}

/// A history of these calls, each so many minutes after the start: the items `i` with two pomodoros and `j` with a tracker.
pub(crate) fn dated(calls: &[(i64, &str)]) -> Vec<(i64, Update)> {
    let before = [
        (0, r#"CreateUser("user@local.host", "U")"#),
        (0, r#"CreateBacklog("b", "B")"#),
        (0, r#"CreateWorkitem("i", "b", "I")"#),
        (0, r#"CreateWorkitem("j", "b", "J")"#),
        (0, r#"AddPomodoro("i", "2", "normal")"#),
        (0, r#"AddPomodoro("j", "1", "tracker")"#),
    ];
    let all = before.iter().chain(calls);
    all.map(|(minutes, call)| (START + minutes * MINUTE, update(call)))
        .collect()
}

pub(crate) fn file(calls: &[(i64, &str)]) -> Vec<u8> {
    history::write(1, "user@local.host", &dated(calls)).into_bytes()
}

pub(crate) fn place(folder: &TempDir, device: &str) -> Place {
    Place::new(folder.path().join("store").display().to_string())
        .with_replica(folder.path().join(device))
}

/// The first device, with this history stored.
pub(crate) async fn created(folder: &TempDir, calls: &[(i64, &str)]) -> Session {
    let place = place(folder, "laptop");
    let session = Session::create(&place, SPACE, true).await.unwrap();
    session.import(&file(calls), Mode::Replay).await.unwrap();
    session
}

/// A device as it was left; nothing is asked.
pub(crate) async fn opened(folder: &TempDir, device: &str) -> Session {
    Session::open(&place(folder, device), SPACE).await.unwrap()
}

/// Another device, or the same one again.
pub(crate) async fn joined(folder: &TempDir, device: &str) -> Session {
    let session = opened(folder, device).await;
    session.replica.sync().await.unwrap();
    session
}

/// Every object of the store, byte for byte.
pub(crate) fn objects(folder: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(&folder.path().join("store"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
}
