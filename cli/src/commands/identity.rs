//! `icecore identity`: what a person or a program opens encrypted spaces with, instead of a passphrase.

use crate::context::Context;
use crate::exit::Outcome;
use clap::{Args, Subcommand};
use icecore::secrets::read_identity;
use icecore_core::{Error, Result};
use icecore_seal::{Identity, PublicKey};
use icecore_store::Ids;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Make the file that opens encrypted spaces, or show its public key
#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
enum IdentityCommand {
    Create(CreateArgs),
    Show(ShowArgs),
}

/// Make a new identity, in a file that only this user can read
///
/// Prints the public key, which is no secret: who holds a space's keys adds it with `icecore keyring add`. Keep the file;
/// nothing else opens what is sealed for it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore identity create ~/.icecore-identity
  export ICECORE_IDENTITY=~/.icecore-identity")]
struct CreateArgs {
    /// Where; a file that is there is not touched
    file: PathBuf,
}

/// Print the public key of an identity, and nothing else
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore identity show ~/.icecore-identity
  icecore keyring add todo ada \"$(icecore identity show ada.identity)\"")]
struct ShowArgs {
    /// The file
    file: PathBuf,
}

pub(crate) fn run(args: IdentityArgs, context: &Context) -> Outcome {
    let (file, public) = match args.command {
        IdentityCommand::Create(CreateArgs { file }) => {
            let public = create(&file, &*context.ids)?;
            (file, public)
        }
        IdentityCommand::Show(ShowArgs { file }) => {
            let public = read_identity(&file)?.public();
            (file, public)
        }
    };
    let result = json!({ "file": file, "public": public });
    context.out.result(&result, || public.to_string())
}

fn create(file: &Path, ids: &dyn Ids) -> Result<PublicKey> {
    let identity = Identity::generate(&mut || {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&ids.random().to_be_bytes());
        bytes[16..].copy_from_slice(&ids.random().to_be_bytes());
        bytes
    });
    write(file, &identity).map_err(|e| cannot_write(file, e))?;
    Ok(identity.public())
}

fn write(file: &Path, identity: &Identity) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file)?;
    let text = identity.to_text();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.sync_all());
    if written.is_err() {
        // Half an identity opens nothing and would stand in the way of the next attempt.
        drop(std::fs::remove_file(file));
    }
    written
}

fn cannot_write(file: &Path, error: std::io::Error) -> Error {
    let (what, hint) = if error.kind() == ErrorKind::AlreadyExists {
        let there = Error::conflict("there is such a file already, and it was not touched");
        (
            there,
            "name another file: what an identity opens, nothing else may open",
        )
    } else {
        let failed = Error::denied("the identity cannot be written");
        (
            failed,
            "check that the folder is there and can be written to",
        )
    };
    what.with_object(file.display().to_string())
        .with_hint(hint)
        .with_source(error)
}
