//! `icecore resolve`: settles what waits for a person.

use crate::args::space_name;
use crate::commands::conflicts::refused_id;
use crate::commands::publish::{self, Print};
use crate::commands::spaces;
use crate::commands::typed::{self, Check};
use crate::context::Context;
use crate::exit::{CONFLICT, Outcome, Stop};
use clap::Args;
use icecore_core::{Error, Result, SpaceName};
use icecore_replica::status::Waiting;
use icecore_replica::{NewUpdate, SpaceReplica};
use serde_json::json;

/// Settle a conflict, a rejected or a refused update with an update
///
/// Publishes the update and says whether the matter is settled; exit code 3 if it still stands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore conflicts plan
  icecore resolve plan 3f2a90b1c4d5 '{\"kind\":\"merge\",\"data\":{\"tasks\":{\"b\":{\"slot\":2}}}}'
  icecore resolve plan 01a2…:17 '{\"kind\":\"merge\",\"data\":{}}'     # a rejected update: nothing to change
  icecore resolve timer refused:1 --drop                         # a refused one: forget it")]
pub(crate) struct ResolveArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// What to settle: the id that `icecore conflicts` shows
    id: String,

    /// The update that settles it, {"kind": …, "data": …}
    #[arg(value_name = "JSON", required_unless_present = "drop")]
    update: Option<String>,

    /// Forget a refused update without another one in its place
    #[arg(long, conflicts_with = "update")]
    drop: bool,
}

pub(crate) async fn run(args: &ResolveArgs, context: &Context) -> Outcome {
    let mut space = context.space(&args.space).await?;
    spaces::pull(context, &mut space).await?;
    let matter = Matter::find(&space.waiting()?, &args.id)?;
    if let Some(text) = &args.update {
        let model = space.reader()?.info.model.name.clone();
        // The number of a refused update means something here only, so the history does not name it.
        let resolves = (!matches!(matter, Matter::Refused(_))).then_some(args.id.as_str());
        let check = Check {
            now: context.clock.now(),
            model: Some(&model),
            resolves,
        };
        let update = typed::parse(text, check).map_err(|e| e.with_object("the update"))?;
        space.enqueue(&[NewUpdate { update }])?;
        publish::sync(context, &mut space, Print::Each).await?;
    }
    match matter {
        Matter::Refused(number) => {
            space.drop_refused(number)?;
        }
        _ if args.drop => {
            return Err(Error::invalid(
                "only a refused update can be dropped: this is in the history for all",
            )
            .with_object(args.id.clone())
            .with_hint("settle it with an update; {\"kind\":\"merge\",\"data\":{}} changes nothing")
            .into());
        }
        _ => {}
    }
    say(context, &mut space, args)
}

fn say(context: &Context, space: &mut SpaceReplica, args: &ResolveArgs) -> Outcome {
    let stands = Matter::find(&space.waiting()?, &args.id).is_ok();
    let result = json!({ "id": args.id, "settled": !stands });
    context.out.result(&result, || {
        if stands {
            format!(
                "{} still stands: `icecore conflicts {}` shows it",
                args.id, args.space
            )
        } else {
            format!("{} is settled", args.id)
        }
    })?;
    if stands {
        Err(Stop::Reported(CONFLICT))
    } else {
        Ok(())
    }
}

enum Matter {
    Conflict,
    Rejected,
    Refused(i64),
}

impl Matter {
    fn find(waiting: &Waiting, id: &str) -> Result<Self> {
        if waiting.conflicts.iter().any(|c| c.id == id) {
            return Ok(Self::Conflict);
        }
        if waiting.rejected.list.iter().any(|r| r.id.to_string() == id) {
            return Ok(Self::Rejected);
        }
        if let Some(refused) = waiting.refused.iter().find(|r| refused_id(r.id) == id) {
            return Ok(Self::Refused(refused.id));
        }
        Err(Error::not_found("nothing of this id waits for a person")
            .with_object(id)
            .with_hint("`icecore conflicts` shows what does; it may be settled already"))
    }
}
