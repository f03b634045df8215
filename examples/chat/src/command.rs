//! What each command does.

mod play;
mod show;
mod watch;

pub use watch::{Watching, watch};

use crate::args::{Cli, Command};
use crate::model::{Chat, Update};
use crate::output::Output;
use crate::presence;
use icecore::{Error, Order, Replica, Result, UpdateId};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Runs a command.
///
/// # Errors
/// What the store, the replica or the input is to blame for.
pub async fn run(cli: &Cli, out: &mut Output<'_>) -> Result<ExitCode> {
    match &cli.command {
        Command::Create => create(cli, out).await?,
        Command::Join { name } => send(cli, out, vec![Update::name(name), Update::Join]).await?,
        Command::Leave => send(cli, out, vec![Update::Leave]).await?,
        Command::Say {
            text,
            offline: true,
        } => {
            let replica = open(cli).await?;
            let id = replica.update(Update::say(text)).await?;
            print_stage(out, id, "queued")?;
        }
        Command::Say {
            text,
            offline: false,
        } => send(cli, out, vec![Update::say(text)]).await?,
        Command::Name { name } => send(cli, out, vec![Update::name(name)]).await?,
        Command::Picture { file } => send(cli, out, vec![Update::picture(&read(file)?)]).await?,
        Command::Typing => {
            let replica = synced(cli).await?;
            presence::say_typing(&replica).await?;
        }
        Command::Watch { seconds } => {
            let replica = open(cli).await?;
            watch(&replica, out, Watching::at_a_terminal(*seconds)).await?;
        }
        Command::Log => show::log(&latest(cli).await?, out)?,
        Command::Who => show::who(&latest(cli).await?, out).await?,
        Command::Sync => sync(cli, out).await?,
        Command::Replay(args) => return play::replay(cli, args, out).await,
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

/// Opens this device's copy; no request is made.
async fn open(cli: &Cli) -> Result<Replica<Chat>> {
    Replica::open(Chat, &cli.place, &cli.space).await
}

async fn synced(cli: &Cli) -> Result<Replica<Chat>> {
    let replica = open(cli).await?;
    replica.sync().await?;
    Ok(replica)
}

/// As new as can be: what is held here is worth showing when the store does not answer.
async fn latest(cli: &Cli) -> Result<Replica<Chat>> {
    let replica = open(cli).await?;
    match replica.sync().await {
        Err(error) if !error.is_unavailable() => Err(error),
        _ => Ok(replica),
    }
}

/// Queues updates, then sends the queue.
async fn send(cli: &Cli, out: &mut Output<'_>, updates: Vec<Update>) -> Result<()> {
    let replica = open(cli).await?;
    let now = replica.now();
    let ids = replica
        .update_all(updates.into_iter().map(|update| (now, update)).collect())
        .await?;
    if let Err(error) = replica.sync().await {
        for id in ids {
            print_stage(out, id, "queued")?;
        }
        return Err(error);
    }
    ids.into_iter()
        .try_for_each(|id| print_stage(out, id, "sent"))
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

async fn sync(cli: &Cli, out: &mut Output<'_>) -> Result<()> {
    let replica = open(cli).await?;
    let synced = replica.sync().await?;
    let (sent, pending) = (synced.acknowledged.len(), replica.pending().await?);
    let messages = replica.state().messages.len();
    let value = serde_json::json!({"sent": sent, "pending": pending, "messages": messages});
    out.result(&value, || {
        format!("sent {sent}, {pending} pending; the chat has {messages} messages")
    })
}

/// Reads a file.
fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|e| {
        Error::invalid("the file cannot be read")
            .with_object(file.display().to_string())
            .with_hint("check its name")
            .with_source(e)
    })
}
