//! What a space of notes holds: calls that were made, and calls that were recorded elsewhere and replayed.

use crate::call::Call;
use icecore::{RawValue, Rejected, UpdateId};
use serde::de::{Deserializer, Error as _};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// The kind of an update that replays a call.
pub const REPLAY: &str = "replay";

/// An update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// A call that was made here. Its id is that of the update.
    Call(Call),
    /// A call that was made elsewhere, under the id that it has there.
    Replay(Replay),
}

/// A call with the id that it had where it was made, so that it counts once, however often and by whomever it is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The id of the update that the call was first.
    pub id: UpdateId,
    /// The call.
    pub call: Call,
}

impl From<Call> for Update {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl Update {
    /// The call.
    pub fn call(&self) -> &Call {
        match self {
            Self::Call(call) | Self::Replay(Replay { call, .. }) => call,
        }
    }

    /// The call, and the id under which it counts: that of the update which carries it, unless it says another one.
    pub fn into_call(self, id: UpdateId) -> (UpdateId, Call) {
        match self {
            Self::Call(call) => (id, call),
            Self::Replay(replay) => (replay.id, replay.call),
        }
    }

    /// The update that `kind` and `data` stand for.
    ///
    /// # Errors
    /// [`Rejected`] for a method that there is none of, an argument of another type, or an id that is none.
    pub fn from_parts(kind: &str, data: &RawValue) -> Result<Self, Rejected> {
        if kind != REPLAY {
            return Call::from_update(kind, data).map(Self::Call);
        }
        let unreadable = |why: String| Rejected::new(format!("{REPLAY}: {why}"));
        let encoded: Encoded =
            serde_json::from_str(data.get()).map_err(|e| unreadable(e.to_string()))?;
        let id = encoded
            .id
            .ok_or_else(|| unreadable("it has no id".to_owned()))?;
        let id = id.parse().map_err(|e| unreadable(format!("{e}")))?;
        let call = Call::from_update(&encoded.kind, &encoded.data)?;
        Ok(Self::Replay(Replay { id, call }))
    }
}

/// A call as JSON, alone or with what is known of it.
#[derive(Deserialize)]
pub(crate) struct Encoded {
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) at: Option<String>,
    pub(crate) kind: String,
    pub(crate) data: Box<RawValue>,
}

/// As an update is written: `kind` and `data`.
impl Serialize for Update {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Call(call) => call.serialize(serializer),
            Self::Replay(replay) => {
                let mut update = serializer.serialize_struct("Update", 2)?;
                update.serialize_field("kind", REPLAY)?;
                update.serialize_field("data", replay)?;
                update.end()
            }
        }
    }
}

impl Serialize for Replay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            id: String,
            #[serde(flatten)]
            call: &'a Call,
        }
        let (id, call) = (self.id.to_string(), &self.call);
        Written { id, call }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Update {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Encoded::deserialize(deserializer)?;
        Self::from_parts(&encoded.kind, &encoded.data).map_err(D::Error::custom)
    }
}
