//! A store with replicas, and what must hold of a space after something was killed.

use super::process::{Killed, kill_at};
use crate::support::command::{Place, Replica};
use futures::TryStreamExt;
use icecore_sim::clock::SimClock;
use icecore_store::backend::{self, Backend};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::sync::Arc;
use tokio::runtime::Handle;

/// A store.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    place: &'a Place,
    backend: Backend,
}

impl<'a> Bench<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        let _runtime = Handle::current().enter();
        let environment = place.environment().iter().cloned();
        let clock = Arc::new(SimClock::start());
        let backend = backend::open(place.url(), environment, clock).unwrap();
        place.replica("a").ok(&["init"]);
        Self { place, backend }
    }

    pub(super) fn replica(&self, name: &str) -> Replica {
        self.place.replica(name)
    }

    /// A space of its own for what happens at this point.
    pub(super) fn trial(&self, number: usize, point: &'static str) -> Trial<'_> {
        let space = format!("{number}-{}", point.replace([':', '.'], "-"));
        Trial {
            bench: self,
            point,
            space,
        }
    }

    fn path(&self, key: &str) -> Path {
        let mut path = self.backend.prefix.clone();
        for part in key.split('/') {
            // The number of an epoch stands for its whole name.
            let is_number = part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit());
            let named = is_number.then(|| self.epoch(&path, part)).flatten();
            path = named.unwrap_or_else(|| path.join(part));
        }
        path
    }

    fn epoch(&self, space: &Path, number: &str) -> Option<Path> {
        let listed = self.backend.store.list_with_delimiter(Some(space));
        let folders = Handle::current().block_on(listed).unwrap().common_prefixes;
        folders.into_iter().find(|folder| {
            folder
                .filename()
                .is_some_and(|name| name.starts_with(&format!("{number}-")))
        })
    }

    /// Stores an object behind everybody's back.
    pub(super) fn put(&self, key: &str, body: &str) {
        let path = self.path(key);
        let put = self.backend.store.put(&path, body.to_owned().into());
        Handle::current().block_on(put).unwrap();
    }

    /// The names of all objects below a key.
    pub(super) fn objects(&self, below: &str) -> Vec<String> {
        let path = self.path(below);
        let listed = self.backend.store.list(Some(&path)).try_collect::<Vec<_>>();
        let listed = Handle::current().block_on(listed).unwrap();
        let names = listed
            .iter()
            .map(|meta| meta.location.to_string()[path.as_ref().len() + 1..].to_owned());
        names.collect()
    }
}

/// One point at which one command is killed, in a space of its own.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) point: &'static str,
    pub(super) space: String,
}

impl Trial<'_> {
    /// Creates the space; two replicas.
    pub(super) fn begin(&self, options: &[&str]) -> (Replica, Replica) {
        let (a, b) = (self.bench.replica("a"), self.bench.replica("b"));
        a.ok(&[&["space", "create", &self.space], options].concat());
        (a, b)
    }

    /// Kills a command in this space at the point.
    pub(super) fn kill(&self, replica: &Replica, command: &str, arguments: &[&str]) -> Killed {
        self.kill_with(replica, &[&[command, &self.space], arguments].concat(), "")
    }

    pub(super) fn kill_with(&self, replica: &Replica, arguments: &[&str], stdin: &str) -> Killed {
        kill_at(replica, self.point, arguments, stdin)
    }

    /// Runs a command in this space.
    pub(super) fn ok(&self, replica: &Replica, command: &str, arguments: &[&str]) -> String {
        replica.ok(&[&[command, &self.space], arguments].concat())
    }

    /// Appends items to the list that is the state, one update each.
    pub(super) fn append(&self, replica: &Replica, items: &[&str]) {
        let updates: Vec<String> = items.iter().map(|item| append(item)).collect();
        let updates: Vec<&str> = updates.iter().map(String::as_str).collect();
        self.ok(replica, "update", &updates);
    }

    pub(super) fn queue(&self, replica: &Replica, item: &str) {
        self.ok(replica, "update", &["--offline", &append(item)]);
    }

    /// The items that a replica shows.
    pub(super) fn items(&self, replica: &Replica) -> Vec<String> {
        items(&self.ok(replica, "state", &[]))
    }

    /// The list must be this one, for a replica that looks now.
    pub(super) fn shows(&self, replica: &Replica, expected: &[&str]) {
        assert_eq!(self.items(replica), expected, "killed at {}", self.point);
    }

    /// Everything settles: all replicas sync, it is rolled up, pruned and verified. All of them, and one that begins
    /// only now, hold the same bytes, and these items once each.
    pub(super) fn end(&self, expected: &[&str]) {
        let (a, b) = (self.bench.replica("a"), self.bench.replica("b"));
        for replica in [&a, &b, &a] {
            self.ok(replica, "sync", &[]);
        }
        self.ok(&b, "rollup", &["--now", "--full"]);
        self.ok(&a, "verify", &[]);
        self.ok(&a, "prune", &["--retention", "0s"]);
        self.ok(&b, "rollup", &["--now", "--full"]);
        self.ok(&b, "verify", &[]);
        let fresh = self.bench.replica(&format!("fresh-{}", self.space));
        let bytes = self.ok(&fresh, "state", &[]);
        for replica in [&a, &b] {
            assert_eq!(
                self.ok(replica, "state", &[]),
                bytes,
                "killed at {}",
                self.point
            );
        }
        let mut all = items(&bytes);
        all.sort();
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(all, expected, "killed at {}", self.point);
    }
}

/// An update that appends one item.
pub(super) fn append(item: &str) -> String {
    format!(r#"{{"kind":"append","data":{{"/log":["{item}"]}}}}"#)
}

fn items(state: &str) -> Vec<String> {
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let list = state["log"].as_array().cloned().unwrap_or_default();
    let items = list
        .into_iter()
        .map(|item| item.as_str().unwrap().to_owned());
    items.collect()
}
