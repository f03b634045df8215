//! Pull: poll, save, and settle what the queue must know.

use super::restored::{self, OwnMissing};
use super::{Pulled, arrived};
use crate::db::{Durable, execute, failed};
use crate::queue::{self, Pending, Writer};
use crate::refusal::Refusal;
use crate::replica::SpaceReplica;
use crate::saved;
use icecore_core::{
    Author, Content, Covered, Key, Order, Result, Seq, SpaceName, Update, UpdateId,
};
use icecore_store::history::find_updates;
use icecore_store::keyring::check_same_space;
use icecore_store::reader::{Polled, Waited};
use icecore_store::{Broker, Reader, new_author};
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long own updates are kept after they were acknowledged: a backup of the store that is no older can be put back, and
/// nothing of them is lost.
const OWN_KEPT: Duration = Duration::from_hours(90 * 24);

/// How many own updates are kept however old they are.
const OWN_KEPT_MIN: i64 = 10_000;

/// What a look at the store says of this replica's own updates.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Acknowledged, and not stored any more.
    missing: Vec<OwnMissing>,
    /// What the history holds under the ids of pending updates.
    covered: BTreeMap<UpdateId, Update>,
}

/// Why an update is left to a person.
const UNKNOWN_CONTENT: &str = "the history holds an update under its id and was compressed since: whether it is this one cannot be told; look whether the state has it";

impl Found {
    /// The ids of what is missing.
    fn own(&self) -> Covered {
        self.missing.iter().map(|own| own.id).collect()
    }
}

impl SpaceReplica {
    pub(super) async fn pull_locked(&mut self, everything: bool) -> Result<Pulled> {
        let newer = self.restore()?;
        let waited = if everything {
            Waited::Not
        } else {
            Waited::AsDue
        };
        let known = self.known.take();
        let before = self
            .reader
            .as_ref()
            .map(|reader| known.unwrap_or_else(|| arrived::ids(reader)));
        let (mut reader, mut polled) = match self.reader.take() {
            Some(mut reader) => {
                let polled = reader.poll(waited).await?; // An error drops the reader: it is restored next time.
                (reader, polled)
            }
            None => self.first_look().await?,
        };
        self.note_seen(&reader);
        let mut pulled = Pulled {
            changed: polled.changed(),
            objects: polled.bodies.len() as u64,
            layers: polled.layers.len() as u64,
            new_epoch: polled.new_epoch,
            ..Pulled::default()
        };
        arrived::note(&mut pulled, &reader, &polled, before.as_ref())?;
        self.known = arrived::ids_after(&pulled, &polled, before);
        if newer {
            // What another process of this replica has read is news here too.
            (pulled.changed, pulled.reread) = (true, true);
        }
        let saved = if polled.looked {
            let found = Found {
                missing: self.own_missing(&mut reader, &mut polled).await?,
                covered: self.look_up_covered(&reader).await?,
            };
            let saves = self.settle(&reader, &polled, &found, &mut pulled)?;
            self.settle_again(&reader, &mut pulled)
                .await?
                .unwrap_or(saves)
        } else {
            self.saves
        };
        self.saves = saved;
        self.reader = Some(reader);
        self.pulled = true;
        Ok(pulled)
    }

    async fn first_look(&self) -> Result<(Reader, Polled)> {
        let (reader, layers) = Reader::open_with_layers(self.replica.store(), &self.space).await?;
        // What was saved may be of no use any more; that it was of another store, or of a newer keyring, still counts.
        if let Some(seen) = saved::info(self.replica.db().read(), &self.space)? {
            check_same_space(&seen, &reader.info)?;
        }
        let bodies = reader.bodies();
        Ok((
            reader,
            Polled {
                looked: true,
                new_epoch: true,
                checked: true,
                layers,
                bodies,
                ..Polled::default()
            },
        ))
    }

    /// Keys that others used: the next own key is above them.
    fn note_seen(&mut self, reader: &Reader) {
        let now = self.replica.store().now();
        self.keys.saw(reader.largest_key(), now);
        if reader.info.order == Order::Timestamp {
            let base = &reader.base;
            self.keys.reached(base.reached());
            self.keys
                .remember((base.epoch, base.generation), &base.recent);
        }
    }

    /// What the history holds under the ids of pending updates that it covers: our own writes, whose
    /// acknowledgement was lost with a crash, or those of a copy of this replica.
    async fn look_up_covered(&self, reader: &Reader) -> Result<BTreeMap<UpdateId, Update>> {
        let pending = self.pending(usize::MAX)?;
        let covered: BTreeSet<UpdateId> = pending
            .iter()
            .map(|p| p.id)
            .filter(|id| reader.base.covered.contains(*id))
            .collect();
        let store = self.replica.store();
        find_updates(store, &reader.info, reader.base.generation, &covered).await
    }

