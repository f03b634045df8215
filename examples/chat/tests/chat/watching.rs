use crate::{World, simulated, within};
use futures::FutureExt;
use icecore::{Order, Replica};
use icecore_example_chat::command::{Watching, watch};
use icecore_example_chat::id::ConversationId;
use icecore_example_chat::model::Chat;
use icecore_example_chat::output::Output;
use icecore_example_chat::presence::say_typing;
use icecore_example_chat::update::Update;
use icecore_sim::bucket::Faults;
use std::io::{self, Write};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{mpsc, oneshot};

/// Hands each printed line to the test.
struct Lines {
    line: Vec<u8>,
    lines: mpsc::UnboundedSender<String>,
}

impl Write for Lines {
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

#[tokio::test]
async fn whoever_watches_sees_what_comes_and_who_is_here() {
    let world = World::new();
    let (ada, bo) = (world.create("ada").await, world.create("bo").await);
    let at = 1_764_547_200_000;
    bo.update_at(at, Update::name("bo")).await.unwrap();
    bo.sync().await.unwrap();
    ada.sync().await.unwrap();
    ada.update(Update::name("ada")).await.unwrap();

    let (lines, mut printed) = unbounded_channel();
    let (say, typed) = unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let watched = ada.clone();
    let watching = tokio::spawn(async move {
        let mut to = Lines {
            line: Vec::new(),
            lines,
        };
        let mut out = Output::new(false, &mut to);
        let end = stopped.map(drop).boxed();
        watch(
            &watched,
            &mut out,
            Watching::new(Duration::from_millis(5), end, typed),
        )
        .await
    });
    let mut until = async |wanted: &str| {
        while let Some(line) = printed.recv().await {
            if line.contains(wanted) {
                return line;
            }
        }
        panic!("{wanted:?} was not printed");
    };
    until("connected: ada; typing: nobody").await;
    say.send("hello?".to_owned()).unwrap();
    until("<ada> hello? (pending)").await;
    until("<ada> hello? (confirmed)").await;
    say.send("  ".to_owned()).unwrap();
    assert_eq!(until("!").await, "! say.text is empty");
    say_typing(&bo, ConversationId::default(), None)
        .await
        .unwrap();
    until("connected: ada; typing: bo").await;
    bo.update_at(at, Update::say("hello!")).await.unwrap();
    bo.update_at(at, Update::name("bob")).await.unwrap();
    bo.update_at(at, Update::leave(ConversationId::default()))
        .await
        .unwrap();
    bo.sync().await.unwrap();
    assert_eq!(
        until("hello!").await,
        "2025-12-01 00:00 <bo> hello! (confirmed)"
    );
    until("* bo is now known as bob (confirmed)").await;
    until("* bob left (confirmed)").await;
    stop.send(()).unwrap();
    watching.await.unwrap().unwrap();
    assert_eq!(world.seen_anew().await.unwrap(), *ada.state());
}

/// The store goes away twice. Each time that is told once, however often it is asked in vain, and so is its coming back: the
/// second time used to be told as often as it was asked, or not at all.
#[tokio::test(start_paused = true)]
async fn each_outage_is_told_once_and_so_is_its_end() {
    let (place, bucket) = simulated(7);
    let replica = Replica::create(Chat, &place, "chat", Order::Timestamp).await;
    let replica = replica.unwrap();
    let (lines, mut printed) = unbounded_channel();
    let (_say, typed) = unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let watched = replica.clone();
    let watching = tokio::spawn(async move {
        let mut to = Lines {
            line: Vec::new(),
            lines,
        };
        let how = Watching::new(Duration::from_millis(5), stopped.map(drop).boxed(), typed);
        watch(&watched, &mut Output::new(false, &mut to), how).await
    });
    let mut told = async |count: usize| {
        let mut told = Vec::new();
        while told.len() < count {
            let line = within(printed.recv()).await.unwrap();
            told.extend(line.strip_prefix("! ").map(str::to_owned));
        }
        told
    };
    for _ in 0..2 {
        bucket.set_faults(Faults {
            refused: 1.0,
            ..Faults::none()
        });
        let trouble = told(1).await.remove(0);
        assert_ne!(trouble, "the store answers again");
        // It is asked a hundred times more, and says nothing more of it.
        icecore_example_chat::pace::wait(Duration::from_millis(500)).await;
        bucket.set_faults(Faults::none());
        assert_eq!(told(1).await, ["the store answers again"]);
    }
    stop.send(()).unwrap();
    watching.await.unwrap().unwrap();
}
