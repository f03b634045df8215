//! `icecore completions`: completions for a shell.

use crate::args;
use crate::context::Context;
use crate::exit::Outcome;
use clap::Args;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore completions bash > ~/.local/share/bash-completion/completions/icecore
  icecore completions fish > ~/.config/fish/completions/icecore.fish")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, context: &Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "icecore", &mut script);
    context.out.buffer(script)?;
    context.out.flush()
}
