//! A rule as settings and as text.

use super::{Demand, Kind, RULES_MAX, Rule};
use crate::canonical;
use crate::error::{Error, Result};
use crate::model::document::pattern::Pattern;
use crate::model::document::pointer::quoted;
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

const NAMES: &str = "unique, required, max, min, type or one-of";
const TEXT_HINT: &str = "write a rule like unique:/notes/*/title, required:/title, max:/seats:10, \
                         min:/seats:0, type:/notes/*:object or one-of:/status:open,done";
const SETTINGS_HINT: &str = "write a rule like {\"rule\": \"unique\", \"path\": \"/notes/*/title\"} or \
                             {\"rule\": \"max\", \"path\": \"/seats\", \"value\": 10}";

impl Rule {
    fn new(name: &str, path: &str, value: Option<Value>) -> Result<Self, String> {
        let path = Pattern::new(path)?;
        let demand = match (name, value) {
            ("unique", None) => Demand::Unique,
            ("required", None) => Demand::Required,
            ("unique" | "required", Some(_)) => {
                return Err(format!("the rule `{name}` takes no value"));
            }
            ("max" | "min" | "type" | "one-of", None) => {
                return Err(format!("the rule `{name}` needs a value"));
            }
            ("max", Some(Value::Number(limit))) => Demand::Max(limit),
            ("min", Some(Value::Number(limit))) => Demand::Min(limit),
            ("max" | "min", Some(_)) => {
                return Err(format!("the value of the rule `{name}` is not a number"));
            }
            ("type", Some(kind)) => Demand::Type(Kind::new(&kind)?),
            ("one-of", Some(Value::Array(values))) if !values.is_empty() => Demand::OneOf(values),
            ("one-of", Some(_)) => {
                return Err("the value of the rule `one-of` is not a list with members".to_owned());
            }
            _ => return Err(format!("there is no rule {}, only {NAMES}", quoted(name))),
        };
        Ok(Self { path, demand })
    }

    fn name(&self) -> &'static str {
        match self.demand {
            Demand::Unique => "unique",
            Demand::Required => "required",
            Demand::Max(_) => "max",
            Demand::Min(_) => "min",
            Demand::Type(_) => "type",
            Demand::OneOf(_) => "one-of",
        }
    }

    fn value(&self) -> Option<Value> {
        match &self.demand {
            Demand::Unique | Demand::Required => None,
            Demand::Max(limit) | Demand::Min(limit) => Some(Value::Number(limit.clone())),
            Demand::Type(kind) => Some(Value::from(kind.name())),
            Demand::OneOf(values) => Some(Value::Array(values.clone())),
        }
    }

    /// The rule as it stands in the list `rules` of a space's settings.
    pub fn to_settings(&self) -> Value {
        let mut members = Map::new();
        members.insert("rule".to_owned(), self.name().into());
        members.insert("path".to_owned(), self.path.as_str().into());
        members.extend(self.value().map(|value| ("value".to_owned(), value)));
        Value::Object(members)
    }

    fn from_member(member: &Value) -> Result<Self, String> {
        let Value::Object(members) = member else {
            return Err("a rule is not an object".to_owned());
        };
        if let Some(unknown) = members
            .keys()
            .find(|key| !["rule", "path", "value"].contains(&key.as_str()))
        {
            return Err(format!("a rule has no member {}", quoted(unknown)));
        }
        let text = |name: &str| {
            let found = members.get(name).and_then(Value::as_str);
            found.ok_or_else(|| format!("a rule needs the text `{name}`"))
        };
        let mut value = members.get("value").cloned();
        value.iter_mut().for_each(canonical::normalise);
        Self::new(text("rule")?, text("path")?, value)
    }
}

/// Reads the list `rules` of the settings.
pub(in crate::model::document) fn from_settings(members: &[Value]) -> Result<Vec<Rule>> {
    if members.len() > RULES_MAX {
        let message = format!(
            "a document has at most {RULES_MAX} rules, not {}",
            members.len()
        );
        return Err(Error::invalid(message).with_hint("one rule with `*` covers many fields"));
    }
    let read = |(index, member)| {
        Rule::from_member(member).map_err(|problem| {
            Error::invalid(problem)
                .with_object(format!("/rules/{index}"))
                .with_hint(SETTINGS_HINT)
        })
    };
    members.iter().enumerate().map(read).collect()
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Array,
        Self::Boolean,
        Self::Integer,
        Self::Number,
        Self::Object,
        Self::String,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }

    fn new(value: &Value) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| value == kind.name())
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
                format!(
                    "the value of the rule `type` is none of {}",
                    names.join(", ")
                )
            })
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).map_err(|problem| {
            Error::invalid(problem)
                .with_object(text)
                .with_hint(TEXT_HINT)
        })
    }
}

fn parse(text: &str) -> Result<Rule, String> {
    let (name, rest) = text
        .split_once(':')
        .ok_or_else(|| "a rule is a name, `:` and a path".to_owned())?;
    // A path may have a `:` of its own, a number, a type name or a plain word has none.
    let (path, value) = match name {
        "max" | "min" | "type" => {
            let (path, value) = rest
                .rsplit_once(':')
                .ok_or_else(|| format!("the rule `{name}` needs a value"))?;
            (
                path,
                Some(if name == "type" {
                    value.into()
                } else {
                    number(value)?
                }),
            )
        }
        "one-of" => {
            let (path, values) = choices(rest)?;
            (path, Some(values))
        }
        _ => (rest, None),
    };
    Rule::new(name, path, value)
}

fn number(text: &str) -> Result<Value, String> {
    let mut value: Value = serde_json::from_str(text)
        .ok()
        .filter(Value::is_number)
        .ok_or_else(|| format!("{} is not a number", quoted(text)))?;
    canonical::normalise(&mut value);
    Ok(value)
}

/// `PATH:a,b` or `PATH:["a","b"]`.
fn choices(rest: &str) -> Result<(&str, Value), String> {
    for (at, _) in rest.match_indices(":[") {
        if let Ok(mut values @ Value::Array(_)) = serde_json::from_str(&rest[at + 1..]) {
            canonical::normalise(&mut values);
            return Ok((&rest[..at], values));
        }
    }
    let (path, words) = rest
        .rsplit_once(':')
        .ok_or_else(|| "the rule `one-of` needs a value".to_owned())?;
    if words.split(',').any(|word| word.trim().is_empty()) {
        return Err(
            "the rule `one-of` has an empty word; the empty text is written as [\"\"]".to_owned(),
        );
    }
    Ok((
        path,
        words
            .split(',')
            .map(|word| Value::from(word.trim()))
            .collect(),
    ))
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name(), self.path.as_str())?;
        match self.value() {
            None => Ok(()),
            Some(Value::String(name)) => write!(f, ":{name}"),
            Some(value) => {
                let json = canonical::to_vec(&value).map_err(|_| fmt::Error)?;
                write!(f, ":{}", String::from_utf8_lossy(&json))
            }
        }
    }
}
