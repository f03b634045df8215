//! `icecore update`: queues updates and publishes them.

use crate::args::space_name;
use crate::commands::publish::{self, Print};
use crate::commands::typed::{self, Check};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human;
use crate::lines;
use clap::Args;
use icecore_core::{Error, Result, SpaceName, UpdateId};
use icecore_replica::{NewUpdate, Once, SpaceReplica, Synced};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// Queue updates durably and publish them
///
/// All of them are checked before the first is queued. Each is printed with author, seq and key as it is
/// acknowledged. When the store cannot be reached they stay queued, and the next sync sends them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore update todo '{\"kind\":\"merge\",\"data\":{\"milk\":{\"done\":true}}}'
  icecore update todo '{\"kind\":\"increment\",\"data\":{\"/count\":1}}'
  icecore update todo --offline '{\"kind\":\"add\",\"data\":{\"/tags\":[\"home\"]}}'
  cat updates.ndjson | icecore update todo -
  icecore update plan --id order-17 '{\"kind\":\"increment\",\"data\":{\"/sold\":1}}'

Kinds of a document:
  merge                a JSON merge patch: fields set, or removed by null
  increment, max, min  {\"/pointer\": number}
  add, remove          {\"/pointer\": [members]} of a set
  append               {\"/pointer\": [items]} to a list
  delete               [\"/pointer\", …]

An update may say when it happened (\"at\": RFC 3339) and which conflict it settles (\"resolves\": ID).")]
pub(crate) struct UpdateArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Updates as JSON, {"kind": …, "data": …}; `-` reads one per line from stdin
    #[arg(required = true, value_name = "JSON", allow_negative_numbers = true)]
    updates: Vec<String>,

    /// Only queue them
    #[arg(long)]
    pub(crate) offline: bool,

    /// A name of your choice for this one update: a second call with it stores nothing, and prints the same id
    ///
    /// For scripts that do not know whether an earlier call was heard. The name is kept by this replica, the last 10,000
    /// of a space; another replica does not know it. Another update under the same name is a conflict.
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
}

pub(crate) async fn run(args: &UpdateArgs, context: &Context) -> Outcome {
    // To queue needs no content: what is queued is sealed when it is sent.
    let mut space = if args.offline {
        context.locked_space(&args.space).await?
    } else {
        context.space(&args.space).await?
    };
    let model = model(context, &mut space, args.offline).await?;
    let updates = read(
        args,
        Check {
            now: context.clock.now(),
            model: model.as_deref(),
            resolves: None,
        },
    )?;
    let ids = match &args.id {
        Some(name) => queue_once(context, &mut space, name, &updates)?,
        None => space.enqueue(&updates)?,
    };
    if args.offline {
        return publish::print_queued(context, &ids);
    }
    let synced = publish::sync(context, &mut space, Print::Each).await?;
    warn_of_rejected(context, &mut space, &synced)?;
    Ok(())
}

/// Queues an update under the caller's name for it. Of one that is stored already it prints the id; nothing is left to do
/// for it then.
fn queue_once(
    context: &Context,
    space: &mut SpaceReplica,
    name: &str,
    updates: &[NewUpdate],
) -> Outcome<Vec<UpdateId>> {
    let [update] = updates else {
        return Err(Error::invalid("--id is the name of one update")
            .with_hint("give each update a call and a name of its own")
            .into());
    };
    let once = space.enqueue_once(name, update)?;
    let Once { id, is_new, key } = once;
    let waits = is_new || space.pending(usize::MAX)?.iter().any(|p| p.id == id);
    if waits {
        return Ok(vec![id]);
    }
    let result = json!({ "author": id.author, "seq": id.seq, "key": key, "stored_before": true });
    let printed = context.out.result(&result, || {
        let key = key.map(|key| format!(" key {key}")).unwrap_or_default();
        format!("{id}{key} (stored before)")
    });
    printed.map_err(|stop| publish::told_otherwise(context, stop, ("stored", &[id])))?;
    Ok(Vec::new())
}

/// What is acknowledged is stored, which does not mean that the state allowed it.
fn warn_of_rejected(context: &Context, space: &mut SpaceReplica, synced: &Synced) -> Result<()> {
    if synced.acknowledged.is_empty() {
        return Ok(());
    }
    let own: BTreeSet<UpdateId> = synced.acknowledged.iter().map(|a| a.id).collect();
    let rejected = space.state()?.rejected.list;
    let count = rejected.iter().filter(|r| own.contains(&r.id)).count();
    if count > 0 {
        let (updates, name) = (human::count(count as u64, "update"), space.name());
        context.out.note(&format!(
            "warning: {updates} stored, but not applied, as the state does not allow it: see `icecore conflicts {name}`"
        ));
    }
    Ok(())
}

/// The name of the space's model: as last seen, or as the store says. `None` when neither is known.
async fn model(
    context: &Context,
    space: &mut SpaceReplica,
    offline: bool,
) -> Result<Option<String>> {
    match space.reader() {
        Ok(reader) => return Ok(Some(reader.info.model.name.clone())),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    if offline {
        return Ok(None);
    }
    match context.store()?.space(space.name()).await {
        Ok(open) => Ok(Some(open.info.model.name)),
        // The update is queued all the same: that is what the queue is for.
        Err(error) if error.is_unavailable() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(args: &UpdateArgs, check: Check<'_>) -> Result<Vec<NewUpdate>> {
    let mut updates = Vec::new();
    for (argument, number) in args.updates.iter().zip(1..) {
        if argument != "-" {
            let parsed = typed::parse(argument, check)
                .map_err(|e| e.with_object(format!("argument {number}")));
            updates.push(NewUpdate { update: parsed? });
            continue;
        }
        for line in lines::read(Path::new("-"))? {
            let parsed =
                typed::parse(&line.text, check).map_err(|e| e.with_object(lines::at(line.number)));
            updates.push(NewUpdate { update: parsed? });
        }
    }
    if updates.is_empty() {
        return Err(Error::invalid("there is no update on stdin")
            .with_hint("write one JSON object per line"));
    }
    Ok(updates)
}
