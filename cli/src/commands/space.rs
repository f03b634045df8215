//! `icecore space`: creating spaces, listing them, linking them, and forgetting a copy.

mod table;

use crate::args::{parsed, space_name};
use crate::commands::keyring::public_key;
use crate::commands::spaces;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::output::json_line;
use crate::progress::Progress;
use clap::{Args, Subcommand, ValueEnum};
use icecore_core::model::document::{Document, Rule};
use icecore_core::{Error, ModelRef, Order, Result, SpaceName};
use icecore_seal::NewHolder;
use serde_json::{Value, json};

/// Create spaces, list or link them, or forget the copy of one
#[derive(Debug, Args)]
pub(crate) struct SpaceArgs {
    #[command(subcommand)]
    command: SpaceCommand,
}

impl SpaceArgs {
    /// Whether a space is to be created: it may need a passphrase.
    pub(crate) fn creates(&self) -> bool {
        matches!(self.command, SpaceCommand::Create(_))
    }

    /// Whether only the local copy is meant.
    pub(crate) fn forgets(&self) -> bool {
        matches!(self.command, SpaceCommand::Forget(_))
    }
}

#[derive(Debug, Subcommand)]
enum SpaceCommand {
    Create(CreateArgs),
    List(ListArgs),
    Link(LinkArgs),
    Forget(ForgetArgs),
}

