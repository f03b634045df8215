//! The history of a space, its past states, and what waits for a person.

use crate::changes::decoded;
use crate::replica::{App, Replica};
use icecore_core::transient::TransientEvent;
use icecore_core::{
    Conflict, Content, Entry, Error, Generation, Key, Rejected, RejectedUpdate, Result, UpdateId,
};
use icecore_replica::status::{Refused, Status};
use icecore_store::history::{Segments, state_until};
use icecore_store::transient::{self, Seen};
use serde::Serialize;
use std::time::Duration;

/// An update of the history.
#[derive(Debug, Clone)]
pub struct Recorded<U> {
    /// Which update.
    pub id: UpdateId,
    /// The key of the object that carried it: in a timestamp space about when it was stored, in milliseconds.
    pub key: Key,
    /// When it happened by its author's clock, RFC 3339.
    pub at: String,
    /// The update; what cannot be read has the reason instead.
    pub update: Result<U, Rejected>,
}

impl<M: App> Replica<M> {
    /// All updates that are known to be stored, in canonical order. A compressed history begins with a state instead, and
    /// these are the updates after it.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// let id = replica.update(Msg::Add { id: 1, title: "Pack".to_owned() }).await?;
    /// replica.sync().await?;
    /// assert_eq!(replica.history().await?[0].id, id);
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `NotFound` before the first sync; otherwise as [`Replica::sync`].
    pub async fn history(&self) -> Result<Vec<Recorded<M::Update>>> {
        let mut entries = Vec::new();
        let mut space = self.space().lock().await;
        let reader = space.reader()?;
        let (info, newest) = (reader.info.clone(), reader.base.generation);
        let tail = reader.tail_entries();
        let content = reader.base.folded.content().clone();
        drop(space);
        let segments = Segments::after(self.store(), &info, Generation::ZERO).await?;
        let mut segments = segments.until(newest);
        while let Some(segment) = segments.next().await? {
            entries.extend(segment.entries);
        }
        entries.extend(tail);
        let entries = entries.iter();
        Ok(entries.map(|e| self.recorded(&content, e)).collect())
    }

    fn recorded(&self, content: &Content, entry: &Entry) -> Recorded<M::Update> {
        let opened = content.open(entry.id, &entry.update);
        let (update, at) = match opened {
            Ok(update) => decoded(self.model(), &update),
            Err(unopened) => (Err(Rejected::new(unopened.reason())), String::new()),
        };
        Recorded {
            id: entry.id,
            key: entry.key,
            at,
            update,
        }
    }

    /// The state as it was after the last update with this key or a lower one.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// for title in ["Pack", "Pack the tent"] {
    ///     replica.update(Msg::Add { id: 1, title: title.to_owned() }).await?;
    ///     replica.sync().await?;
    /// }
    /// let first = replica.history().await?[0].key;
    /// assert_eq!(replica.state_at(first).await?[&1], "Pack");
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `NotFound` when the history does not reach back so far, or before the first sync; otherwise as [`Replica::sync`].
    pub async fn state_at(&self, key: Key) -> Result<M::State> {
        let mut space = self.space().lock().await;
        let reader = space.reader()?;
        let folded = state_until(self.store(), reader, key).await?;
        folded.check_consistent()?;
        let state: Option<&M::State> = folded.state().downcast_ref();
        state
            .cloned()
            .ok_or_else(|| Error::internal("BUG: state of another model"))
    }

    /// The rules that the merged state breaks, with the updates involved: for a person to settle with
    /// [`Replica::resolve`].
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// let now = replica.now();
    /// let add = |id| (now, Msg::Add { id, title: "Pack".to_owned() });
    /// replica.update_all(vec![add(1), add(2)]).await?;
    /// replica.sync().await?;
    /// let conflicts = replica.conflicts().await?;
    /// assert_eq!(conflicts[0].message(), "2 tasks are called \"Pack\"");
    ///
    /// let rename = Msg::Rename { id: 2, title: "Sleep".to_owned() };
    /// replica.resolve(&conflicts[0].id, rename).await?;
    /// assert!(replica.conflicts().await?.is_empty());
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`Replica::rejected`].
    pub async fn conflicts(&self) -> Result<Vec<Conflict>> {
        Ok(self.space().lock().await.waiting()?.conflicts)
    }

    /// The newest updates of the history that the model did not apply.
    ///
    /// # Errors
    /// `NotFound` before the first sync; `Corrupt` when the history is inconsistent; errors of the local folder.
    pub async fn rejected(&self) -> Result<Vec<RejectedUpdate>> {
        Ok(self.space().lock().await.waiting()?.rejected.list)
    }

    /// Own updates that a sequenced space's state did not allow any more: never sent, kept for a person.
    ///
    /// # Errors
    /// As [`Replica::rejected`].
    pub async fn refused(&self) -> Result<Vec<Refused>> {
        Ok(self.space().lock().await.waiting()?.refused)
    }

    /// Drops a refused update, once a person has settled it. `false` when there is none of this number.
    ///
    /// # Errors
    /// Errors of the local folder.
    pub async fn drop_refused(&self, id: i64) -> Result<bool> {
        self.space().lock().await.drop_refused(id)
    }

    /// How far this device is, and why it is stuck.
    ///
    /// # Errors
    /// Errors of the local folder.
    pub async fn status(&self) -> Result<Status> {
        self.space().lock().await.status()
    }

    /// Tells others what matters for seconds and is part of no history, e.g. `typing`.
    ///
    /// # Errors
    /// `Invalid` for one that lives longer than five minutes or is larger than 4 KiB; `NotFound` before the first sync;
    /// otherwise what the store reports: it is sent once.
    pub async fn send_transient<T: Serialize + ?Sized>(
        &self,
        kind: &str,
        data: &T,
        lives: Duration,
    ) -> Result<()> {
        let data = serde_json::to_value(data)
            .map_err(|e| Error::invalid("the event has no JSON form").with_source(e))?;
        let event = TransientEvent::new(kind, data, lives)?;
        let mut space = self.space().lock().await;
        let author = space.author()?;
        let info = space.reader()?.info.clone();
        drop(space);
        transient::send(self.store(), &info, author, &event).await?;
        Ok(())
    }

    /// The transient events of everybody that live now.
    ///
    /// # Errors
    /// `NotFound` before the first sync; otherwise what the store reports.
    pub async fn transient(&self) -> Result<Vec<Seen>> {
        let info = self.space().lock().await.reader()?.info.clone();
        transient::live(self.store(), &info).await
    }
}
