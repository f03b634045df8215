//! The `activity` command, without its terminal: from arguments to what is printed.

use crate::api;
use crate::arrivals::new_id;
use crate::attempts::{Activity, Attempts};
use crate::bench;
use crate::event::{AttemptId, Message, Stamp, Time, What};
use crate::hub::Hub;
use crate::projection::Projection;
use crate::timeline::Timeline;
use clap::{Args, Parser, Subcommand};
use icecore::{Error, Order, Place, Replica, Result};
use serde::Serialize;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Attempts at exercises: timed, scored, and merged from several devices
#[derive(Debug, Parser)]
#[command(name = "activity", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    place: Place,

    /// The space that holds the attempts
    #[arg(long, global = true, default_value = "activity")]
    space: String,

    /// Print JSON, also for errors
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give an attempt a title
    Create {
        /// An id: 1 to 64 of `a-z A-Z 0-9 - _ .`
        attempt: AttemptId,
        /// The title
        #[arg(long, default_value = "")]
        title: String,
        #[command(flatten)]
        when: When,
    },
    /// The attempt runs from now on
    Start(Of),
    /// It does not run from now on
    Pause(Of),
    /// It runs again
    Resume(Of),
    /// It is over, and done
    Complete(Of),
    /// It is over, and not done
    Abandon(Of),
    /// Give points, or take some away
    Score {
        /// The attempt
        attempt: AttemptId,
        /// How many
        #[arg(allow_negative_numbers = true)]
        points: i64,
        #[command(flatten)]
        when: When,
    },
    /// Show all attempts, or one with what is odd about its events
    Show {
        /// The attempt
        attempt: Option<AttemptId>,
    },
    /// Get what others wrote, and send what waits here
    Sync,
    /// Answer `POST /sync` for clients that speak no icecore
    Serve(ServeArgs),
    /// Measure the fold of one long attempt
    Bench {
        /// How many events it has
        #[arg(long, default_value_t = 10_000)]
        events: usize,
    },
}

#[derive(Debug, Args)]
struct Of {
    /// The attempt
    attempt: AttemptId,
    #[command(flatten)]
    when: When,
}

#[derive(Debug, Args)]
struct When {
    /// When it happened, as RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The port; 0 is any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The address; another than this machine's own lets anybody call who can reach it
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
}

