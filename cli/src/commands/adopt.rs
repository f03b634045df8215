//! `icecore adopt`: takes in what conflict copies hold.

use crate::args::space_name;
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::{CONFLICT, Outcome, Stop};
use crate::human::count;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::adopt::{AdoptReport, adopt};

/// Take in what conflict copies of update objects hold
///
/// Where a folder was kept in step by Dropbox, Syncthing or the like, which icecore does not support, such a program may have
/// kept an acknowledged update under another name. This publishes what the space lacks, under the same author and seq, and
/// deletes the copies of which everything is stored. Stop that program for this folder first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore adopt
  icecore adopt todo")]
pub(crate) struct AdoptArgs {
    /// The space [default: all of the store]
    #[arg(value_parser = space_name)]
    space: Option<SpaceName>,
}

pub(crate) async fn run(args: &AdoptArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    let names = spaces::named_or_all(context, &store, args.space.as_ref()).await?;
    spaces::each(context, &names, async |name| {
        let report = adopt(&store, name).await?;
        context.out.result(&spaces::with_space(name, &report), || {
            format!("{name}: {}", text(&report))
        })?;
        for left in &report.left {
            context
                .out
                .note(&format!("left {}: {}", left.object, left.reason));
        }
        if report.left.is_empty() {
            return Ok(());
        }
        context.out.flush()?;
        Err(Stop::Reported(CONFLICT))
    })
    .await
}

fn text(report: &AdoptReport) -> String {
    if report.copies == 0 {
        return "no conflict copies".to_owned();
    }
    let published = report.published.len() as u64;
    let left = match report.left.len() {
        0 => String::new(),
        left => format!(", left {left} for you to look at"),
    };
    let copies = match report.copies {
        1 => "1 conflict copy".to_owned(),
        copies => format!("{copies} conflict copies"),
    };
    format!(
        "{copies}: published {}, deleted {}{left}",
        count(published, "update"),
        report.deleted
    )
}
