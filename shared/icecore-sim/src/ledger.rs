//! What the actors made, what they were told and what was taken out again: the books that a final state is held
//! against. Each update has a text of its own, so that one that comes back under another id is noticed too.

use crate::checker::Verdict;
use icecore_core::UpdateId;
use std::collections::{BTreeMap, BTreeSet};

/// The books of one run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Every text that was made, queued or not.
    made: BTreeSet<String>,
    /// The texts of which a queue said that it holds them, and under which id.
    queued: BTreeMap<String, UpdateId>,
    /// What a flush acknowledged.
    acknowledged: BTreeSet<UpdateId>,
    /// What somebody began to take out: it may be gone or not.
    redacting: BTreeSet<UpdateId>,
    /// What was reported as taken out.
    redacted: BTreeSet<UpdateId>,
}

impl Ledger {
    /// A new text. From here on it may be in the state.
    pub fn make(&mut self) -> String {
        let text = format!("text {}", self.made.len() + 1);
        self.made.insert(text.clone());
        text
    }

    /// The text that was made last.
    pub fn last_text(&self) -> Option<String> {
        let last = format!("text {}", self.made.len());
        self.made.contains(&last).then_some(last)
    }

    /// The queue has said that it holds this text: it must be in the final state.
    pub fn queue(&mut self, text: String, id: UpdateId) {
        self.queued.insert(text, id);
    }

    /// A flush has acknowledged this update.
    pub fn acknowledge(&mut self, id: UpdateId) {
        self.acknowledged.insert(id);
    }

    /// The disk that held this text in its queue is gone, or it was set aside for a person, who was told.
    pub fn lose(&mut self, text: &str) {
        self.queued.remove(text);
    }

    /// How many updates were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// What may be redacted: acknowledged updates whose text is known, so that both can be looked for at the end.
    pub fn redactable(&self) -> Vec<UpdateId> {
        let known = self.queued.values();
        known
            .filter(|id| self.acknowledged.contains(id))
            .copied()
            .collect()
    }

    /// Somebody begins to take an update out.
    pub fn begin_redaction(&mut self, id: UpdateId) {
        self.redacting.insert(id);
    }

    /// The update was reported as taken out.
    pub fn end_redaction(&mut self, id: UpdateId) {
        self.redacted.insert(id);
    }

    /// Somebody begins to empty the space. Returns what is in it for sure: acknowledged updates.
    pub fn begin_reset(&mut self) -> BTreeSet<UpdateId> {
        self.acknowledged.clone()
    }

    /// Somebody has emptied the space, or has tried to: what was queued until now may be gone. What was `there` when
    /// that began is gone for sure, if it `succeeded`.
    pub fn end_reset(&mut self, there: &BTreeSet<UpdateId>, succeeded: bool) {
        self.redacting.extend(self.queued.values());
        self.redacting.extend(&self.acknowledged);
        if succeeded {
            self.redacted.extend(there);
        }
    }

    /// Whether several texts were queued under an id: by copies of one replica, before they knew of each other. One of them was
    /// stored under it, and perhaps taken out; the others go on under ids of their own.
    fn is_shared(&self, id: &UpdateId) -> bool {
        self.queued.values().filter(|other| *other == id).count() > 1
    }

    /// Whether a state holds what it must, when every queue has drained: the ids and texts in its order.
    pub fn judge(&self, state: &[(UpdateId, String)]) -> Verdict {
        let ids: BTreeSet<UpdateId> = state.iter().map(|(id, _)| *id).collect();
        let texts: BTreeSet<&str> = state.iter().map(|(_, text)| text.as_str()).collect();
        if let Some(id) = self.redacted.iter().find(|id| ids.contains(id)) {
            return Verdict::Remained(id.to_string());
        }
        let mut gone = self.acknowledged.difference(&self.redacting);
        if let Some(id) = gone.find(|id| !ids.contains(id)) {
            return Verdict::Lost(id.to_string());
        }
        for (text, id) in &self.queued {
            let there = texts.contains(text.as_str());
            if there && self.redacted.contains(id) && !self.is_shared(id) {
                return Verdict::Remained(format!("{text}, queued as {id}"));
            }
            if !there && !self.redacting.contains(id) {
                return Verdict::Vanished(format!("{text}, queued as {id}"));
            }
        }
        if let Some((id, text)) = state.iter().find(|(_, text)| !self.made.contains(text)) {
            return Verdict::Invented(format!("{text:?} as {id}"));
        }
        doubled_text(state)
    }
}

