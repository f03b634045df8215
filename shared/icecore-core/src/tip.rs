//! The state after a base and what follows it, kept: what comes at the end is applied to it, and the rest is not folded
//! again.
//!
//! Whatever way it was brought there, it is the state that [`Folded::after`] makes of the same base and the same updates.

use crate::fold::{Folded, Step};
use crate::ids::{Epoch, Generation, Key, UpdateId};
use crate::update::Update;
use std::fmt;

/// So many updates are rather applied once more than that another checkpoint, which is a copy of the state, is made.
const REPLAYED_MAX: usize = 64;

/// Which base it is, and which objects after it: where one of them was replaced by another one, `replaced` differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The epoch.
    pub epoch: Epoch,
    /// The newest segment that was folded.
    pub generation: Generation,
    /// Counts what took the place of something else after the base: an update is known by its id and its key, unless
    /// another one has got both.
    pub replaced: u64,
}

/// Where a tip is to go: a base, and all that follows it.
#[derive(Debug, Clone, Copy)]
pub struct Stand<'a> {
    /// The state before the first of the updates.
    pub base: &'a Folded,
    /// Which base it is, where there is one.
    pub at: Option<At>,
    /// The updates: those that are stored, in order, and then this device's own.
    pub steps: &'a [Step<'a>],
}

/// A state that goes on with what follows a base.
///
/// Cheap to clone: clones share the states until one of them goes on.
#[derive(Clone)]
pub struct Tip {
    base: Folded,
    at: Option<At>,
    /// What was applied to the base, in order.
    applied: Vec<Applied>,
    folded: Folded,
    checkpoint: Option<Checkpoint>,
    /// The state holds more than what was applied: it is folded anew.
    is_off: bool,
    applies: u64,
}

/// One update that was applied, or rejected.
#[derive(Clone)]
struct Applied {
    id: UpdateId,
    key: Key,
    /// The update itself, of one that is not stored yet: another one may get its id.
    own: Option<Update>,
    /// The model took it.
    took: bool,
}

/// A state on the way from the base to the tip.
#[derive(Clone)]
struct Checkpoint {
    /// After so many updates.
    after: usize,
    folded: Folded,
    /// It is gone back to once: an own update after it will get another key.
    once: bool,
}

impl Tip {
    /// A base, and nothing after it.
    pub fn new(base: Folded, at: Option<At>) -> Self {
        Self {
            folded: base.clone(),
            base,
            at,
            applied: Vec::new(),
            checkpoint: None,
            is_off: false,
            applies: 0,
        }
    }

    /// The state.
    pub fn folded(&self) -> &Folded {
        &self.folded
    }

    /// How many updates were applied so far, those among them that were applied again.
    pub fn applies(&self) -> u64 {
        self.applies
    }

    /// Goes to the state after this base and these updates, from where it is.
    pub fn advance(&mut self, stand: &Stand<'_>) {
        if !self.is_on(stand) {
            let applies = self.applies;
            *self = Self::new(stand.base.clone(), stand.at);
            self.applies = applies;
        }
        let common = self.common(stand.steps);
        let goes_back = common < self.applied.len();
        let own_before = self.applied.iter().any(|applied| applied.own.is_some());
        let keep = if goes_back {
            self.go_back(common)
        } else {
            None
        };
        self.go_on(stand.steps, keep);
        if goes_back && own_before && self.checkpoint.is_none() && self.has_settled() {
            // Who made updates makes more. The copy for the next one is made now, and not while somebody waits for it.
            self.keep(true);
            self.folded.unshare();
        }
    }

    /// Whether all is stored, by a model that wants to see the keys of it.
    fn has_settled(&self) -> bool {
        let is_stored = self.applied.last().is_some_and(|last| last.own.is_none());
        is_stored && self.folded.is_open() && self.folded.model().reads_key()
    }

    /// Whether only a few updates are to be applied on the way there.
    pub fn is_near(&mut self, stand: &Stand<'_>) -> bool {
        let from = if self.is_on(stand) {
            let common = self.common(stand.steps);
            let checkpoint = self.checkpoint.as_ref().map_or(0, |c| c.after);
            if common == self.applied.len() {
                common
            } else if checkpoint <= common {
                checkpoint
            } else {
                0
            }
        } else {
            0
        };
        stand.steps.len() - from <= REPLAYED_MAX
    }

    fn is_on(&self, stand: &Stand<'_>) -> bool {
        !self.is_off && self.at == stand.at && self.base.is_one_with(stand.base)
    }

