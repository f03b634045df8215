//! A running instance of the app: the replica, and the recorder that the app owns.

use super::{Notes, show};
use crate::call::Call;
use crate::model::NotesModel;
use crate::notebook::{Add, Note, Rename};
use crate::record::{RecordedCall, Recorder, Replayed, replay};
use icecore::{Error, Replica, Result};
use std::fs::File;

/// A running instance.
pub(super) struct App {
    /// Its state, its queue, and the way to the store.
    pub(super) replica: Replica<NotesModel>,
    /// Whether nothing is to be asked of the store.
    pub(super) offline: bool,
    pub(super) shows: show::Shows,
    recorder: Option<Recorder<File>>,
}

impl App {
    /// Opens this device's copy. No request is made.
    pub(super) async fn open(notes: &Notes, shows: show::Shows) -> Result<Self> {
        let recorder = notes.record.as_deref().map(Recorder::append_to);
        Ok(Self {
            replica: Replica::open(NotesModel, &notes.place, &notes.space).await?,
            offline: notes.offline,
            shows,
            recorder: recorder.transpose()?,
        })
    }

    /// Syncs; a store that cannot be reached is no reason to stop, for what is changed here is kept here.
    pub(super) async fn pull(&self) -> Result<()> {
        if self.offline {
            return Ok(());
        }
        match self.replica.sync().await {
            Err(error) if error.is_unavailable() => {
                show::warning(&format!("{error}; what is changed waits in the queue"));
                Ok(())
            }
            synced => synced.map(drop),
        }
    }

    /// Makes a call, and writes it down. The inner result is about the recording: the call was made then, whatever it says.
    pub(super) async fn make(&mut self, call: Call, settles: Option<&str>) -> Result<Result<()>> {
        self.check_title(&call)?;
        let (at, update) = (self.replica.now(), call.clone().into());
        let id = match settles {
            Some(conflict) => self.replica.resolve(conflict, update).await?,
            None => self.replica.update_at(at, update).await?,
        };
        let (id, at) = (Some(id), Some(at));
        Ok(self.record(&RecordedCall { id, at, call }))
    }

    /// Takes a call of a recording: one that was made elsewhere keeps its id, and one without an id is made here.
    pub(super) async fn take(&mut self, mut call: RecordedCall) -> Result<Replayed> {
        if call.id.is_none()
            && let Err(error) = self.check_title(&call.call)
        {
            return Ok(Replayed::Refused(error.to_string()));
        }
        call.at.get_or_insert_with(|| self.replica.now());
        let replayed = replay(&self.replica, call.clone()).await?;
        if let Replayed::Made(id) = replayed {
            call.id.get_or_insert(id);
            self.record(&call)?;
        }
        Ok(replayed)
    }

    fn record(&mut self, call: &RecordedCall) -> Result<()> {
        match &mut self.recorder {
            Some(recorder) => recorder.record(call),
            None => Ok(()),
        }
    }

    /// On one device no two notes get one title; only a merge or a replay can bring them together.
    fn check_title(&self, call: &Call) -> Result<()> {
        let (Call::Add(Add {
            id,
            note: Note { title, .. },
        })
        | Call::Rename(Rename { id, title })) = call
        else {
            return Ok(());
        };
        let state = self.replica.state();
        let mut notes = state.notebook.notes.iter();
        match notes.find(|(other, note)| *other != id && note.title == *title) {
            None => Ok(()),
            Some((other, _)) => Err(Error::invalid(format!("there is a note called {title:?}"))
                .with_object(other.clone())
                .with_hint("choose another title, or rename that note first")),
        }
    }
}
