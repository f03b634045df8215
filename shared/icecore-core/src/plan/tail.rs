//! When a replica rolls up what nobody else does (docs/protocol.md, Roll up in passing).

use crate::base::RECENT_WINDOW_MILLIS;
use crate::ids::Key;
use crate::plan::key::{AHEAD_MILLIS_MAX, clamp, vouched};
use std::time::Duration;

/// What a young object counts less than an old one.
const YOUNG: usize = 8;

/// Which tail is long: so long that whoever opens the space pays for it more than for a roll-up.
///
/// The chance that a replica tries grows with the square of what is too long: each replica that polls sees a tail grow
/// object by object, and of a thousand replicas about one tries when it has become a little too long, while one that is
/// alone is sure to when it is `always` long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailRule {
    /// A tail of this length is no reason to try.
    pub never: usize,
    /// One of this length always is.
    pub always: usize,
    /// What was stored this long ago counts at all, an eighth of an object: a roll-up that comes each minute would have
    /// taken it.
    pub young: Duration,
    /// What was stored this long ago counts in full: a roll-up that comes each hour would have taken it.
    pub old: Duration,
}

impl Default for TailRule {
    fn default() -> Self {
        Self {
            never: 100,
            always: 400,
            young: Duration::from_mins(2),
            old: Duration::from_hours(2),
        }
    }
}

impl TailRule {
    /// How long a tail is at the server's time `now`, of objects that were stored at these times.
    pub fn length(&self, now: i64, stored: impl IntoIterator<Item = i64>) -> usize {
        let (mut young, mut old) = (0_usize, 0_usize);
        for at in stored {
            // A time in the future is a wrong clock's, and says nothing.
            match u64::try_from(now.saturating_sub(at)).map(Duration::from_millis) {
                Ok(age) if age >= self.old => old += 1,
                Ok(age) if age >= self.young => young += 1,
                _ => {}
            }
        }
        old + young / YOUNG
    }

    /// Whether to try at this length, for a number drawn from all `u32`.
    pub fn tries(&self, length: usize, draw: impl FnOnce() -> u32) -> bool {
        if length <= self.never {
            return false;
        }
        if length >= self.always {
            return true;
        }
        let wide = |n: usize| n as u128;
        let (excess, span) = (wide(length - self.never), wide(self.always - self.never));
        u128::from(draw()) * span * span < (excess * excess) << 32
    }
}

/// What a session remembers of the tail of a space, so that it tries once for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TailWatch {
    /// So much a try has left behind: it cannot be rolled up, or somebody else is about to.
    left: usize,
    /// The length for which a number was drawn.
    drawn: usize,
    tried: bool,
}

impl TailWatch {
    /// Whether to roll up a tail of this length now.
    pub fn tries(&mut self, rule: &TailRule, length: usize, draw: impl FnOnce() -> u32) -> bool {
        if std::mem::take(&mut self.tried) {
            (self.left, self.drawn) = (length, 0);
            return false;
        }
        self.left = self.left.min(length);
        let excess = length - self.left;
        if excess <= self.drawn {
            self.drawn = excess;
            return false;
        }
        self.drawn = excess;
        rule.tries(excess, draw)
    }

    /// A try has ended. What is `unfinished` goes on with the next sync.
    pub fn tried(&mut self, unfinished: bool) {
        self.tried = !unfinished;
        self.drawn = 0;
    }
}

/// How far a segment says that was looked which is written in passing, where the run itself would say `through`.
///
/// Scheduled runs come again, and take what lands below `through` meanwhile. After this one nobody may come for long:
/// readers go on to list the last minutes, `look_back` of them. What they list there they know as covered, for the base
/// remembers the keys on both sides of `through`.
pub fn through_in_passing(through: Key, before: Key, now: i64, look_back: Duration) -> Key {
    let back = u64::try_from(look_back.as_millis()).unwrap_or(u64::MAX);
    let back = back.min(RECENT_WINDOW_MILLIS - AHEAD_MILLIS_MAX);
    let reached = clamp(now).saturating_sub(back);
    through.min(reached).max(vouched(before, now))
}

#[cfg(test)]
mod tests;
