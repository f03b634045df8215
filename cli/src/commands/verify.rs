//! `icecore verify`: folds the history again and holds everything stored against it.

use crate::args::space_name;
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::{CORRUPT, Outcome, Stop};
use crate::human::count;
use crate::progress::Progress;
use clap::Args;
use icecore_core::SpaceName;
use icecore_store::Store;
use icecore_store::verify::{VerifyReport, verify};

/// Fold the history again from the first segment and compare everything stored with it
///
/// Checks the chain of segments, the covered sets, every snapshot byte for byte, the update objects that are
/// still there, and that nothing else lies in the space. Of an encrypted space it needs a secret for the content only. Ends with exit code 5 and the exact objects if
/// anything is off. What lies in quarantine is reported and is no failure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore verify
  icecore verify todo --json | jq -r '.problems[].object'")]
pub(crate) struct VerifyArgs {
    /// The space [default: all of the store]
    #[arg(value_parser = space_name)]
    space: Option<SpaceName>,
}

pub(crate) async fn run(args: &VerifyArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    let names = spaces::named_or_all(context, &store, args.space.as_ref()).await?;
    spaces::each(context, &names, async |name| {
        let progress = Progress::spinner(&context.clock, format!("verifying {name}"));
        let verify = async |store: &Store| {
            verify(store, name, &mut |done, all| progress.at(done, all)).await
        };
        let report = spaces::with_any_secret(context, &store, name, verify).await?;
        drop(progress);
        context
            .out
            .result(&spaces::with_space(name, &report), || text(name, &report))?;
        if report.problems.is_empty() {
            Ok(())
        } else {
            Err(Stop::Reported(CORRUPT))
        }
    })
    .await
}

fn text(name: &SpaceName, report: &VerifyReport) -> String {
    let verdict = match report.problems.len() as u64 {
        0 => "ok".to_owned(),
        n => count(n, "problem").to_uppercase(),
    };
    let mut lines = vec![format!(
        "{name}: {verdict}: {} with {}, {} equal byte for byte, {} compared, {} not rolled up",
        count(report.segments, "segment"),
        count(report.updates, "update"),
        count(report.snapshots, "snapshot"),
        count(report.covered_objects, "update object"),
        report.waiting_objects,
    )];
    if report.snapshots_of_older_models > 0 {
        let older = count(report.snapshots_of_older_models, "snapshot");
        lines.push(format!(
            "  {older} of an older version of the model: not compared"
        ));
    }
    if report.snapshots_unread > 0 {
        let unread = count(report.snapshots_unread, "snapshot");
        lines.push(format!(
            "  {unread} not read, without a secret that opens the space or without its model: only what they cover was compared"
        ));
    }
    if let Some(needed) = report.needs_version {
        lines.push(format!(
            "  no state was compared: the model needs version {needed}, update this program"
        ));
    }
    for problem in &report.problems {
        lines.push(format!("  {}", problem.object));
        lines.push(format!("    {}", problem.message));
        lines.extend(problem.hint.iter().map(|hint| format!("    hint: {hint}")));
    }
    let missing = report.missing.iter();
    lines.extend(missing.map(|id| {
        format!(
            "  missing for good, no failure: the update {id}; later ones of its author are there"
        )
    }));
    let aside = report.quarantined.iter();
    lines.extend(aside.map(|name| format!("  in quarantine, no failure: {name}")));
    lines.join("\n")
}