    /// Applies an update on top that is not stored yet. Where the model does not take it, the tip is to be brought forward by
    /// [`Tip::advance`] before it is shown again; until then [`Folded::last_reason`] says why.
    pub fn push(&mut self, id: UpdateId, update: &Update) -> bool {
        let step = Step {
            id,
            key: Key::MAX,
            update,
            opened: true,
        };
        let took = self.apply(&step, self.applied.last().is_some_and(|a| a.own.is_none()));
        self.is_off |= !took;
        took
    }

    /// How many of the updates at the beginning are those that were applied.
    fn common(&mut self, steps: &[Step<'_>]) -> usize {
        // What follows an update that stops the fold is not applied: its place in the order says little.
        if !self.folded.is_open() {
            return 0;
        }
        let (base, mut common) = (&self.base, 0);
        for (applied, step) in self.applied.iter_mut().zip(steps) {
            if !applied.is(step) && !applied.becomes(step, base) {
                break;
            }
            common += 1;
        }
        common
    }

    /// To the state after so many updates at most. Returns after which one a checkpoint is worth its copy.
    fn go_back(&mut self, common: usize) -> Option<usize> {
        let Some(checkpoint) = self.checkpoint.take_if(|c| c.after <= common) else {
            self.checkpoint = None;
            self.applied.clear();
            self.folded = self.base.clone();
            return (common > REPLAYED_MAX).then_some(common);
        };
        self.applied.truncate(checkpoint.after);
        let is_far = common - checkpoint.after > REPLAYED_MAX;
        if checkpoint.once || is_far {
            self.folded = checkpoint.folded;
        } else {
            self.folded = checkpoint.folded.clone();
            self.checkpoint = Some(checkpoint);
        }
        is_far.then_some(common)
    }

    fn go_on(&mut self, steps: &[Step<'_>], keep: Option<usize>) {
        for (n, step) in steps.iter().enumerate().skip(self.applied.len()) {
            if keep == Some(n) {
                self.keep(false);
            }
            self.apply(step, n > 0 && !steps[n - 1].opened);
            if self.folded.is_spoiled() {
                return self.fold_with_care(steps);
            }
        }
    }

    /// `after_stored`: what is before it is stored.
    fn apply(&mut self, step: &Step<'_>, after_stored: bool) -> bool {
        if step.opened && after_stored && self.folded.model().reads_key() {
            let near = |c: &Checkpoint| c.once && self.applied.len() - c.after <= REPLAYED_MAX;
            if !self.checkpoint.as_ref().is_some_and(near) {
                self.keep(true);
            }
        }
        let took = self.folded.step(step);
        self.applies += 1;
        self.applied.push(Applied {
            id: step.id,
            key: step.key,
            own: step.opened.then(|| step.update.clone()),
            took,
        });
        took
    }

    fn keep(&mut self, once: bool) {
        self.checkpoint = Some(Checkpoint {
            after: self.applied.len(),
            folded: self.folded.clone(),
            once,
        });
    }

    /// The model panics on one of them: the state before that one is needed.
    fn fold_with_care(&mut self, steps: &[Step<'_>]) {
        self.checkpoint = None;
        self.folded = self.base.after(steps.iter().copied());
        self.applies += steps.len() as u64;
        let applied = steps.iter().map(|step| Applied {
            id: step.id,
            key: step.key,
            own: step.opened.then(|| step.update.clone()),
            took: false,
        });
        self.applied = applied.collect();
    }
}

impl Applied {
    fn is(&self, step: &Step<'_>) -> bool {
        let same_text = match &self.own {
            Some(own) => step.opened && own == step.update,
            None => !step.opened,
        };
        same_text && (self.id, self.key) == (step.id, step.key)
    }

    /// Whether it is the same update, which is stored now, and made no other state under its key. One that was rejected is
    /// listed with its key.
    fn becomes(&mut self, step: &Step<'_>, base: &Folded) -> bool {
        if self.id != step.id || step.opened || !self.took || base.model().reads_key() {
            return false;
        }
        let Some(own) = &self.own else {
            return false;
        };
        let stored = base.content().open(step.id, step.update);
        if !stored.is_ok_and(|stored| *stored == *own) {
            return false;
        }
        (self.key, self.own) = (step.key, None);
        true
    }
}

impl fmt::Debug for Tip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tip")
            .field("at", &self.at)
            .field("applied", &self.applied.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
