//! Flush: the queue, object by object, in order.

use crate::db::Durable;
use crate::queue::{self, Pending};
use crate::refusal::{self, Refusal};
use crate::replica::SpaceReplica;
use crate::saved;
use icecore_core::update::OBJECT_UPDATES_MAX;
use icecore_core::{
    Author, Error, Key, Order, Result, Seal, SpaceName, Update, UpdateId, UpdateObject,
};
use icecore_store::publish::{Published, publish_at_counting, publish_counting};
use serde::Serialize;

/// How often a sequenced update is checked again and sent under the next key before this reports a conflict.
const SEQUENCE_TRIES_MAX: u32 = 100;

/// An update that is stored in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// Which update.
    #[serde(flatten)]
    pub id: UpdateId,
    /// The key of the object that carries it.
    pub key: Key,
    /// PUTs that its object took.
    pub puts: u32,
    /// Of these, collisions with other writers.
    pub bumps: u32,
}

/// What came of one object.
#[derive(Debug, Default)]
struct Flushed {
    acknowledged: Vec<Acknowledged>,
    /// What they say, one by one.
    updates: Vec<Update>,
    /// Whether the queue may hold more.
    more: bool,
}

impl Flushed {
    fn look_again() -> Self {
        Self {
            more: true,
            ..Self::default()
        }
    }
}

impl SpaceReplica {
    /// Whether the space and its segments were looked at so long ago that the epoch may be an old one.
    pub(crate) fn pull_is_overdue(&self) -> bool {
        self.reader
            .as_ref()
            .is_none_or(icecore_store::Reader::is_check_due)
    }

