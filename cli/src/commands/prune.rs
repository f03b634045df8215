//! `icecore prune`: removes what segments and snapshots stand for.

use crate::args::{parsed, space_name};
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::{count, parse_duration};
use crate::progress::Progress;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::Store;
use icecore_store::prune::{PruneReport, prune};
use std::time::Duration;

/// Delete update objects that a segment and a snapshot stand for, old snapshots, and old epochs
///
/// Only what is older than the retention goes. Of the snapshots the newest two, the first and every 64th stay. The
/// history itself stays: it is in the segments.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore prune
  icecore prune todo --retention 7d")]
pub(crate) struct PruneArgs {
    /// The space [default: all of the store]
    #[arg(value_parser = space_name)]
    space: Option<SpaceName>,

    /// How old an object must be: longer than any replica stays offline with a write under way [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    retention: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parsed(parse_duration(text))
}

pub(crate) async fn run(args: &PruneArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    let names = spaces::named_or_all(context, &store, args.space.as_ref()).await?;
    spaces::each(context, &names, async |name| {
        let progress = Progress::spinner(&context.clock, format!("pruning {name}"));
        let prune = async |store: &Store| prune(store, name, args.retention).await;
        let report = spaces::with_any_secret(context, &store, name, prune).await?;
        drop(progress);
        context.out.result(&spaces::with_space(name, &report), || {
            format!("{name}: {}", text(&report))
        })
    })
    .await
}

fn text(report: &PruneReport) -> String {
    let mut parts = Vec::new();
    let mut add = |n: u64, what: String| {
        if n > 0 {
            parts.push(what);
        }
    };
    add(
        report.updates,
        format!("deleted {}", count(report.updates, "covered update object")),
    );
    add(
        report.snapshots,
        format!("deleted {}", count(report.snapshots, "old snapshot")),
    );
    add(
        report.epochs,
        format!(
            "removed {} with {}",
            count(report.epochs, "old epoch"),
            count(report.epoch_objects, "object")
        ),
    );
    add(
        report.uncovered,
        format!(
            "{} old enough, but not rolled up yet: kept",
            count(report.uncovered, "update object")
        ),
    );
    if parts.is_empty() {
        "nothing to delete".to_owned()
    } else {
        parts.join(", ")
    }
}
