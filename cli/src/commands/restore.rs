//! `icecore restore`: brings back what was deleted or changed, from the history.

use crate::args::space_name;
use crate::commands::past::{self, Moment, missing, moment, pointer};
use crate::commands::publish::{self, Print};
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use clap::Args;
use icecore_core::model::document;
use icecore_core::{Error, Folded, Result, SpaceName, Update};
use icecore_replica::NewUpdate;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

/// Bring back a value of a document as it was, as updates of now
///
/// The history stays as it is: the value is written again. What others wrote elsewhere is not touched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore restore todo /milk --at 2026-11-20T12:00:00Z
  icecore restore todo /milk/done --at 3           # as it was after generation 3
  icecore diff todo 2026-11-20T12:00:00Z           # what there is to bring back")]
pub(crate) struct RestoreArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// What to bring back: a JSON pointer (RFC 6901)
    #[arg(value_parser = pointer)]
    path: String,

    /// From when: a time (RFC 3339) or a generation (number)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    at: Moment,

    /// Put it in the place of what is there now
    #[arg(long)]
    replace: bool,
}

pub(crate) async fn run(args: &RestoreArgs, context: &Context) -> Outcome {
    let mut space = context.space(&args.space).await?;
    spaces::pull(context, &mut space).await?;
    let model = space.reader()?.info.model.name.clone();
    if model != "document" {
        return Err(Error::invalid(format!("a space of the model `{model}` has no values to bring back"))
            .with_hint("its app can: the past is `icecore state --at`, and what to write now is for the app to say")
            .into());
    }
    let was = past::state(&context.store()?, &args.space, args.at).await?;
    let updates = plan(&value_of(&was)?, &value_of(&space.state()?)?, args)?;
    let now = context.clock.now();
    let mut new = Vec::new();
    for (kind, data) in updates {
        let data = to_raw_value(&data)
            .map_err(|e| Error::internal("BUG: JSON has a JSON form").with_source(e))?;
        document::validate(kind, &data)?;
        let update = Update::new(now, kind, &data, None)?;
        new.push(NewUpdate { update });
    }
    if new.is_empty() {
        context.out.note("nothing to bring back: it is as it was");
        return Ok(());
    }
    space.enqueue(&new)?;
    publish::sync(context, &mut space, Print::Each)
        .await
        .map(drop)
}

fn value_of(folded: &Folded) -> Result<Value> {
    serde_json::from_slice(&folded.state_json()?)
        .map_err(|e| Error::internal("BUG: the state is no JSON").with_source(e))
}

/// The updates that make the value what it was.
fn plan(was: &Value, is: &Value, args: &RestoreArgs) -> Result<Vec<(&'static str, Value)>> {
    let path = args.path.as_str();
    let old = was.pointer(path).ok_or_else(|| {
        let error = missing(path, was);
        Error::not_found("there was nothing there then")
            .with_object(path)
            .with_hint(error.hint().unwrap_or_default().to_owned())
    })?;
    let present = is.pointer(path);
    if present == Some(old) {
        return Ok(Vec::new());
    }
    if present.is_some() && !args.replace {
        return Err(Error::conflict("there is another value there now")
            .with_object(path)
            .with_hint(
                "look at it with `icecore state --path`; --replace puts the old one in its place",
            ));
    }
    let names = names(path, was, is)?;
    let mut updates = Vec::new();
    if names.is_empty() {
        // All of it: what was added since goes too.
        let added = is.as_object().into_iter().flatten();
        let added = added.filter(|(name, value)| old.get(name.as_str()) != Some(value));
        let pointers: Vec<String> = added
            .map(|(name, _)| format!("/{}", escaped(name)))
            .collect();
        if !pointers.is_empty() {
            updates.push(("delete", json!(pointers)));
        }
    } else if present.is_some() {
        updates.push(("delete", json!([path])));
    }
    let patch = names
        .into_iter()
        .rev()
        .fold(old.clone(), |inner, name| json!({ name: inner }));
    updates.push(("merge", patch));
    Ok(updates)
}

/// The names on the way to a value, which must lead through objects only, then and now.
fn names(path: &str, was: &Value, is: &Value) -> Result<Vec<String>> {
    let (mut was, mut is) = (Some(was), Some(is));
    let mut names = Vec::new();
    for part in path.split('/').skip(1) {
        if was.is_some_and(Value::is_array) || is.is_some_and(Value::is_array) {
            return Err(
                Error::invalid("what stands in a list cannot be put back at its place")
                    .with_object(path)
                    .with_hint("bring back the whole list, with --replace"),
            );
        }
        if is.is_some_and(|value| !value.is_object()) {
            return Err(Error::conflict("something else stands above it now")
                .with_object(path)
                .with_hint("bring back what is above it, with --replace"));
        }
        let name = part.replace("~1", "/").replace("~0", "~");
        was = was.and_then(|value| value.get(&name));
        is = is.and_then(|value| value.get(&name));
        names.push(name);
    }
    Ok(names)
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(path: &str, replace: bool, is: &Value) -> Result<Vec<(&'static str, Value)>> {
        let was = json!({ "milk": { "done": false }, "list": [1, 2], "a/b": 1 });
        let args = RestoreArgs {
            space: "todo".parse().unwrap(),
            path: path.to_owned(),
            at: Moment::At(0),
            replace,
        };
        plan(&was, is, &args)
    }

    #[test]
    fn what_was_deleted_is_written_again() {
        let is = json!({ "list": [1] });
        assert_eq!(
            planned("/milk", false, &is).unwrap(),
            [("merge", json!({ "milk": { "done": false } }))]
        );
        assert_eq!(
            planned("/milk/done", false, &is).unwrap(),
            [("merge", json!({ "milk": { "done": false } }))]
        );
        assert_eq!(
            planned("/a~1b", false, &is).unwrap(),
            [("merge", json!({ "a/b": 1 }))]
        );
    }

    #[test]
    fn what_is_there_now_is_only_replaced_when_told() {
        let is = json!({ "milk": { "done": true, "by": "bob" }, "list": [1] });
        assert!(planned("/milk", false, &is).unwrap_err().is_conflict());
        assert_eq!(
            planned("/milk", true, &is).unwrap(),
            [
                ("delete", json!(["/milk"])),
                ("merge", json!({ "milk": { "done": false } }))
            ]
        );
        assert!(planned("/list/1", true, &is).is_err());
        assert!(planned("/list/1", true, &json!({})).is_err());
        assert!(
            planned("/milk/done", true, &json!({ "milk": 7 }))
                .unwrap_err()
                .is_conflict()
        );
        let all = planned("", true, &json!({ "new": 1, "a/b": 1 })).unwrap();
        assert_eq!(all[0], ("delete", json!(["/new"])));
        assert!(planned("/cheese", true, &is).unwrap_err().is_not_found());
        let same = json!({ "milk": { "done": false } });
        assert!(planned("/milk", false, &same).unwrap().is_empty());
    }
}
