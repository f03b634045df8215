//! `icecore sync`: pull and flush, once.

use crate::args::space_name;
use crate::commands::publish::{self, Print};
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::{CORRUPT, Outcome, Stop};
use crate::human::count;
use clap::Args;
use icecore_core::{Error, SpaceName};
use icecore_replica::{Pulled, Replica, Synced};
use serde_json::json;

/// Fetch what others wrote and publish what is queued, once
///
/// Without a space: all that this replica has touched. Ends with 5, after all was sent, when the store turns out to have been
/// put back to an older state.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore sync todo
  icecore sync")]
pub(crate) struct SyncArgs {
    /// The space [default: all of this replica]
    #[arg(value_parser = space_name)]
    space: Option<SpaceName>,
}

pub(crate) async fn run(args: &SyncArgs, context: &Context) -> Outcome {
    let replica = context.replica().await?;
    let names = match &args.space {
        Some(name) => vec![name.clone()],
        None => replica.spaces()?,
    };
    if names.is_empty() && !context.out.json {
        context
            .out
            .note("this replica has touched no space yet: name one, as in `icecore sync todo`");
    }
    spaces::each(context, &names, async |name| {
        match sync(context, &replica, name).await {
            Err(Stop::Failed(error)) if error.is_not_found() => {
                forget_erased(context, &replica, name, error).await
            }
            outcome => outcome,
        }
    })
    .await
}

async fn sync(context: &Context, replica: &Replica, name: &SpaceName) -> Outcome {
    let mut space = replica.space(name)?;
    let synced = publish::sync(context, &mut space, Print::Each).await?;
    let Synced {
        pulled,
        acknowledged,
        rolled_up,
    } = &synced;
    for line in space.status()?.unreadable {
        context
            .out
            .note(&format!("warning: {name}: unreadable: {line}"));
    }
    if let Some(generation) = pulled.impure {
        context.out.note(&format!(
            "warning: {name}: this program made two different states of segment {generation}: run `icecore verify {name}`"
        ));
    }
    let mut result = json!({ "space": name, "pulled": pulled, "acknowledged": acknowledged.len() });
    if *rolled_up > 0 {
        result["rolled_up"] = json!(rolled_up);
    }
    context.out.result(&result, || {
        let published = acknowledged.len() as u64;
        format!("{name}: {}", describe(pulled, published, *rolled_up))
    })?;
    if pulled.restored.is_some() {
        // All was done that can be done here; but somebody has to know.
        context.out.flush()?;
        return Err(Stop::Reported(CORRUPT));
    }
    Ok(())
}

/// What was erased goes here too, unless something waits that its author would lose.
async fn forget_erased(
    context: &Context,
    replica: &Replica,
    name: &SpaceName,
    error: Error,
) -> Outcome {
    let open = replica.store().space_or_tombstone(name).await;
    let Some(at) = open.ok().and_then(|open| open.info.erased_at) else {
        return Err(error.into());
    };
    if !replica.space(name)?.pending(1)?.is_empty() || !replica.spaces()?.contains(name) {
        return Err(error.into());
    }
    replica.forget(name).await?;
    let result = json!({ "space": name, "erased_at": at });
    context.out.result(&result, || {
        format!("{name}: was erased at {at}; the local copy is removed")
    })
}

fn describe(pulled: &Pulled, published: u64, rolled_up: u64) -> String {
    let mut parts = Vec::new();
    if published > 0 {
        parts.push(format!("published {}", count(published, "update")));
    }
    if pulled.objects > 0 {
        parts.push(format!("read {}", count(pulled.objects, "update object")));
    }
    if pulled.layers > 0 {
        parts.push(format!("read {}", layers(pulled.layers)));
    }
    if rolled_up > 0 {
        parts.push(format!(
            "rolled up {}, as nobody else had",
            count(rolled_up, "update")
        ));
    }
    if let Some(missing) = pulled.restored {
        parts.push(format!(
            "the store was put back to an older state, and lacked {} that this replica had",
            count(missing, "update")
        ));
    }
    if pulled.requeued > 0 {
        parts.push(format!(
            "it lacked {}: published again",
            count(pulled.requeued, "own update")
        ));
    }
    if !pulled.set_aside.is_empty() {
        parts.push(format!(
            "set aside {} that may be in the history already: see `icecore conflicts`",
            count(pulled.set_aside.len() as u64, "own update")
        ));
    }
    if let Some(author) = pulled.new_author {
        parts.push(format!(
            "this replica goes on as the author {author}: another writer used the old one, or the token asks for it"
        ));
    }
    if parts.is_empty() {
        "nothing new".to_owned()
    } else {
        parts.join(", ")
    }
}

fn layers(n: u64) -> String {
    if n == 1 {
        "1 segment or snapshot".to_owned()
    } else {
        format!("{n} segments and snapshots")
    }
}
