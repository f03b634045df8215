//! Why an update was rejected, and how a rule is broken: a code with parameters.
//!
//! Snapshots store codes, so no wording is part of the format: a client in any language words them for its people, and a
//! better sentence changes no stored byte. [`CODES`] has the codes of the built-in models and of the fold, each with the
//! wording of this program. What an app's model says has the code `app` with a `message`, or a code of the app's own
//! behind `app:`. A code that this program does not know is shown as it is, with its parameters.
//!
//! ```
//! use icecore_core::Reason;
//! let reason = Reason::app("late").with("closed_at", "17:00");
//! assert_eq!(serde_json::to_string(&reason)?, r#"{"code":"app:late","closed_at":"17:00"}"#);
//! assert_eq!(reason.to_string(), "late (closed_at: 17:00)");
//! assert_eq!(Reason::from("it is too late").to_string(), "it is too late");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod codes;

pub use codes::{CODES, Code};

use crate::canonical;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The most characters of a parameter that comes out of an update or a state: a list of reasons is stored with every
/// snapshot.
pub const PARAMETER_CHARS_MAX: usize = 100;

/// The most characters of a parameter that an app's model gives.
pub const MESSAGE_CHARS_MAX: usize = 1_000;

/// The code of a reason that an app's model gives as a text.
const APP: &str = "app";

/// What begins an app's own codes.
const APP_PREFIX: &str = "app:";

/// Members that stand beside a reason where it is stored.
const TAKEN: [&str; 6] = ["code", "id", "key", "paths", "rule", "updates"];

/// A code with its parameters. Its JSON is `{"code": …}` and the parameters as further members, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    code: String,
    parameters: BTreeMap<String, Value>,
}

impl Reason {
    /// A reason of an app's model with a code of its own, stored as `app:` and this code. A parameter `message` is what
    /// programs show that do not know the app.
    pub fn app(code: &str) -> Self {
        Self::built_in(&format!("{APP_PREFIX}{code}"))
    }

    /// A reason of this library.
    pub(crate) fn built_in(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            parameters: BTreeMap::new(),
        }
    }

    /// The same with one more parameter: a text, an integer or a boolean; anything else becomes the text of its JSON. A
    /// text beyond [`MESSAGE_CHARS_MAX`] is cut. A name that is taken where reasons are stored (`code`, `id`, `key`,
    /// `paths`, `rule`, `updates`) gets a `_` at its end.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) => cut(&text, MESSAGE_CHARS_MAX).into(),
            value @ Value::Bool(_) => value,
            Value::Number(number) if !number.is_f64() => number.into(),
            other => cut(&json_text(&other), MESSAGE_CHARS_MAX).into(),
        };
        let mut name = name.to_owned();
        if TAKEN.contains(&name.as_str()) {
            name.push('_');
        }
        self.parameters.insert(name, value);
        self
    }

    /// The same with a text out of an update or a state.
    pub(crate) fn text(mut self, name: &str, text: &str) -> Self {
        let text = cut(text, PARAMETER_CHARS_MAX);
        self.parameters.insert(name.to_owned(), text.into());
        self
    }

    /// The same with a value out of an update or a state, as the text of its JSON.
    pub(crate) fn json(self, name: &str, value: &impl Serialize) -> Self {
        self.text(name, &json_text(value))
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What an app's model called it in [`Reason::app`]; `None` for every other reason.
    pub fn app_code(&self) -> Option<&str> {
        self.code.strip_prefix(APP_PREFIX)
    }

    /// A parameter.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.get(name)
    }

    /// All parameters, by name.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// For a person, about the value at the JSON pointer `at` where there is one: one sentence without its full stop.
    pub fn worded(&self, at: Option<&str>) -> String {
        if let Some(code) = CODES.iter().find(|code| code.name == self.code) {
            return codes::fill(code.wording, |name| match (name, at) {
                ("at", Some(at)) => Some(cut(at, PARAMETER_CHARS_MAX)),
                (name, _) => self.shown(name),
            });
        }
        if let (Some(_), Some(message)) = (self.app_code(), self.shown("message")) {
            return message;
        }
        let known = self.app_code();
        let code = known.map_or_else(
            || {
                format!(
                    "`{}`, a reason that this program does not know",
                    cut(&self.code, PARAMETER_CHARS_MAX)
                )
            },
            |code| cut(code, PARAMETER_CHARS_MAX),
        );
        if self.parameters.is_empty() {
            return code;
        }
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}: {}", shown(value)))
            .collect();
        format!("{code} ({})", parameters.join(", "))
    }

    fn shown(&self, name: &str) -> Option<String> {
        let text = shown(self.parameters.get(name)?);
        let typed = matches!(name, "found" | "expected");
        Some(if typed {
            codes::with_article(&text)
        } else {
            text
        })
    }
}

/// A value in a sentence: a text as it is.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text, MESSAGE_CHARS_MAX),
        other => cut(&json_text(other), MESSAGE_CHARS_MAX),
    }
}

fn json_text(value: &impl Serialize) -> String {
    let json = canonical::to_vec(value).unwrap_or_default();
    String::from_utf8_lossy(&json).into_owned()
}

/// At most so many characters, and an ellipsis where some are missing.
fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worded(None))
    }
}

impl From<String> for Reason {
    fn from(message: String) -> Self {
        Self::built_in(APP).with("message", message)
    }
}

impl From<&str> for Reason {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.to_string()
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.parameters.len()))?;
        map.serialize_entry("code", &self.code)?;
        for (name, value) in &self.parameters {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Reason;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a code with parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reason, A::Error> {
        let (mut code, mut parameters) = (None, BTreeMap::new());
        while let Some(name) = map.next_key::<String>()? {
            if name != "code" {
                parameters.insert(name, map.next_value()?);
            } else if code.replace(map.next_value()?).is_some() {
                return Err(A::Error::duplicate_field("code"));
            }
        }
        let code = code.ok_or_else(|| A::Error::missing_field("code"))?;
        Ok(Reason { code, parameters })
    }
}

#[cfg(test)]
mod tests;
