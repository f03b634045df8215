//! `icecore redact`: a history without one update, or without one author's.

use crate::args::{parsed, space_name};
use crate::commands::spaces::{confirm, epoch_text, with_space};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::progress::Progress;
use clap::Args;
use icecore_core::{Author, SpaceName, UpdateId};
use icecore_store::epochs::{Redaction, redact};

/// Take one update, or all of one author's, out of history and state
///
/// The history is folded again without them, as if they had never been written, and they never come back. The
/// old history still holds them until pruning removes it, after the retention.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore redact todo --update 01a2…:17 --yes
  icecore redact todo --author 01a2… --yes
  icecore prune todo --retention 0s      # remove the old history now, once every replica has synced")]
pub(crate) struct RedactArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// One update, as `icecore log` shows it
    #[arg(long, value_name = "AUTHOR:SEQ", value_parser = update, required_unless_present = "author")]
    update: Option<UpdateId>,

    /// All updates of this author up to now
    #[arg(long, value_name = "AUTHOR", value_parser = author, conflicts_with = "update")]
    author: Option<Author>,

    /// Do it
    #[arg(long)]
    yes: bool,
}

fn update(text: &str) -> Result<UpdateId, String> {
    parsed(text.parse())
}

fn author(text: &str) -> Result<Author, String> {
    parsed(text.parse())
}

pub(crate) async fn run(args: &RedactArgs, context: &Context) -> Outcome {
    let (store, space) = (context.store()?, &args.space);
    let (redaction, what) = match (args.update, args.author) {
        (Some(id), _) => (Redaction::Update(id), format!("the update {id}")),
        (None, Some(author)) => (
            Redaction::Author(author),
            format!("every update of {author}"),
        ),
        (None, None) => unreachable!("BUG: clap requires one of the two"),
    };
    store.space(space).await?;
    confirm(
        args.yes,
        format!("this would take {what} out of {space} for ever"),
    )?;
    let progress = Progress::spinner(&context.clock, format!("redacting {space}"));
    let new = redact(&store, space, redaction).await?;
    drop(progress);
    context.out.result(&with_space(space, &new), || {
        format!(
            "{space}: took out {}, {} left; {}",
            count(new.carried, "update"),
            new.updates,
            epoch_text(&new)
        )
    })
}