    /// What goes on under an author of its own may be stored under that one already, sent by another copy of this replica.
    async fn settle_again(&mut self, reader: &Reader, pulled: &mut Pulled) -> Result<Option<i64>> {
        if pulled.new_author.is_none() || self.pending(1)?.is_empty() {
            return Ok(None);
        }
        let found = Found {
            covered: self.look_up_covered(reader).await?,
            ..Found::default()
        };
        let mut again = Pulled::default();
        let saves = self.settle(reader, &Polled::default(), &found, &mut again)?;
        pulled.add(again);
        Ok(Some(saves))
    }

    /// Saves what came and settles the queue with it, in one transaction.
    pub(super) fn settle(
        &mut self,
        reader: &Reader,
        polled: &Polled,
        found: &Found,
        pulled: &mut Pulled,
    ) -> Result<i64> {
        let store = self.replica.store().clone();
        let now = store.clock.now();
        let space = self.space.clone();
        let fresh = new_author(&*store.clock, &*store.ids);
        let (mut keys, mut barred) = (None, None);
        // With something pending the author may change: that must not be forgotten by a power cut, or what was
        // published under the new author meanwhile would be published again under yet another one.
        let durable = if self.pending(1)?.is_empty() {
            Durable::Soon
        } else {
            Durable::Now
        };
        let bound = store.broker().and_then(Broker::author);
        let saves = self.replica.db().write(durable, |t| {
            if let Some(lost) = &polled.lost {
                restored::keep_lost(t, &space, &lost.without(&found.own()))?;
            }
            let known = saved::Found::load(t, &space)?.impure;
            let impure = reader.base.impure.as_deref().filter(|_| known.is_none());
            pulled.impure = impure.map(|witness| witness.generation);
            let saves = saved::save(t, reader, polled)?;
            restored::mark_covered(t, reader, polled)?;
            let requeued = restored::requeue_own(t, reader, &found.missing, now)?;
            pulled.requeued = requeued.len();
            pulled.restored = note_restored(t, reader, polled, &requeued, now)?;
            settle_pending(t, reader, &found.covered, now)?;
            pulled.set_aside = set_aside_unknown(t, reader, &found.covered, now)?;
            let writer = queue::writer(t, &space)?;
            let others = !pulled.set_aside.is_empty() || another_writes_as(t, reader, writer)?;
            match next_author(t, reader, (writer, others), (bound, fresh))? {
                Next::Same => {}
                Next::Another(author) => {
                    let content = reader.base.folded.content();
                    let heir = |id, update: &Update| match bound {
                        Some(_) => None,
                        None => heir(content, id, update),
                    };
                    let author = queue::change_author(
                        t,
                        &space,
                        writer.author,
                        (author, Seq::FIRST),
                        &heir,
                    )?;
                    pulled.new_author = Some(author);
                    keys = Some(self.keys.of_author(None));
                }
                Next::Barred(author) => barred = Some(author),
            }
            let kept = OWN_KEPT.max(store.settings.retention);
            let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
            forget_own(t, &space, now.saturating_sub(kept))?;
            Ok(saves)
        })?;
        if let Some(keys) = keys {
            self.keys = keys;
        }
        self.barred = barred;
        Ok(saves)
    }
}

/// A store that was put back to an older state is noticed by what is missing: what had been read, or what was acknowledged.
fn note_restored(
    t: &rusqlite::Transaction<'_>,
    reader: &Reader,
    polled: &Polled,
    own: &Covered,
    now: i64,
) -> Result<Option<u64>> {
    let mut lost = polled.lost.clone().unwrap_or_default();
    // What a new epoch lacks was on its way when that began.
    let noticed = polled.lost.is_some() || !(own.is_empty() || polled.new_epoch);
    if noticed {
        lost.extend(own);
    }
    let restored = restored::note(t, reader, noticed.then_some(&lost), now)?;
    Ok(noticed.then(|| restored.map_or(0, |restored| restored.missing.len())))
}

/// Pending updates that the bucket turns out to hold (the response was lost, and with it the process) are
/// acknowledged.
fn settle_pending(
    t: &rusqlite::Transaction<'_>,
    reader: &Reader,
    covered: &BTreeMap<UpdateId, Update>,
    now: i64,
) -> Result<()> {
    let space = &reader.info.space;
    let all = queue::pending(t, space, usize::MAX)?;
    if all.is_empty() {
        return Ok(());
    }
    let shown = reader.shown();
    for pending in all {
        let is_there = reader.base.covered.contains(pending.id) || shown.contains(pending.id);
        if is_there && is_the_same(reader, covered, &pending) {
            let key = reader.key_of(pending.id).unwrap_or(Key::MIN);
            let end = pending.id.seq.saturating_add(1);
            queue::acknowledge(t, space, pending.id, end, (key, now))?;
        }
    }
    Ok(())
}

