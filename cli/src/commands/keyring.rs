//! `icecore keyring`: who opens an encrypted space.

mod show;

use crate::args::space_name;
use crate::context::Context;
use crate::exit::Outcome;
use clap::{Args, Subcommand};
use icecore::secrets::FIRST_HOLDER;
use icecore_core::{Error, Result, SpaceInfo, SpaceName};
use icecore_seal::{Keyring, KeyringError, NewHolder, PassphraseCost, PublicKey};
use icecore_store::Store;
use icecore_store::keyring::{KeyringChange, change_keyring, opened};
use serde_json::json;

/// Show who opens an encrypted space, add and remove holders, and rotate its keys
#[derive(Debug, Args)]
pub(crate) struct KeyringArgs {
    #[command(subcommand)]
    command: KeyringCommand,
}

impl KeyringArgs {
    /// Whether the keyring is to be changed: only who opens it can.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self.command, KeyringCommand::Show(_))
    }
}

#[derive(Debug, Subcommand)]
enum KeyringCommand {
    Show(SpaceArg),
    Add(AddArgs),
    Remove(RemoveArgs),
    Rotate(RotateArgs),
    Passphrase(PassphraseArgs),
}

/// Show the keys and their holders
///
/// Needs no secret. With one that opens the space the keyring is checked, and its fingerprint is shown: two people who see
/// the same one hold the same key.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore keyring show todo
  icecore keyring show todo --identity ~/.icecore-identity
  icecore keyring show todo --json | jq -r '.holders[].name'")]
pub(super) struct SpaceArg {
    /// The space
    #[arg(value_parser = space_name)]
    pub(super) space: SpaceName,
}

/// Let somebody open the space from now on: all of it, also what was written before
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore keyring add todo ada icecore-public-…        # what `icecore identity show` prints
  icecore keyring add todo guests --passphrase         # asks for the new passphrase")]
struct AddArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// How the holder is called here
    name: String,

    /// The holder's public key
    #[arg(required_unless_present = "passphrase")]
    public: Option<String>,

    /// Whoever knows a passphrase
    #[arg(long, conflicts_with = "public")]
    passphrase: bool,

    #[command(flatten)]
    new: NewPassphrase,
}

/// Remove a holder, and make a new key for the others
///
/// Who is removed reads nothing that is sealed under the new key, and keeps what could be read before. Take away the
/// access to the bucket too: without that, what is still written under the old key counts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore keyring remove todo ada")]
struct RemoveArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// The holder, as `icecore keyring show` names it
    name: String,
}

/// Make a new key for what is written from now on
///
/// All holders stay. What was written before stays readable.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore keyring rotate todo")]
struct RotateArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,
}

/// Change a passphrase, and make a new key
///
/// The old passphrase opens nothing that is written from now on. Devices that have it are told at their next sync; what
/// they have queued stays queued until they get the new one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore keyring passphrase todo
  icecore keyring passphrase todo guests --new-passphrase-fd 3 3< file")]
struct PassphraseArgs {
    /// The space
    #[arg(value_parser = space_name)]
    space: SpaceName,

    /// Whose passphrase
    #[arg(default_value = FIRST_HOLDER)]
    name: String,

    #[command(flatten)]
    new: NewPassphrase,
}

#[derive(Debug, Args)]
struct NewPassphrase {
    /// Read the new passphrase from this file descriptor; else from `ICECORE_NEW_PASSPHRASE`, else it is asked for
    #[arg(long, value_name = "FD")]
    new_passphrase_fd: Option<u32>,
}

pub(crate) async fn run(args: KeyringArgs, context: &Context) -> Outcome {
    let store = context.store()?;
    match args.command {
        KeyringCommand::Show(args) => show::run(&args, context, &store).await,
        KeyringCommand::Add(args) => add(args, context, &store).await,
        KeyringCommand::Remove(args) => remove(args, context, &store).await,
        KeyringCommand::Rotate(RotateArgs { space }) => {
            let info = change_keyring(&store, &space, KeyringChange::Rotate).await?;
            say(context, &info, "made a new key", None)
        }
        KeyringCommand::Passphrase(args) => set_passphrase(args, context, &store).await,
    }
}

