//! Disks that are full: of the store, and of a replica.

use crate::support::command::{Place, Replica};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of a few hundred KiB, unmounted when this is dropped.
struct SmallDisk {
    mounted: PathBuf,
}

impl SmallDisk {
    /// `None` where nobody may mount: not root, or in a container.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=512k", "none"])
            .arg(at);
        if mount.output().is_ok_and(|ran| ran.status.success()) {
            return Some(Self {
                mounted: at.to_owned(),
            });
        }
        skipped();
        None
    }

    /// Leaves no room at all, and returns what to remove.
    fn fill(&self) -> PathBuf {
        let path = self.mounted.join("ballast");
        // It ends when the disk is full.
        drop(fs::write(&path, vec![0; 1 << 20]));
        path
    }
}

#[expect(clippy::print_stdout, reason = "what is skipped must be seen")]
fn skipped() {
    println!("skipped: this user may not mount a small file system");
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.mounted).output());
    }
}

fn update(replica: &Replica, n: usize) -> Vec<String> {
    let update = format!(r#"{{"kind":"append","data":{{"/log":[{n}]}}}}"#);
    let ran = replica.run(&["update", "todo", &update]).expect_code(4);
    assert!(ran.stderr.contains("the disk is full"), "{}", ran.stderr);
    assert!(ran.stderr.contains("queued"), "{}", ran.stderr);
    ran.stdout.lines().map(str::to_owned).collect()
}

/// A full disk meant waiting, or an error that did not say so (owncloud/client#982, #2939): here two minutes of silence. It is
/// said after the first attempt.
#[test]
fn row_29_a_full_store_is_said_at_once() {
    let place = Place::empty();
    let Some(disk) = SmallDisk::mount(&place.object("")) else {
        return;
    };
    let a = place.replica("a");
    a.ok(&["init"]);
    a.ok(&["space", "create", "todo"]);
    disk.fill();
    let update = r#"{"kind":"append","data":{"/log":[1]}}"#;
    let ran = a
        .run(&["update", "todo", update, "--stats", "--json"])
        .expect_code(4);
    assert!(
        ran.stderr.contains("the disk is full") && ran.stderr.contains("queued"),
        "{}",
        ran.stderr
    );
    let stats = ran
        .stderr
        .lines()
        .find(|line| line.starts_with("{\"cost_usd"))
        .unwrap();
    let stats: serde_json::Value = serde_json::from_str(stats).unwrap();
    assert_eq!(stats["requests"]["put"], 1, "{stats}");
}

#[test]
fn on_a_full_store_updates_stay_queued_and_nothing_breaks() {
    let place = Place::empty();
    let Some(disk) = SmallDisk::mount(&place.object("")) else {
        return;
    };
    let [a, b] = ["a", "b"].map(|n| place.replica(n).with("ICECORE_PUBLISH_TIME_MAX_MS", "1"));
    a.ok(&["init"]);
    a.ok(&["space", "create", "todo"]);
    a.ok(&["update", "todo", r#"{"kind":"append","data":{"/log":[0]}}"#]);
    let ballast = disk.fill();
    update(&a, 1);
    update(&a, 2);
    let said = b.fails(4, &["rollup", "--now"]);
    assert!(said.contains("the disk is full"), "{said}");
    assert_eq!(
        b.ok(&["state", "todo"]),
        "{\"log\":[0]}\n",
        "it can be read"
    );
    fs::remove_file(ballast).unwrap();
    a.ok(&["sync"]);
    b.ok(&["rollup", "--now"]);
    assert_eq!(b.ok(&["state", "todo"]), "{\"log\":[0,1,2]}\n");
    a.ok(&["verify"]);
}

#[test]
fn on_a_full_replica_an_update_is_refused_and_what_was_queued_stays() {
    let place = Place::with_todo();
    let a = place.replica("small");
    let Some(disk) = SmallDisk::mount(a.folder()) else {
        return;
    };
    let update = |n: usize| format!(r#"{{"kind":"append","data":{{"/log":[{n}]}}}}"#);
    a.ok(&["update", "todo", &update(0)]);
    a.ok(&["update", "todo", "--offline", &update(1)]);
    let ballast = disk.fill();
    let long = format!(
        r#"{{"kind":"merge","data":{{"long":"{}"}}}}"#,
        "x".repeat(100_000)
    );
    let ran = a.run_with(&["update", "todo", "--offline", "-"], long);
    let said = ran.expect_code(4).stderr;
    assert!(said.contains("disk") && said.contains("full"), "{said}");
    fs::remove_file(ballast).unwrap();
    a.ok(&["update", "todo", &update(2)]);
    assert_eq!(
        place.replica("b").ok(&["state", "todo"]),
        "{\"log\":[0,1,2]}\n"
    );
    a.ok(&["verify"]);
}
