//! Any typed JSON, without knowing its types.

use super::fault::Fault;
use super::shape::{Shape, escape, unescape};
use super::{DATE, Date, ENUM, TYPE, TYPED_VALUE};
use crate::error::{Error, Result};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A value of typed JSON. Types that a program does not know are kept as they are.
///
/// ```
/// use icecore_core::typed::TypedValue;
/// use serde_json::json;
/// let json = json!({"$type": "Task", "due": {"$date": "2026-11-20T12:00:00.000Z"}, "$$date": "user's own"});
/// let value = TypedValue::parse(&json)?;
/// let TypedValue::Object { type_name, fields } = &value else { unreachable!() };
/// assert_eq!(type_name, "Task");
/// assert!(matches!(fields["due"], TypedValue::Date(_)));
/// assert_eq!(fields["$date"], TypedValue::String("user's own".to_owned()));
/// assert_eq!(value.to_json(), json);
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum TypedValue {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(String),
    /// `{"$date": …}`
    Date(Date),
    /// `{"$enum": …, "name": …}`
    Enum {
        /// The enum.
        type_name: String,
        /// Which of its members.
        name: String,
        /// What the member carries, if it does.
        value: Option<Box<Self>>,
    },
    /// `{"$type": …, …}`
    Object {
        /// The class.
        type_name: String,
        /// Its fields, unescaped.
        fields: BTreeMap<String, Self>,
    },
    /// An array.
    List(Vec<Self>),
    /// An object without a tag; its keys are unescaped.
    Map(BTreeMap<String, Self>),
    /// An object with a tag that this version does not know, as it was written.
    Other(Map<String, Value>),
}

impl TypedValue {
    /// Reads typed JSON.
    ///
    /// # Errors
    /// `Invalid` when a tag is used wrongly; the error's object is the JSON pointer of the place.
    pub fn parse(json: &Value) -> Result<Self> {
        parse(json).map_err(Into::into)
    }

    /// Writes typed JSON. A [`TypedValue::Other`] is written as it is, whatever it holds.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::String(text) => Value::String(text.clone()),
            Self::Date(date) => tagged(DATE, date.to_string(), Map::new()),
            Self::Enum {
                type_name,
                name,
                value,
            } => {
                let mut members = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
                members.extend(
                    value
                        .as_ref()
                        .map(|value| ("value".to_owned(), value.to_json())),
                );
                tagged(ENUM, type_name.clone(), members)
            }
            Self::Object { type_name, fields } => tagged(TYPE, type_name.clone(), print(fields)),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(members) => Value::Object(print(members)),
            Self::Other(members) => Value::Object(members.clone()),
        }
    }

    /// Plain JSON without types, for showing; see [`info`](super::info). A [`TypedValue::Other`] is shown as it is
    /// written: what its tag means is not known.
    pub fn info(&self) -> Value {
        match self {
            Self::Date(date) => Value::String(date.to_string()),
            Self::Enum {
                name, value: None, ..
            } => Value::String(name.clone()),
            Self::Enum {
                name,
                value: Some(value),
                ..
            } => Value::Object(Map::from_iter([(name.clone(), value.info())])),
            Self::Object { fields, .. } => shown(fields),
            Self::List(items) => items.iter().map(Self::info).collect(),
            Self::Map(members) => shown(members),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Other(_) => {
                self.to_json()
            }
        }
    }
}

/// Members as they are called, for nothing here is a tag.
fn shown(members: &BTreeMap<String, TypedValue>) -> Value {
    let shown = |(key, value): (&String, &TypedValue)| (key.clone(), value.info());
    Value::Object(members.iter().map(shown).collect())
}

fn tagged(tag: &str, text: String, mut members: Map<String, Value>) -> Value {
    members.insert(tag.to_owned(), Value::String(text));
    Value::Object(members)
}

fn print(members: &BTreeMap<String, TypedValue>) -> Map<String, Value> {
    members
        .iter()
        .map(|(key, value)| (escape(key.clone()), value.to_json()))
        .collect()
}

fn parse(json: &Value) -> Result<TypedValue, Fault> {
    Ok(match json {
        Value::Null => TypedValue::Null,
        Value::Bool(value) => TypedValue::Bool(*value),
        Value::Number(number) => TypedValue::Number(number.clone()),
        Value::String(text) => TypedValue::String(text.clone()),
        Value::Array(items) => {
            let parse = |(index, item)| parse(item).map_err(|fault| fault.under(index));
            TypedValue::List(
                items
                    .iter()
                    .enumerate()
                    .map(parse)
                    .collect::<Result<_, _>>()?,
            )
        }
        Value::Object(members) => parse_object(members)?,
    })
}

fn parse_object(members: &Map<String, Value>) -> Result<TypedValue, Fault> {
    Ok(match Shape::of(members)? {
        Shape::Map { .. } => TypedValue::Map(parse_members(members)?),
        Shape::Date { text, .. } => {
            let date = text
                .parse()
                .map_err(|error: Error| Fault::new(error.to_string()).under(DATE));
            TypedValue::Date(date?)
        }
        Shape::Enum {
            type_name,
            name,
            value,
        } => {
            let value = value
                .map(parse)
                .transpose()
                .map_err(|fault| fault.under("value"))?;
            TypedValue::Enum {
                type_name: type_name.to_owned(),
                name: name.to_owned(),
                value: value.map(Box::new),
            }
        }
        Shape::Object { type_name, .. } => TypedValue::Object {
            type_name: type_name.to_owned(),
            fields: parse_members(members)?,
        },
        Shape::Other { .. } => TypedValue::Other(members.clone()),
    })
}

fn parse_members(members: &Map<String, Value>) -> Result<BTreeMap<String, TypedValue>, Fault> {
    let parse = |(key, value): (&String, &Value)| {
        let value = parse(value).map_err(|fault| fault.under(key))?;
        Ok((unescape(key).to_owned(), value))
    };
    members
        .iter()
        .filter(|(key, _)| *key != TYPE)
        .map(parse)
        .collect()
}

impl Serialize for TypedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TYPED_VALUE, &self.to_json())
    }
}

impl<'de> Deserialize<'de> for TypedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TYPED_VALUE, TypedValueVisitor)
    }
}

struct TypedValueVisitor;

impl<'de> Visitor<'de> for TypedValueVisitor {
    type Value = TypedValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("typed JSON")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<TypedValue, D::Error> {
        TypedValue::parse(&Value::deserialize(inner)?).map_err(D::Error::custom)
    }
}
