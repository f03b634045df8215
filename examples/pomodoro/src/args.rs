//! The command line.

use clap::{Parser, Subcommand};
use icecore::Place;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit codes: 0 ok, 1 failed, 2 bad input, 3 conflict, 4 unavailable (try again later), 5 corrupt.";

/// `pomodoro` and its arguments.
#[derive(Debug, Parser)]
#[command(
    name = "pomodoro",
    version,
    about = "A pomodoro timer on nothing but a bucket or a folder"
)]
#[command(after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// Where the store and this device's copy lie.
    #[command(flatten)]
    pub place: Place,

    /// The user's space
    #[arg(
        long,
        global = true,
        env = "POMODORO_SPACE",
        default_value = "pomodoro",
        value_name = "NAME"
    )]
    pub space: String,

    /// Results as JSON
    #[arg(long, global = true)]
    pub json: bool,

    /// Do not ask the store: what is recorded waits for the next sync
    #[arg(long, global = true)]
    pub offline: bool,

    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Make the store and the space where they are missing, encrypted with your passphrase
    Create {
        /// Do not encrypt the content
        #[arg(long)]
        clear: bool,
    },
    /// Add a backlog and print its id
    AddBacklog {
        /// Its name
        name: String,
        /// Its id, if you want to choose it
        #[arg(long)]
        id: Option<String>,
    },
    /// Add an item to a backlog and print its id
    AddItem {
        /// The backlog's id
        backlog: String,
        /// Its name
        name: String,
        /// Its id, if you want to choose it
        #[arg(long)]
        id: Option<String>,
    },
    /// Plan pomodoros for an item
    AddPomodoro {
        /// The item's id
        item: String,
        /// How many
        #[arg(long, default_value_t = 1)]
        count: u32,
        /// They run until you stop them
        #[arg(long)]
        tracker: bool,
    },
    /// Start the next pomodoro of an item
    Start {
        /// The item's id
        item: String,
        /// Seconds of work
        #[arg(long, default_value = "1500", value_name = "SECONDS")]
        work: String,
        /// Seconds of rest; 0 is a long break, which you stop
        #[arg(long, default_value = "300", value_name = "SECONDS")]
        rest: String,
    },
    /// Stop the timer: work is void, a rest or a tracker is over
    Stop,
    /// Note that something interrupted the work
    Interrupt {
        /// What it was
        #[arg(default_value = "")]
        reason: String,
        /// How many seconds it took
        #[arg(long, value_name = "SECONDS")]
        duration: Option<String>,
    },
    /// Complete an item; a pomodoro that runs on it is void
    Complete {
        /// The item's id
        item: String,
    },
    /// Record anything that a line of the history can say
    Do {
        /// For example: RenameWorkitem("ITEM", "another name")
        call: String,
    },
    /// Show what there is to see, now or at another time
    State {
        /// When, e.g. "2026-06-10 14:20:00+00:00"
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Follow the space: print what any device does as it arrives, and by this device's clock what ends by itself
    Watch {
        /// Seconds between two looks at the store
        #[arg(long, default_value_t = 1, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
        every: u64,
        /// Stop after so many seconds; without it, with Ctrl-C
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// Print the history as Flowkeeper's file
    Log {
        /// Leave out the line with this number, and number the others anew: what it deleted is there again where the rest is
        /// imported. Can be given several times
        #[arg(long, value_name = "NUMBER")]
        without: Vec<u64>,
    },
    /// Take over Flowkeeper's file, all of it or nothing
    Import {
        /// The file
        file: PathBuf,
        /// The whole file, into a space without a history (as without any option)
        #[arg(long, conflicts_with = "merge")]
        replay: bool,
        /// Only what the space lacks of it
        #[arg(long)]
        merge: bool,
    },
    /// Send what waits, and read what other devices did
    Sync,
    /// List what this device recorded and others made impossible
    Refused {
        /// Record the one with this number again, now
        #[arg(long, value_name = "NUMBER", conflicts_with = "drop")]
        again: Option<i64>,
        /// Forget the one with this number
        #[arg(long, value_name = "NUMBER")]
        drop: Option<i64>,
    },
    /// Fold the whole history again and compare
    Replay,
    /// Measure the way to the store and back; leaves nothing in the history
    Ping,
    /// Begin a history that is the present state alone
    Compress,
    /// Remove everything that is stored in the space, for ever
    DeleteAccount {
        /// Yes, all of it
        #[arg(long)]
        yes: bool,
    },
}
