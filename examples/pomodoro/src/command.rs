//! The commands: from arguments to what is printed.

mod recording;
mod watch;

use crate::args::{Cli, Command};
use crate::import::Mode;
use crate::kinds::call_of;
use crate::line::read_time;
use crate::print;
use crate::session::{Sent, Session};
use crate::update::Update;
use icecore::{Error, ErrorKind, Refusal, Result, message, time};
use recording::{Recording, recording};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

pub use watch::{Lines, Watching, watch};

/// What a command prints.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The result, with its newline.
    pub text: String,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// Said when the store does not have it yet.
const LATER: &str = "recorded here, and sent with the next sync";

/// Runs one command. What `watch` sees goes to `live` at once; everything else is returned.
///
/// # Errors
/// What went wrong; its kind decides the exit code.
pub async fn run(cli: Cli, live: &mut (dyn Write + Send)) -> Result<Output> {
    if cli.place.replica().is_none() {
        return Err(Error::invalid("no folder for this device is given")
            .with_hint("name one with --replica or ICECORE_REPLICA: what you record waits there until it is sent"));
    }
    let session = match &cli.command {
        Command::Create { clear } => Session::create(&cli.place, &cli.space, *clear).await?,
        _ => Session::open(&cli.place, &cli.space).await?,
    };
    let app = App { session, cli };
    if let Command::Watch { every, seconds } = &app.cli.command {
        return app.watch((*every, *seconds), live).await;
    }
    app.run().await
}

struct App {
    session: Session,
    cli: Cli,
}

impl App {
    async fn run(&self) -> Result<Output> {
        match &self.cli.command {
            Command::Create { .. } => {
                let name = &self.cli.space;
                Ok(self.result(
                    &json!({ "space": name }),
                    format!("created the space {name}"),
                ))
            }
            Command::State { at } => self.state(at.as_deref()).await,
            Command::Log { without } => self.log(without).await,
            Command::Import { file, merge, .. } => {
                let mode = if *merge { Mode::Merge } else { Mode::Replay };
                self.import(file, mode).await
            }
            Command::Sync => self.sync().await,
            Command::Refused {
                again: Some(number),
                ..
            } => self.record_again(*number).await,
            Command::Refused {
                drop: Some(number), ..
            } => self.drop_refused(*number).await,
            Command::Refused { .. } => self.refused().await,
            Command::Replay => self.replay().await,
            Command::Ping => {
                let millis = self.session.ping().await?;
                Ok(self.result(
                    &json!({ "ms": millis }),
                    format!("the store answered in {millis} ms"),
                ))
            }
            Command::Compress => self.compress().await,
            Command::DeleteAccount { yes } => self.delete_account(*yes).await,
            recorded => self.record(recorded).await,
        }
    }

    /// Reads what others did first, so that the update is made for what there is now; then makes it, and sends it.
    async fn record(&self, command: &Command) -> Result<Output> {
        self.sync_unless_offline().await?;
        let Recording { update, id } = recording(&self.session, command).await?;
        let call = call_of(&update).to_string();
        self.session.record(update).await?;
        let sent = self.sync_unless_offline().await?;
        let said = json!({ "recorded": call, "id": id, "sent": sent == Sent::Yes });
        let mut output = self.result(&said, id.unwrap_or(call));
        if let Sent::Later(why) = &sent {
            output.notes.push(format!("{LATER}: {why}"));
        }
        Ok(output)
    }

    async fn sync_unless_offline(&self) -> Result<Sent> {
        if self.cli.offline {
            return Ok(Sent::Later("nobody asked the store".to_owned()));
        }
        self.session.sync().await.map_err(explained)
    }

    async fn state(&self, at: Option<&str>) -> Result<Output> {
        let at = at.map(read_time).transpose()?;
        let notes = self.freshen().await?;
        let seen = self.session.view(at).await?;
        let text = if self.cli.json {
            seen.to_json()
        } else {
            print::state(&seen)
        };
        Ok(Output { text, notes })
    }

    async fn watch(
        &self,
        (every, seconds): (u64, Option<u64>),
        live: &mut (dyn Write + Send),
    ) -> Result<Output> {
        let notes = self.freshen().await?;
        let how = Watching::at_a_terminal(Duration::from_secs(every), seconds);
        let how = if self.cli.offline { how.offline() } else { how };
        let mut lines = Lines::new(self.cli.json, live);
        for note in notes {
            lines.trouble(&note)?;
        }
        match watch(&self.session, &mut lines, how).await {
            // Nobody reads any more, as in `pomodoro watch | head`: no reason to complain.
            Err(error) if watch::is_closed(&error) => Ok(Output::default()),
            watched => watched.map(|()| Output::default()).map_err(explained),
        }
    }

    async fn log(&self, without: &[u64]) -> Result<Output> {
        let mut notes = self.freshen().await?;
        let text = self.session.log_without(without).await?;
        let pending = self.session.replica.pending().await?;
        if pending > 0 {
            notes.push(format!(
                "{pending} updates of this device are not sent and not listed"
            ));
        }
        Ok(Output { text, notes })
    }