    pub(super) async fn flush_locked(
        &mut self,
        tell: &mut (dyn FnMut(&Acknowledged, &Update) + Send),
    ) -> Result<Vec<Acknowledged>> {
        self.restore()?;
        if self.keys.own_last().is_none() {
            let writer = queue::writer(self.replica.db().read(), &self.space)?;
            self.keys = self.keys.of_author(writer.own_last);
        }
        // Until this flush has ended: where it is given up on the way, the next one knows.
        let interrupted = std::mem::replace(&mut self.unsettled, true);
        let mut all: Vec<Acknowledged> = Vec::new();
        let result = loop {
            match self.flush_one().await {
                Ok(flushed) => {
                    for (acknowledged, update) in flushed.acknowledged.iter().zip(&flushed.updates)
                    {
                        tell(acknowledged, update);
                    }
                    all.extend(flushed.acknowledged);
                    if !flushed.more {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        // Once per flush, and also after a flush that failed half-way: others need not wait for the rest.
        if let Some(last) = all.last() {
            // What was sent before without an answer may be stored under another key too: then this replica has to look.
            let certain = !interrupted && all.iter().all(|a| a.puts == a.bumps + 1);
            if let Err(error) = self.held_reader()?.hint(last.key, certain).await {
                tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
            }
        }
        self.unsettled = result.is_err() || (interrupted && all.is_empty());
        result.map(|()| all)
    }

    /// Publishes the first queued updates as one object.
    async fn flush_one(&mut self) -> Result<Flushed> {
        let pending = queue::pending(self.replica.db().read(), &self.space, OBJECT_UPDATES_MAX)?;
        let sealed = self.sealed(pending);
        if sealed.is_err() {
            // What stands in its way may be gone: the next sync looks at the space first.
            self.pulled = false;
        }
        let pending = sealed?;
        let run = run_of_one_author(&pending);
        let fitting = UpdateObject::fitting(run.iter().map(Pending::stored)).min(run.len());
        let run = &run[..fitting];
        if run.is_empty() {
            return Ok(Flushed::default());
        }
        if let Some(author) = self.barred {
            return Err(barred(author, &self.space));
        }
        let order = self.held_reader()?.info.order;
        let (object, published) = match order {
            Order::Timestamp => {
                let object = self.begin(run)?;
                let (published, puts) = self.publish_by_time(&object).await?;
                self.not_begun(run, &object, (published.is_err(), puts))?;
                (object, published?)
            }
            Order::Sequence => match self.publish_in_sequence(run).await? {
                Some(published) => published,
                None => return Ok(Flushed::look_again()),
            },
        };
        // Another copy of this replica wrote on as the same author: the next sync looks first, and finds what it wrote.
        let is_shared = published.occupant.is_some();
        let acknowledged = self.record(&object, published)?;
        if is_shared {
            self.pulled = false;
        }
        let all = acknowledged.len() == pending.len() && pending.len() < OBJECT_UPDATES_MAX;
        let updates = run.iter().map(|pending| pending.update.clone());
        Ok(Flushed {
            updates: updates.take(acknowledged.len()).collect(),
            acknowledged,
            more: !all && !is_shared,
        })
    }

    /// What is pending as it is sent: in an encrypted space sealed, and kept so.
    fn sealed(&mut self, mut pending: Vec<Pending>) -> Result<Vec<Pending>> {
        let content = self.held_reader()?.base.folded.content().clone();
        // Into a space of a model that is not known here nothing is written. What is sealed already needs no key.
        if !pending.is_empty() && !content.is_locked() {
            content.check_readable()?;
        }
        if matches!(content.seal(), Seal::Clear) || pending.iter().all(|p| p.sealed.is_some()) {
            return Ok(pending);
        }
        let store = self.replica.store();
        for p in pending.iter_mut().filter(|p| p.sealed.is_none()) {
            p.sealed = content.seal_update(p.id, &p.update, store.salt(&content))?;
        }
        self.replica.db().write(Durable::Soon, |t| {
            for p in &pending {
                if let Some(sealed) = &p.sealed {
                    queue::keep_sealed(t, &self.space, p.id, sealed)?;
                }
            }
            Ok(())
        })?;
        Ok(pending)
    }

    /// The object of these updates, which are marked as under way.
    fn begin(&self, run: &[Pending]) -> Result<UpdateObject> {
        let first = run
            .first()
            .ok_or_else(|| Error::internal("BUG: an object of no updates"))?
            .id;
        let updates = run.iter().map(|p| p.stored().clone()).collect();
        let object = UpdateObject::new(first.author, first.seq, updates);
        if run.iter().any(|p| !p.attempted) {
            queue::mark_attempted(&mut self.replica.db(), &self.space, first, object.end())?;
        }
        Ok(object)
    }

    /// Where a publish failed before its first PUT, what was marked for it is as it was.
    fn not_begun(
        &self,
        run: &[Pending],
        object: &UpdateObject,
        (failed, puts): (bool, u32),
    ) -> Result<()> {
        match run.iter().find(|p| !p.attempted) {
            Some(first) if failed && puts == 0 => {
                queue::unmark_attempted(&mut self.replica.db(), &self.space, first.id, object.end())
            }
            _ => Ok(()),
        }
    }

    async fn publish_by_time(&mut self, object: &UpdateObject) -> Result<(Result<Published>, u32)> {
        let mut keys = self.keys.clone();
        let reader = self.held_reader()?;
        let (store, info) = (reader.store().clone(), reader.info.clone());
        let (result, puts) = publish_counting(&store, &info, object, &mut keys).await;
        self.keys = keys;
        if result.as_ref().is_err_and(Error::is_conflict) {
            // Somebody else writes as this author: the next pull gives this replica another one.
            self.pulled = false;
        }
        Ok((result, puts))
    }

    /// Puts those of the updates that the state allows under the key after the last. When another writer was first,
    /// they are checked against the new state and sent again, or refused. `None` when nothing is to be recorded:
    /// look at the queue again.
    async fn publish_in_sequence(
        &mut self,
        run: &[Pending],
    ) -> Result<Option<(UpdateObject, Published)>> {
        let mut is_fresh = false;
        for _ in 0..SEQUENCE_TRIES_MAX {
            let next = queue::pending(self.replica.db().read(), &self.space, 1)?;
            let [next] = next.as_slice() else {
                return Ok(None);
            };
            if Some(next.id) != run.first().map(|p| p.id) {
                return Ok(None); // A pull found it stored.
            }
            let reader = self.reader()?;
            let (store, info) = (reader.store().clone(), reader.info.clone());
            let key = reader
                .sequence_end()
                .next()
                .ok_or_else(|| Error::internal("a sequence is used up"))?;
            reader.check_place(key)?;
            let allowed = self.allowed(run)?;
            if allowed == 0 && !is_fresh {
                // What others have written may allow it.
                self.pull_again().await?;
                is_fresh = true;
                continue;
            }
            if allowed == 0 {
                return Err(self.refuse(next).await?);
            }
            let object = self.begin(&run[..allowed])?;
            let (published, puts) = publish_at_counting(&store, &info, &object, key).await;
            self.not_begun(run, &object, (published.is_err(), puts))?;
            match published {
                // After pruning, a key at or below `through` may look free: such a write is void.
                Ok(published) => {
                    if self.reader()?.is_valid_in_sequence(key, next.id).await? {
                        return Ok(Some((object, published)));
                    }
                    self.pull_again().await?;
                    is_fresh = true;
                }
                Err(error) if error.is_conflict() => {
                    self.pull_again().await?;
                    is_fresh = true;
                }
                Err(error) => return Err(error),
            }
        }
        Err(
            Error::conflict("other writers were faster a hundred times in a row")
                .with_object(self.space.to_string())
                .with_hint("sync again when fewer write at once; the update stays queued"),
        )
    }

    /// Another writer was first: what it wrote is part of what this sync brings.
    async fn pull_again(&mut self) -> Result<()> {
        let pulled = self.pull_locked(true).await?;
        self.late.add(pulled);
        Ok(())
    }

    /// In a sequenced space an update is only sent when the state allows it, after those before it: how many of these
    /// it allows until the first that it does not.
    fn allowed(&mut self, run: &[Pending]) -> Result<usize> {
        let mut folded = self.reader()?.state();
        // Sealed or not: without the state nobody knows whether it allows them.
        folded.check_readable()?;
        folded.check_consistent()?;
        let mut allowed = 0;
        for p in run {
            // What was acknowledged in an earlier epoch has its place in the history, whatever became of the state.
            let applied = folded.apply_opened(p.id, Key::MAX, &p.update);
            if !applied && !queue::is_own(self.replica.db().read(), &self.space, p.id)? {
                break;
            }
            allowed += 1;
        }
        Ok(allowed)
    }

    /// Sets the first pending update aside, and tells what the state does not allow and what changed in between.
    async fn refuse(&mut self, refused: &Pending) -> Result<Error> {
        let reader = self.reader()?;
        let mut folded = reader.state();
        let id = refused.id;
        folded.apply_opened(id, Key::MAX, &refused.update);
        let reason = folded
            .last_reason()
            .map_or_else(String::new, ToString::to_string);
        let after = refused.made_after.unwrap_or(reader.base.through);
        let since = refusal::since(reader, id, after).await?;
        let refusal = Refusal { id, reason, since };
        let now = self.replica.store().clock.now();
        self.replica.db().write(Durable::Now, |t| {
            queue::refuse(t, &self.space, refused, &refusal, now)
        })?;
        Ok(refusal.into_error())
    }

    fn record(&mut self, object: &UpdateObject, published: Published) -> Result<Vec<Acknowledged>> {
        let first = UpdateId {
            author: object.author,
            seq: object.seq,
        };
        let store = self.replica.store().clone();
        let (now, server_now) = (store.clock.now(), store.now());
        let count = published.end.get().saturating_sub(object.seq.get());
        let stored = published
            .occupant
            .unwrap_or_else(|| stored_part(object, count));
        let space = self.space.clone();
        store.crash_point("publish.before_record");
        let saves = self.replica.db().write(Durable::Soon, |t| {
            queue::acknowledge(t, &space, first, published.end, (published.key, now))?;
            let at = (published.key, server_now, published.e_tag.as_deref());
            saved::save_tail(t, &space, at, &stored.to_json())?;
            saved::count_save(t, &space)
        })?;
        let reader = self
            .reader
            .as_mut()
            .ok_or_else(|| Error::internal("BUG: a flush without a reader"))?;
        if let Some(known) = &mut self.known {
            known.extend(&stored.entries().map(|(id, _)| id).collect());
        }
        reader.note_own(published.key, (server_now, published.e_tag), stored);
        self.saves = saves;
        Ok((0..count)
            .map(|i| Acknowledged {
                id: UpdateId {
                    author: first.author,
                    seq: first.seq.saturating_add(i),
                },
                key: published.key,
                puts: published.puts,
                bumps: published.bumps,
            })
            .collect())
    }
}

pub(super) fn barred(author: Author, space: &SpaceName) -> Error {
    Error::conflict(format!(
        "the token is bound to the author {author}, as whom another replica has written to this space"
    ))
    .with_object(space.to_string())
    .with_hint("each replica needs a token of its own; what is queued stays queued; where that replica is lost for good, an app can go on as its author (SpaceReplica::resume_author)")
}

/// The first updates of the queue that one object can carry: one author's, seq after seq.
fn run_of_one_author(pending: &[Pending]) -> &[Pending] {
    let follows = |pair: &[Pending]| {
        let next = pair[0].id.seq.next();
        pair[1].id.author == pair[0].id.author && Some(pair[1].id.seq) == next
    };
    let follow = pending.windows(2).take_while(|pair| follows(pair)).count();
    &pending[..pending.len().min(follow + 1)]
}

/// What the bucket holds: the whole object, or the shorter one of an earlier attempt.
fn stored_part(object: &UpdateObject, count: u64) -> UpdateObject {
    let count = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .min(object.updates.len());
    UpdateObject::new(object.author, object.seq, object.updates[..count].to_vec())
}
