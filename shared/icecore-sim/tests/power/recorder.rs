//! Runs this test program once more as the process whose power fails, under the recorder.

use super::log::{self, Event};
use super::{disk, lives};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The folder that a process works in, with the log of what was done to it.
#[derive(Debug)]
pub(crate) struct Recording {
    place: TempDir,
    test: &'static str,
}

/// What stands in the way of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// It is killed after so many events.
    pub(crate) kill_after: Option<usize>,
    /// This fsync of a directory fails, from 1.
    pub(crate) fail_dir_sync: Option<usize>,
}

impl Recording {
    /// An empty folder for the processes of the test of this name.
    pub(crate) fn of(test: &'static str) -> Self {
        let place = place();
        std::fs::create_dir(place.path().join("root")).unwrap();
        Self { place, test }
    }

    /// One whole life in an empty folder.
    pub(crate) fn whole(test: &'static str, life: &str) -> Vec<Event> {
        let recording = Self::of(test);
        recording.run(life, Trouble::default());
        recording.events()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("root")
    }

    /// Runs one process to its end; `false` when it was killed.
    pub(crate) fn run(&self, life: &str, trouble: Trouble) -> bool {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([self.test, "--exact", "--nocapture"])
            .env(lives::LIFE, life)
            .env("POWER_ROOT", self.root())
            .env("POWER_LOG", self.log())
            .env("LD_PRELOAD", library());
        let variables = [
            ("POWER_KILL_AFTER", trouble.kill_after),
            ("POWER_FAIL_DIR_SYNC", trouble.fail_dir_sync),
        ];
        for (name, value) in variables {
            command.env_remove(name);
            command.envs(value.map(|n| (name, n.to_string())));
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let output = command.output().unwrap();
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            code == Some(0) || (code.is_none() && trouble.kill_after.is_some()),
            "{life} with {trouble:?} ended with {code:?}: {said}"
        );
        code.is_some()
    }

    fn log(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("log")
    }

    /// All events so far. The recorder has missed none: they lead to the folder as it is.
    pub(crate) fn events(&self) -> Vec<Event> {
        let events = log::parse(&std::fs::read(self.log()).unwrap());
        let mut disk = disk::Disk::default();
        for event in &events {
            disk.apply(event);
        }
        let (told, found) = (disk.after(disk::Unsynced::Kept), disk::read(&self.root()));
        let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
            files.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&told), names(&found), "the recorder missed a name");
        for (path, bytes) in &told {
            assert!(
                bytes == &found[path],
                "the recorder missed a write of {path}"
            );
        }
        events
    }
}

/// A temporary folder, in memory where there is such a place: thousands of small disks are written.
pub(crate) fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = memory.is_dir().then(|| tempfile::tempdir_in(memory));
    match made {
        Some(Ok(folder)) => folder,
        _ => tempfile::tempdir().unwrap(),
    }
}

/// The recorder, compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power/recorder.c");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = built.join("power-recorder.so");
        // Another process may load the old one: never written in place.
        let new = built.join(format!("power-recorder-{}.so", std::process::id()));
        let mut command = Command::new("cc");
        command.args([
            "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
        ]);
        command.arg(&new).arg(&source).arg("-ldl");
        let output = command
            .output()
            .expect("a C compiler, as CONTRIBUTING.md asks for");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cc: {said}");
        std::fs::rename(&new, &library).unwrap();
        library
    })
}