/// Create a space: one history and its state
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore space create todo
  icecore space create plan --rule unique:/tasks/*/slot --rule max:/seats:10
  icecore space create chat --model log
  icecore space create timer --order sequence
  icecore space create diary --encrypted                                  # asks for a passphrase
  icecore space create plans --encrypted --identity ~/.icecore-identity --member ada=icecore-public-…")]
struct CreateArgs {
    /// 1 to 64 of a-z 0-9 - _ . without a leading dot
    #[arg(value_parser = space_name)]
    name: SpaceName,

    /// How updates change the state: `document` is a JSON object tree, `log` the list of updates
    #[arg(long, default_value = "document")]
    model: String,

    /// What decides the order: `timestamp` sorts late updates in by their time; `sequence` gives each the next place,
    /// and checks it against the state first
    #[arg(long, value_enum, default_value = "timestamp")]
    order: OrderArg,

    /// What the state of a document should satisfy, e.g. `unique:/notes/*/title`; may be repeated
    #[arg(long = "rule", value_name = "RULE", value_parser = rule)]
    rules: Vec<Rule>,

    /// Seal what is written, so that only the holders of its keyring can read it: who knows the passphrase that is given
    /// or asked for, or has the identity that is given
    #[arg(long)]
    encrypted: bool,

    /// Somebody else who can open it, by the public key that `icecore identity show` prints; may be repeated
    #[arg(long = "member", value_name = "NAME=PUBLIC", requires = "encrypted")]
    members: Vec<String>,
}

/// List the spaces of the store
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore space list
  icecore space list --json | jq -r .space")]
struct ListArgs {}

/// Let the history of one space join that of another, now and from now on
///
/// For a guest who becomes a user. The updates keep their author and seq, so the command can be repeated, and nothing is
/// there twice. What is written to the first space later is forwarded by its roll-up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore space link guest-17 user-ada")]
struct LinkArgs {
    /// The space that joins
    #[arg(value_parser = space_name)]
    name: SpaceName,

    /// The space that it joins
    #[arg(value_parser = space_name)]
    into: SpaceName,
}

/// Remove what this replica holds of a space, and what waits to be sent
///
/// The store is not touched. For a queue that can never be sent, such as that of a mistyped name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore space forget tood --yes")]
struct ForgetArgs {
    /// The space
    #[arg(value_parser = space_name)]
    name: SpaceName,

    /// Do it
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OrderArg {
    Timestamp,
    Sequence,
}

fn rule(text: &str) -> Result<Rule, String> {
    parsed(text.parse())
}

pub(crate) async fn run(args: SpaceArgs, context: &Context) -> Outcome {
    match args.command {
        SpaceCommand::Create(args) => create(args, context).await,
        SpaceCommand::List(_) => list(context).await,
        SpaceCommand::Link(args) => link(&args, context).await,
        SpaceCommand::Forget(args) => forget(&args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Outcome {
    let order = match args.order {
        OrderArg::Timestamp => Order::Timestamp,
        OrderArg::Sequence => Order::Sequence,
    };
    let settings = if args.model == "document" {
        Document::with_rules(args.rules).settings()
    } else if args.rules.is_empty() {
        Value::Null
    } else {
        return Err(
            Error::invalid(format!("the model `{}` has no rules", args.model))
                .with_hint("leave --rule out, or use --model document")
                .into(),
        );
    };
    let model = ModelRef {
        name: args.model,
        settings,
    };
    let store = context.store()?;
    let info = if args.encrypted {
        let members = members(&args.members)?;
        let mut holders = context.secrets.given().first_holders(args.name.as_str())?;
        holders.extend(members);
        store
            .create_encrypted_space(&args.name, model, order, holders)
            .await?
    } else {
        store.create_space(&args.name, model, order).await?
    };
    context.out.result(&info, || {
        let encrypted = if args.encrypted { "encrypted " } else { "" };
        format!(
            "created the {encrypted}space {} (model {}, order {})",
            info.space,
            info.model.name,
            order_name(order)
        )
    })
}

fn members(given: &[String]) -> Result<Vec<NewHolder>> {
    let member = |text: &String| {
        // A public key has no equals sign; an error does not repeat what was typed, which may be a secret.
        let (name, public) = text.rsplit_once('=').ok_or_else(|| {
            Error::invalid("a member has a name and a public key")
                .with_hint("write --member NAME=icecore-public-…")
        })?;
        let public = public_key(public).map_err(|e| e.with_object(name))?;
        let name = name.to_owned();
        Ok(NewHolder::Member { name, public })
    };
    given.iter().map(member).collect()
}

async fn list(context: &Context) -> Outcome {
    let store = context.store()?;
    let reading = Progress::spinner(&context.clock, "reading the store");
    context.out.until_printed(reading);
    store.info().await?;
    let names = store.spaces().await?;
    if names.is_empty() && !context.out.json {
        context
            .out
            .note("no spaces yet: create one with `icecore space create NAME`");
        return Ok(());
    }
    let mut infos = Vec::new();
    let outcome = spaces::each(context, &names, async |name| {
        let info = store.space_or_tombstone(name).await?.info;
        if context.out.json {
            context.out.line(json_line(&info)?)?;
        } else {
            infos.push(info);
        }
        Ok(())
    })
    .await;
    if !infos.is_empty() {
        context.out.line(table::text(&infos))?;
    }
    outcome
}

async fn link(args: &LinkArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    let linking = Progress::spinner(&context.clock, "linking");
    context.out.until_printed(linking);
    let linked = icecore_store::link::link(&store, &args.name, &args.into).await?;
    context.out.result(&linked, || {
        format!(
            "{} is linked to {}, which has {} from it now",
            linked.from,
            linked.into,
            count(linked.updates, "new update")
        )
    })
}

async fn forget(args: &ForgetArgs, context: &Context) -> Outcome {
    let (replica, name) = (context.replica().await?, &args.name);
    if !replica.spaces()?.contains(name) {
        return Err(Error::not_found(format!("this replica holds nothing of {name}")).into());
    }
    let waiting = replica.space(name)?.pending(usize::MAX)?.len() as u64;
    spaces::confirm(
        args.yes,
        format!(
            "this would remove the local copy of {name}, and {} that nobody else has",
            count(waiting, "queued update")
        ),
    )?;
    let waited = replica.forget(name).await?;
    let result = json!({ "space": name, "dropped": waited });
    context.out.result(&result, || {
        let dropped = count(waited, "queued update");
        format!("{name}: the local copy is removed, and {dropped}")
    })
}

pub(crate) fn order_name(order: Order) -> &'static str {
    match order {
        Order::Timestamp => "timestamp",
        Order::Sequence => "sequence",
    }
}
