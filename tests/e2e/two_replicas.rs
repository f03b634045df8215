//! Two shells, each with a `--replica` folder of its own, on one store: they see each other's updates. On a folder given
//! as `file://`, on the S3 server of `icecore-sim`, and on a real S3 server where there is one.

use crate::support::command::{Place, Ran, id_of};
use crate::support::{localstack, s3};
use icecore_sim::s3_server;
use object_store::memory::InMemory;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

/// One shell: nothing but the options that a person types.
#[derive(Debug)]
struct Shell<'a> {
    place: &'a Place,
    store: String,
    folder: PathBuf,
}

impl Shell<'_> {
    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.place.replica("none").command(arguments);
        command.env_remove("ICECORE_STORE");
        command.env_remove("ICECORE_REPLICA");
        command.args(["--store", &self.store, "--replica"]);
        command.arg(&self.folder);
        command
    }

    fn types(&self, arguments: &[&str]) -> String {
        Ran::of(self.command(arguments), "").ok()
    }

    fn merge(&self, data: &Value) {
        let update = json!({ "kind": "merge", "data": data }).to_string();
        self.types(&["update", "todo", &update]);
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.types(&["state", "todo"])).unwrap()
    }

    /// Starts a process that adds to a counter, a set and a list.
    fn adds(&self, name: &str) -> Child {
        let updates = [
            json!({ "kind": "increment", "data": { "/count": 1 } }),
            json!({ "kind": "add", "data": { "/who": [name] } }),
            json!({ "kind": "append", "data": { "/lines": [name] } }),
        ]
        .map(|update| update.to_string());
        let mut arguments = vec!["update", "todo"];
        arguments.extend(updates.iter().map(String::as_str));
        let mut command = self.command(&arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().unwrap()
    }
}

fn two_shells(place: &Place, store: &str) {
    let shell = |name: &str| Shell {
        place,
        store: store.to_owned(),
        folder: place.folder().join(name),
    };
    let (one, two) = (shell("one"), shell("two"));
    one.types(&["init"]);
    one.types(&["space", "create", "todo"]);

    // Each sees what the other wrote, at once.
    one.merge(&json!({ "milk": { "done": false } }));
    assert_eq!(two.state(), json!({ "milk": { "done": false } }));
    two.merge(&json!({ "milk": { "done": true }, "bread": {} }));
    assert_eq!(
        one.state(),
        json!({ "bread": {}, "milk": { "done": true } })
    );

    // What one made offline, the other sees once it was sent; and both keep their own changes.
    let offline = json!({ "kind": "merge", "data": { "eggs": 6 } }).to_string();
    one.types(&["update", "todo", "--offline", &offline]);
    two.merge(&json!({ "flour": 1 }));
    assert_eq!(two.state()["eggs"], Value::Null);
    assert_eq!(one.state()["eggs"], 6, "its own, before it is sent");
    one.types(&["sync", "todo"]);
    assert_eq!(two.state(), one.state());

    // Both at the same time, several processes in each folder.
    let children: Vec<Child> = (0..8)
        .map(|n| [&one, &two][n % 2].adds(&format!("p{n}")))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let state = one.state();
    assert_eq!(state["count"], 8);
    assert_eq!(state["who"].as_array().unwrap().len(), 8);
    let lines: BTreeSet<&str> = state["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(
        (lines.len(), state["lines"].as_array().unwrap().len()),
        (8, 8)
    );

    // Rolled up by one, read by all: the same bytes, also for a third that begins now.
    one.types(&["rollup", "todo", "--now"]);
    let bytes = one.types(&["state", "todo"]);
    assert_eq!(two.types(&["state", "todo"]), bytes);
    assert_eq!(shell("three").types(&["state", "todo"]), bytes);
    assert_eq!(two.types(&["log", "todo"]), one.types(&["log", "todo"]));
    two.types(&["verify"]);
    let authors: BTreeSet<String> = two
        .types(&["log", "todo"])
        .lines()
        .map(|line| id_of(&serde_json::from_str(line).unwrap()))
        .map(|id| id.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(authors.len(), 2, "one author per folder: {authors:?}");
}

#[test]
fn on_a_folder() {
    let place = Place::empty();
    let store = format!("file://{}", place.folder().join("shared store").display());
    two_shells(&place, &store.replace(' ', "%20"));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let place = Place::at(server.url("a/prefix"), server.environment());
    let work = move || two_shells(&place, place.url());
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_s3_server() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let place = s3::bucket_on(&endpoint).await;
    let work = move || two_shells(&place, place.url());
    tokio::task::spawn_blocking(work).await.unwrap();
}
