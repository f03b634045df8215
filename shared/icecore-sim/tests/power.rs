//! What was said before a power cut is true after it: on a disk that keeps nothing but what was fsynced.
//!
//! A process does its work under a recorder (`power/recorder.c`, loaded with `LD_PRELOAD`), which writes down each write,
//! each change of a name, each fsync and each line that the process says. From that record the disk is built that a power
//! cut can leave: before and after every fsync, and after every line. Only bytes whose file was fsynced and names whose
//! directory was fsynced are on it; or the names of all; or any part of the rest, writes torn at sectors included. The
//! real code opens it, and: what was reported as queued is in the queue or in the store, what was reported as
//! acknowledged is in the store, everything arrives, once, and `verify` passes. `SQLite`'s files are recorded as all others are.
//!
//! The recorder knows nothing of what is written through `mmap`, which only `SQLite`'s shared memory is: what it missed
//! otherwise would show, because the record must lead to the very files that are there (`Recording::events`).
//!
//! That the tests would notice is tested too: with any one kind of fsync struck from the record they find a broken
//! promise ([`each_kind_of_fsync_is_needed`], [`what_was_taken_must_be_durable`]).
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "power/check.rs"]
mod check;
#[path = "power/disk.rs"]
mod disk;
#[path = "power/lives.rs"]
mod lives;
#[path = "power/log.rs"]
mod log;
#[path = "power/recorder.rs"]
mod recorder;

use check::{Cuts, Verdict, cut_everywhere, objects, replicas, told};
use log::{Event, New};
use recorder::{Recording, Trouble};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

const ALL: Cuts = Cuts {
    from: 0,
    random: 2,
    first_only: false,
};

fn holds(verdict: &Verdict, disks_min: usize) {
    let (broken, all) = (verdict.broken.len(), verdict.disks);
    let first = verdict.broken.first();
    assert!(
        first.is_none(),
        "{broken} of {all} disks: {}",
        first.unwrap()
    );
    // Else nothing was looked at.
    assert!(all >= disks_min, "only {all} disks");
}

/// An update that was queued offline, in a replica that is new, is there after a power cut.
#[test]
fn what_was_queued_survives() {
    if lives::lived() {
        return;
    }
    let events = Recording::whole("what_was_queued_survives", "queue-1");
    assert!(told(&events) != told(&[]), "nothing was said");
    holds(&cut_everywhere(&events, ALL, replicas), 20);
}

/// A folder keeps what it says it has stored, replaced or deleted.
#[test]
fn what_a_folder_says_survives() {
    if lives::lived() {
        return;
    }
    for (life, disks_min) in [
        ("create-1", 20),
        ("replace-1", 20),
        ("way-1", 20),
        ("version-1", 10),
    ] {
        let events = Recording::whole("what_a_folder_says_survives", life);
        holds(&cut_everywhere(&events, ALL, objects), disks_min);
    }
}

/// That a name is given to an object in the place of directories, and that one is taken away, is on the disk by the last
/// fsync of their directory: these tests see it when it is missing.
#[test]
fn the_last_fsync_of_a_directory_is_needed() {
    if lives::lived() {
        return;
    }
    let cuts = Cuts {
        random: 0,
        first_only: true,
        ..ALL
    };
    for (life, told) in [("way-1", "x was stored"), ("version-1", "head was deleted")] {
        let events = Recording::whole("the_last_fsync_of_a_directory_is_needed", life);
        let is_it = |syncs: &Sync<'_>| syncs.path == "store";
        let all = events.len() - without(&events, is_it).len();
        let seen = Cell::new(0);
        let last = |syncs: &Sync<'_>| {
            seen.set(seen.get() + usize::from(is_it(syncs)));
            is_it(syncs) && seen.get() == all
        };
        let verdict = cut_everywhere(&without(&events, last), cuts, objects);
        let broken = verdict.broken.first().map_or("nothing", String::as_str);
        assert!(broken.contains(told), "{life}: {broken}");
    }
}

/// What two devices were told to be stored is in the store, and what they queued arrives.
#[test]
fn what_was_acknowledged_survives() {
    if lives::lived() {
        return;
    }
    let events = Recording::whole("what_was_acknowledged_survives", "sync-1");
    holds(&cut_everywhere(&events, ALL, replicas), 100);
}

/// The same while roll-ups, pruning and a new epoch move it from object to object.
#[test]
fn what_is_rolled_up_and_pruned_survives() {
    if lives::lived() {
        return;
    }
    let events = Recording::whole("what_is_rolled_up_and_pruned_survives", "history-1");
    holds(&cut_everywhere(&events, ALL, replicas), 100);
}

/// Killed after each single event, and started again, with the power cut only then: what the first process left in the
/// cache of the system looks stored to the second one, which may say so only once it is.
#[test]
fn what_was_taken_must_be_durable() {
    if lives::lived() {
        return;
    }
    let name = "what_was_taken_must_be_durable";
    let all = Recording::whole(name, "create-1").len();
    let (mut disks, mut noticed) = (0, false);
    for kill_after in 1..all {
        let (events, from) = twice(name, ["create-1", "create-1"], kill_after);
        let cuts = Cuts { from, ..ALL };
        let verdict = cut_everywhere(&events, cuts, objects);
        holds(&verdict, 1);
        disks += verdict.disks;
        // Without the fsyncs of directories of objects to which the second process added nothing.
        let is_of_objects = |syncs: &Sync<'_>| ["store/a", "store/b/c"].contains(&syncs.path);
        let strike = |syncs: &Sync<'_>| syncs.second_life && !syncs.changed && is_of_objects(syncs);
        let struck = without(&events, strike);
        noticed |= !cut_everywhere(&struck, cuts, objects).broken.is_empty();
    }
    assert!(disks > 500, "{disks}");
    assert!(noticed, "without that fsync nothing was lost");
}

