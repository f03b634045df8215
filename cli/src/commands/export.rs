//! `icecore export`: the history as NDJSON, for `import`.

use crate::args::space_name;
use crate::commands::log::stream::{Stream, exact_line};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human;
use crate::progress::Progress;
use clap::Args;
use icecore_core::content::locked;
use icecore_core::{Entry, SpaceName};

/// Print the whole history as NDJSON, for `icecore import`
///
/// As `icecore log`, without the generations: what was exported twice is the same, whatever was rolled up in
/// between. An update that its author spelled in another way than usual stands whole in `raw`, so that an import writes it
/// as it was. Of an encrypted space it prints what is sealed in the clear: keep the file where only you can read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore export todo > todo.ndjson
  icecore --store ./a export todo | icecore --store ./b import todo -
  icecore export todo --lost")]
pub(crate) struct ExportArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Only what this replica had read and the store holds no more, since it was put back to an older state
    #[arg(long)]
    lost: bool,
}

pub(crate) async fn run(args: &ExportArgs, context: &Context) -> Outcome {
    if args.lost {
        return lost(&args.space, context).await;
    }
    let store = context.store()?;
    let progress = Progress::spinner(&context.clock, format!("exporting {}", args.space));
    let mut stream = Stream::open(&store, &args.space).await?;
    if stream.is_locked() {
        return Err(locked().with_object(args.space.to_string()).into());
    }
    if let Some(note) = stream.begins().await? {
        progress.suspend(|| context.out.note(&note));
    }
    let (mut progress, mut count) = (Some(progress), 0);
    stream
        .next(&mut |entry, _| {
            count += 1;
            if context.out.terminal {
                drop(progress.take());
            }
            context.out.buffer(exact_line(entry)?)
        })
        .await?;
    drop(progress);
    context.out.flush()?;
    context
        .out
        .note(&format!("exported {}", human::count(count, "update")));
    Ok(())
}

/// Updates of others that are in this replica and not in the store any more.
async fn lost(name: &SpaceName, context: &Context) -> Outcome {
    let mut space = context.replica().await?.space(name)?;
    let lost = space.lost()?;
    let count = lost.len() as u64;
    for one in lost {
        let mut entry = Entry {
            id: one.id,
            key: one.key,
            update: one.update,
        };
        space.reader()?.open_entry(&mut entry);
        context.out.buffer(exact_line(&entry)?)?;
    }
    context.out.flush()?;
    context.out.note(&format!(
        "exported {} that the store lacks; each comes back when the device that wrote it syncs",
        human::count(count, "update")
    ));
    Ok(())
}
