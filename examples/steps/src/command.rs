//! The `steps` command, without its terminal: from arguments to what is printed.

use crate::account::{Owner, Token};
use crate::device::{Device, Whose};
use crate::event::{Message, Sport};
use crate::fitness::{Fitness, day_of};
use clap::{Args, Parser, Subcommand};
use icecore::{Error, Result, time};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Steps and activities of several devices, without an account until there is one
#[derive(Debug, Parser)]
#[command(name = "steps", version, max_term_width = 100)]
pub struct Cli {
    /// The folder of this device: the local copy, the queue, and who it writes as
    #[arg(long, global = true, env = "ICECORE_REPLICA", value_name = "DIR")]
    replica: Option<PathBuf>,

    /// Print JSON, also for errors
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin as a guest, without an account
    Guest {
        /// The gateway that takes guests
        #[arg(long, value_name = "URL", required_unless_present = "store")]
        gateway: Option<String>,
        /// A store of one's own instead: a folder or a bucket
        #[arg(
            long,
            env = "ICECORE_STORE",
            value_name = "URL",
            hide_env_values = true
        )]
        store: Option<String>,
    },
    /// Open a session on this device
    Start {
        /// What the device calls itself
        #[arg(long, default_value = "phone")]
        device: String,
    },
    /// End it
    End,
    /// Add steps
    Add {
        /// How many
        count: u32,
        #[command(flatten)]
        when: When,
    },
    /// Add an activity
    Activity {
        /// What was done
        sport: Sport,
        /// For how long
        minutes: u32,
        #[command(flatten)]
        when: When,
    },
    /// Set the public name
    Name {
        /// The name
        name: String,
    },
    /// Set the height
    Height {
        /// In centimetres
        cm: u32,
    },
    /// Set what to reach in a day
    Goal {
        /// So many steps
        steps: u32,
    },
    /// Show today, and what waits here to be sent
    Today,
    /// Show everything
    Show,
    /// Get what other devices wrote, and send what waits here
    Sync,
    /// Go on with a fresh token, where the one of before has expired, and send what waited
    Renew {
        /// The token, for a gateway
        #[arg(
            long,
            env = "STEPS_TOKEN",
            hide_env_values = true,
            value_name = "TOKEN"
        )]
        token: String,
        /// It is that of the guest, on a device that is linked to a user: `forget` needs both
        #[arg(long)]
        guest: bool,
    },
    /// This guest is a user: let the guest's history join the user's
    Link {
        /// The user's space
        #[arg(long, value_name = "SPACE")]
        into: String,
        /// The user's token, for a gateway
        #[arg(
            long,
            env = "STEPS_USER_TOKEN",
            hide_env_values = true,
            value_name = "TOKEN"
        )]
        user_token: Option<String>,
    },
    /// Erase the account: everything that is stored, and everything on this device
    Forget {
        /// It cannot be undone
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct When {
    /// When it happened, as RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

impl When {
    fn millis(&self) -> Result<Option<i64>> {
        self.at.as_deref().map(time::from_rfc3339).transpose()
    }
}

/// Runs a command and returns what to print.
///
/// # Errors
/// Those of the command, to be reported.
pub async fn run(cli: Cli) -> Result<String> {
    let folder = cli.replica.as_deref().ok_or_else(|| {
        Error::invalid("no folder is given for this device").with_hint(
            "name one with --replica or ICECORE_REPLICA: what was not sent yet is kept there",
        )
    })?;
    if let Command::Guest { gateway, store } = &cli.command {
        let store = gateway.as_deref().or(store.as_deref()).unwrap_or_default();
        return guest(store, folder, cli.json).await;
    }
    let mut device = Device::open(folder).await?;
    match cli.command {
        Command::Guest { .. } => {}
        Command::Start { device: name } => drop(device.start(&name).await?),
        Command::End => device.end().await?,
        Command::Add { count, when } => device.add(count, when.millis()?).await?,
        Command::Activity {
            sport,
            minutes,
            when,
        } => device.activity((sport, minutes), when.millis()?).await?,
        Command::Name { name } => device.set(Message::SetName { name }).await?,
        Command::Height { cm } => device.set(Message::SetHeight { cm }).await?,
        Command::Goal { steps } => device.set(Message::SetGoal { steps }).await?,
        Command::Today => return today(&device, cli.json),
        Command::Show => return show(&device, cli.json),
        Command::Sync => device.sync().await?,
        Command::Renew { token, guest } => {
            let whose = if guest { Whose::Guest } else { Whose::Writer };
            device.renew(whose, Token::from(token)).await?;
        }
        Command::Link { into, user_token } => {
            let token = user_token.map(Token::from);
            return link(&mut device, Owner { space: into, token }, cli.json).await;
        }
        Command::Forget { yes } => return forget(device, yes, cli.json).await,
    }
    said(&device, cli.json)
}

async fn guest(store: &str, folder: &Path, as_json: bool) -> Result<String> {
    let device = Device::guest(store, folder).await?;
    if as_json {
        return said(&device, true);
    }
    let space = &device.owner().space;
    Ok(format!("this device writes as {space}\n"))
}

async fn forget(device: Device, yes: bool, as_json: bool) -> Result<String> {
    if !yes {
        return Err(
            Error::invalid("this erases everything, and cannot be undone")
                .with_hint("say so with --yes"),
        );
    }
    device.forget().await?;
    if as_json {
        line(&json!({ "erased": true }))
    } else {
        Ok("erased\n".to_owned())
    }
}

async fn link(device: &mut Device, user: Owner, as_json: bool) -> Result<String> {
    let linked = device.link(user).await?;
    let into = &device.owner().space;
    if as_json {
        return line(
            &json!({ "into": into, "updates": linked.updates, "complete": linked.complete }),
        );
    }
    let rest = if linked.complete {
        ""
    } else {
        "; the rest follows"
    };
    Ok(format!(
        "linked to {into}: {} updates joined{rest}\n",
        linked.updates
    ))
}

/// Today in one line, which follows every change.
fn said(device: &Device, as_json: bool) -> Result<String> {
    let (state, now) = (device.state(), device.replica().now());
    let (day, waiting) = (state.day(now), state.waiting.steps);
    if as_json {
        return line(&json!({
            "day": day_of(now), "goal": state.goal.get(), "space": device.owner().space,
            "minutes": day.minutes, "steps": day.steps, "total": state.steps(), "waiting": state.waiting,
        }));
    }
    let goal = state
        .goal
        .get()
        .map_or_else(String::new, |goal| format!(" of {goal}"));
    let waits = match waiting {
        0 => String::new(),
        n => format!(" ({n} not sent yet)"),
    };
    Ok(format!(
        "{}: {}{goal} steps today{waits}, {} in all\n",
        day_of(now),
        day.steps,
        state.steps()
    ))
}

fn today(device: &Device, as_json: bool) -> Result<String> {
    let mut text = said(device, as_json)?;
    if as_json {
        return Ok(text);
    }
    let (state, now) = (device.state(), device.replica().now());
    for (sport, minutes) in state.day(now).minutes {
        written(writeln!(text, "  {sport:<5} {minutes} min"))?;
    }
    for activity in &state.waiting.activities {
        let at = time::to_rfc3339(activity.at);
        let (sport, minutes) = (activity.sport, activity.minutes);
        written(writeln!(
            text,
            "  not sent yet: {sport} {minutes} min at {at}"
        ))?;
    }
    Ok(text)
}

fn show(device: &Device, as_json: bool) -> Result<String> {
    let state: &Fitness = &device.state();
    if as_json {
        return line(state);
    }
    let mut text = String::new();
    let name = state.name.get().map_or("nobody", String::as_str);
    written(writeln!(
        text,
        "{name}, in {}: {} steps",
        device.owner().space,
        state.steps()
    ))?;
    if let Some(cm) = state.height.get() {
        written(writeln!(text, "  height {cm} cm"))?;
    }
    if let Some(goal) = state.goal.get() {
        written(writeln!(text, "  goal   {goal} steps a day"))?;
    }
    for (id, session) in &state.sessions {
        let devices: Vec<&str> = session.devices.iter().map(String::as_str).collect();
        let end = session
            .ended
            .map_or_else(|| "open".to_owned(), time::to_rfc3339);
        let (steps, activities) = (session.steps, session.activities.len());
        written(writeln!(
            text,
            "  session {id} on {}: {steps} steps, {activities} activities, {end}",
            devices.join(", ")
        ))?;
    }
    Ok(text)
}

fn written(result: std::fmt::Result) -> Result<()> {
    result.map_err(|e| Error::internal("a result cannot be written").with_source(e))
}

fn line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::internal("a result has no JSON form").with_source(e))?;
    Ok(text + "\n")
}
