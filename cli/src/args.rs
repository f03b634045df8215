//! The command line.

use crate::commands;
use crate::exit::ErrorJson;
use clap::error::ErrorKind as ClapKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use icecore::secrets::SecretArgs;
use icecore_core::{Error, Result, SpaceName};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const LONG_ABOUT: &str = "\
icecore keeps spaces of JSON in nothing but a bucket or a folder: each client writes its updates as objects of \
their own, roll-ups press them into segments and snapshots, and every past state can be read.";

const AFTER_HELP: &str = "\
Start here:
  export ICECORE_STORE=./my-store      # or s3://bucket/prefix, gs://…, az://…
  icecore init
  icecore space create todo
  icecore update todo '{\"kind\":\"merge\",\"data\":{\"milk\":{\"done\":false}}}'
  icecore state todo

Exit codes: 0 ok, 1 failed, 2 usage, 3 conflict, 4 unavailable (try again later), 5 corrupt.";

/// `icecore` and its arguments.
#[derive(Debug, Parser)]
#[command(name = "icecore", version, about = "Offline-first sync on nothing but a bucket", long_about = LONG_ABOUT)]
#[command(after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// What all commands take.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all commands take.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Where the store lies: a folder, `s3://bucket/prefix`, `gs://…`, `az://…`, or a gateway's `https://…`
    #[arg(
        long,
        global = true,
        env = "ICECORE_STORE",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Global options"
    )]
    pub(crate) store: Option<String>,

    /// The folder of the local copy and queue [default: one per store, by its id, in the user's data folder]
    #[arg(
        long,
        global = true,
        env = "ICECORE_REPLICA",
        hide_env_values = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub(crate) replica: Option<PathBuf>,

    /// What opens encrypted spaces.
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,

    /// Print results and errors as JSON, one value per line
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// Say more on stderr: logs, and the requests that were made; `ICECORE_LOG` sets a filter
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,

    /// Print the requests that were made, and their price on S3
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) stats: bool,

    /// For tests: stop for ever at the n-th hit of a named point between two requests, as NAME or NAME:N, after
    /// printing `crash-point NAME` on stderr. Beside it, `ICECORE_CLOCK_OFFSET_MS` sets the clock wrong and
    /// `ICECORE_PUBLISH_TIME_MAX_MS` says how long a publish is tried.
    #[arg(
        long,
        global = true,
        env = "ICECORE_CRASH_AT",
        hide = true,
        value_name = "NAME[:N]"
    )]
    pub(crate) crash_at: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::InitArgs),
    Space(commands::space::SpaceArgs),
    Identity(commands::identity::IdentityArgs),
    Keyring(commands::keyring::KeyringArgs),
    Update(commands::update::UpdateArgs),
    State(commands::state::StateArgs),
    Log(commands::log::LogArgs),
    Diff(commands::diff::DiffArgs),
    Restore(commands::restore::RestoreArgs),
    Sync(commands::sync::SyncArgs),
    Status(commands::status::StatusArgs),
    Rollup(commands::rollup::RollupArgs),
    Prune(commands::prune::PruneArgs),
    Adopt(commands::adopt::AdoptArgs),
    Verify(commands::verify::VerifyArgs),
    Conflicts(commands::conflicts::ConflictsArgs),
    Resolve(commands::resolve::ResolveArgs),
    Import(commands::import::ImportArgs),
    Export(commands::export::ExportArgs),
    Compress(commands::compress::CompressArgs),
    Redact(commands::redact::RedactArgs),
    Reset(commands::reset::ResetArgs),
    Erase(commands::erase::EraseArgs),
    Serve(commands::serve::ServeArgs),
    Token(commands::token::TokenArgs),
    /// Show the whole thing at work: replicas in separate processes replay a conversation, then all is compared
    Demo(crate::demo::DemoArgs),
    /// Measure: each number beside its target, on this machine
    Bench(crate::bench::BenchArgs),
    #[command(hide = true)]
    BenchRollup(crate::bench::RollupArgs),
    #[command(hide = true)]
    BenchReplica(crate::bench::ReplicaArgs),
    #[command(hide = true)]
    DemoProcess(crate::demo::ProcessArgs),
    Completions(commands::completions::CompletionsArgs),
}

/// Reads the command line.
///
/// # Errors
/// The exit code, after help, version or the error was printed.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        if error.kind() == ClapKind::MissingSubcommand {
            // A closed stderr is no reason to complain.
            drop(writeln!(
                std::io::stderr(),
                "{}",
                Cli::command().render_long_help()
            ));
            return ExitCode::from(2);
        }
        let asked = matches!(
            error.kind(),
            ClapKind::DisplayHelp | ClapKind::DisplayVersion
        );
        // A closed stdout or stderr is no reason to complain.
        drop(error.print());
        if asked {
            return ExitCode::SUCCESS;
        }
        if std::env::args_os().any(|argument| argument == "--json") {
            let text = error.to_string();
            let message = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned();
            let error = Error::invalid(message).with_hint("see `icecore --help`");
            let line = serde_json::json!({ "error": ErrorJson::from(&error) });
            drop(writeln!(std::io::stdout(), "{line}"));
        }
        ExitCode::from(2)
    })
}

/// The whole command line, for shell completions.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Reads an argument and gives an error with its hint.
pub(crate) fn parsed<T>(result: Result<T>) -> Result<T, String> {
    result.map_err(|error| match error.hint() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    })
}

/// Reads the name of a space.
pub(crate) fn space_name(text: &str) -> Result<SpaceName, String> {
    parsed(text.parse())
}
