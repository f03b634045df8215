//! The command in processes of its own: instances that run, and take what others recorded.

use crate::Site;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// More than a line takes on a slow machine.
const LINE_TAKES_MAX: Duration = Duration::from_mins(1);

/// A device with a folder of its own, on a store.
struct Device<'a> {
    store: &'a Path,
    folder: std::path::PathBuf,
}

impl Device<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_notes"));
        for variable in ["ICECORE_TOKEN", "ICECORE_PASSPHRASE"] {
            command.env_remove(variable);
        }
        command
            .env("ICECORE_STORE", self.store)
            .env("ICECORE_REPLICA", &self.folder)
            .args(arguments);
        command
    }

    fn ends(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn types(&self, arguments: &[&str]) -> String {
        let output = self.ends(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {text}{:?}",
            output.stderr
        );
        text
    }

    /// Starts an instance that runs.
    fn runs(&self, arguments: &[&str]) -> Running {
        let mut all = vec!["run"];
        all.extend(arguments);
        let mut command = self.command(&all);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, lines) = channel();
        let from = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in from.lines() {
                if to.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Running {
            child,
            input,
            lines,
        }
    }
}

/// An instance that runs; it ends with the test.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn told(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Waits for the next line that it prints.
    fn line(&self) -> String {
        self.lines.recv_timeout(LINE_TAKES_MAX).expect("a line")
    }

    /// Waits for a line that begins so. Others may come between: the store is read meanwhile.
    fn line_of(&self, start: &str) -> String {
        loop {
            let line = self.line();
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// Ends its input, and waits for it: its exit code and what it warned of.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let status = self.child.wait().unwrap();
        let mut warned = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut warned).unwrap();
        (status.code(), warned)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn device<'a>(site: &Site, store: &'a Path, name: &str) -> Device<'a> {
    let device = Device {
        store,
        folder: site.path(name),
    };
    device.types(&["create"]);
    device
}

