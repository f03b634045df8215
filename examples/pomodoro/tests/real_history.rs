//! A history that Flowkeeper recorded, against the state that Flowkeeper computed from it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test tells what it skipped and stops at what it did not expect"
)]

use icecore_example_pomodoro::history::{self, History};
use icecore_example_pomodoro::state::State;
use icecore_example_pomodoro::view::view;
use std::path::PathBuf;

/// The file beside the project, or nothing where it is missing.
fn data(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pomodoro");
    let found = std::fs::read(folder.join(name)).ok();
    if found.is_none() {
        println!("skipped: there is no {name} in ../shared/data/pomodoro");
    }
    found
}

#[test]
fn the_whole_history_makes_the_very_bytes_of_the_final_state() {
    let (Some(file), Some(expected)) = (data("history.txt"), data("final-state.json")) else {
        return;
    };
    let history = History::read(&file).unwrap();
    let seen = view(&history.state, i64::MAX).to_json();
    assert_eq!(seen.len(), expected.len());
    assert!(seen.as_bytes() == expected);
}

#[test]
fn written_again_it_is_the_same_file() {
    let Some(file) = data("history.txt") else {
        return;
    };
    let History { updates, state, .. } = History::read(&file).unwrap();
    let user = &state.user.as_ref().unwrap().identity;
    assert!(history::write(1, user, &updates).as_bytes() == file);
}

/// Each prefix, as it looks the moment after its last line, and as it looks when the next line is written: a client that
/// looked in between, or settled early, sees and makes the same as one that did not.
#[test]
fn every_prefix_is_the_same_however_often_somebody_looked() {
    let Some(file) = data("history.txt") else {
        return;
    };
    let whole = History::read(&file).unwrap();
    let mut looked = State::default();
    for (done, (at, _)) in whole.updates.iter().enumerate() {
        let before = looked.clone();
        let seen = view(&before, *at);
        // A state that was settled early goes on to the same state.
        let mut settled = before.clone();
        settled.settle(*at);
        assert_eq!(&settled, seen.state());
        history::fold_onto(&mut looked, &whole.updates[done..=done]).unwrap();
        history::fold_onto(&mut settled, &whole.updates[done..=done]).unwrap();
        assert_eq!(looked, settled);
        if done % 97 == 0 {
            assert_eq!(history::fold(&whole.updates[..=done]).unwrap(), looked);
        }
    }
    assert_eq!(looked, whole.state);
}

#[test]
fn a_prefix_of_the_file_is_a_history() {
    let Some(file) = data("history.txt") else {
        return;
    };
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for end in [0, 1, 17, 29, 30, 33, 1_000, 2_655, 2_658] {
        let read = History::read(lines[..end].join("\n").as_bytes()).unwrap();
        assert_eq!(read.updates.len(), end);
    }
    // Without any one line of it the rest is no history any more.
    for missing in [0, 1, 16, 1_000, 2_000] {
        let mut lines = lines.clone();
        lines.remove(missing);
        let refused = History::read(lines.join("\n").as_bytes()).unwrap_err();
        let (place, number) = (missing + 1, missing + 2);
        let reason = format!("line {place}: has the number {number} where {place} must follow");
        assert!(refused.to_string().starts_with(&reason), "{refused}");
    }
}
