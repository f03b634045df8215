//! Names of spaces with a place for the value of a claim.

use super::pattern::SpacePattern;
use icecore_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where the value of the claim goes.
const PLACE: &str = "{}";

/// The name of a space or a pattern, with at most one `{}` where the value of the claim goes: `team-{}`,
/// `user-{}.*`, `lobby`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpaceTemplate {
    before: String,
    /// What follows the value; absent when there is no place for one.
    after: Option<String>,
}

impl SpaceTemplate {
    /// The pattern for a value, unless that gives none.
    pub(super) fn pattern(&self, value: &str) -> Option<SpacePattern> {
        // A star of the value's would open other spaces.
        let text = match &self.after {
            None => self.before.clone(),
            Some(_) if value.contains('*') => return None,
            Some(after) => format!("{}{value}{after}", self.before),
        };
        text.parse().ok()
    }

    /// What stands before the value, when there is a place for one.
    pub(super) fn before(&self) -> Option<&str> {
        self.after.as_ref().map(|_| self.before.as_str())
    }

    /// The character that ends the value.
    pub(super) fn separator(&self) -> Option<char> {
        let first = self.after.as_ref()?.chars().next();
        first.filter(|c| *c != '*')
    }

    /// Whether a short value gives more than one space, those of longer values maybe among them.
    pub(super) fn has_star_after_value(&self) -> bool {
        self.after
            .as_ref()
            .is_some_and(|after| after.ends_with('*'))
    }

    /// Whether nothing ends the value before the star.
    pub(super) fn is_open_ended(&self) -> bool {
        self.has_star_after_value() && self.separator().is_none()
    }
}

impl fmt::Display for SpaceTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.before)?;
        match &self.after {
            Some(after) => write!(f, "{PLACE}{after}"),
            None => Ok(()),
        }
    }
}

impl FromStr for SpaceTemplate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (before, after) = match text.split_once(PLACE) {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (text, None),
        };
        let before = before.to_owned();
        let template = Self { before, after };
        // Whatever stands around the value must be fit for a name; a second place is not.
        if template.pattern("0").is_none() {
            return Err(Error::invalid(format!("{text:?} gives no spaces"))
                .with_hint("write it like `user-{}`, with one `{}` for the value of the claim"));
        }
        Ok(template)
    }
}

impl TryFrom<String> for SpaceTemplate {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SpaceTemplate> for String {
    fn from(template: SpaceTemplate) -> Self {
        template.to_string()
    }
}
