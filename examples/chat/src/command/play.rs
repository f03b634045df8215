//! `replay`: reads a log, plays it and prints how it went.

use super::read;
use crate::args::{Cli, ReplayArgs};
use crate::conversation::Conversation;
use crate::output::Output;
use crate::plan::{Chances, Plan};
use crate::replay::{Options, Report, replay as play};
use icecore::{Error, Place, Result, time};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tempfile::TempDir;

/// How many differences are printed: the first ones tell enough.
const SHOWN_MAX: usize = 20;

pub(super) async fn replay(cli: &Cli, args: &ReplayArgs, out: &mut Output<'_>) -> Result<ExitCode> {
    let conversation = Conversation::parse(&read(&args.file)?)?;
    if let [first, ..] = conversation.not_understood.as_slice() {
        let passed_over = match conversation.not_understood.len() {
            1 => "1 line".to_owned(),
            n => format!("{n} lines"),
        };
        // That stderr is closed is no reason to stop.
        drop(writeln!(
            std::io::stderr(),
            "note: {passed_over} of the log passed over, of another make than the rest; the first is line {first}"
        ));
    }
    let chances = Chances {
        offline: args.offline_chance,
        seed: args.seed,
    };
    let options = Options {
        speed: args.speed,
        midnight: midnight(&args.file),
        space: cli.space.clone(),
    };
    let plan = Plan::of(&conversation, chances);
    let (place, _folder) = stage(&cli.place)?;
    let report = play(&plan, &options, &place).await?;
    out.result(&report, || text(&report))?;
    let went_well = report.differences.is_empty();
    Ok(if went_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where the replay takes place: without a store, in a folder that is gone afterwards; without a folder for them, the
/// replicas are in memory.
fn stage(given: &Place) -> Result<(Place, Option<TempDir>)> {
    let (place, folder) = match given.store() {
        Some(store) if store.starts_with("memory:") => {
            return Err(
                Error::invalid("each replica would have a memory of its own")
                    .with_object("--store")
                    .with_hint("leave --store away to play in a temporary folder"),
            );
        }
        Some(store) => (Place::new(store), None),
        None => {
            let folder = tempfile::tempdir().map_err(|e| {
                Error::denied("there is no place for temporary files")
                    .with_hint("name a folder with --store")
                    .with_source(e)
            })?;
            let store = folder.path().join("store").display().to_string();
            (Place::new(store), Some(folder))
        }
    };
    let place = match given.replica() {
        Some(replicas) => place.with_replica(replicas),
        None => place,
    };
    Ok((place, folder))
}

/// The day in the file's name, or the first of all.
fn midnight(file: &Path) -> i64 {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    time::from_rfc3339(&format!("{name}T00:00:00Z")).unwrap_or(0)
}

fn text(report: &Report) -> String {
    let tally = &report.tally;
    let mut lines = vec![
        format!(
            "messages        {} by {} authors",
            report.messages, report.authors
        ),
        format!(
            "replicas        {} for {} nicknames",
            report.replicas, report.nicknames
        ),
        format!(
            "updates         {} in {} objects, {} PUTs",
            report.updates, tally.objects, tally.puts
        ),
        format!("disconnections  {}", tally.disconnections),
        format!(
            "syncs           {}, {} without an answer",
            tally.syncs, tally.unanswered
        ),
        format!("roll-ups        {}", report.roll_ups),
        format!(
            "time            {}.{:03} s",
            report.millis / 1000,
            report.millis % 1000
        ),
    ];
    if let Some(sha256) = &report.sha256 {
        lines.push(format!("state           {sha256} on every replica"));
    }
    if report.differences.is_empty() {
        lines.push("No message is missing, none is there twice, and each author's are in the author's order.".to_owned());
    } else {
        lines.push(format!("{} differences:", report.differences.len()));
        lines.extend(
            report
                .differences
                .iter()
                .take(SHOWN_MAX)
                .map(|text| format!("  {text}")),
        );
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_in_the_name() {
        assert_eq!(
            midnight(Path::new("logs/2006-01-02.txt")),
            1_136_160_000_000
        );
        assert_eq!(midnight(Path::new("hike.txt")), 0);
    }
}
