//! One file per command, and what several of them share.

pub(crate) mod adopt;
pub(crate) mod completions;
pub(crate) mod compress;
pub(crate) mod conflicts;
pub(crate) mod diff;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod identity;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod keyring;
pub(crate) mod log;
pub(crate) mod past;
pub(crate) mod prune;
pub(crate) mod publish;
pub(crate) mod redact;
pub(crate) mod reset;
pub(crate) mod resolve;
pub(crate) mod restore;
pub(crate) mod rollup;
pub(crate) mod serve;
pub(crate) mod space;
pub(crate) mod spaces;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod token;
pub(crate) mod typed;
pub(crate) mod update;
pub(crate) mod verify;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::exit::{self, Outcome};
use crate::progress::Progress;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// What `--verbose` shows.
const VERBOSE: &str =
    "warn,icecore=debug,icecore_store=debug,icecore_replica=debug,icecore_gateway=debug";

/// Runs the command and returns the exit code.
pub(crate) async fn run(cli: Cli) -> ExitCode {
    let context = Context::new(
        &cli.global,
        needs_content(&cli.command),
        makes_no_request(&cli.command),
    );
    let default = match (&cli.command, cli.global.verbose) {
        (_, true) => VERBOSE,
        // A server that says nothing of what it does cannot be looked after.
        (Command::Serve(_), false) => "warn,icecore=info,icecore_gateway=info",
        _ => "error",
    };
    start_logging(default, context.environment.get("ICECORE_LOG"));
    let outcome = dispatch(cli.command, &context).await;
    let flushed = context.out.flush();
    let outcome = outcome
        .and(flushed)
        .map_err(|stop| context.with_location(stop));
    let code = exit::of(outcome, &context.out);
    context.print_stats();
    code
}

/// Whether the command can do nothing, or little, with an encrypted space that is not opened: only then is a person
/// asked for its passphrase.
fn needs_content(command: &Command) -> bool {
    match command {
        Command::State(_)
        | Command::Diff(_)
        | Command::Restore(_)
        | Command::Log(_)
        | Command::Export(_)
        | Command::Conflicts(_)
        | Command::Resolve(_)
        | Command::Update(_)
        | Command::Import(_)
        | Command::Compress(_)
        | Command::Redact(_)
        | Command::Reset(_) => true,
        Command::Space(args) => args.creates(),
        Command::Keyring(args) => args.changes(),
        _ => false,
    }
}

/// Whether the command works with what the replica has.
fn makes_no_request(command: &Command) -> bool {
    match command {
        Command::State(args) => args.offline,
        Command::Status(args) => args.offline,
        Command::Conflicts(args) => args.offline,
        Command::Update(args) => args.offline,
        Command::Space(args) => args.forgets(),
        _ => false,
    }
}

/// Logs go to stderr; what fails is an error of the command and not only a log line.
fn start_logging(default: &str, filter: Option<&String>) {
    // The library under the S3 endpoint logs whole requests, signatures too, and refusals as errors.
    let filter = format!("{},s3s=off", filter.map_or(default, String::as_str));
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(filter))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

async fn dispatch(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Init(args) => init::run(&args, context).await,
        Command::Space(args) => space::run(args, context).await,
        Command::Identity(args) => identity::run(args, context),
        Command::Keyring(args) => keyring::run(args, context).await,
        Command::Update(args) => update::run(&args, context).await,
        Command::State(args) => state::run(&args, context).await,
        Command::Log(args) => {
            let reading = Progress::spinner(&context.clock, "reading the history");
            context.out.until_printed(reading);
            log::run(&args, context).await
        }
        Command::Diff(args) => diff::run(&args, context).await,
        Command::Restore(args) => restore::run(&args, context).await,
        Command::Sync(args) => sync::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Rollup(args) => rollup::run(&args, context).await,
        Command::Prune(args) => prune::run(&args, context).await,
        Command::Adopt(args) => adopt::run(&args, context).await,
        Command::Verify(args) => verify::run(&args, context).await,
        Command::Conflicts(args) => conflicts::run(&args, context).await,
        Command::Resolve(args) => resolve::run(&args, context).await,
        Command::Import(args) => import::run(&args, context).await,
        Command::Export(args) => export::run(&args, context).await,
        Command::Compress(args) => compress::run(&args, context).await,
        Command::Redact(args) => redact::run(&args, context).await,
        Command::Reset(args) => reset::run(&args, context).await,
        Command::Erase(args) => erase::run(&args, context).await,
        Command::Serve(args) => serve::run(&args, context).await,
        Command::Token(args) => token::run(&args, context).await,
        Command::Bench(args) => crate::bench::run(&args, context).await,
        Command::BenchRollup(args) => crate::bench::run_process(&args, context).await,
        Command::BenchReplica(args) => crate::bench::run_replica(&args, context).await,
        Command::Demo(args) => crate::demo::run(&args, context).await,
        Command::DemoProcess(args) => crate::demo::run_process(&args, context).await,
        Command::Completions(args) => completions::run(&args, context),
    }
}
