//! From the queue to the store, telling of each update as it is acknowledged.

use crate::context::Context;
use crate::exit::{Outcome, Stop};
use crate::human;
use crate::output::json_line;
use crate::progress::Progress;
use icecore_core::{Error, SpaceName, UpdateId};
use icecore_replica::{Acknowledged, SpaceReplica, Synced};
use serde_json::json;

/// Whether each acknowledged update is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Print {
    /// Each, with its key.
    Each,
    /// None.
    Nothing,
}

/// Syncs a space, telling of what is acknowledged on the way. When that fails, it says what stays queued.
pub(crate) async fn sync(
    context: &Context,
    space: &mut SpaceReplica,
    print: Print,
) -> Outcome<Synced> {
    let waiting = space.pending(usize::MAX)?.len() as u64;
    let progress = Progress::spinner(&context.clock, format!("syncing {}", space.name()));
    let (mut printed, mut published) = (Ok(()), 0);
    let mut unheard = Vec::new();
    let result = space
        .sync_with(&mut |acknowledged, _| {
            if published == 0 {
                progress.counts("publishing", waiting);
            }
            published += 1;
            progress.step();
            if print == Print::Nothing {
                return;
            }
            let print = || print_acknowledged(context, acknowledged);
            // That nobody reads any more must not stop the publishing.
            let line = if context.out.terminal {
                progress.suspend(print)
            } else {
                print()
            };
            if line.is_err() {
                unheard.push(acknowledged.id);
            }
            if printed.is_ok() {
                printed = line;
            }
        })
        .await;
    drop(progress);
    match result {
        Ok(synced) => printed
            .map(|()| {
                if synced.pulled.restored.is_some() {
                    context.out.note(&restored(space.name()));
                }
                synced
            })
            .map_err(|stop| told_otherwise(context, stop, ("stored", &unheard))),
        Err(error) => Err(still_queued(context, space, error)),
    }
}

fn restored(space: &SpaceName) -> String {
    format!(
        "warning: {space}: the store was put back to an older state; what this replica wrote was published again, and every \
         other device should sync now: `icecore status {space}` says what is missing until then"
    )
}

fn print_acknowledged(context: &Context, acknowledged: &Acknowledged) -> Outcome {
    context.out.result(acknowledged, || {
        let Acknowledged { id, key, bumps, .. } = acknowledged;
        let bumped = if *bumps > 0 {
            format!(" ({})", human::count(u64::from(*bumps), "collision"))
        } else {
            String::new()
        };
        format!("{id} key {key}{bumped}")
    })
}

/// Where the results could not be printed, whoever repeats the command must know what it did.
pub(crate) fn told_otherwise(
    context: &Context,
    stop: Stop,
    (done, ids): (&str, &[UpdateId]),
) -> Stop {
    let Stop::Failed(error) = stop else {
        return stop;
    };
    for id in ids {
        context.out.note(&format!("{done} {id}"));
    }
    let again = format!(
        "{} {done} all the same, as above: do not send them again; with --id NAME an update can be repeated safely",
        human::count(ids.len() as u64, "update")
    );
    let hint = error
        .hint()
        .map_or(again.clone(), |hint| format!("{again}; {hint}"));
    error.with_hint(hint).into()
}

/// After a failure: what is queued stays queued, and a person must know.
fn still_queued(context: &Context, space: &SpaceReplica, error: Error) -> Stop {
    let ids: Vec<UpdateId> = match space.pending(usize::MAX) {
        Ok(pending) => pending.iter().map(|p| p.id).collect(),
        Err(_) => return error.into(),
    };
    if ids.is_empty() {
        return error.into();
    }
    // The error counts more than a reader that has gone.
    drop(print_queued(context, &ids));
    let (name, updates) = (space.name(), human::count(ids.len() as u64, "update"));
    // A store that is away comes back.
    let is_away = error
        .object()
        .is_some_and(|object| object.ends_with("store.json"));
    let queued = if error.is_not_found() && !is_away {
        format!(
            "{updates} queued on this replica; `icecore space forget {name} --yes` drops them if the space will not come back"
        )
    } else {
        format!(
            "{updates} queued on this replica, not lost: `icecore sync {name}` sends what is queued"
        )
    };
    let hint = error
        .hint()
        .map_or(queued.clone(), |hint| format!("{hint}; {queued}"));
    error.with_hint(hint).into()
}

/// Prints the ids of what is queued.
pub(crate) fn print_queued(context: &Context, ids: &[UpdateId]) -> Outcome {
    print_lines(context, ids).map_err(|stop| told_otherwise(context, stop, ("queued", ids)))
}

fn print_lines(context: &Context, ids: &[UpdateId]) -> Outcome {
    for id in ids {
        if context.out.json {
            context.out.buffer(json_line(&json!({ "queued": id }))?)?;
        } else {
            context.out.buffer(format!("queued {id}"))?;
        }
    }
    context.out.flush()
}
