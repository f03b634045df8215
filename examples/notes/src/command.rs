//! The command: makes one call, or shows what there is.

mod show;

use crate::call::Call;
use crate::model::NotesModel;
use crate::notebook::{Add, Mark, Note, NoteId, Postpone, Rename, Status, Write};
use clap::{Parser, Subcommand, ValueEnum};
use icecore::typed::Date;
use icecore::{Error, Order, Place, Replica, Result};

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
    /// Show the notes
    List,
    /// Show each update beside the call that it is
    Calls,
    /// Show what waits for a person: titles that two notes have
    Conflicts,
    /// Send what waits, and read what others wrote
    Sync,
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
    let replica = Replica::open(NotesModel, place, space).await?;
    if !notes.offline {
        // Against what is known now: a title that somebody else has taken is noticed at once.
        pull(&replica).await?;
    }
    let shows = show::Shows { json: notes.json };
    let settles = match &notes.command {
        Command::Rename { settles, .. } => settles.clone(),
        _ => None,
    };
    let Some(call) = call_of(&notes.command, &replica).await? else {
        return match notes.command {
            Command::Calls => shows.calls(&replica).await,
            Command::Conflicts => shows.conflicts(&replica).await,
            Command::Sync => show::line(&format!("{} waiting", replica.pending().await?)),
            _ => shows.list(&replica),
        };
    };
    check_title(&replica, &call)?;
    match settles {
        Some(conflict) => replica.resolve(&conflict, call.clone()).await?,
        None => replica.update(call.clone()).await?,
    };
    show::call(&call)?;
    if !notes.offline {
        pull(&replica).await?;
    }
    Ok(())
}

/// Syncs; a store that cannot be reached is no reason to stop, for what is changed here is kept here.
async fn pull(replica: &Replica<NotesModel>) -> Result<()> {
    match replica.sync().await {
        Err(error) if error.is_unavailable() => {
            show::warning(&format!("{error}; what is changed waits in the queue"));
            Ok(())
        }
        synced => synced.map(drop),
    }
}

/// The call that a command is; none of those that only show something.
async fn call_of(command: &Command, replica: &Replica<NotesModel>) -> Result<Option<Call>> {
    Ok(Some(match command.clone_call() {
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
    fn clone_call(&self) -> Option<Draft> {
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
            Self::Create { .. } | Self::List | Self::Calls | Self::Conflicts | Self::Sync => {
                return None;
            }
        })
    }
}

fn mark(id: NoteId, status: Status) -> Draft {
    Draft::Call(Call::Mark(Mark { id, status }))
}

/// An id that no other device chooses: the end of this device's author, and the time.
async fn new_id(replica: &Replica<NotesModel>) -> Result<NoteId> {
    let author = replica.author().await?.to_string();
    let device = &author[author.len() - 6..];
    let mut number = replica.now();
    while replica
        .state()
        .notes
        .contains_key(&format!("{device}-{number:x}"))
    {
        number += 1;
    }
    Ok(format!("{device}-{number:x}"))
}

/// On one device no two notes get one title; only a merge can bring them together.
fn check_title(replica: &Replica<NotesModel>, call: &Call) -> Result<()> {
    let (Call::Add(Add {
        id,
        note: Note { title, .. },
    })
    | Call::Rename(Rename { id, title })) = call
    else {
        return Ok(());
    };
    let state = replica.state();
    let taken = state
        .notes
        .iter()
        .find(|(other, note)| *other != id && note.title == *title);
    match taken {
        None => Ok(()),
        Some((other, _)) => Err(Error::invalid(format!("there is a note called {title:?}"))
            .with_object(other.clone())
            .with_hint("choose another title, or rename that note first")),
    }
}
