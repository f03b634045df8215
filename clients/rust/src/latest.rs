//! A value of which the last modification counts, whatever order the modifications arrive in.

use icecore_core::{Author, Error, Meta, Rejected, Seq, time};
use serde::{Deserialize, Serialize};

/// How far ahead of its key an update's own time may be, in milliseconds: a day. Phones are wrong by time zones, not by more.
pub const AHEAD_MAX: i64 = 24 * 60 * 60 * 1_000;

/// When a value was modified: by its author's clock; where two clocks say the same, the author and its counter decide, so
/// that all devices settle on one.
// The fields stand in the order of their names, as canonical JSON has them, and in that of their weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Modified {
    at: i64,
    author: Author,
    seq: Seq,
}

impl Modified {
    /// When the update happened, by its own `at`.
    ///
    /// A time more than [`AHEAD_MAX`] after the update's key counts as the time of the key: that one comes from the
    /// server's clock. Else a device whose clock is a year ahead would set a name that nobody could change for a year.
    /// Refusing the update instead would lose what a person wrote. While it waits on its own device it has no key yet, and
    /// is not clamped.
    ///
    /// # Errors
    /// `at` is no time.
    pub fn of(meta: &Meta<'_>) -> Result<Self, Rejected> {
        let at =
            time::from_rfc3339(meta.at).map_err(|e: Error| Rejected::new(format!("at: {e}")))?;
        let key = i64::try_from(meta.key.get()).unwrap_or(i64::MAX);
        let is_ahead = at.saturating_sub(key) > AHEAD_MAX;
        Ok(Self {
            at: if is_ahead { key } else { at },
            author: meta.author,
            seq: meta.seq,
        })
    }

    /// Milliseconds since 1970 UTC.
    pub fn millis(&self) -> i64 {
        self.at
    }
}

/// A value of which the last modification counts.
///
/// ```
/// use icecore::{Author, Key, Latest, Meta, Modified, Seq};
///
/// let at = |at| Modified::of(&Meta { author: Author::from_parts(1, 1), seq: Seq::FIRST, key: Key::MAX, at });
/// let mut name = Latest::default();
/// name.offer("Ada", at("2026-11-21T12:00:00Z")?);
/// // It arrives later, and was made earlier.
/// name.offer("A.", at("2026-11-21T09:00:00Z")?);
/// assert_eq!(name.get(), Some(&"Ada"));
/// # Ok::<(), icecore::Rejected>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latest<T> {
    newest: Option<Set<T>>,
}

/// A value that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Set<T> {
    modified: Modified,
    value: T,
}

// Not derived: the value needs no default.
impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { newest: None }
    }
}

impl<T> Latest<T> {
    /// Takes the value if it was modified after the one that is there; `false` when it was not.
    pub fn offer(&mut self, value: T, modified: Modified) -> bool {
        let is_newer = self.modified().is_none_or(|newest| newest < modified);
        if is_newer {
            self.newest = Some(Set { modified, value });
        }
        is_newer
    }

    /// Takes what another one holds, if that is newer.
    pub fn merge(&mut self, other: Self) -> bool {
        match other.newest {
            Some(set) => self.offer(set.value, set.modified),
            None => false,
        }
    }

    /// The value, once there is one.
    pub fn get(&self) -> Option<&T> {
        self.newest.as_ref().map(|set| &set.value)
    }

    /// When it was set.
    pub fn modified(&self) -> Option<Modified> {
        self.newest.as_ref().map(|set| set.modified)
    }
}
