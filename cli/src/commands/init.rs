//! `icecore init`: creates a store, on a back end that was checked.

use crate::context::Context;
use crate::exit::Outcome;
use crate::human;
use crate::progress::Progress;
use clap::Args;
use icecore_core::StoreInfo;
use icecore_store::backend::{ProbeReport, probe};
use icecore_store::{BackendKind, Store};
use serde_json::json;

/// Create the store, after checking that the back end honours conditional writes
///
/// The check makes about 170 conditional writes, most of them in races, to 11 keys under a random name, and deletes
/// what it wrote. A back end that ignores conditional writes would lose acknowledged updates, so it is refused. On a
/// store that is there already the check runs again and nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore init --store ./my-store
  icecore init --store s3://my-bucket/notes      # credentials: AWS_ACCESS_KEY_ID, …
  AWS_ENDPOINT_URL=http://localhost:9000 icecore init --store s3://my-bucket")]
pub(crate) struct InitArgs {}

pub(crate) async fn run(_: &InitArgs, context: &Context) -> Outcome {
    let backend = context.backend()?;
    let store = context.store_on(&backend)?;
    let there = match store.info().await {
        Ok(info) => Some(info),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    if there.is_none() {
        backend.prepare().await?;
    }
    if backend.kind == BackendKind::Gateway {
        return behind_a_gateway(&store, there, context).await;
    }
    let progress = Progress::spinner(&context.clock, format!("checking {}", backend.location()));
    let checked = probe(
        &*backend.store,
        &backend.prefix,
        &*context.clock,
        &*context.ids,
    )
    .await?;
    drop(progress);
    for warning in &checked.warnings {
        context.out.note(&format!("warning: {warning}"));
    }
    let is_new = there.is_none();
    let info = match there {
        Some(info) => info,
        None => store.create().await?,
    };
    let location = format!("{} ({})", backend.location(), backend.kind);
    let result = json!({ "store": info.store, "created": is_new, "created_at": info.created_at,
        "location": backend.location(), "backend": backend.kind.to_string(), "checked": checked });
    context.out.result(&result, || {
        let done = if is_new {
            format!("created the store {} in {location}", info.store)
        } else {
            format!(
                "the store {} is there already, since {}: nothing was changed",
                info.store, info.created_at
            )
        };
        format!("{}\n{done}", what_was_checked(&location, &checked))
    })?;
    if is_new && !context.out.json {
        context.out.note("next: icecore space create NAME");
    }
    Ok(())
}

/// The bucket is not for this program to check: whoever runs the gateway did.
async fn behind_a_gateway(store: &Store, there: Option<StoreInfo>, context: &Context) -> Outcome {
    let is_new = there.is_none();
    let info = match there {
        Some(info) => info,
        None => store.create().await?,
    };
    let result = json!({ "store": info.store, "created": is_new, "created_at": info.created_at,
        "backend": BackendKind::Gateway.to_string() });
    context.out.result(&result, || {
        if is_new {
            format!("created the store {} behind the gateway", info.store)
        } else {
            format!(
                "the store {} is there already, since {}: nothing was changed",
                info.store, info.created_at
            )
        }
    })
}

fn what_was_checked(location: &str, checked: &ProbeReport) -> String {
    let took = human::millis(i64::try_from(checked.elapsed_ms).unwrap_or(i64::MAX));
    let reads = if checked.conditional_get {
        ""
    } else {
        "; conditional reads are ignored"
    };
    format!(
        "checked {location} in {took}: {} races of {} writers for one key had one winner each; updates of a \
         version that was replaced are refused{reads}",
        checked.rounds, checked.writers
    )
}