#[test]
fn a_running_instance_takes_what_another_one_records() {
    let site = Site::new();
    let (here, there) = (site.path("here"), site.path("there"));
    let (phone, laptop) = (
        device(&site, &here, "phone"),
        device(&site, &there, "laptop"),
    );
    let file = site.path("calls.ndjson").display().to_string();
    let mut running = laptop.runs(&[]);
    assert_eq!(running.line(), "notes here: 0; the store is read meanwhile");

    phone.types(&[
        "--record",
        &file,
        "add",
        "Pack",
        "--due",
        "2026-12-24T18:00:00Z",
    ]);
    let recording = std::fs::read_to_string(&file).unwrap();
    running.told(&recording);
    let line = running.line_of("replayed");
    assert!(line.starts_with(r#"replayed  add {"id":""#), "{line}");
    let note =
        r#""note":{"due":"2026-12-24T18:00:00.000Z","status":"Open","text":"","title":"Pack"}}"#;
    assert!(line.ends_with(note), "{line}");

    // While it runs, the phone goes on; all is sent again, and only what is new is done.
    let id = phone.types(&["list"]).split(' ').next().unwrap().to_owned();
    phone.types(&["--record", &file, "rename", &id, "Pack the tent"]);
    running.told(&std::fs::read_to_string(&file).unwrap());
    assert!(running.line_of("known").starts_with("known     add "));
    assert!(running.line_of("replayed").starts_with("replayed  rename "));

    // Somebody types: a call without an id, one that is not possible, and none.
    running.told("{\"kind\":\"remove\",\"data\":\"nowhere\"}\nnonsense\n");
    running.told("{\"kind\":\"add\",\"data\":{\"$type\":\"Add\",\"id\":\"n2\",\"note\":{\"$type\":\"Note\",\"title\":\"Sleep\",\"text\":\"\",\"status\":{\"$enum\":\"Status\",\"name\":\"Open\"}}}}\n");
    assert_eq!(
        running.line_of("refused"),
        r#"refused   remove "nowhere": there is no note nowhere"#
    );
    assert!(
        running
            .line_of("made")
            .starts_with(r#"made      add {"id":"n2""#)
    );
    drop(running.input.take());
    assert_eq!(running.line_of("3"), "3 made, 1 known, 1 refused");
    let (code, warned) = running.end();
    assert_eq!(code, Some(2), "{warned}");
    assert!(warned.contains("line 5: the line is no call"), "{warned}");

    // It is all there, and in its own store.
    let list =
        format!("{id}  Pack the tent (open, due 2026-12-24T18:00:00.000Z)\nn2  Sleep (open)\n");
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    assert_eq!(laptop.types(&["list"]).lines().collect::<Vec<_>>(), lines);
    let anew = device(&site, &there, "anew");
    assert_eq!(anew.types(&["list"]), laptop.types(&["list"]));
}

#[test]
fn a_recording_is_replayed_by_a_command_and_twice_is_once() {
    let site = Site::new();
    let (here, there) = (site.path("here"), site.path("there"));
    let (phone, laptop) = (
        device(&site, &here, "phone"),
        device(&site, &there, "laptop"),
    );
    let file = site.path("calls.ndjson");
    phone.types(&["add", "Pack"]);
    phone.types(&["--offline", "add", "Sleep"]);
    phone.types(&["sync"]);
    // The whole history is a recording too.
    std::fs::write(&file, phone.types(&["calls", "--json"])).unwrap();
    let file = file.display().to_string();
    assert!(
        laptop
            .types(&["replay", &file])
            .ends_with("2 made, 0 known, 0 refused\n")
    );
    let again = laptop.types(&["replay", &file]);
    assert!(again.ends_with("0 made, 2 known, 0 refused\n"), "{again}");
    assert_eq!(laptop.types(&["list"]), phone.types(&["list"]));
    assert_eq!(
        laptop.types(&["calls", "--json"]),
        phone.types(&["calls", "--json"])
    );
    // Back to where it came from.
    assert!(
        phone
            .types(&["replay", &file])
            .ends_with("0 made, 2 known, 0 refused\n")
    );
    let missing = phone.ends(&["replay", "/nowhere/calls.ndjson"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        String::from_utf8(missing.stderr)
            .unwrap()
            .contains("hint: ")
    );
}

/// Two processes on one store, and a pipe from the one into a third on another store.
#[test]
fn running_instances_see_each_other_and_pass_calls_on() {
    let site = Site::new();
    let (here, there) = (site.path("here"), site.path("there"));
    let (phone, laptop) = (
        device(&site, &here, "phone"),
        device(&site, &here, "laptop"),
    );
    let mut at_phone = phone.runs(&[]);
    let mut at_laptop = laptop.runs(&["--json"]);
    let mut elsewhere = device(&site, &there, "elsewhere").runs(&["--offline"]);
    at_phone.line_of("notes here: 0");
    // Once it has seen the store as a whole, it hears of each call.
    for n in 0..3 {
        let add = format!(
            r#"{{"kind":"add","data":{{"$type":"Add","id":"n{n}","note":{{"$type":"Note","title":"{n}","text":"","status":{{"$enum":"Status","name":"Open"}}}}}}}}"#
        );
        at_phone.told(&(add + "\n"));
        at_phone.line_of("made");
        if let Ok(line) = at_laptop.lines.recv_timeout(LINE_TAKES_MAX) {
            elsewhere.told(&(line + "\n"));
        }
        let passed = elsewhere.line_of("replayed");
        assert!(
            passed.starts_with(&format!(r#"replayed  add {{"id":"n{n}""#)),
            "{passed}"
        );
    }
    // The other way.
    at_laptop.told("{\"kind\":\"remove\",\"data\":\"n0\"}\n");
    assert_eq!(at_phone.line_of("arrived"), r#"arrived   remove "n0""#);
    for running in [at_phone, at_laptop, elsewhere] {
        let (code, warned) = running.end();
        assert_eq!(code, Some(0), "{warned}");
    }
}

/// What the app shows before anything came from the store, and after.
#[test]
fn before_the_first_sync_nothing_is_there_and_the_app_says_so() {
    let site = Site::new();
    let store = site.path("store");
    let phone = device(&site, &store, "phone");
    assert_eq!(phone.types(&["list"]), "no notes\n");
    phone.types(&["add", "Pack"]);
    let laptop = Device {
        store: &store,
        folder: site.path("laptop"),
    };
    assert_eq!(
        laptop.types(&["--offline", "list"]),
        "no notes here; nothing was read from the store yet\n"
    );
    assert_eq!(laptop.types(&["list"]), phone.types(&["list"]));
    assert_eq!(
        laptop.types(&["--offline", "list"]),
        phone.types(&["list"]),
        "it was kept"
    );
    let id = phone.types(&["list"]).split(' ').next().unwrap().to_owned();
    let shown = format!(
        r#"{{"notes":{{"{id}":{{"due":null,"status":"Open","text":"","title":"Pack"}}}}}}"#
    );
    assert_eq!(phone.types(&["list", "--info"]).trim(), shown);
    let stored = phone.types(&["list", "--json"]);
    assert!(
        stored.starts_with(r#"{"$type":"Notebook","notes":{"#),
        "{stored}"
    );
    let state = phone.types(&["state"]);
    let notebook = format!(r#""notebook":{}}}"#, stored.trim());
    assert!(state.starts_with(r#"{"calls":{"#), "{state}");
    assert!(state.trim().ends_with(&notebook), "{state}");
    assert_eq!(laptop.types(&["--offline", "state"]), state);
}

/// Inputs of one device that happened before those of another one, and come after them.
#[test]
fn inputs_are_appended_at_any_time_and_from_anywhere() {
    let site = Site::new();
    let store = site.path("store");
    let (phone, laptop) = (
        device(&site, &store, "phone"),
        device(&site, &store, "laptop"),
    );
    let append = |device: &Device<'_>, name: &str, line: &str| {
        let file = site.path(name);
        std::fs::write(&file, line).unwrap();
        device.types(&["inputs", "append", &file.display().to_string()])
    };
    let missing = phone.ends(&["inputs", "list"]);
    assert_eq!(missing.status.code(), Some(1));
    let hint = String::from_utf8(missing.stderr).unwrap();
    assert!(
        hint.contains("hint: make it with `notes inputs create`"),
        "{hint}"
    );
    phone.types(&["inputs", "create"]);
    let rename = r#"{"at":"2026-11-20T10:00:00Z","kind":"rename","data":{"$type":"Rename","id":"n1","title":"Go"}}"#;
    assert_eq!(append(&laptop, "later", rename), "1 appended\n");
    let early = laptop.ends(&["inputs", "notebook"]);
    let warned = String::from_utf8(early.stderr).unwrap();
    assert!(
        warned.ends_with("is left out: there is no note n1\n"),
        "{warned}"
    );
    let add = r#"{"at":"2026-11-20T09:00:00Z","kind":"add","data":{"$type":"Add","id":"n1","note":{"$type":"Note","title":"Pack","text":"","due":{"$date":"2026-12-24T18:00:00.000Z"},"status":{"$enum":"Status","name":"Open"}}}}"#;
    append(&phone, "earlier", add);
    for device in [&phone, &laptop] {
        assert_eq!(
            device.types(&["inputs", "notebook"]),
            "n1  Go (open, due 2026-12-24T18:00:00.000Z)\n"
        );
        let list = device.types(&["inputs", "list"]);
        let kinds: Vec<&str> = list
            .lines()
            .map(|line| line.split(' ').nth(2).unwrap())
            .collect();
        assert_eq!(kinds, ["add", "rename"]);
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Scripts go by the exit code: a recording of which something was not made is no success, and the error names the lines.
#[test]
fn a_recording_of_which_something_was_refused_is_no_success() {
    let site = Site::new();
    let store = site.path("store");
    let phone = device(&site, &store, "phone");
    let file = site.path("calls.ndjson");
    let text = file.display().to_string();
    let id = "01a1f94a-adf5-7162-b238-06dc7b14e4b5";
    let remove = |seq: u64, note: &str| {
        format!("{{\"id\":\"{id}:{seq}\",\"kind\":\"remove\",\"data\":\"{note}\"}}\n")
    };
    let note = phone.types(&["add", "Pack"]);
    let note: &str = note
        .split("\"id\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    std::fs::write(&file, remove(1, "nowhere") + &remove(2, note)).unwrap();
    let refused = phone.ends(&["replay", &text]);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    let expected = format!("error: 1 of 2 calls were refused (line 1 ({id}:1))");
    assert!(
        said.contains(&expected) && said.contains("hint: "),
        "{said}"
    );
    let shown = String::from_utf8(refused.stdout).unwrap();
    assert!(shown.ends_with("1 made, 0 known, 1 refused\n"), "{shown}");

    // Another call under an id that is known: a conflict, which names it, and nothing is made of it.
    std::fs::write(&file, remove(2, note) + &remove(2, "another")).unwrap();
    let conflict = phone.ends(&["replay", &text]);
    assert_eq!(conflict.status.code(), Some(3));
    let said = stderr(&conflict);
    assert!(
        said.contains(&format!("(line 2 ({id}:2))")) && said.contains("without the \"id\""),
        "{said}"
    );
    let shown = String::from_utf8(conflict.stdout).unwrap();
    assert!(
        shown.contains("conflict  remove \"another\": another call is known as"),
        "{shown}"
    );
    assert!(
        shown.ends_with("0 made, 1 known, 0 refused, 1 in conflict\n"),
        "{shown}"
    );
}

/// The disk of the recording is full. The call itself is made, stored and sent, and the error says so: it is not to be made
/// again, as after "try again later".
#[test]
#[cfg(target_os = "linux")]
fn a_recording_that_cannot_be_written_is_named_and_the_call_is_stored() {
    let site = Site::new();
    let store = site.path("store");
    let phone = device(&site, &store, "phone");
    let full = phone.ends(&["--record", "/dev/full", "add", "Pack"]);
    assert_eq!(full.status.code(), Some(1));
    let said = stderr(&full);
    assert!(
        said.contains("the call was made and is stored as ") && said.contains("(/dev/full)"),
        "{said}"
    );
    assert!(said.contains("do not make it again"), "{said}");
    let list = phone.types(&["--offline", "list"]);
    assert!(list.contains("Pack"), "{list}");
    // It was sent too.
    let laptop = device(&site, &store, "laptop");
    assert_eq!(laptop.types(&["list"]), list);
    // What is recorded is completed as the hint says.
    assert_eq!(laptop.types(&["calls", "--json"]).lines().count(), 1);
}

/// More changed than was told one by one: an instance that begins with what the store holds, and one that was compressed.
#[test]
fn what_is_read_as_a_whole_is_passed_on_too() {
    let site = Site::new();
    let (here, there) = (site.path("here"), site.path("there"));
    let phone = device(&site, &here, "phone");
    for title in ["Pack", "Sleep", "Go"] {
        phone.types(&["add", title]);
    }
    // It has never read the store: what it gets is the whole notebook at once.
    let laptop = Device {
        store: &here,
        folder: site.path("laptop"),
    };
    let running = laptop.runs(&["--json"]);
    let mut recording = String::new();
    for _ in 0..3 {
        recording += &(running.line() + "\n");
    }
    let (code, warned) = running.end();
    assert_eq!(code, Some(0), "{warned}");
    assert_eq!(recording, phone.types(&["calls", "--json"]));
    // It is a recording, and the next instance ends with the same notes.
    let elsewhere = device(&site, &there, "elsewhere");
    let mut next = elsewhere.runs(&[]);
    next.told(&recording);
    for _ in 0..3 {
        next.line_of("replayed");
    }
    next.end();
    assert_eq!(elsewhere.types(&["list"]), phone.types(&["list"]));
    // What was here before is no news.
    let mut again = laptop.runs(&["--json"]);
    again.told("{\"kind\":\"remove\",\"data\":\"nowhere\"}\n");
    drop(again.input.take());
    let line = again.line();
    assert!(
        line.starts_with(r#"{"error":"#) && line.contains(r#""line 1""#),
        "{line}"
    );
    let (code, warned) = again.end();
    assert_eq!(code, Some(2), "{warned}");
}