    async fn import(&self, path: &Path, mode: Mode) -> Result<Output> {
        let file = std::fs::read(path).map_err(|e| {
            Error::invalid("cannot read the file")
                .with_object(path.display().to_string())
                .with_source(e)
        })?;
        let imported = self.session.import(&file, mode).await;
        let imported = imported.map_err(|error| match error.kind() {
            ErrorKind::Invalid if error.object().is_none() => {
                error.with_object(path.display().to_string())
            }
            _ => explained(error),
        })?;
        let text = format!("took over {} of {} lines", imported.taken, imported.read);
        let mut output = self.result(&json!(imported), text);
        if !imported.sent {
            output.notes.push(LATER.to_owned());
        }
        Ok(output)
    }

    async fn sync(&self) -> Result<Output> {
        self.session.sync_now().await.map_err(explained)?;
        let count = self.session.replica.state().count;
        Ok(self.result(
            &json!({ "updates": count }),
            format!("in step: {count} updates"),
        ))
    }

    async fn record_again(&self, number: i64) -> Result<Output> {
        self.sync_unless_offline().await?;
        self.session.record_again(number).await?;
        let sent = self.sync_unless_offline().await?;
        let said = json!({ "again": number, "sent": sent == Sent::Yes });
        Ok(self.result(&said, format!("recorded {number} again")))
    }

    async fn drop_refused(&self, number: i64) -> Result<Output> {
        if !self.session.replica.drop_refused(number).await? {
            return Err(Error::not_found(format!(
                "there is no refused update {number}"
            )));
        }
        Ok(self.result(&json!({ "dropped": number }), format!("dropped {number}")))
    }

    async fn refused(&self) -> Result<Output> {
        let refused = self.session.replica.refused().await?;
        let lines: Vec<String> = refused.iter().map(print::refused).collect();
        if self.cli.json {
            return Ok(self.result(&json!(refused), String::new()));
        }
        Ok(Output {
            text: lines.concat(),
            ..Output::default()
        })
    }

    async fn replay(&self) -> Result<Output> {
        let replayed = self.session.replay().await?;
        if !replayed.same || !replayed.problems.is_empty() {
            let problems = replayed.problems.join("; ");
            return Err(Error::corrupt(format!(
                "folded again the history makes another state {problems}"
            )));
        }
        let before = match replayed.compressed {
            0 => String::new(),
            count => format!("; {count} before them were compressed"),
        };
        let text = format!(
            "{} updates make exactly the same state{before}",
            replayed.updates
        );
        Ok(self.result(&json!(replayed), text))
    }

    async fn compress(&self) -> Result<Output> {
        if !self.session.compress().await? {
            return Err(Error::conflict(
                "another device wrote meanwhile: the state is not the one of before",
            )
            .with_hint("look at it with `pomodoro state`"));
        }
        let count = self.session.replica.state().count;
        let text = format!("compressed {count} updates; the state is exactly the same");
        Ok(self.result(&json!({ "updates": count, "same": true }), text))
    }

    async fn delete_account(&self, yes: bool) -> Result<Output> {
        if !yes {
            return Err(
                Error::invalid("this removes everything that is stored in the space").with_hint(
                    "add --yes if that is what you want; `pomodoro log` prints what there is",
                ),
            );
        }
        let objects = self.session.clone().delete_account().await?;
        let text = format!("removed {objects} objects");
        let mut output = self.result(&json!({ "objects": objects }), text);
        if let Some(folder) = self.cli.place.replica() {
            let copy = format!(
                "this device still has its copy: remove {}",
                folder.display()
            );
            output.notes.push(copy);
        }
        Ok(output)
    }

    /// For commands that show something: the newest there is, or what this device has, with a note why.
    async fn freshen(&self) -> Result<Vec<String>> {
        if self.cli.offline {
            return Ok(Vec::new());
        }
        match self.session.sync().await {
            Ok(Sent::Yes) => Ok(Vec::new()),
            Ok(Sent::Later(why)) => Ok(vec![format!("this is what this device has: {why}")]),
            Err(error) if Refusal::of(&error).is_some() => Ok(vec![explained(error).to_string()]),
            Err(error) => Err(error),
        }
    }

    fn result(&self, json: &serde_json::Value, text: String) -> Output {
        let text = if self.cli.json {
            json.to_string()
        } else {
            text
        };
        Output {
            text: text + "\n",
            notes: Vec::new(),
        }
    }
}

/// The error that says what others did in between, where an update of this device became impossible; else the same.
fn explained(error: Error) -> Error {
    let Some(refusal) = Refusal::of(&error) else {
        return error;
    };
    let since = refusal.since.iter().filter_map(|entry| {
        let parts = entry.update.parts()?;
        let update = message::decode::<Update>(&parts.kind, parts.data).ok()?;
        Some(print::dated(&(time::from_rfc3339(&parts.at).ok()?, update)))
    });
    let since: Vec<String> = since.collect();
    let reason = format!("{}; meanwhile: {}", refusal.reason, since.join("; "));
    Error::conflict(format!(
        "what this device recorded is impossible now: {reason}"
    ))
    .with_hint(
        "it was set aside: `pomodoro refused` lists it; --again records it now, --drop forgets it",
    )
}
