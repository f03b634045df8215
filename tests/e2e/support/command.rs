//! Runs the `icecore` command as a user does: in processes of its own, on a store in a temporary folder.

use icecore_core::{Generation, Segment};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// A store and the folders of its replicas, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
    url: String,
    environment: Vec<(String, String)>,
}

impl Place {
    /// A folder in which a store can be created, and nothing else yet.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = folder.path().join("store").display().to_string();
        Self {
            folder,
            url,
            environment: Vec::new(),
        }
    }

    /// A store in a bucket, reached with these variables.
    pub(crate) fn at(url: String, environment: Vec<(String, String)>) -> Self {
        Self {
            url,
            environment,
            ..Self::empty()
        }
    }

    /// A store in a folder, with one space of documents, `todo`.
    pub(crate) fn with_todo() -> Self {
        let place = Self::empty();
        let a = place.replica("a");
        a.ok(&["init"]);
        a.ok(&["space", "create", "todo"]);
        place
    }

    /// A replica of its own name.
    pub(crate) fn replica(&self, name: &str) -> Replica {
        Replica {
            home: self.folder.path().to_owned(),
            folder: Some(self.folder.path().join(name)),
            url: self.url.clone(),
            environment: self.environment.clone(),
        }
    }

    /// Where the store lies.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The variables with which it is reached.
    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The folder around store and replicas.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of an object of the store.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        Path::new(&self.url).join(self.key(key))
    }

    /// A key in full: `0001` stands for the epoch of this number.
    pub(crate) fn key(&self, key: &str) -> String {
        in_full(Path::new(&self.url), key)
    }

    /// The keys of all objects below a key, sorted.
    pub(crate) fn objects(&self, below: &str) -> Vec<String> {
        let mut keys = Vec::new();
        walk(&self.object(below), &mut keys);
        let root = PathBuf::from(&self.url);
        let relative = |path: &PathBuf| {
            path.strip_prefix(&root)
                .expect("below")
                .display()
                .to_string()
        };
        let mut keys: Vec<String> = keys.iter().map(relative).collect();
        keys.retain(|key| !key.contains("/.icecore-") && !key.starts_with(".icecore-"));
        keys.sort();
        keys
    }
}

/// A key with the whole name of its epoch, of which the number is given; as it is where there is no such epoch.
pub(crate) fn in_full(root: &Path, key: &str) -> String {
    let parts: Vec<&str> = key.split('/').collect();
    let [spaces, space, number, below @ ..] = parts.as_slice() else {
        return key.to_owned();
    };
    let folder = root.join(spaces).join(space);
    // The epoch that counts may have no folder yet; one that counts no more is named by its folder alone.
    let info = fs::read(folder.join("space.json")).unwrap_or_default();
    let info: Value = serde_json::from_slice(&info).unwrap_or_default();
    let counts = info["epoch"].as_str().map(str::to_owned);
    let entries = fs::read_dir(folder).into_iter().flatten();
    let entries = entries.map(|entry| entry.expect("an entry").file_name().display().to_string());
    let mut names = counts.into_iter().chain(entries);
    match names.find(|name| name.starts_with(&format!("{number}-"))) {
        Some(name) => [&[*spaces, *space, &name], below].concat().join("/"),
        None => key.to_owned(),
    }
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
    }
    for entry in fs::read_dir(path).into_iter().flatten() {
        walk(&entry.expect("an entry").path(), found);
    }
}

/// The number of updates in a stored segment.
pub(crate) fn updates_in_segment(place: &Place, space: &str, generation: u64) -> usize {
    let generation = Generation::new(generation).expect("a generation");
    let path = place.object(&format!("spaces/{space}/0001/segments/{generation:#}"));
    let stored = fs::read(path).expect("the segment is there");
    Segment::unpack(&stored)
        .expect("it can be read")
        .entries
        .len()
}

/// One replica: its own folder, and how it reaches the store.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    home: PathBuf,
    folder: Option<PathBuf>,
    url: String,
    environment: Vec<(String, String)>,
}

impl Replica {
    /// With another variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// On another store.
    pub(crate) fn on(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// In the default folder of this user.
    pub(crate) fn in_default_folder(mut self) -> Self {
        self.folder = None;
        self
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().expect("not the default one")
    }

    /// The command, ready to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_icecore")), arguments)
    }

