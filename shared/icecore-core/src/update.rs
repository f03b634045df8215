//! Updates and the objects that carry them.

use crate::error::{Error, Result};
use crate::ids::{Author, Seq, UpdateId};
use crate::model::erased::UpdateText;
use crate::space::{FORMAT_VERSION, check_format_version};
use crate::time;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::num::NonZeroU32;

/// The largest update object, in bytes: one request must stay small enough to be retried on a phone.
pub const OBJECT_BYTES_MAX: usize = 1024 * 1024;
/// The most updates in one object: bounds what one bad object can hold up.
pub const OBJECT_UPDATES_MAX: usize = 500;
/// The largest single update: what is left of an object when its own members are written.
pub const UPDATE_BYTES_MAX: usize = OBJECT_BYTES_MAX - 256;

/// One update exactly as its author wrote it: the JSON text of `{"at", "kind", "data"}`.
///
/// The text is kept, not a parsed value, so that what is rolled up is what was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Update(Box<RawValue>);

/// The parts of an update's text.
#[derive(Debug, Deserialize)]
pub struct UpdateParts<'a> {
    /// When it happened by its author's clock: RFC 3339 with milliseconds.
    #[serde(borrow)]
    pub at: Cow<'a, str>,
    /// Which instruction.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// Its argument.
    #[serde(borrow)]
    pub data: &'a RawValue,
    /// The id of the conflict, or of the rejected update, that this update settles.
    #[serde(borrow, default)]
    pub resolves: Option<Cow<'a, str>>,
    /// The version of the model that wrote it; absent for 1.
    #[serde(default)]
    pub model_version: Option<NonZeroU32>,
}

/// What an update says of itself to whoever cannot fold it.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    model_version: Option<NonZeroU32>,
}

impl UpdateParts<'_> {
    /// What the model gets.
    pub fn text(&self) -> UpdateText<'_> {
        UpdateText {
            kind: &self.kind,
            data: self.data,
        }
    }
}

#[derive(Serialize)]
struct NewUpdate<'a> {
    at: &'a str,
    kind: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolves: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<u32>,
}

impl Update {
    /// A new update; `data` is JSON text.
    ///
    /// # Errors
    /// `Invalid` when the update is larger than [`UPDATE_BYTES_MAX`].
    pub fn new(
        at_millis: i64,
        kind: &str,
        data: &RawValue,
        resolves: Option<&str>,
    ) -> Result<Self> {
        Self::of_version(1, at_millis, (kind, data), resolves)
    }

    /// The same by a version of the model: programs that know an older one hold when they meet it.
    ///
    /// # Errors
    /// As [`Update::new`].
    pub fn of_version(
        model_version: u32,
        at_millis: i64,
        (kind, data): (&str, &RawValue),
        resolves: Option<&str>,
    ) -> Result<Self> {
        let at = time::to_rfc3339(at_millis);
        let update = NewUpdate {
            at: &at,
            kind,
            data,
            resolves,
            model_version: (model_version > 1).then_some(model_version),
        };
        let text = serde_json::to_string(&update)
            .map_err(|e| Error::invalid("the update has no JSON form").with_source(e))?;
        Self::from_text(text)
    }

