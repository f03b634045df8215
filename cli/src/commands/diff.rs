//! `icecore diff`: what changed between two points in time.

use crate::args::space_name;
use crate::commands::past::{self, Moment, moment};
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::output::json_line;
use crate::progress::Progress;
use clap::Args;
use icecore_core::{Error, Folded, Result, SpaceName};
use serde_json::{Value, json};

/// Print what changed between two points in time, by JSON pointer
///
/// Each line is a value that is there now (+), that is gone (-), or that is another one (~). Lists are compared place by
/// place.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore diff todo 2026-11-20T12:00:00Z
  icecore diff todo 3 5                            # generation 3 against generation 5
  icecore diff todo 2026-11-20T12:00:00Z --json | jq -r .path")]
pub(crate) struct DiffArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// The earlier point: a time (RFC 3339) or a generation (number)
    #[arg(value_parser = moment)]
    from: Moment,

    /// The later point [default: now]
    #[arg(value_parser = moment)]
    to: Option<Moment>,
}

pub(crate) async fn run(args: &DiffArgs, context: &Context) -> Outcome {
    let progress = Progress::spinner(&context.clock, spaces::reading(&args.space));
    let store = context.store()?;
    let from = past::state(&store, &args.space, args.from).await?;
    let to = args.to.unwrap_or(Moment::At(i64::MAX));
    let to = past::state(&store, &args.space, to).await?;
    drop(progress);
    let mut changes = Vec::new();
    compare(
        String::new(),
        &json_of(&from)?,
        &json_of(&to)?,
        &mut changes,
    );
    for change in &changes {
        if context.out.json {
            context.out.buffer(json_line(&change.json())?)?;
        } else {
            context.out.buffer(change.text())?;
        }
    }
    context.out.flush()?;
    if changes.is_empty() && !context.out.json {
        context.out.note("nothing changed");
    }
    Ok(())
}

fn json_of(folded: &Folded) -> Result<Value> {
    serde_json::from_slice(&folded.state_json()?)
        .map_err(|e| Error::internal("BUG: the state is no JSON").with_source(e))
}

/// A value that differs.
#[derive(Debug, PartialEq)]
struct Change {
    path: String,
    from: Option<Value>,
    to: Option<Value>,
}

impl Change {
    fn json(&self) -> Value {
        let mut json = json!({ "path": self.path });
        for (name, value) in [("from", &self.from), ("to", &self.to)] {
            if let Some(value) = value {
                json[name] = value.clone();
            }
        }
        json
    }

    fn text(&self) -> String {
        let path = if self.path.is_empty() {
            "(all)"
        } else {
            &self.path
        };
        match (&self.from, &self.to) {
            (None, Some(to)) => format!("+ {path} {to}"),
            (Some(from), None) => format!("- {path} {from}"),
            (Some(from), Some(to)) => format!("~ {path} {from} -> {to}"),
            (None, None) => String::new(),
        }
    }
}

/// Names the highest values that are only in one of the two, and the lowest that differ.
fn compare(path: String, from: &Value, to: &Value, changes: &mut Vec<Change>) {
    let below = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
    let mut one = |name: &str, from: Option<&Value>, to: Option<&Value>| match (from, to) {
        (Some(from), Some(to)) => compare(below(name), from, to, changes),
        (from, to) => changes.push(Change {
            path: below(name),
            from: from.cloned(),
            to: to.cloned(),
        }),
    };
    match (from, to) {
        _ if from == to => {}
        (Value::Object(from), Value::Object(to)) => {
            let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                one(name, from.get(name), to.get(name));
            }
        }
        (Value::Array(from), Value::Array(to)) => {
            for n in 0..from.len().max(to.len()) {
                one(&n.to_string(), from.get(n), to.get(n));
            }
        }
        _ => changes.push(Change {
            path,
            from: Some(from.clone()),
            to: Some(to.clone()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_what_went_and_what_is_another_is_told() {
        let from = json!({ "a": 1, "b": { "c": [1, 2], "d/e": null }, "same": { "x": 1 } });
        let to = json!({ "b": { "c": [1, 3, 4] }, "f": {}, "same": { "x": 1 } });
        let mut changes = Vec::new();
        compare(String::new(), &from, &to, &mut changes);
        let texts: Vec<String> = changes.iter().map(Change::text).collect();
        assert_eq!(
            texts,
            [
                "- /a 1",
                "~ /b/c/1 2 -> 3",
                "+ /b/c/2 4",
                "- /b/d~1e null",
                "+ /f {}"
            ]
        );
        assert_eq!(
            changes[1].json(),
            json!({ "path": "/b/c/1", "from": 2, "to": 3 })
        );
        changes.clear();
        compare(String::new(), &json!([]), &json!({}), &mut changes);
        assert_eq!(changes[0].text(), "~ (all) [] -> {}");
    }
}
