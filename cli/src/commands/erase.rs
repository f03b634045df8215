//! `icecore erase`: removes a space.

use crate::args::space_name;
use crate::commands::spaces::{confirm, with_space};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::progress::Progress;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::epochs::erase;

/// Remove every object of a space, and refuse what is written later
///
/// A tombstone stays, so the name cannot be used again. Run again, it removes what landed since. The copy of this
/// replica goes too, with what is queued. Other replicas remove theirs with their next sync, but for one that has
/// updates in its queue: it keeps them until `icecore space forget` drops them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore erase todo --yes")]
pub(crate) struct EraseArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: &EraseArgs, context: &Context) -> Outcome {
    let (store, space) = (context.store()?, &args.space);
    store.space_or_tombstone(space).await?;
    confirm(
        args.yes,
        format!("this would remove every object of {space} for ever; its name stays taken"),
    )?;
    let progress = Progress::spinner(&context.clock, format!("erasing {space}"));
    let erased = erase(&store, space).await?;
    drop(progress);
    let waited = context.replica().await?.forget(space).await?;
    context.out.result(&with_space(space, &erased), || {
        let objects = count(erased.objects, "object");
        let dropped = match waited {
            0 => String::new(),
            n => format!(", and {} that waited on this replica", count(n, "update")),
        };
        format!("{space}: erased {objects}{dropped}; later writes are refused")
    })
}