async fn add(args: AddArgs, context: &Context, store: &Store) -> Outcome {
    let name = args.name.clone();
    let holder = if let Some(text) = &args.public {
        NewHolder::Member {
            name: args.name,
            public: public_key(text)?,
        }
    } else {
        check_opens(store, &args.space, |_| Ok(())).await?;
        let fd = args.new.new_passphrase_fd;
        NewHolder::Passphrase {
            passphrase: context
                .secrets
                .other_passphrase(fd, &whose(&args.space, &args.name))?,
            name: args.name,
            cost: PassphraseCost::default(),
        }
    };
    let info = change_keyring(store, &args.space, KeyringChange::Add(holder)).await?;
    let said = format!("{name} opens it from now on, also what was written before");
    say(context, &info, &said, Some(&name))
}

async fn remove(args: RemoveArgs, context: &Context, store: &Store) -> Outcome {
    let RemoveArgs { space, name } = args;
    let info = change_keyring(store, &space, KeyringChange::Remove(name.clone())).await?;
    context.out.note(&format!(
        "note: {name} keeps what could be read before; take away the access to the bucket too"
    ));
    let said = format!("removed {name}, and made a new key for the others");
    say(context, &info, &said, Some(&name))
}

async fn set_passphrase(args: PassphraseArgs, context: &Context, store: &Store) -> Outcome {
    let PassphraseArgs { space, name, new } = args;
    check_opens(store, &space, |keyring| match keyring.holder(&name) {
        Some(_) => Ok(()),
        None => Err(KeyringError::NoSuchHolder(name.clone())),
    })
    .await?;
    let passphrase = context
        .secrets
        .other_passphrase(new.new_passphrase_fd, &whose(&space, &name))?;
    let change = KeyringChange::SetPassphrase(name.clone(), passphrase, PassphraseCost::default());
    let info = change_keyring(store, &space, change).await?;
    let said = format!("changed the passphrase of {name}, and made a new key");
    say(context, &info, &said, Some(&name))
}

/// What a person is asked for.
fn whose(space: &SpaceName, holder: &str) -> String {
    format!("{space}, holder {holder}")
}

/// Refuses what cannot be before a person types a new passphrase.
async fn check_opens(
    store: &Store,
    space: &SpaceName,
    check: impl FnOnce(&Keyring) -> Result<(), KeyringError>,
) -> Result<()> {
    let open = store.space(space).await?;
    let (keyring, _) = opened(store, &open)?;
    check(keyring).map_err(|e| {
        Error::not_found(e.to_string())
            .with_object(space.to_string())
            .with_hint("`icecore keyring show` lists the holders")
    })
}

fn say(context: &Context, info: &SpaceInfo, said: &str, holder: Option<&str>) -> Outcome {
    let keyring = info.keyring.as_ref();
    let version = keyring.map(Keyring::version);
    let newest = keyring.and_then(|k| k.keys().last()).map(|key| key.number);
    let result =
        json!({ "space": info.space, "version": version, "newest_key": newest, "holder": holder });
    context.out.result(&result, || {
        let newest = newest.map_or(0, icecore_seal::KeyNumber::get);
        let version = version.unwrap_or_default();
        format!(
            "{}: {said}; the newest key is {newest}, the keyring has version {version}",
            info.space
        )
    })
}

/// Reads a public key. An error never repeats what was typed: it may be the secret.
pub(crate) fn public_key(text: &str) -> Result<PublicKey> {
    text.trim().parse().map_err(|e| {
        let hint = if e == icecore_seal::KeyTextError::SecretForPublic {
            "whoever can see this command line has the secret now: make another identity, and name its public key"
        } else {
            "`icecore identity show FILE` prints it; it begins with icecore-public-"
        };
        Error::invalid("this is no public key")
            .with_hint(hint)
            .with_source(e)
    })
}
