//! Rules that the merged state should satisfy, and what breaks them.

mod breaches;
mod form;

pub use breaches::VIOLATIONS_MAX;
pub(super) use breaches::check;
pub(super) use form::from_settings;

use super::pattern::Pattern;
use serde_json::{Number, Value};

/// The most rules of a document: each is checked against the whole state.
pub const RULES_MAX: usize = 100;

/// A rule of a document: the settings have it as an object, the command line as text.
///
/// | settings | text | holds when |
/// | --- | --- | --- |
/// | `{"rule": "unique", "path": "/notes/*/title"}` | `unique:/notes/*/title` | no two of the values are equal |
/// | `{"rule": "required", "path": "/title"}` | `required:/title` | the value is there |
/// | `{"rule": "max", "path": "/seats", "value": 10}` | `max:/seats:10` | a number is not greater |
/// | `{"rule": "min", "path": "/seats", "value": 0}` | `min:/seats:0` | a number is not less |
/// | `{"rule": "type", "path": "/a/*", "value": "string"}` | `type:/a/*:string` | the value is a `string`, `number`, `integer`, `boolean`, `array` or `object` |
/// | `{"rule": "one-of", "path": "/status", "value": ["a", "b"]}` | `one-of:/status:a,b` or `one-of:/status:["a",1]` | the value is one of these |
///
/// In a path, `*` stands for every member of an object or array. A value that is missing breaks `required`
/// only; where a `*` has no members, nothing is required.
///
/// ```
/// use icecore_core::model::document::Rule;
/// let rule: Rule = "max:/seats:10".parse()?;
/// assert_eq!(rule.to_settings().to_string(), r#"{"path":"/seats","rule":"max","value":10}"#);
/// assert_eq!(rule.to_string(), "max:/seats:10");
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    path: Pattern,
    demand: Demand,
}

#[derive(Debug, Clone, PartialEq)]
enum Demand {
    Unique,
    Required,
    Max(Number),
    Min(Number),
    Type(Kind),
    OneOf(Vec<Value>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

impl Rule {
    pub(super) fn path(&self) -> &Pattern {
        &self.path
    }
}

#[cfg(test)]
mod tests;
