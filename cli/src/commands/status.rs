//! `icecore status`: how far this replica is, and why it is stuck.

mod report;

use crate::args::space_name;
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::{ErrorJson, Outcome};
use crate::progress::Progress;
use crate::secrets::without_secrets;
use clap::Args;
use icecore_core::{Error, Generation, ObjectKey, Result, Seal, SpaceInfo, SpaceName};
use icecore_replica::{Replica, Status};
use icecore_store::Store;
use serde::Serialize;
use serde_json::json;

/// Show queue, generation, lag, clock, and why a sync is stuck
///
/// Looks at the store with two small requests, unless --offline is given; nothing is pulled.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore status todo
  icecore status --json --offline | jq .queued")]
pub(crate) struct StatusArgs {
    /// The space [default: all of this replica]
    #[arg(value_parser = space_name)]
    space: Option<SpaceName>,

    /// Make no request
    #[arg(long)]
    pub(crate) offline: bool,
}

/// What the store says of a space right now.
#[derive(Debug)]
pub(super) enum Remote {
    NotAsked,
    Unreachable(Error),
    Seen {
        info: Box<SpaceInfo>,
        generation: Option<Generation>,
    },
}

pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Outcome {
    let replica = context.replica().await?;
    let names = match &args.space {
        Some(name) => vec![name.clone()],
        None => replica.spaces()?,
    };
    if names.is_empty() && !context.out.json {
        context
            .out
            .note("this replica has touched no space yet: name one, as in `icecore status todo`");
    }
    let mut first = true;
    spaces::each(context, &names, async |name| {
        let progress = Progress::spinner(&context.clock, "asking the store");
        let remote = match look(replica.store(), name, args.offline).await {
            Remote::Unreachable(error) => {
                Remote::Unreachable(replica.space(name)?.explained(error))
            }
            remote => remote,
        };
        drop(progress);
        if !std::mem::take(&mut first) && !context.out.json {
            context.out.buffer("")?;
        }
        show(context, &replica, name, &remote)
    })
    .await
}

async fn look(store: &Store, name: &SpaceName, offline: bool) -> Remote {
    if offline {
        return Remote::NotAsked;
    }
    let head = ObjectKey::Head(name.clone());
    let (space, head) =
        futures::future::join(store.space_or_tombstone(name), store.bucket.get(&head)).await;
    match space {
        Err(error) => Remote::Unreachable(error),
        Ok(open) => {
            let head = head
                .ok()
                .flatten()
                .and_then(|got| icecore_core::Head::from_json(&got.bytes).ok());
            let generation = head
                .filter(|h| h.epoch == open.info.epoch)
                .map(|h| h.generation);
            Remote::Seen {
                info: Box::new(open.info),
                generation,
            }
        }
    }
}

fn show(context: &Context, replica: &Replica, name: &SpaceName, remote: &Remote) -> Outcome {
    // What is needed here is no content.
    let locked = replica.reopened(without_secrets(replica.store()));
    let status = status(&locked, name, remote)?;
    let encrypted = Encrypted::of(replica.store(), &locked, name, remote);
    if !context.out.json {
        let clock = report::Clock {
            now: context.clock.now(),
            is_compared: replica.store().knows_server_time(),
        };
        let text = report::text(&status, (remote, encrypted.as_ref()), clock);
        return context.out.line(text);
    }
    let mut value = serde_json::to_value(&status).unwrap_or_default();
    value["store"] = match remote {
        Remote::NotAsked => json!(null),
        Remote::Unreachable(error) => json!({ "error": ErrorJson::from(error) }),
        Remote::Seen { info, generation } => json!({ "epoch": info.epoch, "generation": generation,
            "erased_at": info.erased_at, "linked": info.linked, "model": info.model.name, "order": info.order }),
    };
    value["encrypted"] = json!(encrypted);
    value["warnings"] = json!(report::warnings(&status, remote));
    context.out.line(value.to_string())
}

/// How far an encrypted space is open here.
#[derive(Debug, Serialize)]
pub(super) struct Encrypted {
    /// The version of its keyring.
    keyring: u64,
    /// Whether a secret that was given opens it.
    readable: bool,
    /// Why one that was given does not.
    problem: Option<String>,
}

impl Encrypted {
    /// By what the store says now or, where it was not asked, by what this replica last saw.
    fn of(store: &Store, locked: &Replica, name: &SpaceName, remote: &Remote) -> Option<Self> {
        let info = match remote {
            Remote::Seen { info, .. } => (**info).clone(),
            _ => locked.space(name).ok()?.reader().ok()?.info.clone(),
        };
        let keyring = info.keyring.as_ref()?.version();
        let seal = store.seal(&info);
        let readable = matches!(seal, Ok(Seal::Open(_)));
        let problem = seal.err().map(|error| error.to_string());
        Some(Self {
            keyring,
            readable,
            problem,
        })
    }
}

/// A space that neither the replica nor the store knows is a mistyped name.
fn status(replica: &Replica, name: &SpaceName, remote: &Remote) -> Result<Status> {
    let known = replica.spaces()?.contains(name);
    match remote {
        Remote::Unreachable(error) if !known && error.is_not_found() => {
            let mut unknown = Error::not_found(format!(
                "there is no space {name}, neither here nor in the store"
            ));
            if let Some(hint) = error.hint() {
                unknown = unknown.with_hint(hint);
            }
            Err(unknown)
        }
        _ => replica.space(name)?.status(),
    }
}
