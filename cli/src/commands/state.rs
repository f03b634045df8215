//! `icecore state`: the state now, or as it was.

use crate::args::{parsed, space_name};
use crate::commands::past::{self, Moment, missing};
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::progress::Progress;
use clap::Args;
use icecore_core::{Error, Folded, Generation, Result, SpaceName, canonical, time};
use serde_json::Value;

/// Print the state, now or as it was
///
/// The state holds what the store has and what is queued here. On a terminal it is indented; otherwise it is
/// canonical JSON, the same bytes on every replica.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore state todo
  icecore state todo --path /milk/done
  icecore state todo --at 2026-11-20T12:00:00Z
  icecore state todo --gen 3
  icecore state todo --offline")]
pub(crate) struct StateArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Only the value at this JSON pointer (RFC 6901)
    #[arg(long, value_name = "POINTER", value_parser = past::pointer)]
    path: Option<String>,

    /// As it was at this time (RFC 3339), by the keys of the updates
    ///
    /// An update counts from its effective key on: the least key among its own and its author's later ones. So no
    /// past state has an author's later update without the earlier ones. In a sequenced space keys are no times: there it
    /// is everything before the first update that says it happened later.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with_all = ["generation", "offline"])]
    at: Option<i64>,

    /// As it was after this generation
    #[arg(long = "gen", value_name = "N", value_parser = generation, conflicts_with = "offline", allow_negative_numbers = true)]
    generation: Option<Generation>,

    /// As this replica last saw it, without any request
    #[arg(long)]
    pub(crate) offline: bool,
}

pub(crate) fn moment(text: &str) -> Result<i64, String> {
    parsed(time::from_rfc3339(text))
}

fn generation(text: &str) -> Result<Generation, String> {
    parsed(text.parse())
}

pub(crate) async fn run(args: &StateArgs, context: &Context) -> Outcome {
    let after = args.generation.map(Moment::After);
    let folded = if let Some(moment) = args.at.map(Moment::At).or(after) {
        let _progress = Progress::spinner(&context.clock, spaces::reading(&args.space));
        past::state(&context.store()?, &args.space, moment).await?
    } else {
        present(args, context).await?
    };
    print(context, &folded, args.path.as_deref())
}

async fn present(args: &StateArgs, context: &Context) -> Result<Folded> {
    let mut space = context.space(&args.space).await?;
    spaces::pull_unless_offline(context, &mut space, args.offline).await?;
    space.state()
}

fn print(context: &Context, folded: &Folded, path: Option<&str>) -> Outcome {
    let out = &context.out;
    let json = folded.state_json()?;
    if path.is_none_or(str::is_empty) && (out.json || !out.terminal) {
        return out.line(json);
    }
    let state: Value = serde_json::from_slice(&json)
        .map_err(|e| Error::internal("BUG: the state is no JSON").with_source(e))?;
    let value = match path {
        Some(path) => state.pointer(path).ok_or_else(|| missing(path, &state))?,
        None => &state,
    };
    if out.terminal && !out.json {
        return out.line(format!("{value:#}"));
    }
    out.line(canonical::to_vec(value)?)
}
