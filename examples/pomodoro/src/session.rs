//! What one device does with its user's space: everything the command can do, without a terminal.

use crate::history::{self, Dated, History};
use crate::import::{Mode, Stored, plan};
use crate::model::Pomodoros;
use crate::state::{State, User};
use crate::update::Update;
use crate::view::{View, view};
use icecore::{Error, ErrorKind, Key, Order, Place, Refused, Replica, Result, time};
use std::time::Duration;

/// Whose a space is when nobody said so before the first update; as Flowkeeper does it.
const DEFAULT_USER: (&str, &str) = ("user@local.host", "Local User");

/// How long a ping is there for others to see.
const PING_LIVES: Duration = Duration::from_secs(5);

/// A user's space on this device.
#[derive(Debug, Clone)]
pub struct Session {
    /// The replica, for whoever needs more.
    pub replica: Replica<Pomodoros>,
}

/// Whether the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Everything is stored.
    Yes,
    /// The store did not answer: what this device did waits in its queue, and is sent with the next sync.
    Later(String),
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Updates of the file.
    pub read: usize,
    /// Those that the space lacked.
    pub taken: usize,
    /// The store has them; else they wait for the next sync.
    pub sent: bool,
}

/// What folding everything again found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Updates folded.
    pub updates: usize,
    /// Updates that are part of the state with which the history begins, because it was compressed.
    pub compressed: u64,
    /// The state is exactly the one that this device showed before.
    pub same: bool,
    /// What is wrong with the bucket; nothing, usually.
    pub problems: Vec<String>,
}

impl Session {
    /// Makes the store and the space where they are missing. The content is encrypted with the place's passphrase or
    /// identity, unless it is `clear`.
    ///
    /// # Errors
    /// As [`Replica::create`].
    pub async fn create(place: &Place, space: &str, clear: bool) -> Result<Self> {
        let replica = if clear {
            Replica::create(Pomodoros, place, space, Order::Sequence).await?
        } else {
            Replica::create_encrypted(Pomodoros, place, space, Order::Sequence).await?
        };
        Ok(Self { replica })
    }

    /// Opens a space that is there, without asking the store: so it works offline.
    ///
    /// # Errors
    /// As [`Replica::open`].
    pub async fn open(place: &Place, space: &str) -> Result<Self> {
        let replica = Replica::open(Pomodoros, place, space).await?;
        Ok(Self { replica })
    }

