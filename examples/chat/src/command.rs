//! What each command does.

mod conversations;
mod play;
mod show;
mod watch;

pub use watch::{Watching, watch};

use crate::api;
use crate::args::{Cli, Command, ServeArgs};
use crate::hub::Hub;
use crate::id::{ConversationId, UserId};
use crate::model::Chat;
use crate::output::Output;
use crate::png;
use crate::presence;
use crate::update::Update;
use icecore::{Error, Order, Replica, Result, UpdateId};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How often to look for what is new, and for who is here.
const EVERY: Duration = Duration::from_secs(1);

/// Runs a command.
///
/// # Errors
/// What the store, the replica or the input is to blame for.
pub async fn run(cli: &Cli, out: &mut Output<'_>) -> Result<ExitCode> {
    match &cli.command {
        Command::Create => create(cli, out).await?,
        Command::Join { name } => {
            let device = Device::open(cli).await?;
            let here = device.conversation().await?;
            let updates = vec![Update::name(name), Update::join(here)];
            device.send(out, updates).await?;
        }
        Command::Leave => {
            let device = Device::open(cli).await?;
            let here = device.conversation().await?;
            device.send(out, vec![Update::leave(here)]).await?;
        }
        Command::Say { text, offline } => say(cli, out, text, *offline).await?,
        Command::Name { name } => {
            let device = Device::open(cli).await?;
            device.send(out, vec![Update::name(name)]).await?;
        }
        Command::Picture { file } => {
            let picture = Update::picture(&read_picture(file)?);
            let device = Device::open(cli).await?;
            device.send(out, vec![picture]).await?;
        }
        Command::Typing => {
            let device = Device::open(cli).await?;
            device.replica.sync().await?;
            let here = device.conversation().await?;
            presence::say_typing(&device.replica, here, cli.user.clone()).await?;
        }
        Command::Watch { seconds } => {
            let device = Device::open(cli).await?;
            let how = Watching::at_a_terminal(*seconds)
                .as_user(cli.user.clone())
                .saying_in(device.conversation().await?);
            watch(&device.replica, out, how).await?;
        }
        Command::Log => show::log(&Device::latest(cli).await?, out).await?,
        Command::Read => mark_read(cli, out).await?,
        Command::Who => show::who(&Device::latest(cli).await?, out).await?,
        Command::Conversations { what } => conversations::run(cli, what.as_ref(), out).await?,
        Command::Sync => sync(cli, out).await?,
        Command::Replay(args) => return play::replay(cli, args, out).await,
        Command::Serve(args) => serve(cli, args, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(cli: &Cli, out: &mut Output<'_>) -> Result<()> {
    let replica = Replica::create(Chat, &cli.place, &cli.space, Order::Timestamp).await?;
    let author = replica.author().await?;
    out.result(
        &serde_json::json!({"space": cli.space, "author": author}),
        || {
            format!(
                "the chat {} is there, this device writes as {author}",
                cli.space
            )
        },
    )
}

/// This device's copy of the chat, and who uses it.
struct Device<'a> {
    cli: &'a Cli,
    replica: Replica<Chat>,
    user: UserId,
}

impl<'a> Device<'a> {
    /// Opens it; no request is made.
    async fn open(cli: &'a Cli) -> Result<Self> {
        let replica = Replica::open(Chat, &cli.place, &cli.space).await?;
        let user = match &cli.user {
            Some(user) => user.clone(),
            None => replica.author().await?.into(),
        };
        Ok(Self { cli, replica, user })
    }

    /// As new as can be: what is held here is worth showing when the store does not answer.
    async fn latest(cli: &'a Cli) -> Result<Self> {
        let device = Self::open(cli).await?;
        match device.replica.sync().await {
            Err(error) if !error.is_unavailable() => Err(error),
            _ => Ok(device),
        }
    }

    /// The conversation that was asked for; one that is not known here may be known in the store.
    async fn conversation(&self) -> Result<ConversationId> {
        let Some(wanted) = &self.cli.conversation else {
            return Ok(ConversationId::default());
        };
        match conversations::find(&self.replica.state(), wanted) {
            Err(error) if error.is_not_found() => {
                // What failed here is no reason to say that there is no such conversation.
                self.replica.sync().await?;
                conversations::find(&self.replica.state(), wanted)
            }
            found => found,
        }
    }

    /// Queues updates.
    async fn queue(&self, updates: Vec<Update>) -> Result<Vec<UpdateId>> {
        let now = self.replica.now();
        let by = |update: Update| (now, update.by(self.cli.user.clone()));
        self.replica
            .update_all(updates.into_iter().map(by).collect())
            .await
    }

    /// Queues updates, then sends the queue.
    async fn send(&self, out: &mut Output<'_>, updates: Vec<Update>) -> Result<()> {
        let ids = self.queue(updates).await?;
        let sent = self.replica.sync().await;
        let stage = if sent.is_ok() { "sent" } else { "queued" };
        for id in ids {
            print_stage(out, id, stage)?;
        }
        sent.map(drop)
    }
}

async fn say(cli: &Cli, out: &mut Output<'_>, text: &str, offline: bool) -> Result<()> {
    let device = Device::open(cli).await?;
    let here = if offline && let Some(wanted) = &cli.conversation {
        conversations::find(&device.replica.state(), wanted)?
    } else {
        device.conversation().await?
    };
    let update = Update::say_in(here, text);
    if !offline {
        return device.send(out, vec![update]).await;
    }
    let ids = device.queue(vec![update]).await?;
    ids.into_iter()
        .try_for_each(|id| print_stage(out, id, "queued"))
}

fn print_stage(out: &mut Output<'_>, id: UpdateId, stage: &str) -> Result<()> {
    #[derive(Serialize)]
    struct Staged<'a> {
        #[serde(flatten)]
        id: UpdateId,
        stage: &'a str,
    }
    out.result(&Staged { id, stage }, || format!("{stage} {id}"))
}

/// Reading what others said is an event too: one for each message.
async fn mark_read(cli: &Cli, out: &mut Output<'_>) -> Result<()> {
    let device = Device::latest(cli).await?;
    let here = device.conversation().await?;
    let unread = device.replica.state().unread(&here, &device.user);
    let count = unread.len();
    device
        .queue(unread.into_iter().map(Update::read).collect())
        .await?;
    let sent = device.replica.sync().await;
    let stage = if sent.is_ok() { "sent" } else { "queued" };
    let value = serde_json::json!({"read": count, "stage": stage});
    out.result(&value, || match count {
        1 => format!("1 message read, {stage}"),
        _ => format!("{count} messages read, {stage}"),
    })?;
    sent.map(drop)
}

async fn sync(cli: &Cli, out: &mut Output<'_>) -> Result<()> {
    let Device { replica, .. } = Device::open(cli).await?;
    let synced = replica.sync().await?;
    let (sent, pending) = (synced.acknowledged.len(), replica.pending().await?);
    let messages = replica.state().messages().count();
    let value = serde_json::json!({"sent": sent, "pending": pending, "messages": messages});
    out.result(&value, || {
        format!("sent {sent}, {pending} pending; the chat has {messages} messages")
    })
}

async fn serve(cli: &Cli, args: &ServeArgs, out: &mut Output<'_>) -> Result<()> {
    let Device { replica, .. } = Device::open(cli).await?;
    let folder = cli.place.replica().unwrap_or(".".as_ref());
    let log = folder.join(format!("events-{}.log", cli.space));
    let hub = Hub::open(replica, cli.user.clone(), &log).await?;
    let tell = |address| {
        let text = format!("listening on http://{address}");
        out.result(&serde_json::json!({ "listening": text[13..] }), || {
            text.clone()
        })
    };
    let stop = async {
        // Without a handler Ctrl-C ends the process at once, which loses nothing either.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    api::serve(hub, (args.listen, args.port), EVERY, tell, stop).await
}

/// Reads a file.
fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|e| cannot_read(file, e))
}

/// Reads a picture, and looks whether it is one.
fn read_picture(file: &Path) -> Result<Vec<u8>> {
    let named = |error: Error| error.with_object(file.display().to_string());
    let metadata = std::fs::metadata(file).map_err(|e| cannot_read(file, e))?;
    png::accept_size(metadata.len()).map_err(named)?;
    let png = read(file)?;
    png::accept(&png).map_err(named)?;
    Ok(png)
}

fn cannot_read(file: &Path, error: std::io::Error) -> Error {
    Error::invalid("the file cannot be read")
        .with_object(file.display().to_string())
        .with_hint("check its name")
        .with_source(error)
}