    /// A copy of the command, ready to run.
    pub(crate) fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env("ICECORE_STORE", &self.url);
        let secrets = [
            "ICECORE_PASSPHRASE",
            "ICECORE_NEW_PASSPHRASE",
            "ICECORE_IDENTITY",
        ];
        let others = ["ICECORE_REPLICA", "ICECORE_LOG", "XDG_DATA_HOME"];
        for name in others.into_iter().chain(secrets) {
            command.env_remove(name);
        }
        // The servers of the tests are on this machine.
        for name in ["NO_PROXY", "no_proxy"] {
            command.env(name, "127.0.0.1,localhost");
        }
        if let Some(folder) = &self.folder {
            command.env("ICECORE_REPLICA", folder);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs the command with something on stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: impl AsRef<[u8]>) -> Ran {
        Ran::of(self.command(arguments), stdin)
    }

    /// Runs the command, which must succeed, and returns its stdout.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok()
    }

    /// Runs the command with `--json`; each line of its stdout.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.run(&[arguments, &["--json"]].concat())
            .expect_code(0)
            .values()
    }

    /// Runs the command, which must end with this exit code; returns its stderr.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        self.run(arguments).expect_code(code).stderr
    }

    /// Starts the command and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the command starts");
        let stdout = child.stdout.take().map(BufReader::new);
        Running { child, stdout }
    }

    /// Waits until the server's time has moved on by a second: S3 tells the age of an object in whole ones.
    pub(crate) fn wait_a_second(&self, space: &str) {
        self.ok(&["sync", space]);
        while self.json(&["status", space])[0]["lag_ms"].as_i64() < Some(1_100) {}
    }

    /// Publishes a merge of this JSON and returns the update's id.
    pub(crate) fn merge(&self, space: &str, data: &str) -> String {
        let update = format!(r#"{{"kind":"merge","data":{data}}}"#);
        let lines = self.json(&["update", space, &update]);
        let line = lines.last().expect("it was acknowledged");
        id_of(line)
    }
}

/// The id in a line of the log or of an acknowledgement.
pub(crate) fn id_of(line: &Value) -> String {
    format!(
        "{}:{}",
        line["author"].as_str().expect("an author"),
        line["seq"]
    )
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    arguments: String,
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained of.
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs a command with something on stdin.
    pub(crate) fn of(mut command: Command, stdin: impl AsRef<[u8]>) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut input = child.stdin.take().expect("its stdin");
        // A command that does not read its input closes it.
        drop(input.write_all(stdin.as_ref()));
        drop(input);
        let output = child.wait_with_output().expect("the command ends");
        let arguments: Vec<_> = command
            .get_args()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        Self {
            arguments: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// It must have ended with this exit code.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        let Self {
            arguments,
            stdout,
            stderr,
            ..
        } = &self;
        assert_eq!(
            self.code,
            Some(code),
            "icecore {arguments}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        assert!(
            !stderr.contains("panicked"),
            "icecore {arguments}\n{stderr}"
        );
        self
    }

    /// It must have succeeded; its stdout.
    pub(crate) fn ok(self) -> String {
        self.expect_code(0).stdout
    }

    /// Each line of stdout as JSON.
    pub(crate) fn values(&self) -> Vec<Value> {
        values(&self.stdout)
    }
}

/// Each line as JSON.
pub(crate) fn values(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

/// A command that runs beside the test, and is killed with it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Running {
    /// A command that is started with nothing to read and nobody to read it.
    pub(crate) fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("the command starts");
        let stdout = None;
        Self { child, stdout }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    fn stdout(&mut self) -> &mut BufReader<ChildStdout> {
        self.stdout.as_mut().expect("its stdout is open")
    }

    /// Waits for the next line of its stdout.
    pub(crate) fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stdout()
            .read_line(&mut line)
            .expect("its stdout can be read");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    /// Sends Ctrl-C and waits for the end; the exit code and the rest of its stdout.
    pub(crate) fn interrupt(mut self) -> (Option<i32>, String) {
        let signal = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(signal.expect("kill runs").success());
        let mut rest = String::new();
        self.stdout()
            .read_to_string(&mut rest)
            .expect("its stdout can be read");
        (self.child.wait().expect("it ends").code(), rest)
    }

    /// Closes its stdout, as `head` does, and waits for the end.
    pub(crate) fn close_stdout(mut self) -> Option<i32> {
        drop(self.stdout.take());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