/// The same with devices. Killed between the link that gives an object its name and the fsync of the directory, and
/// started again to look only: it finds its own update in the store, and takes it for acknowledged.
#[test]
fn what_was_found_stored_must_be_durable() {
    if lives::lived() {
        return;
    }
    let name = "what_was_found_stored_must_be_durable";
    let whole = Recording::whole(name, "sync-1");
    let is_link = |event: &Event| matches!(event, Event::Named { new: New::Link, .. });
    let mut between = 0;
    // The first event is none of the process's own.
    for kill_after in (1..whole.len()).filter(|n| is_link(&whole[*n])) {
        let (events, from) = twice(name, ["sync-1", "resume-2"], kill_after);
        between += usize::from(is_link(&events[from - 1]));
        let cuts = Cuts {
            from,
            random: 0,
            first_only: true,
        };
        holds(&cut_everywhere(&events, cuts, replicas), 3);
    }
    // Beside other work a process may get one call further before it is killed.
    assert!(between > 2, "only {between} were killed there");
}

/// An fsync of a directory fails, the update is sent again and is there already: still it must be synced.
#[test]
fn what_failed_to_sync_is_synced_again() {
    if lives::lived() {
        return;
    }
    let name = "what_failed_to_sync_is_synced_again";
    for nth in 1..=DIRECTORY_SYNCS {
        let recording = Recording::of(name);
        let trouble = Trouble {
            fail_dir_sync: Some(nth),
            ..Trouble::default()
        };
        recording.run("create-1", trouble);
        recording.run("create-1", Trouble::default());
        holds(&cut_everywhere(&recording.events(), ALL, objects), 20);
    }
}

const DIRECTORY_SYNCS: usize = 12;

/// A life that is cut short, and another one after it; where that begins.
fn twice(name: &'static str, lives: [&str; 2], kill_after: usize) -> (Vec<Event>, usize) {
    let recording = Recording::of(name);
    let trouble = Trouble {
        kill_after: Some(kill_after),
        ..Trouble::default()
    };
    assert!(!recording.run(lives[0], trouble), "it lives");
    recording.run(lives[1], Trouble::default());
    let events = recording.events();
    let second = events
        .iter()
        .rposition(|e| matches!(e, Event::Begin { .. }));
    (events, second.unwrap())
}

/// Each kind of fsync is needed: without it a promise is broken, and these tests see it.
#[test]
fn each_kind_of_fsync_is_needed() {
    if lives::lived() {
        return;
    }
    let name = "each_kind_of_fsync_is_needed";
    let cuts = Cuts {
        random: 0,
        first_only: true,
        ..ALL
    };
    let queue = Recording::whole(name, "queue-1");
    let sync = Recording::whole(name, "sync-1");
    let is_store = |syncs: &Sync<'_>| syncs.path.starts_with("store");
    let is_body = |syncs: &Sync<'_>| syncs.path.contains(".icecore-tmp-");
    let broken = |events: &[Event], kind: &dyn Fn(&Sync<'_>) -> bool| {
        let struck = without(events, kind);
        assert!(struck.len() < events.len(), "there is no such fsync");
        !cut_everywhere(&struck, cuts, replicas).broken.is_empty()
    };
    assert!(broken(&sync, &is_body), "of a body");
    assert!(
        broken(&sync, &|s| is_store(s) && !is_body(s)),
        "of a directory of the store"
    );
    assert!(
        broken(&queue, &|s| s.path.ends_with("-wal")),
        "of the queue"
    );
    assert!(
        broken(&queue, &|s| s.path.ends_with("/replica.db")),
        "of the database"
    );
    assert!(
        broken(&queue, &|s| s.path == "replicas"),
        "of the folder of the replica"
    );
    assert!(
        broken(&queue, &|s| s.path == "replicas/a"),
        "of the names in it"
    );
}

/// An fsync.
struct Sync<'a> {
    path: &'a str,
    second_life: bool,
    /// This process has changed something in it.
    changed: bool,
}

/// The record without some of the fsyncs.
fn without(events: &[Event], strike: impl Fn(&Sync<'_>) -> bool) -> Vec<Event> {
    let mut paths: BTreeMap<u64, String> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    let mut lives = 0;
    let mut kept = Vec::new();
    for event in events {
        match event {
            Event::Begin { root } => {
                paths.insert(*root, String::new());
                changed.clear();
                lives += 1;
            }
            Event::Named {
                parent,
                name,
                inode,
                new,
            } => {
                let path = format!("{}/{name}", paths[parent]);
                if *new != New::Link {
                    paths.insert(*inode, path.trim_start_matches('/').to_owned());
                }
                changed.insert(*parent);
            }
            Event::Renamed {
                from: (parent, _), ..
            }
            | Event::Removed { parent, .. } => {
                changed.insert(*parent);
            }
            Event::Written { inode, .. } | Event::Truncated { inode, .. } => {
                changed.insert(*inode);
            }
            Event::Synced { inode } => {
                let sync = Sync {
                    path: &paths[inode],
                    second_life: lives == 2,
                    changed: changed.contains(inode),
                };
                if strike(&sync) {
                    continue;
                }
            }
            Event::Said(_) => {}
        }
        kept.push(event.clone());
    }
    kept
}
