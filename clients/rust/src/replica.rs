//! A typed replica of one space.

mod background;

use crate::changes::{CHANGES_MAX, Change, Changes, News, Stage, decoded};
use crate::place::Place;
use crate::space;
use icecore_core::model::message;
use icecore_core::tip::{Stand, Tip};
use icecore_core::{
    Author, Entry, Error, ErrorKind, Folded, Key, Model, ModelRef, Newer, Order, Result, SpaceName,
    Update, UpdateId,
};
use icecore_replica::{Acknowledged, NewUpdate, Pending, Pulled, Refusal, SpaceReplica, Unusable};
use icecore_seal::NewHolder;
use icecore_store::Store;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex, Notify, broadcast};

pub use icecore_replica::Synced;

/// A model whose updates can be written: what a [`Replica`] needs. Every such [`Model`] is one.
pub trait App: Model<Update: Serialize + Clone + Send + Sync + 'static> + Clone {}

impl<M> App for M where M: Model<Update: Serialize + Clone + Send + Sync + 'static> + Clone {}

/// One space on this device: its state, what waits to be sent, and what others wrote.
///
/// Cheap to clone: clones share everything. Updating and reading work offline; [`Replica::sync`] talks to the store.
#[derive(Clone)]
pub struct Replica<M: App> {
    inner: Arc<Inner<M>>,
}

struct Inner<M: App> {
    model: M,
    name: SpaceName,
    store: Store,
    /// For whoever talks to the store.
    space: Mutex<SpaceReplica>,
    /// For what needs no store: it never waits for a request. Taken before the view, and never across one.
    local: StdMutex<SpaceReplica>,
    view: StdMutex<View>,
    news: broadcast::Sender<News<M::Update>>,
    /// Wakes whoever syncs in the background.
    queued: Notify,
    /// Does so even where the last sync failed.
    woken: Notify,
}

/// The state as it is shown.
struct View {
    tip: Tip,
    /// What was saved of the space when this was brought forward.
    saves: i64,
}

impl<M: App> Replica<M> {
    /// Opens a space on this device. No request is made, so it works offline; before the first sync the state is the
    /// initial one.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let place = Place::new("memory://");
    /// let replica = Replica::open(Todo, &place, "todo").await?;
    /// assert!(replica.state().is_empty());
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `Invalid` for a place or a name that cannot be; `Denied` when the local folder cannot be used.
    pub async fn open(model: M, place: &Place, space: &str) -> Result<Self> {
        let store = place.open(&model)?.store;
        Self::on(model, place, store, space.parse()?).await
    }