    /// An update from its own JSON text, e.g. of an export.
    ///
    /// # Errors
    /// `Invalid` when the text is not `{"at", "kind", "data"}`, or larger than [`UPDATE_BYTES_MAX`].
    pub fn from_text(text: String) -> Result<Self> {
        if text.len() > UPDATE_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the update has {} bytes, at most {UPDATE_BYTES_MAX} fit",
                text.len()
            ))
            .with_hint(
                "split it into several updates, or keep large content elsewhere and refer to it",
            ));
        }
        let raw = RawValue::from_string(text)
            .map_err(|e| Error::invalid("the update is not JSON").with_source(e))?;
        let update = Self(raw).on_one_line();
        let parts = update.parts().ok_or_else(|| {
            Error::invalid("the update is not of the form {\"at\", \"kind\", \"data\"}")
        })?;
        time::from_rfc3339(&parts.at)?;
        Ok(update)
    }

    /// An update as some program stored it, of whatever form.
    ///
    /// # Errors
    /// `Invalid` when the text is not JSON.
    pub fn from_stored(text: String) -> Result<Self> {
        let raw = RawValue::from_string(text)
            .map_err(|e| Error::invalid("the update is not JSON").with_source(e))?;
        Ok(Self(raw).on_one_line())
    }

    /// The JSON text.
    pub fn as_text(&self) -> &str {
        self.0.get()
    }

    /// The parts, or `None` where the text is not `{"at", "kind", "data"}`.
    pub fn parts(&self) -> Option<UpdateParts<'_>> {
        let text = self.0.get();
        // serde would take `[at, kind, data]` too, and readers in other languages would not: their states
        // would differ.
        if !text.starts_with('{') {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// The version of the model that wrote it, as it says, sealed or not: 1 where it says nothing, or nothing that can be
    /// read.
    pub fn model_version(&self) -> u32 {
        let text = self.0.get();
        // Nearly all name none, and nobody spells the name with escapes; but who does is understood.
        let may_name = text.contains("model_version") || text.contains("\\u");
        if !may_name || !text.starts_with('{') {
            return 1;
        }
        let named: Option<Named> = serde_json::from_str(text).ok();
        named
            .and_then(|n| n.model_version)
            .map_or(1, NonZeroU32::get)
    }

    /// Segments hold one update per line. A line break can only be a blank between tokens here (inside a
    /// string JSON writes it as an escape), so a space says the same.
    fn on_one_line(self) -> Self {
        if !self.0.get().contains(['\n', '\r']) {
            return self;
        }
        let text = self.0.get().replace(['\n', '\r'], " ");
        Self(RawValue::from_string(text).expect("BUG: a blank for a blank keeps JSON valid"))
    }
}

impl PartialEq for Update {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Update {}

/// The body of an object under `updates/`: one author's consecutive updates. Live, the list has one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateObject {
    /// Format version.
    pub v: u32,
    /// Who wrote it.
    pub author: Author,
    /// The seq of the first update; the others follow one by one.
    pub seq: Seq,
    /// The updates, at least one.
    pub updates: Vec<Update>,
}

impl UpdateObject {
    /// An object of the current format.
    pub fn new(author: Author, seq: Seq, updates: Vec<Update>) -> Self {
        Self {
            v: FORMAT_VERSION,
            author,
            seq,
            updates,
        }
    }

    /// Reads an object's JSON.
    ///
    /// # Errors
    /// `Invalid` for a newer format version; `Corrupt` for anything else that is wrong with it.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        if json.len() > OBJECT_BYTES_MAX {
            return Err(Error::corrupt(format!(
                "the update object has {} bytes",
                json.len()
            )));
        }
        check_format_version(json, "update object")?;
        let object: Self = serde_json::from_slice(json)
            .map_err(|e| Error::corrupt("the update object does not parse").with_source(e))?;
        let count = object.updates.len();
        if count == 0 || count > OBJECT_UPDATES_MAX {
            return Err(Error::corrupt(format!(
                "the update object holds {count} updates"
            )));
        }
        Seq::new(object.seq.get() + count as u64).map_err(|e| {
            Error::corrupt("the update object's seq is out of range").with_source(e)
        })?;
        let updates = object
            .updates
            .into_iter()
            .map(Update::on_one_line)
            .collect();
        Ok(Self { updates, ..object })
    }

    /// The object's JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("BUG: raw JSON has a JSON form")
    }

    /// The seq after the last update.
    pub fn end(&self) -> Seq {
        self.seq.saturating_add(self.updates.len() as u64)
    }

    /// Each update with its id.
    pub fn entries(&self) -> impl Iterator<Item = (UpdateId, &Update)> {
        self.updates.iter().enumerate().map(|(i, update)| {
            (
                UpdateId {
                    author: self.author,
                    seq: self.seq.saturating_add(i as u64),
                },
                update,
            )
        })
    }

    /// How many of the first of `count` queued updates fit in one object.
    pub fn fitting<'a>(updates: impl IntoIterator<Item = &'a Update>) -> usize {
        let mut bytes = OBJECT_BYTES_MAX - UPDATE_BYTES_MAX;
        updates
            .into_iter()
            .take(OBJECT_UPDATES_MAX)
            .take_while(|update| {
                bytes += update.as_text().len() + 1;
                bytes <= OBJECT_BYTES_MAX
            })
            .count()
            .max(1)
    }
}

#[cfg(test)]
mod tests;
