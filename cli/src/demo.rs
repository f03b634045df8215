//! The main job in one command: replicas in separate processes, some of them offline for a while, replay a
//! conversation on a store in a folder, roll-ups run beside them, and at the end everything is compared.

mod check;
mod company;
mod conversation;
mod play;
mod replica;
mod report;
mod rollups;
mod script;
mod stage;
mod wire;

use crate::context::Context;
use crate::exit::Outcome;
use conversation::{Conversation, SAMPLE};
use icecore_core::{Error, Result};
use script::{Part, Script};
use stage::{Behind, Stage};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::{Event, Wire};

/// What `icecore demo` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  icecore demo
  icecore demo --replicas 8 --seconds 20
  icecore demo --chat irc.txt --keep ./demo     # a conversation of your own; look at what it leaves
  icecore demo --store s3://my-bucket/demo      # on S3 instead of a folder")]
pub(crate) struct DemoArgs {
    /// The conversation to replay: an IRC log. Without it: the sample, 120 lines about a hike
    #[arg(long, value_name = "FILE")]
    chat: Option<PathBuf>,
    /// How many replicas, each in a process of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    replicas: u8,
    /// About how long the replay takes
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=40))]
    seconds: u8,
    /// Leave everything in this new or empty folder. Without it: in a temporary one, whose path is printed
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What a process of the demo takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ProcessArgs {
    /// What to do
    script: PathBuf,
}

/// Runs the demo.
///
/// # Errors
/// `Corrupt` when anything at the end is not as it must be; what the processes report.
pub(crate) async fn run(args: &DemoArgs, context: &Context) -> Outcome {
    let conversation = read(args.chat.as_deref())?;
    let folder = folder(args.keep.as_deref(), context)?;
    let play = play::Play::new(&conversation, args, folder, context);
    let report = play.perform().await?;
    context.out.result(&report, || report.text(&conversation))
}

/// Runs one process of the demo.
///
/// # Errors
/// None: they go over the wire to the demo, which reports them.
pub(crate) async fn run_process(args: &ProcessArgs, context: &Context) -> Outcome {
    let mut wire = Wire::new();
    if let Err(error) = act(&args.script, context, &mut wire).await {
        wire::send(&Event::failed(&error))?;
    }
    Ok(())
}

async fn act(script: &Path, context: &Context, wire: &mut Wire) -> Result<()> {
    let script = Script::load(script)?;
    let behind = match &script.part {
        Part::Replica(part) => part.behind_ms,
        Part::Rollup => 0,
    };
    let clock = Arc::new(Behind {
        clock: Arc::clone(&context.clock),
        millis: behind,
    });
    let stage = Stage::open(&script.store, clock, context, false).await?;
    match &script.part {
        Part::Replica(part) => replica::play(&script, part, &stage, wire).await,
        Part::Rollup => rollups::play(&script, &stage, wire).await,
    }
}

fn read(chat: Option<&Path>) -> Result<Conversation> {
    let conversation = match chat {
        None => Conversation::parse(SAMPLE.as_bytes()),
        Some(path) => {
            Conversation::parse(&std::fs::read(path).map_err(|e| cannot("read", path, e))?)
        }
    };
    if conversation.lines.is_empty() {
        let name = chat.map_or_else(String::new, |path| path.display().to_string());
        return Err(Error::invalid("the conversation has no lines").with_object(name));
    }
    Ok(conversation)
}

/// The store that the command line names. One that the environment names is somebody's own: not for play.
fn store_named(context: &Context) -> Option<&str> {
    let named = |argument: std::ffi::OsString| {
        let text = argument.to_string_lossy();
        text == "--store" || text.starts_with("--store=")
    };
    context
        .store_url()
        .filter(|_| std::env::args_os().any(named))
}

fn random_name(context: &Context) -> String {
    format!("demo-{:08x}", context.ids.random() >> 96)
}

/// The folder for everything, with its parts.
fn folder(keep: Option<&Path>, context: &Context) -> Result<PathBuf> {
    let folder = match keep {
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir().join(format!("icecore-{}", random_name(context))),
    };
    std::fs::create_dir_all(&folder).map_err(|e| cannot("create", &folder, e))?;
    let folder = folder
        .canonicalize()
        .map_err(|e| cannot("find", &folder, e))?;
    let mut inside = std::fs::read_dir(&folder).map_err(|e| cannot("read", &folder, e))?;
    if inside.next().is_some() {
        return Err(Error::invalid("the folder of the demo is not empty")
            .with_object(folder.display().to_string())
            .with_hint("name a new folder with --keep, or leave it out"));
    }
    for part in ["replicas", "scripts", "states"] {
        let part = folder.join(part);
        std::fs::create_dir(&part).map_err(|e| cannot("create", &part, e))?;
    }
    Ok(folder)
}

/// The error for a file or folder of the demo.
fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("cannot {what} this");
    let typed = match error.kind() {
        io::ErrorKind::NotFound => Error::not_found(message),
        io::ErrorKind::StorageFull => Error::unavailable(message).with_hint("free some space"),
        _ => Error::denied(message),
    };
    typed
        .with_object(path.display().to_string())
        .with_source(error)
}

fn internal(error: serde_json::Error) -> Error {
    Error::internal("BUG: a message of the demo has another form").with_source(error)
}
