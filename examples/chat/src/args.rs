//! What can be typed.

use crate::id::UserId;
use crate::pace::Speed;
use clap::{Parser, Subcommand};
use icecore::Place;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// A chat on nothing but a bucket
///
/// Everything that is said is on this device's disk first and is sent when the store answers, in order.
#[derive(Debug, Parser)]
#[command(
    name = "chat",
    version,
    after_help = "Examples:
  chat create
  chat join ada
  chat say 'Who brings the tent?'
  chat conversations new Trip
  chat say --in Trip 'When do we leave?'
  chat watch

Exit codes: 0 done, 2 the input is wrong, 3 conflict, 4 the store does not answer, 5 damage, 1 anything else."
)]
pub struct Cli {
    /// Where the chat lies, and this device's copy of it
    #[command(flatten)]
    pub place: Place,

    /// The chat's name
    #[arg(long, global = true, default_value = "chat", value_name = "NAME")]
    pub space: String,

    /// Which conversation, by its name or its id; without it, the one that every chat begins with
    #[arg(long = "in", global = true, value_name = "CONVERSATION")]
    pub conversation: Option<String>,

    /// Whose device this is, where a person has several; without it, it is a user of its own
    #[arg(long, global = true, value_name = "UUID")]
    pub user: Option<UserId>,

    /// Print JSON, one value per line
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the chat, and the store where it is missing
    Create,
    /// Take a name and come in
    Join {
        /// The name
        name: String,
    },
    /// Go out
    Leave,
    /// Say something
    ///
    /// When the store does not answer the message waits in the queue, and the next sync sends it.
    Say {
        /// What
        text: String,
        /// Only queue it
        #[arg(long)]
        offline: bool,
    },
    /// Take another name
    Name {
        /// The name
        name: String,
    },
    /// Show a picture
    Picture {
        /// A PNG
        file: PathBuf,
    },
    /// Tell the others that you are typing
    Typing,
    /// Follow the chat; lines typed meanwhile are said
    Watch {
        /// Stop after so many seconds; without it, with Ctrl-C
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// Print the messages of a conversation, and how far each is: sending, sent, or read by whom
    Log,
    /// Tell the others that you have read what they said
    Read,
    /// Print who is in the chat, and who is connected or typing now
    Who,
    /// List the conversations, make one, or rename one
    Conversations {
        /// What to do; without it, list them
        #[command(subcommand)]
        what: Option<Conversations>,
    },
    /// Send what is queued and read what is new
    Sync,
    /// Play the log of an IRC channel with one replica per nickname, which lose the connection again and again
    ///
    /// Without --store it happens in a temporary folder, without --replica the replicas are in memory. At the end all must hold the same messages in the same order, none missing, none twice, and each
    /// author's in the author's order.
    Replay(ReplayArgs),
    /// Answer `POST /EventService/Sync` and `GET /EventService/SyncFromServer` for clients that speak no icecore
    Serve(ServeArgs),
}

/// What to do with conversations.
#[derive(Debug, Subcommand)]
pub enum Conversations {
    /// List them
    List,
    /// Make one, and come in
    New {
        /// Its name
        name: String,
    },
    /// Give one another name
    Rename {
        /// The name
        name: String,
    },
}

/// Where to listen.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The port; 0 is any that is free
    #[arg(long, default_value_t = 8080)]
    pub port: u16,

    /// The address; another than this machine's own lets anybody call who can reach it
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub listen: IpAddr,
}

/// How to play a log.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// The log; a name such as 2006-01-02.txt tells the day
    pub file: PathBuf,

    /// How many times as fast as it was, or `max`: without waiting
    #[arg(long, default_value = "100", value_name = "N|max")]
    pub speed: Speed,

    /// The seed of the disconnections
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// How likely a line is said just after losing the connection, 0 to 1
    #[arg(long, default_value_t = 0.1, value_name = "CHANCE", value_parser = chance)]
    pub offline_chance: f64,
}

fn chance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
        _ => Err("a chance is a number from 0 to 1".to_owned()),
    }
}
