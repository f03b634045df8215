//! The updates: what happened on a device.

use icecore::{Error, Rejected, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The longest id, in bytes.
pub const ID_BYTES_MAX: usize = 64;
/// The most steps of one update.
pub const STEPS_MAX: u32 = 100_000;

/// The id of a session or an activity, made by the device: 1 to 64 of `a-z 0-9 - _ .`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// One that no other device has, and that sorts by when it was made.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where an app's ids come from; nothing is replayed from a seed"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_fine =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        if (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fine) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("this is no id").with_hint("an id is 1 to 64 of a-z 0-9 - _ ."))
    }
}

impl TryFrom<String> for Id {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody did.
// In the order of the names, as canonical JSON has the members of a state.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sport {
    Other,
    Ride,
    Run,
    Swim,
    Walk,
}

impl fmt::Display for Sport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Walk => "walk",
            Self::Run => "run",
            Self::Ride => "ride",
            Self::Swim => "swim",
            Self::Other => "other",
        })
    }
}

/// An update. None says what a sum or a list is to be, only what is added: so devices that were offline cannot undo each
/// other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Message {
    /// A device begins to count.
    StartSession {
        /// The new session.
        session: Id,
        /// What the device calls itself.
        device: String,
    },
    /// It stops. Steps that arrive later still count.
    EndSession {
        /// Which one.
        session: Id,
    },
    /// "Add 10", never "set 110".
    AddSteps {
        /// During which session. One that is not known yet begins here: its start is still on its way.
        session: Id,
        /// How many.
        count: u32,
    },
    /// Something was done. It is never changed.
    AddActivity {
        /// During which session.
        session: Id,
        /// The same id counts once within a session, whoever sends it.
        id: Id,
        /// What.
        sport: Sport,
        /// For how long.
        minutes: u32,
    },
    /// The public name.
    SetName {
        /// Up to 100 bytes.
        name: String,
    },
    /// The height.
    SetHeight {
        /// In centimetres.
        cm: u32,
    },
    /// What to reach in a day.
    SetGoal {
        /// So many steps.
        steps: u32,
    },
}

impl Message {
    /// Whether everything is within its limits.
    ///
    /// # Errors
    /// The field that is not.
    pub fn check(&self) -> Result<(), Rejected> {
        match self {
            Self::StartSession { device, .. } => text("device", device),
            Self::EndSession { .. } => Ok(()),
            Self::AddSteps { count, .. } => within("count", *count, (1, STEPS_MAX)),
            Self::AddActivity { minutes, .. } => within("minutes", *minutes, (1, 24 * 60)),
            Self::SetName { name } => text("name", name),
            Self::SetHeight { cm } => within("cm", *cm, (30, 300)),
            Self::SetGoal { steps } => within("steps", *steps, (1, STEPS_MAX)),
        }
    }
}

fn within(field: &str, number: u32, (least, most): (u32, u32)) -> Result<(), Rejected> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Rejected::new(format!(
        "{field}: {number} is not from {least} to {most}"
    )))
}

fn text(field: &str, text: &str) -> Result<(), Rejected> {
    if (1..=100).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Rejected::new(format!(
        "{field}: not 1 to 100 bytes of text"
    )))
}
