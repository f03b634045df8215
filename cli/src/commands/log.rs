//! `icecore log`: the history in canonical order.

mod after;
pub(crate) mod stream;

use crate::args::{parsed, space_name};
use crate::context::Context;
use crate::exit::{Outcome, Stop};
use crate::human::parse_duration;
use crate::system;
use after::After;
use clap::Args;
use icecore_core::plan::Pace;
use icecore_core::{Result, SpaceName};
use icecore_store::draw;
use std::time::Duration;
use stream::{Stream, line};

/// The longest pause between two polls: of a store that cannot be reached, or where nothing comes.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Print the history in canonical order, as one JSON object per line
///
/// Each line has author, seq, key, at, kind and data; generation is the segment that holds the update, or null
/// for one that is not rolled up yet. In an encrypted space that is not opened, and of what cannot be read, raw
/// stands in place of at, kind and data.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore log todo
  icecore log todo --follow
  icecore log todo --after 2026-11-20T12:00:00Z
  icecore log todo --after 3                       # after generation 3
  icecore log todo --after 01a2…:17                # after that update
  icecore log todo | jq -r '[.at, .kind] | @tsv'")]
pub(crate) struct LogArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Go on: print each update as it becomes visible, until Ctrl-C
    #[arg(long, short)]
    follow: bool,

    /// Only what comes after an update (AUTHOR:SEQ), a time (RFC 3339) or a generation (number)
    #[arg(long, value_name = "WHERE", value_parser = after)]
    after: Option<After>,

    /// How often --follow looks for new updates; while nothing comes, less and less often, at least twice a minute
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration, requires = "follow")]
    interval: Duration,
}

fn after(text: &str) -> Result<After, String> {
    parsed(After::parse(text))
}

fn duration(text: &str) -> Result<Duration, String> {
    parsed(parse_duration(text))
}

pub(crate) async fn run(args: &LogArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    let mut stream = Stream::open(&store, &args.space).await?;
    let mut after = args.after.clone().unwrap_or(After::Start);
    after.check(&stream)?;
    stream.skip_to(after.generation());
    if stream.is_locked() {
        context.out.note("note: the space is encrypted, and no secret was given that opens it: updates are shown as they are stored");
    }
    if let Some(note) = stream.begins().await? {
        context.out.note(&note);
    }
    let order = stream.order();
    stream
        .next(&mut |entry, held| {
            if after.passes(entry, order) {
                context.out.buffer(line(entry, held)?)
            } else {
                Ok(())
            }
        })
        .await?;
    context.out.flush()?;
    after.finish()?;
    if !args.follow {
        return Ok(());
    }
    tokio::select! {
        result = follow(args, context, &mut stream) => result,
        () = system::interrupted() => Ok(()),
    }
}

async fn follow(args: &LogArgs, context: &Context, stream: &mut Stream<'_>) -> Outcome {
    let clock = &context.clock;
    let mut pace = Pace::new(args.interval, PAUSE_MAX, clock.monotonic());
    let mut failing = false;
    loop {
        let draw = draw(&*context.ids);
        clock.sleep(pace.pause(clock.monotonic(), draw)).await;
        let mut came = false;
        let polled = stream
            .poll(&mut |entry, held| {
                came = true;
                context.out.buffer(line(entry, held)?)
            })
            .await;
        match polled {
            Ok(()) => {
                failing = false;
                pace.succeeded();
            }
            Err(Stop::Failed(error)) if error.is_unavailable() => {
                if !failing {
                    context.out.note(&format!("warning: {error}; trying again"));
                }
                failing = true;
                pace.failed();
            }
            Err(stop) => return Err(stop),
        }
        if came {
            pace.alive(clock.monotonic());
        }
        context.out.flush()?;
    }
}
