//! The chat, end to end: on a folder, with many replicas, as people use it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod commands;
mod logs;
mod pictures;
mod queue;
mod replays;
mod transient;
mod watching;

use icecore::{Order, Place, Replica, Result};
use icecore_example_chat::model::{Chat, State};
use std::path::Path;
use tempfile::TempDir;

/// A store in a folder, and the folders of its replicas.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The place of a replica with a folder of this name.
    fn place(&self, replica: &str) -> Place {
        Place::new(self.path("store")).with_replica(self.folder.path().join(replica))
    }

    /// Makes the chat where it is missing, and opens it.
    async fn create(&self, replica: &str) -> Replica<Chat> {
        Replica::create(Chat, &self.place(replica), "chat", Order::Timestamp)
            .await
            .unwrap()
    }

    /// Opens a replica, without any request.
    async fn open(&self, replica: &str) -> Replica<Chat> {
        Replica::open(Chat, &self.place(replica), "chat")
            .await
            .unwrap()
    }

    /// The state as somebody sees it who comes anew; the history is verified on the way.
    async fn seen_anew(&self) -> Result<State> {
        let place = Place::new(self.path("store"));
        let replica = Replica::open(Chat, &place, "chat").await?;
        replica.sync().await?;
        let report = replica.verify().await?;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        Ok(State::clone(&replica.state()))
    }
}

fn texts(state: &State) -> Vec<&str> {
    state
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

/// The folder of real logs beside the project, where it is.
fn real_logs() -> Option<Vec<std::path::PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chat");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return None;
    };
    let mut logs: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    logs.sort();
    Some(logs)
}
