//! The command: makes one call, shows what there is, or keeps running and takes calls from its input.

mod app;
mod inputs;
mod lines;
mod live;
mod screen;
mod show;
mod tally;

use crate::call::Call;
use crate::model::NotesModel;
use crate::notebook::{Add, Mark, Note, NoteId, Postpone, Rename, Status, Write};
use app::App;
use clap::{Parser, Subcommand, ValueEnum};
use icecore::typed::Date;
use icecore::{Order, Place, Replica, Result};
use inputs::InputsCommand;
use std::path::PathBuf;
use std::time::Duration;

/// Notes on several devices, on nothing but a bucket or a folder
#[derive(Debug, Parser)]
#[command(
    name = "notes",
    after_help = "Start here:
  export ICECORE_STORE=./my-store ICECORE_REPLICA=./device-a
  notes create
  notes add 'Pack the tent' --due 2026-12-24T18:00:00Z
  notes list

Exit codes: 0 ok, 1 failed, 2 usage, 3 conflict, 4 unavailable (try again later), 5 corrupt."
)]
pub struct Notes {
    /// Where the store and this device's copy lie.
    #[command(flatten)]
    place: Place,
    /// The space that holds the notes
    #[arg(long, global = true, default_value = "notes")]
    space: String,
    /// Print results and errors as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Do not talk to the store: what is changed is sent by the next command that does
    #[arg(long, global = true)]
    offline: bool,
    /// Append each call that this instance makes to a file, one a line, for `notes replay` and `notes run`
    #[arg(long, global = true, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the store and the notebook, where they are missing
    Create {
        /// Encrypt it end to end: the passphrase is asked for, or comes from `ICECORE_PASSPHRASE`
        #[arg(long)]
        encrypted: bool,
    },
    /// Add a note and print its id
    Add {
        /// What it is called
        title: String,
        /// What it says
        #[arg(long, default_value = "")]
        text: String,
        /// When it is due, e.g. 2026-12-24T18:00:00Z
        #[arg(long)]
        due: Option<Date>,
    },
    /// Give a note another title
    Rename {
        /// The note's id, as `notes list` prints it
        id: NoteId,
        /// The title
        title: String,
        /// The id of the conflict that this settles, as `notes conflicts` prints it
        #[arg(long, value_name = "CONFLICT")]
        settles: Option<String>,
    },
    /// Give a note another text
    Write {
        /// The note's id
        id: NoteId,
        /// The text
        text: String,
    },
    /// Set when a note is due
    Postpone {
        /// The note's id
        id: NoteId,
        /// When; never without
        due: Option<Date>,
    },
    /// Set how far a note is
    Mark {
        /// The note's id
        id: NoteId,
        /// How far
        status: Far,
    },
    /// Remove a note
    Remove {
        /// The note's id
        id: NoteId,
    },
    /// Show the notes; with --json as typed JSON, from which the very notes can be restored
    List {
        /// As plain JSON without types
        #[arg(long)]
        info: bool,
    },
    /// Print the state as JSON: byte for byte that of every device which has seen the same
    State,
    /// Show each call of the history; with --json as a recording
    Calls,
    /// Show what waits for a person: titles that two notes have
    Conflicts,
    /// Send what waits, and read what others wrote
    Sync,
    /// Replay recorded calls into this instance, and end
    Replay {
        /// The recording, as --record and `notes calls --json` write it
        file: PathBuf,
    },
    /// Keep running: take calls from the input, one a line, sync each second, and show what changes
    Run,
    /// The same notebook as a function of a sequence of inputs, in a space of its own: NAME-inputs
    #[command(subcommand)]
    Inputs(InputsCommand),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Far {
    Open,
    Started,
    Done,
}

/// Runs the command.
///
/// # Errors
/// What the replica reports.
pub async fn run(notes: Notes) -> Result<()> {
    let (place, space) = (&notes.place, notes.space.as_str());
    if let Command::Create { encrypted } = notes.command {
        let order = Order::Timestamp;
        if encrypted {
            Replica::create_encrypted(NotesModel, place, space, order).await?;
        } else {
            Replica::create(NotesModel, place, space, order).await?;
        }
        return show::line(&format!("the notebook {space} is there"));
    }
    let shows = show::Shows { json: notes.json };
    if let Command::Inputs(command) = &notes.command {
        return inputs::run(command, (place, space), notes.offline, shows).await;
    }
    let mut app = App::open(&notes, shows).await?;
    match &notes.command {
        Command::Run => return Box::pin(live::run(&mut app)).await,
        Command::Replay { file } => return live::replay(&mut app, file).await,
        _ => {}
    }
    // Against what is known now: a title that somebody else has taken is noticed at once.
    app.pull().await?;
    let Some(call) = call_of(&notes.command, &app.replica).await? else {
        return match notes.command {
            Command::Calls => shows.calls(&app.replica).await,
            Command::State => show::state(&app.replica.state()),
            Command::Conflicts => shows.conflicts(&app.replica).await,
            Command::Sync => show::line(&format!("{} waiting", app.replica.pending().await?)),
            Command::List { info: true } => show::plain(&app.replica.state().notebook),
            _ => shows.list(&app.replica).await,
        };
    };
    let settles = match &notes.command {
        Command::Rename { settles, .. } => settles.as_deref(),
        _ => None,
    };
    let recorded = app.make(call.clone(), settles).await?;
    show::call(&call)?;
    app.pull().await?;
    recorded
}

/// The call that a command is; none of those that only show something.
async fn call_of(command: &Command, replica: &Replica<NotesModel>) -> Result<Option<Call>> {
    Ok(Some(match command.draft() {
        Some(Draft::Add(note)) => Call::Add(Add {
            id: new_id(replica).await?,
            note,
        }),
        Some(Draft::Call(call)) => call,
        Some(Draft::Done(id)) => {
            let status = Status::Done(Date::from_millis(replica.now())?);
            Call::Mark(Mark { id, status })
        }
        None => return Ok(None),
    }))
}

/// A call as far as the arguments say it.
enum Draft {
    Add(Note),
    Done(NoteId),
    Call(Call),
}

impl Command {
    fn draft(&self) -> Option<Draft> {
        Some(match self {
            Self::Add { title, text, due } => Draft::Add(Note {
                title: title.clone(),
                text: text.clone(),
                due: *due,
                status: Status::Open,
            }),
            Self::Rename { id, title, .. } => Draft::Call(Call::Rename(Rename {
                id: id.clone(),
                title: title.clone(),
            })),
            Self::Write { id, text } => Draft::Call(Call::Write(Write {
                id: id.clone(),
                text: text.clone(),
            })),
            Self::Postpone { id, due } => Draft::Call(Call::Postpone(Postpone {
                id: id.clone(),
                due: *due,
            })),
            Self::Mark { id, status } => {
                let id = id.clone();
                match status {
                    Far::Done => Draft::Done(id),
                    Far::Open => mark(id, Status::Open),
                    Far::Started => mark(id, Status::Started),
                }
            }
            Self::Remove { id } => Draft::Call(Call::Remove(id.clone())),
            Self::Create { .. }
            | Self::List { .. }
            | Self::State
            | Self::Calls
            | Self::Conflicts
            | Self::Sync
            | Self::Replay { .. }
            | Self::Run
            | Self::Inputs(_) => return None,
        })
    }
}

fn mark(id: NoteId, status: Status) -> Draft {
    Draft::Call(Call::Mark(Mark { id, status }))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command that people look at is in real time"
)]
async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// An id that no other device chooses: the end of this device's author, and the time.
async fn new_id(replica: &Replica<NotesModel>) -> Result<NoteId> {
    let author = replica.author().await?.to_string();
    let device = &author[author.len() - 6..];
    let mut number = replica.now();
    while replica
        .state()
        .notebook
        .notes
        .contains_key(&format!("{device}-{number:x}"))
    {
        number += 1;
    }
    Ok(format!("{device}-{number:x}"))
}
