//! What an event is made of: texts, times, and members of its own.

use icecore::canonical::integral;
use icecore::{Error, Result, time};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// The longest id of an event or an attempt, in bytes: apps make them of names, times and random parts.
pub const ID_BYTES_MAX: usize = 200;
/// The longest type or source, in bytes.
pub const WORD_BYTES_MAX: usize = 100;
/// How many bytes of JSON an event's own members may have: a call takes a thousand events.
pub const MEMBERS_BYTES_MAX: usize = 16 * 1024;
/// How deep they may be nested: a state that holds them must stay readable for every parser.
pub const MEMBERS_DEPTH_MAX: usize = 32;

/// What an event's own members cannot be called: the six of every event, and what the server says of it.
const TAKEN: [&str; 7] = [
    "attemptId",
    "createdAt",
    "id",
    "occurredAt",
    "serverTime",
    "source",
    "type",
];

/// A text of limited length that is shared by all copies of it.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, member $member:literal, bytes $min:literal to $max:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                if ($min..=$max).contains(&text.len()) {
                    return Ok(Self(text.into()));
                }
                let limits = format!(concat!($member, ": not ", $min, " to {} bytes"), $max);
                Err(Error::invalid(limits).with_hint("any text will do, if it is no longer"))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text! {
    /// Made by the device, once for each thing that happened, and never used for another, of whatever attempt: whoever
    /// sends an event again sends it with the same id, and it counts once.
    EventId, member "id", bytes 1 to ID_BYTES_MAX
}

impl EventId {
    /// A new one that no other device has, and that sorts by when it was made.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where an app's ids come from; nothing is replayed from a seed"
    )]
    pub fn random() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }
}

text! {
    /// Which attempt; chosen by the app.
    AttemptId, member "attemptId", bytes 1 to ID_BYTES_MAX
}
text! {
    /// What kind of thing happened, as `START`. One that this program does not know is kept as well.
    EventType, member "type", bytes 0 to WORD_BYTES_MAX
}
text! {
    /// Who says so, as `user`.
    Source, member "source", bytes 0 to WORD_BYTES_MAX
}

/// A time by some clock: whole milliseconds since 1970 UTC, up to the end of the year 9999. In JSON it is the number; for
/// people it is RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Number", into = "i64")]
pub struct Time(i64);

impl Time {
    /// The earliest.
    pub const MIN: Self = Self(0);
    /// The latest that RFC 3339 has a form for.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// A time of so many milliseconds.
    ///
    /// # Errors
    /// `Invalid` when it is out of range.
    pub fn new(millis: i64) -> Result<Self> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            return Ok(Self(millis));
        }
        Err(not_a_time())
    }

    /// The nearest time to so many milliseconds, for what a wrong clock says.
    pub fn nearest(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The milliseconds.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is, in milliseconds; `None` when it is before.
    pub fn since(self, earlier: Self) -> Option<u64> {
        u64::try_from(self.0 - earlier.0).ok()
    }
}

fn not_a_time() -> Error {
    Error::invalid(format!(
        "not a whole number of milliseconds from 0 to {}",
        Time::MAX.0
    ))
}

impl TryFrom<Number> for Time {
    type Error = Error;

    fn try_from(number: Number) -> Result<Self> {
        whole(&number).map_or_else(|| Err(not_a_time()), Self::new)
    }
}

impl From<Time> for i64 {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(time::from_rfc3339(text)?)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time::to_rfc3339(self.0))
    }
}

/// The greatest whole number up to which every program reads the same one.
pub(crate) const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// The whole number that a number is, if it is one that every program reads alike: JSON has but one type of them, and
/// `5`, `5.0` and `5e0` are the same.
pub(crate) fn whole(number: &Number) -> Option<i64> {
    let is_safe = |n: &i64| n.unsigned_abs() <= SAFE_INTEGER_MAX;
    if let Some(integer) = number.as_i64() {
        return Some(integer).filter(is_safe);
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what does not fit becomes the greatest integer, which is not safe"
    )]
    Some(float as i64).filter(is_safe)
}

/// What an event says besides the six members that each has: kept and given back as it came, known here or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub struct Members(BTreeMap<String, Value>);

impl Members {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member that is a whole number.
    pub fn whole(&self, name: &str) -> Option<i64> {
        whole(self.0.get(name)?.as_number()?)
    }

    /// The JSON text, for an order among copies of an event.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

impl TryFrom<BTreeMap<String, Value>> for Members {
    type Error = Error;

    fn try_from(mut members: BTreeMap<String, Value>) -> Result<Self> {
        if members.is_empty() {
            return Ok(Self(members));
        }
        members.retain(|name, _| !TAKEN.contains(&name.as_str()));
        for (name, value) in &mut members {
            if !normalise(value, MEMBERS_DEPTH_MAX) {
                return Err(Error::invalid(format!(
                    "{name:.100}: nested more than {MEMBERS_DEPTH_MAX} deep"
                )));
            }
        }
        let bytes = json_bytes(&members);
        if bytes > MEMBERS_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the event's own members have {bytes} bytes, at most {MEMBERS_BYTES_MAX} fit"
            )));
        }
        Ok(Self(members))
    }
}

/// Makes an integer of every float that is one, as canonical JSON has it, so that a state is the same once it was written
/// and read; `false` where the value is nested too deep.
fn normalise(value: &mut Value, depth: usize) -> bool {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(integer) = number.as_f64().and_then(integral) {
                *number = integer;
            }
            true
        }
        Value::Array(items) => depth > 0 && items.iter_mut().all(|v| normalise(v, depth - 1)),
        Value::Object(members) => {
            depth > 0 && members.values_mut().all(|v| normalise(v, depth - 1))
        }
        _ => true,
    }
}

/// How long the JSON of a value is.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        // What has no form fits nowhere.
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests;