/// No text stands in any state twice, whatever its ids.
pub fn doubled_text(state: &[(UpdateId, String)]) -> Verdict {
    let mut seen = BTreeMap::new();
    for (id, text) in state {
        if let Some(before) = seen.insert(text, id) {
            return Verdict::Doubled(format!("{text} as {before} and as {id}"));
        }
    }
    Verdict::Kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::{Author, Seq};

    fn id(seq: u64) -> UpdateId {
        UpdateId {
            author: Author::from_parts(1, 1),
            seq: Seq::MIN.saturating_add(seq),
        }
    }

    /// Three updates: the first two are acknowledged, the third is only queued.
    fn three() -> (Ledger, Vec<(UpdateId, String)>) {
        let mut ledger = Ledger::default();
        let mut state = Vec::new();
        for seq in 0..3 {
            let text = ledger.make();
            ledger.queue(text.clone(), id(seq));
            state.push((id(seq), text));
        }
        ledger.acknowledge(id(0));
        ledger.acknowledge(id(1));
        (ledger, state)
    }

    #[test]
    fn what_is_there_once_is_kept() {
        let (mut ledger, mut state) = three();
        assert_eq!(ledger.judge(&state), Verdict::Kept);
        // A queue that gave no answer, as with a crash, may hold the text or not.
        let text = ledger.make();
        assert_eq!(ledger.judge(&state), Verdict::Kept);
        state.push((id(3), text));
        assert_eq!(ledger.judge(&state), Verdict::Kept);
    }

    #[test]
    fn a_lost_acknowledged_update_is_noticed() {
        let (ledger, mut state) = three();
        state.remove(1);
        assert!(matches!(ledger.judge(&state), Verdict::Lost(_)));
    }

    #[test]
    fn a_lost_queued_update_is_noticed() {
        let (ledger, mut state) = three();
        state.remove(2);
        assert!(matches!(ledger.judge(&state), Verdict::Vanished(_)));
        // Also when something else stands under its id.
        let (ledger, mut state) = three();
        state[2].1 = "something else".to_owned();
        assert!(matches!(ledger.judge(&state), Verdict::Vanished(_)));
    }

    #[test]
    fn an_update_that_is_there_again_under_another_id_is_noticed() {
        let (ledger, mut state) = three();
        state.push((id(3), state[0].1.clone()));
        assert!(matches!(ledger.judge(&state), Verdict::Doubled(_)));
    }

    #[test]
    fn an_update_that_nobody_made_is_noticed() {
        let (ledger, mut state) = three();
        state.push((id(3), "out of nowhere".to_owned()));
        assert!(matches!(ledger.judge(&state), Verdict::Invented(_)));
    }

    #[test]
    fn after_a_reset_what_was_there_is_gone_and_what_comes_later_stays() {
        let (mut ledger, mut state) = three();
        let there = ledger.begin_reset();
        ledger.end_reset(&there, true);
        assert!(matches!(ledger.judge(&state), Verdict::Remained(_)));
        // The third was not acknowledged when the reset began: it may be there or not.
        state.drain(..2);
        assert_eq!(ledger.judge(&state), Verdict::Kept);
        let text = ledger.make();
        ledger.queue(text, id(3));
        assert!(matches!(ledger.judge(&[]), Verdict::Vanished(_)));
    }

    #[test]
    fn a_redacted_update_must_be_gone_and_no_other() {
        let (mut ledger, mut state) = three();
        assert_eq!(ledger.redactable(), [id(0), id(1)]);
        ledger.begin_redaction(id(0));
        assert_eq!(ledger.judge(&state), Verdict::Kept, "not gone yet");
        let (first, text) = state.remove(0);
        assert_eq!(ledger.judge(&state), Verdict::Kept, "gone already");
        ledger.end_redaction(id(0));
        assert_eq!(ledger.judge(&state), Verdict::Kept, "gone");
        state.push((first, text.clone()));
        assert!(matches!(ledger.judge(&state), Verdict::Remained(_)));
        state.pop();
        state.push((id(3), text));
        assert!(
            matches!(ledger.judge(&state), Verdict::Remained(_)),
            "nor under another id"
        );
        // Unless a copy of the replica had another update under the id: that is not what was taken out.
        let other = ledger.make();
        ledger.queue(other.clone(), id(0));
        state.pop();
        state.push((id(3), other));
        assert_eq!(ledger.judge(&state), Verdict::Kept);
        state.pop();
        state.remove(0);
        assert!(matches!(ledger.judge(&state), Verdict::Lost(_)));
    }
}
