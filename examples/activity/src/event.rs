//! What a device says that happened.

use icecore::{Error, Rejected, Result, time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The longest id of an attempt, in bytes.
pub const ATTEMPT_ID_BYTES_MAX: usize = 64;
/// The longest title, in bytes.
pub const TITLE_BYTES_MAX: usize = 200;
/// The most points that one event gives or takes.
pub const POINTS_MAX: i64 = 1_000_000;

/// Made by the device, once for each thing that happened: whoever sends an event again sends it with the same id, and it
/// counts once.
pub type EventId = Uuid;

/// Which attempt: 1 to 64 of `a-z A-Z 0-9 - _ .`, chosen by the app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId(String);

impl FromStr for AttemptId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if (1..=ATTEMPT_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fine) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("this is no id of an attempt")
            .with_object("attempt")
            .with_hint("an id is 1 to 64 of a-z A-Z 0-9 - _ ."))
    }
}

impl TryFrom<String> for AttemptId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> Self {
        id.0
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A time by some device's clock: milliseconds since 1970 UTC, written as RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub i64);

impl Time {
    /// How long after `earlier` this is, in milliseconds; `None` when it is before.
    pub fn since(self, earlier: Self) -> Option<u64> {
        u64::try_from(self.0.saturating_sub(earlier.0)).ok()
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        time::from_rfc3339(text).map(Self)
    }
}

impl TryFrom<String> for Time {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time::to_rfc3339(self.0))
    }
}

/// What every event says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// Which attempt it belongs to. One that nobody created yet begins with its first event: the `CREATE` of another
    /// device may still be on its way.
    pub attempt: AttemptId,
    /// When the device wrote it down, which may be later than when it happened.
    pub created_at: Time,
    /// What makes it count once.
    pub id: EventId,
}

/// An update: one event. When it occurred is the update's own `at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "see `What`")]
pub enum Message {
    Create {
        #[serde(flatten)]
        stamp: Stamp,
        title: String,
    },
    Start(Stamp),
    Pause(Stamp),
    Resume(Stamp),
    Complete(Stamp),
    Abandon(Stamp),
    Score {
        #[serde(flatten)]
        stamp: Stamp,
        points: i64,
    },
}

/// What happened, apart from whose it is and when it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum What {
    /// The attempt has a title.
    Create {
        /// For a person.
        title: String,
    },
    /// It runs from here.
    Start,
    /// It does not run from here.
    Pause,
    /// It runs again from here.
    Resume,
    /// It is over, and done.
    Complete,
    /// It is over, and not done.
    Abandon,
    /// Points are given, or taken where negative: "add 10", never "set 110", so that two devices can do so at once.
    Score {
        /// How many.
        points: i64,
    },
}

impl Message {
    /// The message that says so.
    pub fn new(stamp: Stamp, what: What) -> Self {
        match what {
            What::Create { title } => Self::Create { stamp, title },
            What::Start => Self::Start(stamp),
            What::Pause => Self::Pause(stamp),
            What::Resume => Self::Resume(stamp),
            What::Complete => Self::Complete(stamp),
            What::Abandon => Self::Abandon(stamp),
            What::Score { points } => Self::Score { stamp, points },
        }
    }

    /// What every event says, and what this one does.
    pub fn into_parts(self) -> (Stamp, What) {
        match self {
            Self::Create { stamp, title } => (stamp, What::Create { title }),
            Self::Start(stamp) => (stamp, What::Start),
            Self::Pause(stamp) => (stamp, What::Pause),
            Self::Resume(stamp) => (stamp, What::Resume),
            Self::Complete(stamp) => (stamp, What::Complete),
            Self::Abandon(stamp) => (stamp, What::Abandon),
            Self::Score { stamp, points } => (stamp, What::Score { points }),
        }
    }

    /// What every event says.
    pub fn stamp(&self) -> &Stamp {
        match self {
            Self::Start(stamp)
            | Self::Pause(stamp)
            | Self::Resume(stamp)
            | Self::Complete(stamp)
            | Self::Abandon(stamp)
            | Self::Create { stamp, .. }
            | Self::Score { stamp, .. } => stamp,
        }
    }
}

impl What {
    /// Whether the event is within its limits.
    ///
    /// # Errors
    /// The field that is not.
    pub fn check(&self) -> Result<(), Rejected> {
        match self {
            Self::Create { title } if title.len() > TITLE_BYTES_MAX => Err(Rejected::new(format!(
                "title: longer than {TITLE_BYTES_MAX} bytes"
            ))),
            Self::Score { points } if points.unsigned_abs() > POINTS_MAX.unsigned_abs() => Err(
                Rejected::new(format!("points: not within {POINTS_MAX} of 0")),
            ),
            _ => Ok(()),
        }
    }
}
