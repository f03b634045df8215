//! The `activity` command, without its terminal: from arguments to what is printed.

use crate::api;
use crate::apply::apply_events;
use crate::attempts::{Activity, ActivityAttempt};
use crate::bench;
use crate::event::{ActivityEvent, AttemptId, EventId, Time, USER, What};
use crate::hub::Hub;
use clap::{Args, Parser, Subcommand};
use icecore::{Error, Order, Place, Replica, Result, canonical};
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
        /// An id: any text of at most 200 bytes
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
    /// Print the state as JSON: byte for byte that of every device which has seen the same
    State,
    /// Get what others wrote, and send what waits here
    Sync,
    /// Answer `POST /api/sync/activity` for clients that speak no icecore
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
        Command::State => return state(&cli).await,
        Command::Sync => return sync(&cli).await,
        Command::Serve(ref args) => return serve(&cli, args, tell, stop).await,
        Command::Bench { events } => return measure(events, cli.json),
    };
    let replica = open(&cli.place, &cli.space).await?;
    let attempt = record(&replica, (attempt, what), when.at).await?;
    let shown = Shown::new(attempt, &replica);
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
/// `Invalid` for what is beyond its limit, and as [`apply_events`].
pub async fn record(
    replica: &Replica<Activity>,
    (attempt, what): (AttemptId, What),
    at: Option<Time>,
) -> Result<ActivityAttempt> {
    let (kind, more) = what.into_parts()?;
    let now = Time::nearest(replica.now());
    let event = ActivityEvent {
        id: EventId::random(),
        attempt_id: attempt.clone(),
        kind,
        occurred_at: at.unwrap_or(now),
        created_at: now,
        source: USER.parse()?,
        more,
    };
    apply_events(replica, &attempt, vec![event]).await
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
    let state = replica.state();
    if let Some(attempt) = attempt {
        let shown = Shown::new(state.attempt(attempt)?, &replica);
        return if cli.json {
            json(&shown)
        } else {
            Ok(shown.page())
        };
    }
    let attempts = state
        .iter()
        .map(|(id, timeline)| ActivityAttempt::new(id, timeline.events()));
    let all: Vec<Shown> = attempts.map(|a| Shown::new(a, &replica)).collect();
    if cli.json {
        return json(&all);
    }
    if all.is_empty() {
        return Ok("no attempts here; `activity sync` gets those of other devices\n".to_owned());
    }
    Ok(all.iter().map(Shown::line).collect())
}

async fn state(cli: &Cli) -> Result<String> {
    let replica = open(&cli.place, &cli.space).await?;
    let text = canonical::to_vec(&*replica.state())?;
    Ok(String::from_utf8_lossy(&text).into_owned() + "\n")
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
#[serde(rename_all = "camelCase")]
struct Shown {
    /// Up to now, where it runs.
    duration_now: u64,
    #[serde(flatten)]
    attempt: ActivityAttempt,
}

impl Shown {
    fn new(attempt: ActivityAttempt, replica: &Replica<Activity>) -> Self {
        let now = Time::nearest(replica.now());
        Self {
            duration_now: attempt.projection.duration_at(now),
            attempt,
        }
    }

    fn line(&self) -> String {
        let seconds = self.duration_now / 1_000;
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let projection = &self.attempt.projection;
        let mut line = format!(
            "{}  {}  {hours}:{minutes:02}:{seconds:02}  {} points",
            printable(self.attempt.attempt_id.as_str()),
            projection.status,
            projection.points_earned
        );
        let notes = [
            (!projection.created).then(|| "no CREATE yet".to_owned()),
            Some(projection.unknown())
                .filter(|n| *n > 0)
                .map(|n| format!("{n} of unknown type")),
            Some(self.attempt.waiting)
                .filter(|n| *n > 0)
                .map(|n| format!("{n} not synced")),
        ];
        for note in notes.into_iter().flatten() {
            line.extend(["  (", &note, ")"]);
        }
        line.push('\n');
        line
    }

    fn page(&self) -> String {
        let projection = &self.attempt.projection;
        let title = projection.title.as_deref().filter(|t| !t.is_empty());
        let lines = [
            ("title", title.map(printable)),
            ("started", projection.started_at.map(|t| t.to_string())),
            ("ended", projection.ended_at.map(|t| t.to_string())),
            ("events", Some(projection.events.to_string())),
        ];
        let known = lines
            .into_iter()
            .filter_map(|(name, value)| Some(format!("  {name:<8} {}\n", value?)));
        let missing = (!projection.created)
            .then(|| "  odd      no CREATE yet: it may be on its way\n".to_owned());
        let odd = projection.odd.iter().map(|odd| {
            let (id, kind) = (printable(odd.id.as_str()), printable(odd.kind.as_str()));
            format!("  odd      {id} {kind} {}\n", odd.why)
        });
        let head = [self.line()].into_iter().chain(known);
        head.chain(missing).chain(odd).collect()
    }
}

/// A text of somebody else on a terminal: what could be taken for a command to it, or for the end of the text, is escaped.
fn printable(text: &str) -> String {
    let quoted = format!("{text:?}");
    let is_plain = !text.is_empty() && quoted.get(1..quoted.len() - 1) == Some(text);
    if is_plain { text.to_owned() } else { quoted }
}
