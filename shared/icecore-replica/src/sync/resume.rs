//! Going on as an author whose replica is lost.

use super::flush::barred;
use super::pull::Found;
use crate::db::Durable;
use crate::queue;
use crate::replica::SpaceReplica;
use icecore_core::wire::SLOT_LIFE_MAX;
use icecore_core::{Author, Error, Order, Result, Seq};
use icecore_store::Broker;

/// How often it is waited for writes of the lost replica that were still under way.
const WAITS_MAX: u32 = 3;

impl SpaceReplica {
    /// Goes on as the author that access is bound to, although a replica has written as it: for one whose storage was
    /// lost, a browser's for instance. Where a token for a new author can be had, that is better: it needs no waiting.
    ///
    /// It waits until no write of the lost replica can land any more, reads the last seq of that author from everything
    /// that is stored, and goes on after it. `None` where access is bound to no such author: nothing was done.
    ///
    /// # Contract
    /// The other replica must be gone for good. While it lives both would use the same seqs.
    ///
    /// # Errors
    /// `Conflict` when updates of that author go on arriving: the other replica lives. Errors of the store, and of the
    /// replica's database: what is queued stays queued.
    pub async fn resume_author(&mut self) -> Result<Option<Author>> {
        let _lock = self.replica.lock().await?;
        self.pull_locked(true).await?;
        let writer = queue::writer(self.replica.db().read(), &self.space)?;
        let bound = self.replica.store().broker().and_then(Broker::author);
        let Some(author) = self.barred.filter(|author| Some(*author) == bound) else {
            return Ok(None);
        };
        if writer.author == author {
            // This replica has written as that author itself: what it sent may be under way.
            return Err(barred(author, &self.space));
        }
        let mut last = self.last_seq(author).await?;
        for _ in 0..WAITS_MAX {
            let clock = std::sync::Arc::clone(&self.replica.store().clock);
            clock.sleep(SLOT_LIFE_MAX).await;
            let seen = self.last_seq(author).await?;
            if seen == last {
                self.go_on_as(author, last)?;
                return Ok(Some(author));
            }
            last = seen;
        }
        Err(barred(author, &self.space))
    }

    /// The last seq of an author in everything that is stored.
    async fn last_seq(&mut self, author: Author) -> Result<Option<Seq>> {
        self.pull_locked(true).await?;
        let mut reader = self
            .reader
            .take()
            .ok_or_else(|| Error::internal("BUG: a pull without a reader"))?;
        self.known = None;
        // An error drops the reader: it is restored next time.
        let polled = reader.look_at_all().await?;
        let last = reader.last_seq_of(author);
        let mut pulled = super::Pulled::default();
        self.saves = self.settle(&reader, &polled, &Found::default(), &mut pulled)?;
        self.reader = Some(reader);
        Ok(last)
    }

    fn go_on_as(&mut self, author: Author, last: Option<Seq>) -> Result<()> {
        let first = last.map_or(Some(Seq::FIRST), Seq::next).ok_or_else(|| {
            Error::invalid("the seqs of this author are used up")
                .with_object(author.to_string())
                .with_hint("use a token for another author")
        })?;
        let space = self.space.clone();
        self.replica.db().write(Durable::Now, |t| {
            let writer = queue::writer(t, &space)?;
            queue::change_author(t, &space, writer.author, (author, first), &|_, _| None)
        })?;
        let order = self.held_reader()?.info.order;
        self.keys = self.keys.of_author(None);
        if order == Order::Timestamp {
            let (largest, now) = (
                self.held_reader()?.largest_key(),
                self.replica.store().now(),
            );
            self.keys.saw(largest, now);
        }
        self.barred = None;
        Ok(())
    }
}
