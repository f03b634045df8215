//! `icecore import`: a history from NDJSON.

mod batch;
mod merge;
mod read;
mod replay;

use crate::args::space_name;
use crate::context::Context;
use crate::exit::Outcome;
use clap::Args;
use icecore_core::{Error, SpaceName};
use std::path::PathBuf;

/// Import updates from NDJSON, as `icecore export` prints them
///
/// Every line is checked before the first is written. Merging keeps each update's author and seq, as it was written, and
/// skips what is there, so it can be repeated, also after a crash. The state is that of the file's order; where nothing
/// depends on it, each author's updates are stored together. Replaying appends everything as new updates of this
/// replica, which keep the time when they happened.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore import todo todo.ndjson
  icecore --store ./a export todo | icecore --store ./b import todo -
  icecore import copy todo.ndjson --replay
  echo '{\"kind\":\"merge\",\"data\":{\"a\":1}}' | icecore import todo - --replay")]
pub(crate) struct ImportArgs {
    /// The space; it must exist
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// The file; `-` for stdin
    file: PathBuf,

    /// Keep author and seq, and skip what is there (this is the default)
    #[arg(long, conflicts_with = "replay")]
    merge: bool,

    /// Append everything as new updates of this replica
    #[arg(long)]
    replay: bool,
}

pub(crate) async fn run(args: &ImportArgs, context: &Context) -> Outcome {
    let mut space = context.space(&args.space).await?;
    space.pull().await?;
    let reader = space.reader()?;
    // Before anything is read, or queued that could not be sent.
    let unlocked = reader.base.folded.check_readable();
    unlocked.map_err(|e| e.with_object(args.space.to_string()))?;
    let model = reader.info.model.name.clone();
    let rules = read::Rules {
        now: context.clock.now(),
        model: &model,
        ids_required: !args.replay,
    };
    let lines = read::read(&args.file, &rules)?;
    if lines.is_empty() {
        // Whoever imports expects something to come of it: a pipe that broke looks just like this.
        let none = Error::invalid("there is no update in it, so nothing was imported");
        let hint = "write one JSON object per line, as `icecore export` prints them";
        return Err(none
            .with_object(args.file.display().to_string())
            .with_hint(hint)
            .into());
    }
    if args.replay {
        replay::run(context, &mut space, lines).await
    } else {
        merge::run(context, &mut space, lines).await
    }
}
