//! The built-in model `log`: the list of updates, for apps that fold for themselves.

use super::{Meta, Model, Rejected, document};
use crate::ids::{Author, Key, Seq};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One update of a [`Log`].
// The fields stand in the order of their names: canonical JSON writes them as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened by its author's clock: RFC 3339 with milliseconds.
    pub at: String,
    /// Who wrote it.
    pub author: Author,
    /// Its argument, with numbers normalised.
    pub data: Value,
    /// The key of the object that carried it.
    pub key: Key,
    /// Which instruction.
    pub kind: String,
    /// The author's counter.
    pub seq: Seq,
}

/// The state of a [`Log`]: its updates in canonical order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(Vec<Entry>);

impl State {
    /// The updates in canonical order.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

/// The model `log`: every update is accepted, unless its data cannot be read at all: nested more than
/// [`document::DEPTH_MAX`] levels deep, a number beyond the range of doubles, half of a surrogate pair.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

/// A decoded update of a [`Log`].
#[derive(Debug)]
pub struct Line {
    kind: String,
    data: Value,
}

impl Model for Log {
    type State = State;
    type Update = Line;

    fn name(&self) -> &'static str {
        "log"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Line, Rejected> {
        Ok(Line {
            kind: kind.to_owned(),
            data: document::parse_value(kind, data)?,
        })
    }

    fn apply(&self, state: &mut State, update: Line, meta: &Meta<'_>) -> Result<(), Rejected> {
        state.0.push(Entry {
            at: meta.at.to_owned(),
            author: meta.author,
            data: update.data,
            key: meta.key,
            kind: update.kind,
            seq: meta.seq,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn updates_are_kept_in_order_as_canonical_json() {
        let mut state = Log.initial();
        let author = Author::from_parts(1, 2);
        for (number, kind, data) in [(1, "b", r#"{"y":1.0,"x":null}"#), (2, "a", "[]")] {
            let update = Log.decode(kind, &raw(data)).unwrap();
            let (seq, key) = (Seq::new(number).unwrap(), Key::new(number + 10).unwrap());
            Log.apply(
                &mut state,
                update,
                &Meta {
                    author,
                    seq,
                    key,
                    at: "now",
                },
            )
            .unwrap();
        }
        let json = String::from_utf8(canonical::to_vec(&state).unwrap()).unwrap();
        assert_eq!(
            json,
            format!(
                r#"[{{"at":"now","author":"{author}","data":{{"x":null,"y":1}},"key":11,"kind":"b","seq":1}},{{"at":"now","author":"{author}","data":[],"key":12,"kind":"a","seq":2}}]"#
            )
        );
        let again: State = serde_json::from_str(&json).unwrap();
        assert_eq!(again, state);
        // The fields of an entry are in canonical order: as a map they print the same.
        let sorted: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            String::from_utf8(canonical::to_vec(&sorted).unwrap()).unwrap(),
            json
        );
    }

    #[test]
    fn what_cannot_be_read_is_rejected() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (data, reason) in [
            (
                deep.as_str(),
                "any: the data is nested more than 64 levels deep",
            ),
            ("1e400", "any: the data has a number that is too large"),
            (
                r#""\ud800""#,
                "any: the data has a text with half of a surrogate pair",
            ),
        ] {
            assert_eq!(
                Log.decode("any", &raw(data)).unwrap_err().to_string(),
                reason
            );
        }
    }
}