/// Pending updates whose ids are in the history while nobody can tell any more with what content, for it was compressed:
/// this replica was put back to an older state, and may have sent them since, or its folder was copied. Sent under another
/// id they might count twice, dropped they might be lost: a person decides. Returns which.
fn set_aside_unknown(
    t: &rusqlite::Transaction<'_>,
    reader: &Reader,
    covered: &BTreeMap<UpdateId, Update>,
    now: i64,
) -> Result<Vec<UpdateId>> {
    let space = &reader.info.space;
    let mut ids = Vec::new();
    for pending in queue::pending(t, space, usize::MAX)? {
        let id = pending.id;
        if !reader.base.covered.contains(id) || covered.contains_key(&id) {
            continue;
        }
        let refusal = Refusal {
            id,
            reason: UNKNOWN_CONTENT.to_owned(),
            since: Vec::new(),
        };
        queue::set_aside(t, space, &pending, &refusal, now)?;
        ids.push(id);
    }
    Ok(ids)
}

/// Whether what is stored under the id of a pending update is that update. Sealed by another copy of this replica it has
/// other bytes.
fn says(reader: &Reader, pending: &Pending, stored: &Update) -> bool {
    let opened = || reader.base.folded.content().open(pending.id, stored);
    stored == pending.stored() || opened().is_ok_and(|opened| *opened == pending.update)
}

/// The bucket holds this id with this content. Where the history was compressed its content is not known any
/// more: then it is ours if this replica began to write it.
fn is_the_same(reader: &Reader, covered: &BTreeMap<UpdateId, Update>, pending: &Pending) -> bool {
    match covered
        .get(&pending.id)
        .or_else(|| reader.tail_update(pending.id))
    {
        Some(update) => says(reader, pending, update),
        None => pending.attempted && reader.base.covered.contains(pending.id),
    }
}

/// The author under which a pending update goes on alone when its id is taken: the same in whatever copy of the replica it
/// waits, so that it counts once. `None` where the keys of an encrypted space are not at hand.
///
/// By its place in the queue it sorts among the others of its author.
fn heir(content: &Content, id: UpdateId, update: &Update) -> Option<Author> {
    // Authors are readable: they must tell nothing of what the update says.
    let token = content.token(id, update)?;
    let random = u128::from_be_bytes(*token.first_chunk()?);
    let millis = id.author.millis().saturating_add(id.seq.get());
    Some(Author::from_parts(millis, random))
}

/// As whom to go on.
enum Next {
    /// As before.
    Same,
    /// As another author: somebody else writes as the present one, or access is bound to this one.
    Another(Author),
    /// Access is bound to this author, and another replica writes as it: reading goes on, writing does not.
    Barred(Author),
}

/// What may have been sent under the present author keeps its id until its fate is known; if access does not allow
/// that, whoever sends it says so.
fn next_author(
    t: &rusqlite::Transaction<'_>,
    reader: &Reader,
    (writer, another): (Writer, bool),
    (bound, fresh): (Option<Author>, Author),
) -> Result<Next> {
    let Some(bound) = bound else {
        return Ok(if another {
            Next::Another(fresh)
        } else {
            Next::Same
        });
    };
    if writer.author == bound {
        return Ok(if another {
            Next::Barred(bound)
        } else {
            Next::Same
        });
    }
    let pending = queue::pending(t, &reader.info.space, usize::MAX)?;
    if pending.iter().any(|p| p.attempted) {
        return Ok(Next::Same);
    }
    Ok(match reader.last_seq_of(bound) {
        Some(_) => Next::Barred(bound),
        None => Next::Another(bound),
    })
}

/// Does the bucket hold updates of this author that this replica did not write? Then its folder was copied, or
/// put back to an older state, and going on under the same author would hide one update behind another.
fn another_writes_as(
    t: &rusqlite::Transaction<'_>,
    reader: &Reader,
    writer: Writer,
) -> Result<bool> {
    let beyond = reader
        .last_seq_of(writer.author)
        .is_some_and(|last| last >= writer.next_seq);
    // One of them that lies where it does not count, behind a hole of a sequence, is our own all the same.
    let is_anothers = |p: &Pending| match reader.tail_update(p.id) {
        Some(update) => !says(reader, p, update),
        None => reader.base.covered.contains(p.id),
    };
    Ok(beyond
        || queue::pending(t, &reader.info.space, usize::MAX)?
            .iter()
            .any(is_anothers))
}

/// Own updates that the base covers are kept for a while, in case the store is put back to an older state. The newest ones
/// stay whatever their age is: a clock that was far ahead once must not make them old.
fn forget_own(t: &rusqlite::Transaction<'_>, space: &SpaceName, before: i64) -> Result<()> {
    let count: i64 = t
        .prepare_cached("SELECT count(*) FROM own WHERE space = ?1")
        .and_then(|mut select| select.query_row([space.as_str()], |row| row.get(0)))
        .map_err(failed)?;
    let beyond = count - OWN_KEPT_MIN;
    if beyond <= 0 {
        return Ok(());
    }
    execute(
        t,
        "DELETE FROM own WHERE space = ?1 AND covered AND acked_at < ?2 AND (author, seq) IN
         (SELECT author, seq FROM own WHERE space = ?1 ORDER BY key, author, seq LIMIT ?3)",
        params![space.as_str(), before, beyond],
    )?;
    Ok(())
}
