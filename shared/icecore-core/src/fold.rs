//! Folding: from updates in order to a state, with what was rejected and which rules are broken.

use crate::content::{Content, Unopened};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::ids::{Key, UpdateId};
use crate::model::erased::{NotApplied, PANICKED};
use crate::model::{AnyModel, AnyState, Meta, Violation};
use crate::newer::Newer;
use crate::reason::Reason;
use crate::segment::Entry;
use crate::update::Update;
use crate::weight::Weigher;
use icecore_seal::KeyNumber;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

/// How many rejected updates a snapshot lists; the count goes on beyond.
pub const REJECTED_LIST_MAX: usize = 1_000;

/// An update that the model did not apply. It stays in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedUpdate {
    /// Which update.
    pub id: UpdateId,
    /// The key of the object that carries it.
    pub key: Key,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// The rejected updates of a history: the newest [`REJECTED_LIST_MAX`] and how many there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedList {
    /// How many were rejected and not settled since.
    pub count: u64,
    /// The newest of them, oldest first.
    pub list: Vec<RejectedUpdate>,
}

impl RejectedList {
    fn push(&mut self, rejected: RejectedUpdate) {
        self.count = self.count.saturating_add(1);
        self.list.push(rejected);
        if self.list.len() > REJECTED_LIST_MAX {
            self.list.remove(0);
        }
    }

    fn settle(&mut self, id: &str) {
        let before = self.list.len();
        self.list.retain(|rejected| rejected.id.to_string() != id);
        // What a snapshot says need not fit its list.
        let settled = (before - self.list.len()) as u64;
        self.count = self.count.saturating_sub(settled);
    }
}

/// A rule that the merged state breaks, for a person to settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The same for the same rule and paths on every replica.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// The JSON pointers of the values that break it.
    pub paths: Vec<String>,
    /// The updates that last set those values.
    pub updates: Vec<UpdateId>,
    /// How they break it.
    #[serde(flatten)]
    pub reason: Reason,
}

impl Conflict {
    /// One sentence for a person.
    pub fn message(&self) -> String {
        self.reason.worded(self.paths.first().map(String::as_str))
    }
}

/// One update that is to be applied.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Which update.
    pub id: UpdateId,
    /// The key of the object that carries it.
    pub key: Key,
    /// The update.
    pub update: &'a Update,
    /// It is as its author wrote it: one of this device's own, which nobody sealed.
    pub opened: bool,
}

impl<'a> From<&'a Entry> for Step<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            id: entry.id,
            key: entry.key,
            update: &entry.update,
            opened: false,
        }
    }
}

impl From<Step<'_>> for Entry {
    fn from(step: Step<'_>) -> Self {
        Self {
            id: step.id,
            key: step.key,
            update: step.update.clone(),
        }
    }
}

/// A state with its bookkeeping.
#[derive(Clone)]
pub struct Folded {
    content: Content,
    state: AnyState,
    /// The update on which the model panicked: the state may be half of what it makes of it, and is of no use.
    spoiled: Option<Box<RejectedUpdate>>,
    /// Updates that the model rejected.
    pub rejected: RejectedList,
    /// Which update last set each path that a rule watches.
    pub touched: BTreeMap<String, UpdateId>,
    /// The first update that the model declared impossible: nothing after it was applied.
    pub inconsistent: Option<RejectedUpdate>,
    /// The first update by a newer version of the model than this program has: nothing that is stored after it was
    /// applied.
    pub held: Option<Box<(UpdateId, Newer)>>,
    /// The newest key that an update was sealed under and that the keyring did not have when it was read: it may have
    /// one now.
    pub unknown_key: Option<KeyNumber>,
}

impl Folded {
    /// The state before the first update.
    pub fn initial(content: impl Into<Content>) -> Self {
        let content = content.into();
        let state = content.model().initial();
        Self::of(content, state)
    }

    fn of(content: Content, state: AnyState) -> Self {
        Self {
            content,
            state,
            spoiled: None,
            rejected: RejectedList::default(),
            touched: BTreeMap::new(),
            inconsistent: None,
            held: None,
            unknown_key: None,
        }
    }

    /// Continues from a stored state; `None` when it must be rebuilt from the segments.
    ///
    /// # Errors
    /// `Corrupt` when the JSON does not fit the model, `Invalid` when a newer version wrote it.
    pub fn from_json(
        content: impl Into<Content>,
        version: u32,
        json: &[u8],
    ) -> Result<Option<Self>> {
        let content = content.into();
        let state = content.model().read(version, json)?;
        Ok(state.map(|state| Self::of(content, state)))
    }