    /// Opens a space, and makes the store and the space first where they are missing.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let folder = tempfile::tempdir().unwrap();
    /// let place = Place::new(folder.path().join("store").display().to_string())
    ///     .with_replica(folder.path().join("device"));
    /// for _ in 0..2 {
    ///     let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    ///     assert_eq!(replica.name().as_str(), "todo");
    /// }
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`Replica::open`], and what the store reports.
    pub async fn create(model: M, place: &Place, space: &str, order: Order) -> Result<Self> {
        Self::create_for(model, place, (space, order), None).await
    }

    /// The same for a space that is encrypted end to end: whoever has the passphrase or the identity of `place` can read
    /// it, and nobody else, whoever runs the bucket and the roll-up.
    ///
    /// # Errors
    /// As [`Replica::create`], and `Invalid` when no secret is given and nobody can be asked.
    pub async fn create_encrypted(
        model: M,
        place: &Place,
        space: &str,
        order: Order,
    ) -> Result<Self> {
        let holders = place.secrets().first_holders(space)?;
        Self::create_for(model, place, (space, order), Some(holders)).await
    }

    async fn create_for(
        model: M,
        place: &Place,
        (space, order): (&str, Order),
        holders: Option<Vec<NewHolder>>,
    ) -> Result<Self> {
        let opened = place.open(&model)?;
        let name: SpaceName = space.parse()?;
        let named = ModelRef::named(model.name());
        space::create(&opened, &name, (named, order), holders).await?;
        let replica = Self::on(model, place, opened.store, name).await?;
        replica.sync().await?;
        Ok(replica)
    }

    async fn on(model: M, place: &Place, store: Store, name: SpaceName) -> Result<Self> {
        let replicas = place.replicas(store.clone())?;
        let (space, local) = (replicas.space(&name)?, replicas.space(&name)?);
        let tip = Tip::new(Folded::initial(Arc::new(model.clone())), None);
        let inner = Inner {
            model,
            name,
            store,
            space: Mutex::new(space),
            local: StdMutex::new(local),
            view: StdMutex::new(View { tip, saves: -1 }),
            news: broadcast::channel(CHANGES_MAX).0,
            queued: Notify::new(),
            woken: Notify::new(),
        };
        let replica = Self {
            inner: Arc::new(inner),
        };
        let mut space = replica.inner.space.lock().await;
        let mut refolded = replica.refold(&mut space);
        if refolded.as_ref().is_err_and(Unusable::is) {
            // An empty list would be a lie: it is read anew.
            space.sync().await?;
            refolded = replica.refold(&mut space);
        }
        match refolded {
            // The secret may be that of a newer keyring, which the next sync brings.
            Err(error) if error.kind() == ErrorKind::Denied => {}
            refolded => refolded?,
        }
        drop(space);
        Ok(replica)
    }

    /// Makes one update: durable on this device and part of the state when it returns, sent by the next sync.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// replica.update(Msg::Add { id: 1, title: "Pack".to_owned() }).await?;
    /// assert_eq!((replica.state()[&1].as_str(), replica.pending().await?), ("Pack", 1));
    ///
    /// let error = replica.update(Msg::Rename { id: 7, title: "Sleep".to_owned() }).await.unwrap_err();
    /// assert_eq!(error.to_string(), "there is no task 7");
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `Invalid` when the present state does not allow it; nothing is queued then. Errors of the local folder.
    pub async fn update(&self, message: M::Update) -> Result<UpdateId> {
        self.update_at(self.now(), message).await
    }

    /// The same for what happened at another time than now, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// As [`Replica::update`].
    pub async fn update_at(&self, at: i64, message: M::Update) -> Result<UpdateId> {
        let ids = self.update_all(vec![(at, message)]).await?;
        Ok(ids[0])
    }

    /// Makes several updates, each with the time at which it happened: all of them or none. Each is checked against the
    /// state that the ones before it leave.
    ///
    /// # Errors
    /// As [`Replica::update`]; the object of the error is the number of the message, from 1.
    #[expect(
        clippy::unused_async,
        reason = "the interface is asynchronous: what it waits for may change"
    )]
    pub async fn update_all(&self, messages: Vec<(i64, M::Update)>) -> Result<Vec<UpdateId>> {
        self.make(messages, None)
    }

    /// Settles a conflict, or a rejected update, with an update that ends it.
    ///
    /// # Errors
    /// As [`Replica::update`].
    #[expect(
        clippy::unused_async,
        reason = "the interface is asynchronous: what it waits for may change"
    )]
    pub async fn resolve(&self, id: &str, message: M::Update) -> Result<UpdateId> {
        let ids = self.make(vec![(self.now(), message)], Some(id))?;
        Ok(ids[0])
    }

    fn make(
        &self,
        messages: Vec<(i64, M::Update)>,
        resolves: Option<&str>,
    ) -> Result<Vec<UpdateId>> {
        let mut updates = Vec::with_capacity(messages.len());
        for (at, message) in &messages {
            let (kind, data) = message::encode(message)?;
            let version = self.inner.model.version();
            let update = Update::of_version(version, *at, (&kind, &data), resolves)?;
            updates.push(NewUpdate { update });
        }
        let mut local = self.local();
        let queued = local.enqueue_from(|first| {
            let mut view = self.view();
            check(&mut view.tip, first, &updates)?;
            Ok(updates.clone())
        });
        let ids = match queued {
            Ok(ids) => ids,
            Err(error) => {
                // What was applied before the one that failed is not queued either.
                self.fold(&mut local)?;
                return Err(error);
            }
        };
        for ((id, new), (_, message)) in ids.iter().zip(&updates).zip(messages) {
            let at = new
                .update
                .parts()
                .map_or_else(String::new, |p| p.at.into_owned());
            self.tell(News::Change(Change {
                id: *id,
                own: true,
                at,
                update: Ok(message),
                stage: Stage::Pending,
            }));
        }
        // Not before: a sync beside this one tells that they are confirmed.
        drop(local);
        self.inner.queued.notify_one();
        Ok(ids)
    }

    /// The state: what the bucket was last seen to hold, and this device's pending updates on top. Where the model found
    /// the history inconsistent, it is the state before the impossible update, and [`Replica::sync`] names that one.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// replica.update(Msg::Add { id: 1, title: "Pack".to_owned() }).await?;
    /// let then = replica.state();
    /// replica.update(Msg::Rename { id: 1, title: "Pack the tent".to_owned() }).await?;
    /// assert_eq!((then[&1].as_str(), replica.state()[&1].as_str()), ("Pack", "Pack the tent"));
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn state(&self) -> Arc<M::State> {
        let shared = self.view().tip.folded().state().shared();
        shared.expect("BUG: state of another model")
    }

    /// Reads what others wrote, then sends what is queued.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// replica.update(Msg::Add { id: 1, title: "Pack".to_owned() }).await?;
    /// let synced = replica.sync().await?;
    /// assert_eq!((synced.acknowledged.len(), replica.pending().await?), (1, 0));
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `Unavailable`: what is queued stays queued, try again later. `Conflict` in a sequenced space when the new state
    /// refuses an update: it was set aside ([`Replica::refused`]), and the next sync sends the rest. `Corrupt` when the
    /// model found the history inconsistent. `NotFound`, `Denied`, `Invalid`: see the hint.
    pub async fn sync(&self) -> Result<Synced> {
        let mut space = self.inner.space.lock().await;
        let rejected_before = self.rejections();
        // A sync that was cut off, or another process, may have read what nobody was told of.
        let untold = space.saves()? != self.view().saves;
        let mut sent = Vec::new();
        let tell = &mut |a: &Acknowledged, update: &Update| sent.push(entry_of(a.id, update));
        let result = space.sync_with(tell).await;
        let changed = space.saves()? != self.view().saves;
        let refolded = if changed || result.is_err() {
            self.refold(&mut space)
        } else {
            Ok(())
        };
        self.local().follow(&space, result.is_ok());
        let author = space.author()?;
        drop(space);
        // Where an update is told of one by one, it is not told of as a whole too.
        let reread = match &result {
            Ok(synced) => synced.pulled.reread || synced.pulled.new_author.is_some(),
            Err(_) => changed,
        };
        if untold || reread {
            self.tell(News::Reread);
        }
        let arrived = result.as_ref().map(|s| s.pulled.arrived.as_slice());
        let entries = arrived.unwrap_or_default().iter().cloned();
        let entries: Vec<Entry> = entries.chain(sent).collect();
        self.tell_entries(&entries, author, &rejected_before);
        if let Ok(synced) = &result {
            self.tell_pulled(&synced.pulled);
        }
        if let Some(newer) = result.as_ref().err().and_then(Newer::of) {
            self.tell(News::Held {
                needed: newer.needed,
                known: newer.known,
            });
        }
        if let Some(refusal) = result.as_ref().err().and_then(Refusal::of) {
            self.tell(News::Refused {
                id: refusal.id,
                reason: refusal.reason.clone(),
            });
        }
        // Why the sync failed says more than that there is nothing to fold.
        let synced = result?;
        refolded?;
        self.view().tip.folded().check_consistent()?;
        Ok(synced)
    }

    /// What changes from now on: whoever shows the state need not look at all of it again.
    ///
    /// ```
    /// # use icecore::{Order, Place, Replica, example::{Msg, Todo}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let place = Place::new("memory://");
    /// # let replica = Replica::create(Todo, &place, "todo", Order::Timestamp).await?;
    /// use icecore::{News, Stage};
    /// let mut changes = replica.changes();
    /// let id = replica.update(Msg::Add { id: 1, title: "Pack".to_owned() }).await?;
    /// replica.sync().await?;
    /// for stage in [Stage::Pending, Stage::Confirmed] {
    ///     let Some(News::Change(change)) = changes.next().await else { panic!() };
    ///     assert_eq!((change.id, change.own, change.stage), (id, true, stage));
    ///     assert_eq!(change.update.unwrap(), Msg::Add { id: 1, title: "Pack".to_owned() });
    /// }
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn changes(&self) -> Changes<M::Update> {
        Changes::new(self.inner.news.subscribe())
    }

    /// How many updates wait to be sent.
    ///
    /// # Errors
    /// Errors of the local folder.
    #[expect(
        clippy::unused_async,
        reason = "the interface is asynchronous: what it waits for may change"
    )]
    pub async fn pending(&self) -> Result<usize> {
        Ok(self.local().pending(usize::MAX)?.len())
    }

    /// As whom this device writes.
    ///
    /// # Errors
    /// Errors of the local folder.
    #[expect(
        clippy::unused_async,
        reason = "the interface is asynchronous: what it waits for may change"
    )]
    pub async fn author(&self) -> Result<Author> {
        self.local().author()
    }

    /// The local time, in milliseconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        self.inner.store.clock.now()
    }

    /// The space's name.
    pub fn name(&self) -> &SpaceName {
        &self.inner.name
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn model(&self) -> &M {
        &self.inner.model
    }

    pub(crate) fn space(&self) -> &Mutex<SpaceReplica> {
        &self.inner.space
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.inner
            .view
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn local(&self) -> MutexGuard<'_, SpaceReplica> {
        self.inner
            .local
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds what is known now, while nothing is queued.
    fn refold(&self, space: &mut SpaceReplica) -> Result<()> {
        let _local = self.local();
        self.fold(space)
    }

    fn fold(&self, space: &mut SpaceReplica) -> Result<()> {
        let saves = space.saves()?;
        match space.stand(&mut |stand| self.show(stand)) {
            Err(error) if error.is_not_found() => {
                let base = Folded::initial(Arc::new(self.inner.model.clone()));
                let pending = space.pending(usize::MAX)?;
                let steps: Vec<_> = pending.iter().map(Pending::step).collect();
                self.show(&Stand {
                    base: &base,
                    at: None,
                    steps: &steps,
                });
            }
            stood => stood?,
        }
        self.view().saves = saves;
        Ok(())
    }

    /// Brings what is shown forward. Only those who hold the local replica change it.
    fn show(&self, stand: &Stand<'_>) {
        let mut tip = {
            let mut view = self.view();
            if view.tip.is_near(stand) {
                view.tip.advance(stand);
                return;
            }
            view.tip.clone()
        };
        // It takes a while: whoever asks for the state meanwhile gets the one before.
        tip.advance(stand);
        let before = std::mem::replace(&mut self.view().tip, tip);
        drop(before);
    }

    fn tell(&self, news: News<M::Update>) {
        // Nobody listens: nothing to tell.
        drop(self.inner.news.send(news));
    }

    /// What the model does not apply of what is shown, as far as it is listed.
    fn tell_pulled(&self, pulled: &Pulled) {
        if let Some(missing) = pulled.restored {
            let requeued = pulled.requeued;
            self.tell(News::Restored { missing, requeued });
        }
        if let Some(generation) = pulled.impure {
            self.tell(News::Impure { generation });
        }
        for id in &pulled.set_aside {
            self.tell(News::SetAside { id: *id });
        }
    }

    fn rejections(&self) -> BTreeMap<UpdateId, String> {
        let view = self.view();
        let listed = view.tip.folded().rejected.list.iter();
        listed.map(|r| (r.id, r.reason.to_string())).collect()
    }

    /// Tells what is part of the state now, and what the model does not apply and was applied, or not known, before.
    fn tell_entries(&self, entries: &[Entry], own: Author, before: &BTreeMap<UpdateId, String>) {
        if self.inner.news.receiver_count() == 0 {
            return;
        }
        let rejected = self.rejections();
        let all_listed = self.view().tip.folded().rejected.count == rejected.len() as u64;
        if !all_listed && entries.len() > rejected.len() {
            self.tell(News::Reread);
            return;
        }
        for entry in entries.iter().filter(|e| !rejected.contains_key(&e.id)) {
            let (update, at) = decoded(&self.inner.model, &entry.update);
            self.tell(News::Change(Change {
                id: entry.id,
                own: entry.id.author == own || entry.key == Key::MAX,
                at,
                update,
                stage: Stage::Confirmed,
            }));
        }
        for (id, reason) in rejected
            .into_iter()
            .filter(|(id, _)| !before.contains_key(id))
        {
            let own = id.author == own;
            self.tell(News::Rejected { id, own, reason });
        }
    }
}

impl<M: App> fmt::Debug for Replica<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("space", &self.inner.name)
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

/// Applies updates one after the other, as pending ones.
fn check(tip: &mut Tip, first: UpdateId, updates: &[NewUpdate]) -> Result<()> {
    // Also while this program holds at what a newer version wrote: what is made is queued, and sent once it is updated.
    tip.folded().check_possible()?;
    for (n, new) in (0_u64..).zip(updates) {
        let id = UpdateId {
            author: first.author,
            seq: first.seq.saturating_add(n),
        };
        if !tip.push(id, &new.update) {
            let reason = tip
                .folded()
                .last_reason()
                .map_or_else(|| "no reason given".to_owned(), ToString::to_string);
            let error = Error::invalid(reason)
                .with_hint("the update was refused here, and nothing was queued");
            return Err(if updates.len() > 1 {
                error.with_object(format!("message {}", n + 1))
            } else {
                error
            });
        }
    }
    Ok(())
}

/// An own update that was sent: its key is that of nothing that is stored.
fn entry_of(id: UpdateId, update: &Update) -> Entry {
    Entry {
        id,
        key: Key::MAX,
        update: update.clone(),
    }
}
