//! A running `icecore serve`, and tokens for it.

use super::command::{Place, Running};
use std::path::PathBuf;

/// What a server over a bucket signs its tokens with.
const SECRET: &str = "a secret of the tests, long enough to be one";

/// A server over a folder or a bucket, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    place: Place,
    folder: PathBuf,
    url: String,
    running: Option<Running>,
}

impl Serving {
    /// Starts a server over an empty folder on a free port.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let place = Place::empty();
        let folder = place.folder().join("data");
        let mut serving = Self {
            place,
            folder,
            url: String::new(),
            running: None,
        };
        serving.run("127.0.0.1:0", arguments);
        serving
    }

    /// Starts a server over a bucket.
    pub(crate) fn over_bucket(bucket: &Place, arguments: &[&str]) -> Self {
        let place = Place::at(bucket.url().to_owned(), bucket.environment().to_vec());
        let server = place.replica("server").with("ICECORE_TOKEN_SECRET", SECRET);
        let first = [
            "serve",
            "--s3",
            bucket.url(),
            "--listen",
            "127.0.0.1:0",
            "--json",
        ];
        let mut running = server.start(&[&first, arguments].concat());
        let url = running.line()["listening"]
            .as_str()
            .expect("an address")
            .to_owned();
        Self {
            folder: PathBuf::new(),
            place,
            url,
            running: Some(running),
        }
    }

    fn run(&mut self, listen: &str, arguments: &[&str]) {
        let folder = self.folder.display().to_string();
        let first = ["serve", "--dir", &folder, "--listen", listen, "--json"];
        let mut running = self
            .place
            .replica("server")
            .start(&[&first, arguments].concat());
        let line = running.line();
        let url = line["listening"].as_str().expect("an address");
        url.clone_into(&mut self.url);
        self.running = Some(running);
    }

    /// Kills it, as a power cut would, and starts it again at the same address.
    pub(crate) fn kill_and_restart(&mut self, arguments: &[&str]) {
        let address = self.url.trim_start_matches("http://").to_owned();
        drop(self.running.take());
        self.run(&address, arguments);
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        drop(self.running.take());
    }

    /// Asks it to stop; its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let running = self.running.take().expect("it runs");
        running.interrupt().0
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.running.as_ref().expect("it runs").process()
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The folder of the objects.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Where an object lies, or a folder of objects; see `in_full`.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        let root = self.objects();
        root.join(super::command::in_full(&root, key))
    }

    /// A token.
    pub(crate) fn token(&self, arguments: &[&str]) -> String {
        let replica = self
            .place
            .replica("minting")
            .with("ICECORE_TOKEN_SECRET", SECRET);
        let folder = self.folder.display().to_string();
        let first: &[&str] = match folder.as_str() {
            "" => &["token"],
            folder => &["token", "--dir", folder],
        };
        replica.ok(&[first, arguments].concat()).trim().to_owned()
    }

    /// A token that may do everything.
    pub(crate) fn admin(&self) -> String {
        self.token(&["--space", "*", "--right", "admin"])
    }

    /// The store behind the gateway, for replicas with this token.
    pub(crate) fn behind(&self, token: &str) -> Place {
        let environment = vec![("ICECORE_TOKEN".to_owned(), token.to_owned())];
        Place::at(self.url.clone(), environment)
    }
}
