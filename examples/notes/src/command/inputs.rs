//! The notebook as a function of a sequence of inputs, which lies in a space beside it.

use super::{lines, show};
use crate::calls::Content;
use crate::inputs;
use crate::record::RecordedCall;
use crate::update::Update;
use clap::Subcommand;
use icecore::typed::to_typed;
use icecore::{Error, Inputs, Place, Rejected, Result};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum InputsCommand {
    /// Make the input store, where it is missing
    Create {
        /// Encrypt it end to end, as `notes create --encrypted` does
        #[arg(long)]
        encrypted: bool,
    },
    /// Append calls of a recording, or of the input, to the sequence
    Append {
        /// The recording; without it the input is read
        file: Option<PathBuf>,
    },
    /// Show the sequence, in the order in which the inputs happened
    List,
    /// Show the notebook that the inputs make
    Notebook {
        /// As plain JSON without types
        #[arg(long)]
        info: bool,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: &InputsCommand,
    (place, space): (&Place, &str),
    offline: bool,
    shows: show::Shows,
) -> Result<()> {
    let space = format!("{space}-inputs");
    if let InputsCommand::Create { encrypted } = command {
        if *encrypted {
            Inputs::<Update>::create_encrypted(place, &space).await?;
        } else {
            Inputs::<Update>::create(place, &space).await?;
        }
        return show::line(&format!("the input store {space} is there"));
    }
    let store = Inputs::open(place, &space).await?;
    if !offline {
        sync(&store).await?;
    }
    match command {
        InputsCommand::Append { file } => {
            let count = append(&store, file.as_deref()).await?;
            if !offline {
                sync(&store).await?;
            }
            shows.remark(&format!("{count} appended"))
        }
        InputsCommand::List => show::inputs(&store.all()),
        InputsCommand::Notebook { info } => notebook(&store, *info, shows),
        InputsCommand::Create { .. } => Ok(()),
    }
}

/// Syncs; a store that cannot be reached is no reason to stop.
async fn sync(store: &Inputs<Update>) -> Result<()> {
    match store.replica().sync().await {
        Err(error) if error.is_unavailable() => {
            show::warning(&format!("{error}; what is appended waits in the queue"));
            Ok(())
        }
        Err(error) if error.is_not_found() => {
            Err(error.with_hint("make it with `notes inputs create`"))
        }
        synced => synced.map(drop),
    }
}

/// Appends each call of a recording, or of the input. One that is in the sequence already is appended once more, and counts
/// once.
async fn append(store: &Inputs<Update>, file: Option<&Path>) -> Result<u64> {
    let mut from: Box<dyn BufRead> = match file {
        Some(file) => Box::new(BufReader::new(lines::open(file)?)),
        None => Box::new(std::io::stdin().lock()),
    };
    // All of them are read before one is appended: half a file that is mended and appended again would stand there twice.
    let mut calls = Vec::new();
    while let Some(line) = lines::next(&mut from)? {
        let number = calls.len() + 1;
        let call = RecordedCall::parse(&line).and_then(|call| {
            // The function would leave it out for ever.
            let too_large = |rejected: Rejected| Error::invalid(rejected.to_string());
            Content::of(&call.call).map_err(too_large)?;
            Ok(call)
        });
        calls.push(call.map_err(|error| error.with_object(format!("line {number}")))?);
    }
    let mut count = 0;
    for call in calls {
        let at = call.at.unwrap_or_else(|| store.replica().now());
        store.append(at, &call.into_update()).await?;
        count += 1;
    }
    Ok(count)
}

fn notebook(store: &Inputs<Update>, as_info: bool, shows: show::Shows) -> Result<()> {
    let notes = inputs::notes(store.all());
    let notebook = &notes.state.notebook.0;
    if as_info {
        show::plain(notebook)?;
    } else if shows.json {
        show::line(&to_typed(notebook)?.to_string())?;
    } else {
        show::notes(notebook)?;
    }
    for (id, why) in &notes.left_out {
        show::warning(&format!("{id} is left out: {why}"));
    }
    Ok(())
}
