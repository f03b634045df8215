//! The safety rules that a simulation can switch off one at a time, to show that it notices.
//!
//! Without the feature `switchable-rules`, which only `icecore-sim` asks for, every rule is on and the question
//! costs nothing.

/// A safety rule of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A taken key is looked at: the occupant may be our own write.
    OwnWriteRecognition,
    /// The tail is sorted by effective keys, so that an author's updates never change places.
    EffectiveOrder,
    /// A gap in an author's seqs asks for a complete listing.
    GapRule,
    /// What stands behind a gap is rolled up only when an earlier listing has shown it.
    SeenBeforeGap,
    /// Only covered update objects are pruned.
    PruneOnlyCovered,
    /// Segments are folded without a gap in their generations.
    GenerationGap,
    /// A segment must name the digest of the one before it.
    HashChain,
    /// A writer remembers the hint that it wrote itself, so that it does not wake it.
    OwnHint,
    /// A replica that rolls up in passing looks whether its base still is the store's newest.
    FreshBase,
}

#[cfg(feature = "switchable-rules")]
mod switch {
    use super::Rule;
    use std::cell::Cell;

    thread_local! {
        static OFF: Cell<Option<Rule>> = const { Cell::new(None) };
    }

    /// Is the rule on, in this thread?
    pub fn is_on(rule: Rule) -> bool {
        OFF.get() != Some(rule)
    }

    /// Switches one rule off in this thread, or all of them on.
    pub fn testonly_switch_off(rule: Option<Rule>) {
        OFF.set(rule);
    }
}

#[cfg(feature = "switchable-rules")]
pub use switch::{is_on, testonly_switch_off};

/// Is the rule on?
#[cfg(not(feature = "switchable-rules"))]
#[inline]
pub const fn is_on(_: Rule) -> bool {
    true
}