    /// The state after these updates. One on which the model panics is rejected, and leaves the state as it was before.
    #[must_use]
    pub fn after<'a>(&self, steps: impl IntoIterator<Item = Step<'a>>) -> Self {
        let steps: Vec<Step<'a>> = steps.into_iter().collect();
        let mut start = Cow::Borrowed(self);
        let mut from = 0;
        loop {
            let mut trial = start.as_ref().clone();
            let panicked = (from..steps.len()).find(|&n| {
                trial.step(&steps[n]);
                trial.spoiled.is_some()
            });
            let Some(panicked) = panicked else {
                return trial;
            };
            // From before the first of these again, as far as all went well.
            let mut good = start.into_owned();
            for step in &steps[from..panicked] {
                good.step(step);
            }
            let Step { id, key, .. } = steps[panicked];
            good.reject(id, key, Reason::built_in(PANICKED));
            start = Cow::Owned(good);
            from = panicked + 1;
        }
    }

    /// Applies one update; `true` when it was applied. See [`Folded::apply`] for a model that panics.
    pub(crate) fn step(&mut self, step: &Step<'_>) -> bool {
        if step.opened {
            self.apply_opened(step.id, step.key, step.update)
        } else {
            self.apply(step.id, step.key, step.update)
        }
    }

    /// Applies one stored update, or lists it as rejected. `true` when it was applied.
    ///
    /// Where the model panics, the state is of no use any more: take [`Folded::after`] where another one must remain.
    pub fn apply(&mut self, id: UpdateId, key: Key, stored: &Update) -> bool {
        if self.content.is_blind() || self.held.is_some() {
            return false;
        }
        let content = self.content.clone();
        match content.open(id, stored) {
            Ok(update) => self.apply_opened(id, key, &update),
            Err(unopened) => {
                if let Unopened::UnknownKey(key) = unopened {
                    self.unknown_key = self.unknown_key.max(Some(key));
                }
                if self.inconsistent.is_none() {
                    self.reject(id, key, unopened.reason());
                }
                false
            }
        }
    }

    /// The same for an update as its author wrote it, which nobody sealed: one of this device's own.
    pub fn apply_opened(&mut self, id: UpdateId, key: Key, update: &Update) -> bool {
        if self.inconsistent.is_some() || self.spoiled.is_some() {
            return false;
        }
        if let Some(newer) = self.content.is_newer(update.model_version()) {
            self.held.get_or_insert_with(|| Box::new((id, newer)));
            return false;
        }
        let Some(parts) = update.parts() else {
            self.reject(id, key, Reason::built_in("no-parts"));
            return false;
        };
        let meta = Meta {
            author: id.author,
            seq: id.seq,
            key,
            at: &parts.at,
        };
        let model = self.content.model();
        match model.apply(&mut self.state, &parts.text(), &meta) {
            Ok(()) => {}
            Err(NotApplied::Rejected(rejected)) if rejected.inconsistent => {
                let reason = rejected.reason;
                self.inconsistent = Some(RejectedUpdate { id, key, reason });
                return false;
            }
            Err(NotApplied::Rejected(rejected)) => {
                self.reject(id, key, rejected.reason);
                return false;
            }
            Err(NotApplied::Panicked) => {
                let reason = Reason::built_in(PANICKED);
                self.spoiled = Some(Box::new(RejectedUpdate { id, key, reason }));
                return false;
            }
        }
        for path in model.touches(&parts.text()) {
            self.touched.insert(path, id);
        }
        if let Some(settled) = &parts.resolves {
            self.rejected.settle(settled);
        }
        true
    }

    fn reject(&mut self, id: UpdateId, key: Key, reason: Reason) {
        self.rejected.push(RejectedUpdate { id, key, reason });
    }

    /// Whether what comes next is applied to the state, whoever wrote it: nothing in it holds up the rest.
    pub(crate) fn is_open(&self) -> bool {
        let stopped = self.spoiled.is_some() || self.inconsistent.is_some();
        !(stopped || self.held.is_some() || self.content.is_blind())
    }

    /// Whether both are one state, read in the same way.
    pub(crate) fn is_one_with(&self, other: &Self) -> bool {
        self.state.is_one_with(&other.state) && self.content.reads_as(&other.content)
    }

    /// Makes the copy of the state now that the next update would need.
    pub(crate) fn unshare(&mut self) {
        self.state.unshare();
    }

    /// Whether the model panicked on what was applied last.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled.is_some()
    }

    /// Whether this is the state that the history gives: nothing in it is impossible, or of a newer version of the model.
    ///
    /// # Errors
    /// As [`Folded::check_possible`]; `Invalid`, with a [`Newer`], where this program is too old.
    pub fn check_consistent(&self) -> Result<()> {
        self.check_possible()?;
        match self.held.as_deref() {
            Some((id, newer)) => Err(newer.error("an update").with_object(id.to_string())),
            None => Ok(()),
        }
    }

    /// Whether the model found the whole history possible.
    ///
    /// # Errors
    /// `Corrupt`, naming the first update that is not; `Internal` where the model panicked on an update.
    pub fn check_possible(&self) -> Result<()> {
        if let Some(RejectedUpdate { id, key, reason }) = self.spoiled.as_deref() {
            let message = format!("at key {key}: {reason}");
            return Err(Error::internal(message).with_object(id.to_string()));
        }
        let Some(RejectedUpdate { id, key, reason }) = &self.inconsistent else {
            return Ok(());
        };
        Err(Error::corrupt(format!(
            "the history is inconsistent: the update at key {key} cannot have happened: {reason}"
        ))
        .with_object(id.to_string())
        .with_hint("nothing was changed, and nothing after it is shown: `icecore log` shows the history, `icecore state --at` the state before, `icecore redact` begins a history without the update"))
    }

    /// Why the last update was not applied, where it was not.
    pub fn last_reason(&self) -> Option<&Reason> {
        let listed = self.rejected.list.last();
        let stopped = self.spoiled.as_deref().or(self.inconsistent.as_ref());
        let last = stopped.or(listed);
        last.map(|rejected| &rejected.reason)
    }

    /// The rules that the state breaks, with the updates involved.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut violations = self.content.model().check(&self.state);
        violations.sort_by(|a, b| (&a.rule, &a.paths).cmp(&(&b.rule, &b.paths)));
        violations
            .into_iter()
            .map(|violation| self.conflict(violation))
            .collect()
    }

    fn conflict(&self, violation: Violation) -> Conflict {
        let Violation {
            rule,
            paths,
            reason,
        } = violation;
        let mut updates: Vec<UpdateId> = paths
            .iter()
            .flat_map(|path| self.touched_at(path))
            .collect();
        updates.sort_unstable();
        updates.dedup();
        let name = serde_json::to_vec(&(&rule, &paths)).expect("BUG: text has a JSON form");
        let id = Digest::of(&name).to_string()[..12].to_owned();
        Conflict {
            id,
            rule,
            paths,
            updates,
            reason,
        }
    }

    /// The updates that set a path, something above it or something below it.
    fn touched_at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = UpdateId> + 'a {
        let above = path
            .match_indices('/')
            .map(|(end, _)| &path[..end])
            .chain([path])
            .filter_map(|prefix| self.touched.get(prefix));
        let below_from = format!("{path}/");
        let below = self
            .touched
            .range(below_from.clone()..)
            .take_while(move |(touched, _)| touched.starts_with(&below_from))
            .map(|(_, id)| id);
        above.chain(below).copied()
    }

    /// Writes the state as canonical JSON.
    ///
    /// # Errors
    /// `Internal` when the state has no JSON form, or what `out` reports.
    pub fn write_state(&self, out: &mut dyn Write) -> Result<()> {
        self.content.model().write(&self.state, out)
    }

    /// The state as canonical JSON.
    ///
    /// # Errors
    /// `Internal` when the state has no JSON form.
    pub fn state_json(&self) -> Result<Vec<u8>> {
        let mut json = Vec::new();
        self.write_state(&mut json)?;
        Ok(json)
    }

    /// About how many bytes the state takes in memory, with what is remembered of it.
    ///
    /// # Errors
    /// `Internal` when the state has no JSON form.
    pub fn weight(&self) -> Result<u64> {
        const PER_PATH: usize = 100;
        let mut weigher = Weigher::default();
        self.write_state(&mut weigher)?;
        let touched = self.touched.keys().map(|path| path.len() + PER_PATH);
        Ok(weigher.bytes() + touched.sum::<usize>() as u64)
    }

    /// The state itself.
    pub fn state(&self) -> &AnyState {
        &self.state
    }

    /// The model.
    pub fn model(&self) -> &Arc<dyn AnyModel> {
        self.content.model()
    }

    /// How the content of the space is read.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Goes on with other keys of the same space: its keyring was changed.
    pub fn set_content(&mut self, content: Content) {
        self.content = content;
    }

    /// Whether there is a state (see [`Content::check_readable`]).
    ///
    /// # Errors
    /// `Denied` in an encrypted space whose keys are not at hand; `Invalid` where the program does not know the model.
    pub fn check_readable(&self) -> Result<()> {
        self.content.check_readable()
    }
}

impl fmt::Debug for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folded")
            .field("content", &self.content)
            .field("rejected", &self.rejected)
            .finish_non_exhaustive()
    }
}