/// Runs a command and returns what to print. `tell` is called once with the address that `serve` listens on; it ends when
/// `stop` does.
///
/// # Errors
/// Those of the command, to be reported.
pub async fn run(
    cli: Cli,
    tell: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<String> {
    let (attempt, what, when) = match cli.command {
        Command::Create {
            attempt,
            title,
            when,
        } => (attempt, What::Create { title }, when),
        Command::Start(of) => (of.attempt, What::Start, of.when),
        Command::Pause(of) => (of.attempt, What::Pause, of.when),
        Command::Resume(of) => (of.attempt, What::Resume, of.when),
        Command::Complete(of) => (of.attempt, What::Complete, of.when),
        Command::Abandon(of) => (of.attempt, What::Abandon, of.when),
        Command::Score {
            attempt,
            points,
            when,
        } => (attempt, What::Score { points }, when),
        Command::Show { ref attempt } => return show(&cli, attempt.as_ref()).await,
        Command::Sync => return sync(&cli).await,
        Command::Serve(ref args) => return serve(&cli, args, tell, stop).await,
        Command::Bench { events } => return measure(events, cli.json),
    };
    let replica = open(&cli.place, &cli.space).await?;
    record(&replica, (attempt.clone(), what), when.at).await?;
    let shown = Shown::of(&attempt, &replica)?;
    if cli.json {
        json(&shown)
    } else {
        Ok(shown.line())
    }
}

/// Opens the replica on this device; no request is made.
async fn open(place: &Place, space: &str) -> Result<Replica<Activity>> {
    if place.replica().is_none() {
        return Err(
            Error::invalid("no folder is given for this device").with_hint(
                "name one with --replica or ICECORE_REPLICA: what was not sent yet is kept there",
            ),
        );
    }
    Replica::open(Activity, place, space).await
}

/// Makes one event: durable on this device when it returns.
///
/// # Errors
/// As [`Replica::update`].
pub async fn record(
    replica: &Replica<Activity>,
    (attempt, what): (AttemptId, What),
    at: Option<Time>,
) -> Result<()> {
    let now = replica.now();
    let stamp = Stamp {
        attempt,
        created_at: Time(now),
        id: new_id(),
    };
    let at = at.map_or(now, |at| at.0);
    replica.update_at(at, Message::new(stamp, what)).await?;
    Ok(())
}

async fn sync(cli: &Cli) -> Result<String> {
    let replica = connect(&cli.place, &cli.space).await?;
    let attempts = replica.state().iter().count();
    let waiting = replica.pending().await?;
    if cli.json {
        return json(&serde_json::json!({ "attempts": attempts, "waiting": waiting }));
    }
    Ok(format!("in sync; attempts: {attempts}\n"))
}

/// Opens the replica and syncs it; makes the store and the space where they are missing.
async fn connect(place: &Place, space: &str) -> Result<Replica<Activity>> {
    let replica = open(place, space).await?;
    match replica.sync().await {
        Ok(_) => Ok(replica),
        Err(error) if error.is_not_found() => {
            let replica = Replica::create(Activity, place, space, Order::Timestamp).await?;
            replica.sync().await?;
            Ok(replica)
        }
        Err(error) => Err(error),
    }
}

async fn serve(
    cli: &Cli,
    args: &ServeArgs,
    tell: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<String> {
    let replica = connect(&cli.place, &cli.space).await?;
    let folder = cli.place.replica().unwrap_or(".".as_ref());
    let log = folder.join(format!("arrivals-{}.log", cli.space));
    let hub = Hub::open(replica, &log)?;
    api::serve(hub, (args.listen, args.port), tell, stop).await?;
    Ok(String::new())
}

async fn show(cli: &Cli, attempt: Option<&AttemptId>) -> Result<String> {
    let replica = open(&cli.place, &cli.space).await?;
    if let Some(attempt) = attempt {
        let shown = Shown::of(attempt, &replica)?;
        return if cli.json {
            json(&shown)
        } else {
            Ok(shown.page())
        };
    }
    let state = replica.state();
    let ids = state.iter().map(|(attempt, _)| attempt);
    let all: Result<Vec<Shown<'_>>> = ids.map(|id| Shown::of(id, &replica)).collect();
    let all = all?;
    if cli.json {
        return json(&all);
    }
    if all.is_empty() {
        return Ok("no attempts here; `activity sync` gets those of other devices\n".to_owned());
    }
    Ok(all.iter().map(Shown::line).collect())
}

fn measure(events: usize, as_json: bool) -> Result<String> {
    if !(1..=1_000_000).contains(&events) {
        return Err(Error::invalid("not from 1 to 1000000 events").with_object("--events"));
    }
    let measured = bench::measure(events)?;
    if as_json {
        json(&measured)
    } else {
        Ok(measured.to_string())
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::internal("a result has no JSON form").with_source(e))?;
    Ok(text + "\n")
}

/// An attempt as it is shown: with what depends on the present.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    attempt: &'a AttemptId,
    /// Up to now, where it runs.
    duration_now_ms: u64,
    /// How many of its events wait on this device.
    waiting: usize,
    #[serde(flatten)]
    projection: Projection,
}

impl<'a> Shown<'a> {
    fn of(attempt: &'a AttemptId, replica: &Replica<Activity>) -> Result<Self> {
        let state: &Attempts = &replica.state();
        let projection = state.projection(attempt)?;
        let events = state.timeline(attempt).map_or(&[][..], Timeline::events);
        Ok(Self {
            attempt,
            duration_now_ms: projection.duration_at(Time(replica.now())),
            waiting: events.iter().filter(|e| !e.is_confirmed()).count(),
            projection,
        })
    }

    fn line(&self) -> String {
        let seconds = self.duration_now_ms / 1_000;
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let waiting = match self.waiting {
            0 => String::new(),
            n => format!("  ({n} not synced)"),
        };
        format!(
            "{}  {}  {hours}:{minutes:02}:{seconds:02}  {} points{waiting}\n",
            self.attempt, self.projection.status, self.projection.points
        )
    }

    fn page(&self) -> String {
        let projection = &self.projection;
        let title = projection.title.clone().filter(|title| !title.is_empty());
        let lines = [
            ("title", title),
            ("started", projection.started_at.map(String::from)),
            ("ended", projection.ended_at.map(String::from)),
            ("events", Some(projection.events.to_string())),
        ];
        let known = lines
            .into_iter()
            .filter_map(|(name, value)| Some(format!("  {name:<8} {}\n", value?)));
        let odd = projection.odd.iter();
        let odd = odd.map(|odd| format!("  odd      {} {}\n", odd.id, odd.why));
        [self.line()].into_iter().chain(known).chain(odd).collect()
    }
}
