//! A replica whose file is lost or is none: the queue is never taken for empty.

use crate::support::command::{Place, Replica};
use std::fs;
use std::path::PathBuf;

fn add(n: u64) -> String {
    format!(r#"{{"kind":"append","data":{{"/log":[{n}]}}}}"#)
}

/// A replica with one update in its queue.
fn with_a_queue(place: &Place) -> (Replica, PathBuf) {
    let a = place.replica("a");
    a.ok(&["sync", "todo"]);
    a.ok(&["update", "todo", "--offline", &add(1)]);
    let file = a.folder().join("replica.db");
    assert!(
        !a.folder().join("replica.db-wal").exists(),
        "it was closed in order"
    );
    (a, file)
}

/// What a copy that broke off, a full disk or a sync tool leaves of the file. It was taken for a new replica: exit code 0, and
/// the queue was gone.
#[test]
fn a_database_that_is_lost_or_cut_short_is_refused_and_left_alone() {
    for left in [None, Some(0), Some(10), Some(4096), Some(8192)] {
        let place = Place::with_todo();
        let (a, file) = with_a_queue(&place);
        let whole = fs::read(&file).unwrap();
        match left {
            None => fs::remove_file(&file).unwrap(),
            Some(bytes) => fs::write(&file, &whole[..bytes]).unwrap(),
        }
        for command in [
            &["sync"][..],
            &["update", "todo", "--offline", &add(2)],
            &["status"],
        ] {
            let said = a.fails(5, command);
            assert!(
                said.contains("put replica.db back") && said.contains("not what was queued"),
                "{left:?}: {said}"
            );
        }
        let now = fs::read(&file).ok();
        assert_eq!(
            now.as_deref(),
            left.map(|bytes| &whole[..bytes]),
            "nothing was written"
        );
        fs::write(&file, &whole).unwrap();
        a.ok(&["sync"]);
        assert_eq!(place.replica("b").ok(&["state", "todo"]), "{\"log\":[1]}\n");
    }
}

/// `SQLite` itself would delete a log whose database is empty, and with it what was committed.
#[test]
fn a_log_beside_an_empty_database_is_left_alone() {
    let place = Place::with_todo();
    let (a, file) = with_a_queue(&place);
    let log = a.folder().join("replica.db-wal");
    fs::write(&file, "").unwrap();
    fs::write(&log, "what was committed").unwrap();
    fs::remove_file(a.folder().join("replica.made")).unwrap();
    fs::remove_file(a.folder().join("sync.lock")).unwrap();
    let said = a.fails(5, &["sync"]);
    assert!(said.contains("is empty"), "{said}");
    assert_eq!(fs::read_to_string(&log).unwrap(), "what was committed");
}

/// A crash at the very first start leaves an empty file, and an emptied log is usual: neither is a loss.
#[test]
fn a_first_start_that_was_cut_short_is_no_loss() {
    let place = Place::with_todo();
    let a = place.replica("a2");
    fs::create_dir(a.folder()).unwrap();
    fs::write(a.folder().join("replica.db"), "").unwrap();
    a.ok(&["update", "todo", "--offline", &add(1)]);
    fs::write(a.folder().join("replica.db-wal"), "").unwrap();
    a.ok(&["sync"]);
    assert_eq!(place.replica("b").ok(&["state", "todo"]), "{\"log\":[1]}\n");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let place = Place::with_todo();
    let a = place.replica("a3");
    fs::create_dir(a.folder()).unwrap();
    let file = a.folder().join("replica.db");
    let other = rusqlite::Connection::open(&file).unwrap();
    other
        .execute_batch("CREATE TABLE space (name TEXT); INSERT INTO space VALUES ('todo');")
        .unwrap();
    drop(other);
    for content in [fs::read(&file).unwrap(), b"some notes\n".to_vec()] {
        fs::write(&file, &content).unwrap();
        let said = a.fails(2, &["sync", "todo"]);
        assert!(
            said.contains("no database of icecore") && said.contains("replica.db"),
            "{said}"
        );
        assert_eq!(fs::read(&file).unwrap(), content);
        assert!(!a.folder().join("replica.made").exists());
    }
}