    /// Reads what other devices did and sends what this one did, if the store answers.
    ///
    /// # Errors
    /// As [`Replica::sync`], but not that the store is unavailable. `Conflict` names an update of this device that the
    /// others' made impossible; it is kept aside ([`Replica::refused`]).
    pub async fn sync(&self) -> Result<Sent> {
        match self.sync_now().await {
            Ok(()) => Ok(Sent::Yes),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                Ok(Sent::Later(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// The same where the store must answer.
    ///
    /// # Errors
    /// As [`Replica::sync`]. `Corrupt` when an update is missing in the middle of the history: what came before it is
    /// shown, what came after it is not, and nothing is made up in its place.
    pub async fn sync_now(&self) -> Result<()> {
        self.replica.sync().await?;
        if self.replica.status().await?.gaps.is_empty() {
            return Ok(());
        }
        // The listing of a store that others write to may have missed one of two new objects.
        self.replica.sync().await?;
        match self.replica.status().await?.gaps.first() {
            None => Ok(()),
            Some(id) => Err(Error::corrupt(
                "an update is missing in the middle of the history",
            )
            .with_object(id)
            .with_hint(
                "put its object back into the store, from a backup; --offline shows what came before it",
            )),
        }
    }

    /// Makes one update now. It is on this device's disk when this returns; [`Self::sync`] sends it.
    ///
    /// # Errors
    /// `Invalid` with the reason when the state does not allow it: nothing happened then.
    pub async fn record(&self, update: Update) -> Result<()> {
        let state = self.replica.state();
        // A clock that is behind must not lock this device out: nothing can be earlier than what it has seen.
        let at = self.replica.now().max(state.last);
        let mut updates = vec![(at, update)];
        if state.user.is_none() && !matches!(updates[0].1, Update::CreateUser { .. }) {
            let (identity, name) = (DEFAULT_USER.0.to_owned(), DEFAULT_USER.1.to_owned());
            updates.insert(0, (at, Update::CreateUser { identity, name }));
        }
        self.replica.update_all(updates).await?;
        Ok(())
    }

    /// Makes a refused update once more, now: what others did made it impossible then, and may allow it at present.
    ///
    /// # Errors
    /// `NotFound` when there is none of this number; otherwise as [`Self::record`], and it stays listed.
    pub async fn record_again(&self, number: i64) -> Result<()> {
        let refused = self.replica.refused().await?;
        let refused = refused.iter().find(|refused| refused.id == number);
        let refused = refused
            .ok_or_else(|| Error::not_found(format!("there is no refused update {number}")))?;
        self.record(refused_update(refused)?).await?;
        self.replica.drop_refused(number).await?;
        Ok(())
    }

    /// An id for something new: nobody else makes it, and this device never again.
    ///
    /// # Errors
    /// Errors of the local folder.
    pub async fn new_id(&self) -> Result<String> {
        let author = self.replica.author().await?;
        Ok(format!("{author}-{}", self.replica.state().count + 1))
    }

    /// What there is to see at a time, in milliseconds since 1970: now, if none is given. For a past time the history is
    /// folded up to it, which needs the store.
    ///
    /// # Errors
    /// `NotFound` when the history does not reach back so far; otherwise as [`Replica::history`].
    pub async fn view(&self, at: Option<i64>) -> Result<View> {
        let state = self.replica.state();
        let at = at.unwrap_or_else(|| self.replica.now().max(state.last));
        if at >= state.last {
            return Ok(view(&state, at));
        }
        let Stored { mut base, updates } = self.stored().await?;
        if base.count > 0 && at < base.last {
            let begins = time::to_rfc3339(base.last);
            return Err(Error::not_found(format!(
                "the history was compressed: it begins at {begins}"
            )));
        }
        let last = updates.last().map_or(base.last, |(then, _)| *then);
        if at >= last {
            // What this device saw since then is in its queue, and nobody gave it a place in the history yet.
            return Err(
                Error::unavailable("what this device did until then is not sent yet")
                    .with_hint("`pomodoro sync` sends it"),
            );
        }
        history::fold_onto(
            &mut base,
            updates.iter().take_while(|(then, _)| *then <= at),
        )?;
        Ok(view(&base, at))
    }

    /// What the store holds, as far as this device knows it.
    ///
    /// # Errors
    /// As [`Replica::history`].
    pub async fn stored(&self) -> Result<Stored> {
        let recorded = self.replica.history().await?;
        let first = recorded.first().map(|update| update.key);
        let mut updates: Vec<Dated> = Vec::with_capacity(recorded.len());
        for one in recorded {
            let id = one.id.to_string();
            let update = one
                .update
                .map_err(|rejected| Error::corrupt(rejected.reason).with_object(id))?;
            updates.push((time::from_rfc3339(&one.at)?, update));
        }
        let pending = self.replica.pending().await?;
        let known = self.replica.state().count;
        let compressed = known != (updates.len() + pending) as u64;
        let base = match (compressed, first) {
            (false, _) => State::default(),
            (true, Some(first)) => self.replica.state_at(Key::new(first.get() - 1)?).await?,
            (true, None) => self.replica.state_at(Key::MAX).await?,
        };
        Ok(Stored { base, updates })
    }

    /// The history as Flowkeeper's file: what is stored, in order.
    ///
    /// # Errors
    /// As [`Self::stored`].
    pub async fn log(&self) -> Result<String> {
        self.log_without(&[]).await
    }

    /// The history without the lines of these numbers, and the others numbered anew: another history, in which they never
    /// happened. Without the line that deleted something it is still there.
    ///
    /// # Errors
    /// `Invalid` for a number that no line has, and when what is left cannot have happened; otherwise as [`Self::stored`].
    pub async fn log_without(&self, numbers: &[u64]) -> Result<String> {
        let Stored { base, updates } = self.stored().await?;
        let numbered = (base.count + 1..).zip(updates);
        let (dropped, kept): (Vec<_>, Vec<_>) =
            numbered.partition(|(number, _)| numbers.contains(number));
        let is_there = |number: &&u64| dropped.iter().any(|(dropped, _)| dropped == *number);
        if let Some(number) = numbers.iter().find(|number| !is_there(number)) {
            return Err(Error::invalid(format!("the history has no line {number}"))
                .with_hint("`pomodoro log` prints the lines with their numbers"));
        }
        let kept: Vec<Dated> = kept.into_iter().map(|(_, dated)| dated).collect();
        let mut state = base.clone();
        history::fold_onto(&mut state, &kept).map_err(|error| match numbers {
            [] => error,
            _ => Error::invalid(format!("what is left cannot have happened: {error}"))
                .with_hint("leave out the lines too that follow from those"),
        })?;
        let user = state.user.as_ref();
        let user = user.map_or("", |User { identity, .. }| identity);
        Ok(history::write(base.count + 1, user, &kept))
    }

    /// Takes over Flowkeeper's file, all of it or nothing.
    ///
    /// # Errors
    /// `Invalid` for a file that is no consistent history, with the line and the reason; `Conflict` when the space holds
    /// something else; `Unavailable` when the store does not answer: without it nobody knows what the space lacks.
    pub async fn import(&self, file: &[u8], mode: Mode) -> Result<Imported> {
        let file = History::read(file)?;
        self.sync_now().await?;
        let missing = plan(&file, &self.stored().await?, mode)?;
        let taken = missing.len();
        self.replica.update_all(missing).await?;
        let sent = self.sync().await? == Sent::Yes;
        Ok(Imported {
            read: file.updates.len(),
            taken,
            sent,
        })
    }

    /// Folds the whole history again, as the bucket holds it, and compares.
    ///
    /// # Errors
    /// As [`Replica::sync`].
    pub async fn replay(&self) -> Result<Replayed> {
        self.sync_now().await?;
        let stored = self.stored().await?;
        let report = self.replica.verify().await?;
        Ok(Replayed {
            updates: stored.updates.len(),
            compressed: stored.base.count,
            same: stored.fold()? == *self.replica.state(),
            problems: report
                .problems
                .into_iter()
                .map(|p| format!("{}: {}", p.object, p.message))
                .collect(),
        })
    }

    /// Writes something to the store that is no part of the history, and reads it again. Returns how many milliseconds
    /// that took.
    ///
    /// # Errors
    /// As [`Replica::send_transient`].
    pub async fn ping(&self) -> Result<u64> {
        self.sync_now().await?;
        let author = self.replica.author().await?;
        let begun = self.replica.now();
        self.replica
            .send_transient("ping", &begun, PING_LIVES)
            .await?;
        let seen = self.replica.transient().await?;
        let back = seen
            .iter()
            .any(|seen| seen.author == author && seen.event.data == begun);
        if !back {
            return Err(Error::unavailable(
                "the store took the ping, but does not show it",
            ));
        }
        Ok(self.replica.now().saturating_sub(begun).unsigned_abs())
    }

    /// Begins a history that is the present state alone. `true`: it is exactly the same state, as it must be.
    ///
    /// # Errors
    /// As [`Replica::compress`]; the old history stays then.
    pub async fn compress(&self) -> Result<bool> {
        self.sync_now().await?;
        let before = self.replica.state();
        self.replica.compress().await?;
        self.sync_now().await?;
        Ok(before == self.replica.state())
    }

    /// Removes everything that is stored of the user, and ends the session. The space's name stays taken, and what is
    /// written later is refused, or removed too where a device notices late.
    ///
    /// # Errors
    /// As [`Replica::erase`].
    pub async fn delete_account(self) -> Result<u64> {
        Ok(self.replica.erase().await?.objects)
    }
}

/// The update that was set aside.
///
/// # Errors
/// `Corrupt` when the local folder holds something else.
pub fn refused_update(refused: &Refused) -> Result<Update> {
    serde_json::from_str(&refused.update)
        .map_err(|e| Error::corrupt("the refused update cannot be read").with_source(e))
}
