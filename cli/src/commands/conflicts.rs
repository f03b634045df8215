//! `icecore conflicts`: what waits for a person.

use crate::args::space_name;
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::output::json_line;
use clap::Args;
use icecore_core::{Conflict, RejectedUpdate, SpaceName};
use icecore_replica::status::{Refused, Waiting};
use serde_json::{Value, json};

/// Show what waits for a person: broken rules, rejected and refused updates
///
/// A conflict is a rule that the merged state breaks. A rejected update is in the history, but the state did
/// not allow it. A refused one is this replica's own: a sequenced space's new state does not allow it, and it
/// was never sent.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore conflicts plan
  icecore conflicts plan --json | jq -r .id")]
pub(crate) struct ConflictsArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// As this replica last saw it, without any request
    #[arg(long)]
    pub(crate) offline: bool,
}

pub(crate) async fn run(args: &ConflictsArgs, context: &Context) -> Outcome {
    let mut space = context.space(&args.space).await?;
    spaces::pull_unless_offline(context, &mut space, args.offline).await?;
    let waiting = space.waiting()?;
    if context.out.json {
        for item in items(&waiting) {
            context.out.buffer(json_line(&item)?)?;
        }
        return context.out.flush();
    }
    context.out.line(text(&args.space, &waiting))
}

fn items(waiting: &Waiting) -> Vec<Value> {
    let conflicts = waiting.conflicts.iter().map(|conflict| {
        let mut value = json!(conflict);
        value["type"] = "conflict".into();
        value["message"] = conflict.message().into();
        value
    });
    let rejected = waiting.rejected.list.iter().map(|rejected| {
        let mut value = json!(rejected);
        value["type"] = "rejected".into();
        value["id"] = rejected.id.to_string().into();
        value["message"] = rejected.reason.to_string().into();
        value
    });
    let refused = waiting
        .refused
        .iter()
        .map(|Refused { id, update, reason, since }| {
            let update: Value = serde_json::from_str(update).unwrap_or_default();
            let since: Vec<String> = since.iter().map(ToString::to_string).collect();
            json!({ "type": "refused", "id": refused_id(*id), "message": reason, "update": update, "since": since })
        });
    conflicts.chain(rejected).chain(refused).collect()
}

/// How the command names a refused update.
pub(crate) fn refused_id(number: i64) -> String {
    format!("refused:{number}")
}

fn text(space: &SpaceName, waiting: &Waiting) -> String {
    let mut lines = Vec::new();
    for conflict in &waiting.conflicts {
        let Conflict {
            id,
            rule,
            paths,
            updates,
            ..
        } = conflict;
        lines.push(format!("{id}  conflict: {}", conflict.message()));
        lines.push(format!("    rule {rule} at {}", paths.join(", ")));
        if !updates.is_empty() {
            let updates: Vec<String> = updates.iter().map(ToString::to_string).collect();
            lines.push(format!("    set by {}", updates.join(", ")));
        }
    }
    for RejectedUpdate { id, reason, .. } in &waiting.rejected.list {
        lines.push(format!("{id}  rejected: {reason}"));
    }
    let listed = waiting.rejected.list.len() as u64;
    let older = waiting.rejected.count.saturating_sub(listed);
    if older > 0 {
        lines.push(format!(
            "    and {} before these",
            count(older, "rejected update")
        ));
    }
    for Refused {
        id,
        update,
        reason,
        since,
    } in &waiting.refused
    {
        lines.push(format!("{}  refused: {reason}", refused_id(*id)));
        lines.push(format!("    {update}"));
        if let Some(last) = since.last() {
            let updates = count(since.len() as u64, "update");
            lines.push(format!(
                "    since it was made: {updates} of others, the last {last}"
            ));
        }
    }
    if lines.is_empty() {
        return format!("{space}: nothing waits for a person");
    }
    lines.push(format!("settle one with: icecore resolve {space} ID JSON"));
    lines.join("\n")
}
