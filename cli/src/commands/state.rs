//! `icecore state`: the state now, or as it was.

use crate::args::{parsed, space_name};
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::progress::Progress;
use clap::Args;
use icecore_core::plan::key::clamp;
use icecore_core::{
    Error, Folded, Generation, Key, Order, Result, SpaceInfo, SpaceName, canonical, time,
};
use icecore_store::history::{Segments, state_at, state_until};
use icecore_store::{Reader, Store};
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
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
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
    offline: bool,
}

fn pointer(text: &str) -> Result<String, String> {
    let escapes = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if escapes && (text.is_empty() || text.starts_with('/')) {
        return Ok(text.to_owned());
    }
    parsed(Err(Error::invalid(format!(
        "{text:?} is not a JSON pointer"
    ))
    .with_hint(
        "a pointer is like /notes/1/title; write ~1 for a slash in a name and ~0 for a tilde",
    )))
}

pub(crate) fn moment(text: &str) -> Result<i64, String> {
    parsed(time::from_rfc3339(text))
}

fn generation(text: &str) -> Result<Generation, String> {
    parsed(text.parse())
}

pub(crate) async fn run(args: &StateArgs, context: &Context) -> Outcome {
    let folded = if args.at.is_some() || args.generation.is_some() {
        let _progress = Progress::spinner(&context.clock, spaces::reading(&args.space));
        past(args, &context.store()?).await?
    } else {
        present(args, context).await?
    };
    print(context, &folded, args.path.as_deref())
}

async fn present(args: &StateArgs, context: &Context) -> Result<Folded> {
    let mut space = context.space(&args.space)?;
    spaces::pull_unless_offline(context, &mut space, args.offline).await?;
    space.state()
}

async fn past(args: &StateArgs, store: &Store) -> Result<Folded> {
    if let Some(generation) = args.generation {
        let info = store.space(&args.space).await?.info;
        return Ok(state_at(store, &info, generation).await?.folded);
    }
    let reader = Reader::open(store, &args.space).await?;
    let moment = args.at.unwrap_or(i64::MAX);
    let key = last_key(store, &reader, moment).await?;
    state_until(store, &reader, key).await
}

/// The last key that belongs to a moment. In a sequenced space keys are no times: it is the last one before the
/// first update that happened later.
async fn last_key(store: &Store, reader: &Reader, moment: i64) -> Result<Key> {
    let info = &reader.info;
    let mut segments = Segments::after(store, info, Generation::ZERO).await?;
    let mut first = true;
    while let Some(segment) = segments.next().await? {
        if first && segment.header.base.is_some() && segment.header.rolled_at > moment {
            return Err(begins_later(info, segment.header.rolled_at));
        }
        first = false;
        if info.order == Order::Timestamp {
            return Ok(clamp(moment));
        }
        if let Some(later) = segment.entries.iter().find(|e| is_later(&e.update, moment)) {
            return Ok(later.key.saturating_sub(1));
        }
    }
    if info.order == Order::Timestamp {
        return Ok(clamp(moment));
    }
    let later = reader
        .tail_entries()
        .into_iter()
        .find(|e| is_later(&e.update, moment));
    Ok(later.map_or(Key::MAX, |e| e.key.saturating_sub(1)))
}

fn is_later(update: &icecore_core::Update, moment: i64) -> bool {
    let at = update
        .parts()
        .and_then(|parts| time::from_rfc3339(&parts.at).ok());
    at.is_some_and(|at| at > moment)
}

fn begins_later(info: &SpaceInfo, millis: i64) -> Error {
    let begins = time::to_rfc3339(millis);
    Error::not_found(format!(
        "the history of {} begins at {begins}: it was compressed or reset then",
        info.space
    ))
    .with_hint(format!("ask for {begins} or later"))
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

/// Names the deepest part of the path that is there, and what is in it.
fn missing(path: &str, state: &Value) -> Error {
    const NAMED_MAX: usize = 8;
    let mut above = path;
    while let Some((shorter, _)) = above.rsplit_once('/') {
        above = shorter;
        if state.pointer(above).is_some() {
            break;
        }
    }
    let place = if above.is_empty() {
        "the state".to_owned()
    } else {
        format!("`{above}`")
    };
    let hint = match state.pointer(above) {
        Some(Value::Object(members)) if !members.is_empty() => {
            let names: Vec<&str> = members.keys().take(NAMED_MAX).map(String::as_str).collect();
            let more = if members.len() > NAMED_MAX {
                ", …"
            } else {
                ""
            };
            format!("{place} has {}{more}", names.join(", "))
        }
        Some(Value::Array(items)) => format!("{place} is a list of {}", items.len()),
        Some(Value::Object(_)) => format!("{place} is empty"),
        _ => format!("{place} has nothing below it"),
    };
    Error::not_found("the state has nothing there")
        .with_object(path)
        .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_are_checked() {
        for good in ["", "/", "/a/b", "/a~1b", "/~0"] {
            assert_eq!(pointer(good).unwrap(), good);
        }
        for bad in ["a", "a/b", "/~", "/~2", "/a~"] {
            assert!(pointer(bad).unwrap_err().contains("hint"), "{bad}");
        }
    }

    #[test]
    fn a_missing_path_says_what_is_there() {
        let state = json!({ "a": { "b": 1, "c": [1, 2] }, "d": {} });
        for (path, hint) in [
            ("/x", "the state has a, d"),
            ("/a/x/y", "`/a` has b, c"),
            ("/a/c/9", "`/a/c` is a list of 2"),
            ("/a/b/z", "`/a/b` has nothing below it"),
            ("/d/z", "`/d` is empty"),
        ] {
            assert_eq!(missing(path, &state).hint(), Some(hint));
        }
    }
}
