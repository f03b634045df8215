//! What a device says that happened.

pub mod parts;

pub use parts::{AttemptId, EventId, EventType, Members, Source, Time};

use icecore::{Error, Result};
use serde::de::{self, DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// The longest title that the command gives, in bytes.
pub const TITLE_BYTES_MAX: usize = 200;
/// The most points that one event gives or takes.
pub const POINTS_MAX: i64 = 1_000_000;
/// The source of what the command writes.
pub const USER: &str = "user";

/// The types that this program knows.
pub mod types {
    /// The attempt is there, and has a `title` where the event names one.
    pub const CREATE: &str = "CREATE";
    /// It runs from here.
    pub const START: &str = "START";
    /// It does not run from here.
    pub const PAUSE: &str = "PAUSE";
    /// It runs again from here.
    pub const RESUME: &str = "RESUME";
    /// It is over, and done.
    pub const COMPLETE: &str = "COMPLETE";
    /// It is over, and not done.
    pub const ABANDON: &str = "ABANDON";
    /// `points` are given, or taken where negative: "add 10", never "set 110", so that two devices can do so at once.
    pub const SCORE: &str = "SCORE";
}

/// An event in the form in which devices and servers exchange it: `{"id", "attemptId", "type", "occurredAt", "createdAt",
/// "source"}`, times in milliseconds, and what else the event says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityEvent {
    /// What makes it count once.
    pub id: EventId,
    /// Which attempt it belongs to. One that nobody created yet begins with its first event: the `CREATE` of another
    /// device may still be on its way.
    pub attempt_id: AttemptId,
    /// What happened; the known ones are in [`types`].
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When it happened by the device's clock.
    pub occurred_at: Time,
    /// When the device wrote it down, which may be later.
    pub created_at: Time,
    /// Who says so.
    pub source: Source,
    /// Members of its own.
    #[serde(flatten)]
    pub more: Members,
}

/// An update: one event. Its data is the event as it is exchanged, its `at` when the event occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Message {
    /// Something happened.
    Event(ActivityEvent),
}

/// What the command can say that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "see `types`")]
pub enum What {
    /// An empty title is none.
    Create {
        title: String,
    },
    Start,
    Pause,
    Resume,
    Complete,
    Abandon,
    Score {
        points: i64,
    },
}

impl What {
    /// The event's type and its own members.
    ///
    /// # Errors
    /// `Invalid` for what is beyond its limit, naming the member.
    pub fn into_parts(self) -> Result<(EventType, Members)> {
        let (kind, members) = match self {
            Self::Create { title } if title.len() > TITLE_BYTES_MAX => {
                let longer = format!("title: longer than {TITLE_BYTES_MAX} bytes");
                return Err(Error::invalid(longer).with_hint("choose a shorter one"));
            }
            Self::Score { points } if points.unsigned_abs() > POINTS_MAX.unsigned_abs() => {
                let beyond = format!("points: not within {POINTS_MAX} of 0");
                return Err(Error::invalid(beyond).with_hint("give them in several events"));
            }
            Self::Create { title } if title.is_empty() => (types::CREATE, None),
            Self::Create { title } => (types::CREATE, Some(("title", json!(title)))),
            Self::Start => (types::START, None),
            Self::Pause => (types::PAUSE, None),
            Self::Resume => (types::RESUME, None),
            Self::Complete => (types::COMPLETE, None),
            Self::Abandon => (types::ABANDON, None),
            Self::Score { points } => (types::SCORE, Some(("points", json!(points)))),
        };
        let members = members.map(|(name, value)| (name.to_owned(), value));
        let members: BTreeMap<String, Value> = members.into_iter().collect();
        Ok((kind.parse()?, members.try_into()?))
    }
}

/// The names of an event's members; where a text says something twice, the last one counts, as in any JSON reader.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Member {
    Id,
    AttemptId,
    Type,
    OccurredAt,
    CreatedAt,
    Source,
    Other(String),
}

impl<'de> Deserialize<'de> for ActivityEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

/// By hand: what is wrong is said with the member's name, and a text is copied once.
struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = ActivityEvent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ActivityEvent, A::Error> {
        let (mut id, mut attempt, mut kind, mut source) = (None, None, None, None);
        let (mut occurred, mut created) = (None, None);
        let mut more = BTreeMap::new();
        while let Some(member) = map.next_key()? {
            match member {
                Member::Id => id = Some(map.next_value_seed(text("id"))?),
                Member::AttemptId => attempt = Some(map.next_value_seed(text("attemptId"))?),
                Member::Type => kind = Some(map.next_value_seed(text("type"))?),
                Member::OccurredAt => {
                    occurred = Some(map.next_value_seed(Millis("occurredAt"))?);
                }
                Member::CreatedAt => created = Some(map.next_value_seed(Millis("createdAt"))?),
                Member::Source => source = Some(map.next_value_seed(text("source"))?),
                Member::Other(name) => drop(more.insert(name, map.next_value()?)),
            }
        }
        let missing = A::Error::missing_field;
        Ok(ActivityEvent {
            id: id.ok_or_else(|| missing("id"))?,
            attempt_id: attempt.ok_or_else(|| missing("attemptId"))?,
            kind: kind.ok_or_else(|| missing("type"))?,
            occurred_at: occurred.ok_or_else(|| missing("occurredAt"))?,
            created_at: created.ok_or_else(|| missing("createdAt"))?,
            source: source.ok_or_else(|| missing("source"))?,
            more: more.try_into().map_err(A::Error::custom)?,
        })
    }
}

/// Reads the member of this name.
struct Text<T>(&'static str, PhantomData<T>);

fn text<T>(name: &'static str) -> Text<T> {
    Text(name, PhantomData)
}

impl<'de, T: FromStr<Err = Error>> DeserializeSeed<'de> for Text<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T: FromStr<Err = Error>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text as {}", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Reads the time in the member of this name.
struct Millis(&'static str);

impl<'de> DeserializeSeed<'de> for Millis {
    type Value = Time;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Time, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Millis {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "milliseconds as {}", self.0)
    }

    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Time, E> {
        self.read(millis.into())
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Time, E> {
        self.read(millis.into())
    }

    fn visit_f64<E: de::Error>(self, millis: f64) -> Result<Time, E> {
        let number = Number::from_f64(millis);
        self.read(number.ok_or_else(|| E::custom("not a number"))?)
    }
}

impl Millis {
    fn read<E: de::Error>(self, number: Number) -> Result<Time, E> {
        let time = Time::try_from(number);
        time.map_err(|e| E::custom(format!("{}: {e}", self.0)))
    }
}
