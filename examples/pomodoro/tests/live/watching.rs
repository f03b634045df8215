//! `watch` within this process, with a store in a folder.

use crate::support::{START_I, created, joined, objects, update};
use icecore::time;
use icecore_example_pomodoro::command::{Lines, Watching, watch};
use icecore_example_pomodoro::session::Session;
use serde_json::Value;
use std::io::{self, Write};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(20);

/// Hands each printed line to the test.
struct Printed {
    line: Vec<u8>,
    lines: mpsc::UnboundedSender<String>,
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
        self.lines
            .send(line.trim_end().to_owned())
            .map_err(io::Error::other)
    }
}

/// A client that watches until it is told to end.
struct Watcher {
    lines: mpsc::UnboundedReceiver<String>,
    end: oneshot::Sender<()>,
    task: JoinHandle<icecore::Result<()>>,
}

impl Watcher {
    fn start(session: &Session, as_json: bool) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel::<()>();
        let session = session.clone();
        let task = tokio::spawn(async move {
            let mut to = Printed {
                line: Vec::new(),
                lines: sender,
            };
            let how = Watching::until(EVERY, async move { drop(ended.await) });
            watch(&session, &mut Lines::new(as_json, &mut to), how).await
        });
        Self { lines, end, task }
    }

    /// The lines up to the first one with this text in it.
    async fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.lines.recv().await {
            lines.push(line);
            if lines.last().unwrap().contains(wanted) {
                return lines;
            }
        }
        panic!("{wanted:?} was not printed: {lines:?}");
    }

    async fn end(mut self) -> Vec<String> {
        self.end.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        let mut rest = Vec::new();
        while let Ok(line) = self.lines.try_recv() {
            rest.push(line);
        }
        rest
    }
}

async fn make(session: &Session, call: &str) {
    session.record(update(call)).await.unwrap();
    session.replica.sync().await.unwrap();
}

#[tokio::test]
async fn what_one_device_does_another_one_sees_and_each_computes_the_end() {
    let folder = TempDir::new().unwrap();
    let phone = created(&folder, &[]).await;
    let laptop = joined(&folder, "laptop-2").await;
    let mut watcher = Watcher::start(&laptop, true);
    let json =
        |lines: Vec<String>| -> Value { serde_json::from_str(lines.last().unwrap()).unwrap() };
    let first = json(watcher.until("state").await);
    assert_eq!(first["state"]["b"]["items"]["i"]["pomodoros"][0], "new");

    make(&phone, r#"StartTimer("i", "1", "1")"#).await;
    let change = json(watcher.until("StartTimer").await)["change"].clone();
    assert_eq!(
        (&change["own"], &change["stage"]),
        (&false.into(), &"confirmed".into())
    );
    let started = phone.replica.state().timer.as_ref().unwrap().started;
    // Heard of after the work was over, on a busy machine: then it is at rest already. It finishes in any case.
    let finished = json(watcher.until("finished").await);
    assert_eq!(finished["told"]["at"], time::to_rfc3339(started + 2_000));
    assert_eq!(finished["told"]["name"], "I");

    make(&phone, START_I).await;
    let work = json(watcher.until(r#""what":"work""#).await);
    let started = phone.replica.state().timer.as_ref().unwrap().started;
    assert_eq!(work["told"]["until"], time::to_rfc3339(started + 1_500_000));
    make(&phone, r#"CompleteWorkitem("i", "finished")"#).await;
    let void = json(watcher.until(r#""what":"void""#).await);
    assert_eq!(void["told"]["item"], "i");
    watcher.end().await;
    // What was recorded is what a person did, and nothing else.
    let log = laptop.log().await.unwrap();
    assert_eq!(log.lines().count(), 6 + 3, "{log}");
}

#[tokio::test]
async fn nothing_is_told_of_a_pomodoro_that_ended_before() {
    let folder = TempDir::new().unwrap();
    let phone = created(&folder, &[(1, START_I)]).await;
    let laptop = joined(&folder, "laptop-2").await;
    let mut watcher = Watcher::start(&laptop, false);
    let mut lines = watcher.until("I [x] [ ]  (i)").await;
    make(&phone, r#"RenameBacklog("b", "renamed")"#).await;
    lines.extend(watcher.until(r#"RenameBacklog("b", "renamed")"#).await);
    lines.extend(watcher.end().await);
    assert!(!lines.iter().any(|line| line.contains(" * ")), "{lines:?}");
}

/// Clients come, stay over the end of a pomodoro, and go, one of them cut off: the store holds the same objects, byte for
/// byte.
#[tokio::test]
async fn clients_that_come_and_go_add_nothing() {
    let folder = TempDir::new().unwrap();
    let phone = created(&folder, &[]).await;
    make(&phone, r#"StartTimer("i", "1", "1")"#).await;
    let before = objects(&folder);
    let laptop = joined(&folder, "laptop-2").await;
    let mut watcher = Watcher::start(&laptop, false);
    let cut_off = Watcher::start(&phone, false);
    watcher.until("* finished I").await;
    watcher.end().await;
    cut_off.task.abort();
    assert!(cut_off.task.await.unwrap_err().is_cancelled());
    drop((laptop, phone));
    let late = joined(&folder, "late").await;
    assert!(late.replay().await.unwrap().same);
    assert_eq!(objects(&folder), before);
}
