//! Which of the forms of typed JSON an object has.

use super::fault::Fault;
use super::{DATE, ENUM, TYPE};
use serde_json::{Map, Value};

/// An object of typed JSON, seen from outside.
pub(super) enum Shape<'a> {
    Map {
        members: &'a Map<String, Value>,
    },
    Date {
        text: &'a str,
        members: &'a Map<String, Value>,
    },
    Enum {
        type_name: &'a str,
        name: &'a str,
        value: Option<&'a Value>,
    },
    Object {
        type_name: &'a str,
        members: &'a Map<String, Value>,
    },
    /// A tag that this version does not know.
    Other {
        tag: &'a str,
    },
}

impl<'a> Shape<'a> {
    pub(super) fn of(members: &'a Map<String, Value>) -> Result<Self, Fault> {
        let mut tags = members.keys().filter(|key| is_tag(key));
        let Some(tag) = tags.next() else {
            return Ok(Self::Map { members });
        };
        if let Some(second) = tags.next() {
            let message = format!("expected one tag at most, found `{tag}` and `{second}`");
            return Err(Fault::new(message));
        }
        match tag.as_str() {
            DATE => {
                only(members, &[DATE])?;
                text(members, DATE).map(|text| Self::Date { text, members })
            }
            ENUM => {
                only(members, &[ENUM, "name", "value"])?;
                let (type_name, name) = (text(members, ENUM)?, text(members, "name")?);
                Ok(Self::Enum {
                    type_name,
                    name,
                    value: members.get("value"),
                })
            }
            TYPE => text(members, TYPE).map(|type_name| Self::Object { type_name, members }),
            tag => Ok(Self::Other { tag }),
        }
    }

    /// What it is, in a sentence.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Map { .. } => "a map".to_owned(),
            Self::Date { .. } => "a date".to_owned(),
            Self::Enum {
                type_name, name, ..
            } => format!("the member `{name}` of the enum `{type_name}`"),
            Self::Object { type_name, .. } => format!("an object of type `{type_name}`"),
            Self::Other { tag } => format!("a value of the unknown form `{tag}`"),
        }
    }
}

/// What a value is, in a sentence.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(members) => match Shape::of(members) {
            Ok(shape) => shape.describe(),
            Err(fault) => format!("an object that is not well-formed: {fault}"),
        },
    }
}

fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), Fault> {
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(other) => {
            let known = known.join("`, `");
            Err(Fault::new(format!(
                "expected nothing but `{known}`, found `{other}`"
            )))
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, key: &str) -> Result<&'a str, Fault> {
    match members.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            Err(Fault::new(format!("expected text, found {}", describe(other))).under(key))
        }
        None => Err(Fault::new(format!("expected a member `{key}`"))),
    }
}

fn is_tag(key: &str) -> bool {
    key.starts_with('$') && !key.starts_with("$$")
}

/// A user's key as it is written.
pub(super) fn escape(key: String) -> String {
    if key.starts_with('$') {
        format!("${key}")
    } else {
        key
    }
}

/// A written key as the user has it.
pub(super) fn unescape(key: &str) -> &str {
    key.strip_prefix('$')
        .filter(|rest| rest.starts_with('$'))
        .unwrap_or(key)
}
