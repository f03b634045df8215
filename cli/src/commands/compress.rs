//! `icecore compress`: a new history with the exact same state.

use crate::args::space_name;
use crate::commands::spaces::{confirm, epoch_text, with_space};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::progress::Progress;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::epochs::compress;

/// Begin a new history whose first entry is the present state
///
/// The state stays the same, byte for byte; past states and the log before it are given up. Replicas notice
/// and go on; what they have queued is published into the new history. The old history is removed by pruning,
/// after the retention.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore export todo > todo.ndjson      # keep the history elsewhere
  icecore compress todo --yes")]
pub(crate) struct CompressArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: &CompressArgs, context: &Context) -> Outcome {
    let (store, space) = (context.store()?, &args.space);
    store.space(space).await?;
    confirm(
        args.yes,
        format!("this would give up the history of {space} for ever and keep its present state"),
    )?;
    let progress = Progress::spinner(&context.clock, format!("compressing {space}"));
    let new = compress(&store, space).await?;
    drop(progress);
    context.out.result(&with_space(space, &new), || {
        format!(
            "{space}: compressed {}; the state is the same, byte for byte; {}",
            count(new.carried, "update"),
            epoch_text(&new)
        )
    })
}
