//! `icecore rollup`: one run of the roll-up, for a schedule or by hand.

use crate::args::space_name;
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::{bytes, count};
use crate::progress::Progress;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::Store;
use icecore_store::rollup::{RollupOptions, RollupReport, roll_up};

/// Press older updates into the next segment, and a snapshot when it is due
///
/// Safe beside any number of other roll-ups. Updates younger than five seconds wait for the next run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore rollup
  icecore rollup todo --now
  icecore rollup todo --full       # once in a while: looks at every update object")]
pub(crate) struct RollupArgs {
    /// The space [default: all of the store]
    #[arg(value_parser = space_name)]
    space: Option<SpaceName>,

    /// List every update object, not only the recent ones
    #[arg(long)]
    full: bool,

    /// Take updates however young they are
    #[arg(long)]
    now: bool,
}

pub(crate) async fn run(args: &RollupArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    let names = spaces::named_or_all(context, &store, args.space.as_ref()).await?;
    let options = RollupOptions {
        full: args.full,
        now: args.now,
        time_max: None,
    };
    spaces::each(context, &names, async |name| {
        let progress = Progress::spinner(&context.clock, format!("rolling up {name}"));
        let roll_up = async |store: &Store| roll_up(store, name, &options).await;
        let report = spaces::with_any_secret(context, &store, name, roll_up).await?;
        drop(progress);
        let result = spaces::with_space(name, &report);
        context.out.result(&result, || text(name, &report))?;
        for line in report.quarantined.iter().chain(&report.newer) {
            context.out.note(&format!("warning: {name}: {line}"));
        }
        Ok(())
    })
    .await
}

fn text(name: &SpaceName, report: &RollupReport) -> String {
    let RollupReport {
        generation,
        late,
        swept,
        held,
        ..
    } = report;
    let mut parts = vec![if report.segments == 0 {
        "nothing to roll up".to_owned()
    } else {
        let segments = count(report.segments, "segment");
        let size = bytes(report.segment_bytes);
        format!(
            "{} into {segments} ({size})",
            count(report.updates, "update")
        )
    }];
    let (aside, newer) = (report.quarantined.len() as u64, report.newer.len() as u64);
    let mut add = |n: u64, what: String| parts.extend((n > 0).then_some(what));
    let size = bytes(report.snapshot_bytes);
    add(
        report.snapshots,
        format!("{} ({size})", count(report.snapshots, "snapshot")),
    );
    add(*late, format!("{late} late"));
    add(*swept, format!("{swept} from an older epoch"));
    add(*held, format!("{held} wait for the next run"));
    add(aside, format!("{} in quarantine", count(aside, "object")));
    add(
        newer,
        format!("{} of a newer program left alone", count(newer, "object")),
    );
    if let Some(needed) = report.needs_version {
        add(
            1,
            format!("no snapshot, for the model needs version {needed}: update this program"),
        );
    }
    add(
        report.too_large.is_some().into(),
        "no snapshot, for the state is too large for this program".to_owned(),
    );
    add(report.raced.into(), "another roll-up was faster".to_owned());
    add(report.unfinished.into(), "unfinished".to_owned());
    format!("{name}: generation {generation}: {}", parts.join(", "))
}
