//! `icecore reset`: a new history with an empty state.

use crate::args::space_name;
use crate::commands::spaces::{confirm, epoch_text, with_space};
use crate::context::Context;
use crate::exit::Outcome;
use crate::progress::Progress;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::epochs::reset;

/// Begin a new history with an empty state
///
/// Everything written so far is given up and never comes back. What replicas have queued, and what they write
/// later, is published into the new history. The old one is removed by pruning, after the retention.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore export todo > todo.ndjson      # keep the history elsewhere
  icecore reset todo --yes")]
pub(crate) struct ResetArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: &ResetArgs, context: &Context) -> Outcome {
    let (store, space) = (context.store()?, &args.space);
    store.space(space).await?;
    confirm(
        args.yes,
        format!("this would give up the history and the state of {space} for ever"),
    )?;
    let progress = Progress::spinner(&context.clock, format!("resetting {space}"));
    let new = reset(&store, space).await?;
    drop(progress);
    context.out.result(&with_space(space, &new), || {
        format!(
            "{space}: the state is empty; {} updates were given up; {}",
            new.carried,
            epoch_text(&new)
        )
    })
}
