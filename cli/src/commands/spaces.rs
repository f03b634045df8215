//! Commands that do the same for one space or for all.

use crate::context::Context;
use crate::exit::{Outcome, Stop};
use crate::progress::Progress;
use crate::secrets::{is_wrong_secret, without_secrets};
use icecore_core::{Error, Result, SpaceName};
use icecore_replica::SpaceReplica;
use icecore_store::Store;
use icecore_store::epochs::NewEpoch;
use serde::Serialize;

/// Does `work` for each space. Where there are several, one that fails is reported and does not stop the
/// others; the exit code is the gravest.
pub(crate) async fn each(
    context: &Context,
    names: &[SpaceName],
    mut work: impl AsyncFnMut(&SpaceName) -> Outcome,
) -> Outcome {
    if let [only] = names {
        return work(only).await;
    }
    let mut gravest = 0;
    for name in names {
        match work(name).await {
            Ok(()) => {}
            Err(Stop::OutputClosed) => return Err(Stop::OutputClosed),
            Err(Stop::Failed(error)) => {
                let object = error.object().unwrap_or(name.as_str()).to_owned();
                gravest = gravest.max(Stop::Failed(error.with_object(object)).report(&context.out));
            }
            Err(stop) => gravest = gravest.max(stop.report(&context.out)),
        }
    }
    if gravest == 0 {
        Ok(())
    } else {
        Err(Stop::Reported(gravest))
    }
}

/// The space that was named, or all of the store that are not erased.
///
/// # Errors
/// As [`Store::info`] and [`Store::spaces`].
pub(crate) async fn named_or_all(
    context: &Context,
    store: &Store,
    named: Option<&SpaceName>,
) -> Result<Vec<SpaceName>> {
    // A store of a newer program is left alone.
    store.info().await?;
    if let Some(name) = named {
        return Ok(vec![name.clone()]);
    }
    let mut names = Vec::new();
    for name in store.spaces().await? {
        match store.space_or_tombstone(&name).await {
            Ok(open) if open.info.erased_at.is_some() => {}
            // What is wrong with it is for the command to find out and to report.
            _ => names.push(name),
        }
    }
    if names.is_empty() && !context.out.json {
        context
            .out
            .note("the store has no spaces: create one with `icecore space create NAME`");
    }
    Ok(names)
}

/// Fetches what others wrote.
///
/// # Errors
/// As [`SpaceReplica::pull`].
pub(crate) async fn pull(context: &Context, space: &mut SpaceReplica) -> Result<()> {
    let _progress = Progress::spinner(&context.clock, reading(space.name()));
    space.pull().await.map(drop)
}

/// What a person reads while a space is fetched.
pub(crate) fn reading(space: &SpaceName) -> String {
    format!("reading {space}")
}

/// As [`pull`], for a command that can do without.
///
/// # Errors
/// As [`SpaceReplica::pull`].
pub(crate) async fn pull_unless_offline(
    context: &Context,
    space: &mut SpaceReplica,
    offline: bool,
) -> Result<()> {
    if offline {
        return Ok(());
    }
    pull(context, space).await.map_err(|error| {
        if !error.is_unavailable() {
            return error;
        }
        let own = "`--offline` shows what this replica last saw";
        let hint = error
            .hint()
            .map_or(own.to_owned(), |hint| format!("{hint}; {own}"));
        error.with_hint(hint)
    })
}

/// Does work that needs no content with the secrets that were given. Where they do not open the space, it says so and does
/// it without.
///
/// # Errors
/// What `work` reports.
pub(crate) async fn with_any_secret<T>(
    context: &Context,
    store: &Store,
    name: &SpaceName,
    work: impl AsyncFn(&Store) -> Result<T>,
) -> Result<T> {
    match work(store).await {
        Err(error) if is_wrong_secret(&error) => {
            let warning = format!("warning: {name}: {error}; going on without its content");
            context.out.note(&warning);
            work(&without_secrets(store)).await
        }
        result => result,
    }
}

/// The error for a space that has no keyring.
pub(crate) fn not_encrypted(space: &SpaceName) -> Error {
    Error::invalid(format!("the space {space} is not encrypted"))
        .with_hint("`icecore space create NAME --encrypted` makes one that is; `icecore export` and `icecore import --replay` move a history there")
}

/// Refuses without `--yes`, saying what would happen.
///
/// # Errors
/// `Invalid` unless `yes`.
pub(crate) fn confirm(yes: bool, would: String) -> Result<()> {
    if yes {
        return Ok(());
    }
    Err(Error::invalid(would).with_hint("repeat the command with --yes to do it"))
}

/// A report with the name of its space.
#[derive(Debug, Serialize)]
pub(crate) struct WithSpace<'a, T> {
    space: &'a SpaceName,
    #[serde(flatten)]
    report: &'a T,
}

/// Puts the name of the space before a report.
pub(crate) fn with_space<'a, T: Serialize>(
    space: &'a SpaceName,
    report: &'a T,
) -> WithSpace<'a, T> {
    WithSpace { space, report }
}

/// A new epoch as part of a line for people.
pub(crate) fn epoch_text(new: &NewEpoch) -> String {
    let swept = match new.swept {
        0 => String::new(),
        n => format!(", {n} that came meanwhile were carried over"),
    };
    format!(
        "epoch {} follows {}{swept}",
        new.epoch.number(),
        new.from.number()
    )
}
