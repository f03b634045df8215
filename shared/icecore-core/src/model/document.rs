//! The built-in model `document`: a JSON object tree.
//!
//! # Updates
//!
//! | kind | data | effect |
//! | --- | --- | --- |
//! | `merge` | an RFC 7396 merge patch | fields set or (null) removed, field by field |
//! | `increment` | `{"/pointer": number}` | adds the number; a missing field becomes the number itself |
//! | `max`, `min` | `{"/pointer": number}` | keeps the greater (smaller) number |
//! | `add` | `{"/pointer": [members]}` | puts members into a set |
//! | `remove` | `{"/pointer": [members]}` | takes members, by value, out of a set or list |
//! | `append` | `{"/pointer": [items]}` | puts items at the end of a list |
//! | `delete` | `["/pointer", …]` | removes fields |
//!
//! All parts of an update are applied, or none: each is judged by the state before the update. Missing
//! objects on the way are made (but not for `remove` and `delete`, where a missing field is no fault).
//!
//! # Order of arrival
//!
//! `max`, `min`, `add` and integer `increment`s commute among themselves: whatever order they arrive in, the
//! state is the same, as long as none is rejected. A float `increment` rounds, so its last digits depend on
//! the order: count in whole units (cents, milliseconds). For the other kinds the canonical order decides.
//!
//! # Sets
//!
//! A set is an array that `add` keeps sorted, each value once: null, false, true, numbers by size, strings
//! by code points, arrays, objects ([`compare`]). An array that was written otherwise becomes a set with the
//! first `add`. An `add` costs time in proportion to the set: keep more than some thousand members as the
//! keys of an object (`merge` of `{"ids": {"x": true}}`).
//!
//! # Numbers
//!
//! Integers from -2^63 to 2^64-1 are exact, everything else is an IEEE 754 double, and a double that is a
//! whole number in that range is that integer: so the state in memory equals the one read from its JSON.

mod apply;
mod change;
mod edge;
mod members;
mod node;
mod number;
mod order;
mod pattern;
mod pointer;
mod rule;
mod touches;

pub use change::Change;
pub use edge::{validate, validate_json};
pub use order::compare;
pub use rule::{RULES_MAX, Rule, VIOLATIONS_MAX};

pub(super) use change::parse_value;
pub(crate) use pointer::push_token;

use super::{Meta, Model, Rejected, Violation};
use crate::error::{Error, Result};
use members::Members;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How many objects and arrays may stand inside each other, the root included: parsers stop at 128, and a
/// state that is stored must be one that can be read.
pub const DEPTH_MAX: usize = 64;

/// The kinds of update that a document knows.
pub const KINDS: [&str; 8] = [
    "add",
    "append",
    "delete",
    "increment",
    "max",
    "merge",
    "min",
    "remove",
];

/// The state of a [`Document`]: always a JSON object, its keys sorted, its numbers normalised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(Members);

// Its numbers are no NaN.
impl Eq for State {}

impl State {
    /// The value at a JSON pointer (RFC 6901), of an array also by index; the root has none.
    pub fn get(&self, pointer: &str) -> Option<Value> {
        let mut steps = pointer.strip_prefix('/')?.split('/').map(pointer::unescape);
        let first = self.0.get(&steps.next()?)?;
        steps
            .try_fold(first, |node, step| node.child(&step))
            .map(Value::from)
    }
}

impl From<Map<String, Value>> for State {
    fn from(members: Map<String, Value>) -> Self {
        Self(members.into())
    }
}

impl From<&State> for Map<String, Value> {
    fn from(state: &State) -> Self {
        (&state.0).into()
    }
}

impl From<&State> for Value {
    fn from(state: &State) -> Self {
        (&state.0).into()
    }
}

/// The model `document`; see the [module](self) for its updates.
///
/// ```
/// use icecore_core::ids::{Author, Key, Seq};
/// use icecore_core::model::document::Document;
/// use icecore_core::model::{Meta, Model};
/// use serde_json::value::RawValue;
///
/// let document = Document::default();
/// let mut state = document.initial();
/// let at = "2026-11-20T12:00:00.000Z";
/// let author = Author::from_parts(0, 1);
/// for (seq, kind, data) in [
///     (1, "merge", r#"{"title": "Groceries", "items": {"1": {"text": "Milk"}}}"#),
///     (2, "increment", r#"{"/items/1/count": 2}"#),
///     (3, "add", r#"{"/tags": ["home", "food"]}"#),
/// ] {
///     let data = RawValue::from_string(data.to_owned())?;
///     let meta = Meta { author, seq: Seq::new(seq)?, key: Key::new(seq)?, at };
///     let update = document.decode(kind, &data).map_err(|rejected| rejected.to_string())?;
///     document.apply(&mut state, update, &meta).map_err(|rejected| rejected.to_string())?;
/// }
/// assert_eq!(state.get("/items/1/count"), Some(2.into()));
/// assert_eq!(state.get("/tags/0"), Some("food".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Document {
    rules: Vec<Rule>,
}

impl Document {
    /// A document whose state should satisfy `rules`.
    pub fn with_rules(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// A document from the settings in `space.json`: null, or `{"rules": […]}`; see [`Rule`].
    ///
    /// # Errors
    /// `Invalid` when the settings are of another form; the error names the rule at fault.
    pub fn from_settings(settings: &Value) -> Result<Self> {
        let members = match settings {
            Value::Null => return Ok(Self::default()),
            Value::Object(members) => members,
            _ => return Err(bad_settings("the settings of a document are not an object")),
        };
        if let Some(unknown) = members.keys().find(|key| *key != "rules") {
            let unknown = pointer::quoted(unknown);
            return Err(bad_settings(format!("a document has no setting {unknown}")));
        }
        match members.get("rules") {
            None => Ok(Self::default()),
            Some(Value::Array(rules)) => rule::from_settings(rules).map(Self::with_rules),
            Some(_) => Err(bad_settings("the setting `rules` is not a list")),
        }
    }

    /// The settings that make this document again.
    pub fn settings(&self) -> Value {
        if self.rules.is_empty() {
            return Value::Null;
        }
        let rules = self.rules.iter().map(Rule::to_settings).collect();
        Value::Object(Map::from_iter([("rules".to_owned(), Value::Array(rules))]))
    }

    /// The rules that the state should satisfy.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

fn bad_settings(message: impl Into<String>) -> Error {
    Error::invalid(message)
        .with_hint("leave them out, or write {\"rules\": [{\"rule\": …, \"path\": …}]}")
}

impl Model for Document {
    type State = State;
    type Update = Change;

    fn name(&self) -> &'static str {
        "document"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads_key(&self) -> bool {
        false
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Change, Rejected> {
        Change::decode(kind, data)
    }

    fn apply(&self, state: &mut State, update: Change, _: &Meta<'_>) -> Result<(), Rejected> {
        update.apply(&mut state.0)
    }

    fn check(&self, state: &State) -> Vec<Violation> {
        rule::check(&self.rules, &state.0)
    }

    fn touches(&self, kind: &str, data: &RawValue) -> Vec<String> {
        touches::touches(&self.rules, kind, data)
    }
}

#[cfg(test)]
mod tests;
