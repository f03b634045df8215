//! Which spaces a token is for.

use icecore_core::{Error, Result, SpaceName};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One space by its name (`notes`), all whose names begin alike (`notes-*`), or all (`*`).
///
/// The star stands for any end of a name, the empty one too, and only at the end: `notes-*` covers
/// `notes-` and `notes-2026`, and not `notes`.
///
/// ```
/// use icecore_gateway::token::SpacePattern;
/// let pattern: SpacePattern = "notes-*".parse()?;
/// assert!(pattern.matches(&"notes-2026".parse()?));
/// assert!(!pattern.matches(&"notes".parse()?));
/// assert!("no*tes".parse::<SpacePattern>().is_err());
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpacePattern(Kind);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    All,
    /// What a name may begin with, which need not be a name: `con*`, `user-ada.*`.
    Prefix(String),
    Exact(SpaceName),
}

impl SpacePattern {
    /// `*`: every space.
    pub fn all() -> Self {
        Self(Kind::All)
    }

    /// The spaces whose names begin so.
    pub fn prefix(prefix: &SpaceName) -> Self {
        Self(Kind::Prefix(prefix.to_string()))
    }

    /// Whether the pattern covers a space.
    pub fn matches(&self, space: &SpaceName) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Prefix(prefix) => space.as_str().starts_with(prefix),
            Kind::Exact(name) => name == space,
        }
    }

    /// Whether it is `*`.
    pub fn is_all(&self) -> bool {
        self.0 == Kind::All
    }

    /// The one space that it covers, when it has no star.
    pub fn as_exact(&self) -> Option<&SpaceName> {
        match &self.0 {
            Kind::Exact(name) => Some(name),
            Kind::All | Kind::Prefix(_) => None,
        }
    }
}

impl From<SpaceName> for SpacePattern {
    fn from(name: SpaceName) -> Self {
        Self(Kind::Exact(name))
    }
}

impl fmt::Display for SpacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::All => f.write_str("*"),
            Kind::Prefix(prefix) => write!(f, "{prefix}*"),
            Kind::Exact(name) => name.fmt(f),
        }
    }
}

impl FromStr for SpacePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "*" {
            return Ok(Self::all());
        }
        let kind = match text.strip_suffix('*') {
            Some(prefix) => check_prefix(prefix).map(|()| Kind::Prefix(prefix.to_owned())),
            None => text.parse().map(Kind::Exact),
        };
        kind.map(Self).map_err(|e: Error| {
            Error::invalid(format!("{text:?} is no pattern for spaces"))
                .with_hint("name a space, or the beginning of names and `*` as in `notes-*`, or `*` for all")
                .with_source(e)
        })
    }
}

/// Some name begins so: this one itself, or one with a letter more.
fn check_prefix(prefix: &str) -> Result<()> {
    if prefix.is_empty() || format!("{prefix}a").parse::<SpaceName>().is_err() {
        prefix.parse::<SpaceName>()?;
    }
    Ok(())
}

impl TryFrom<String> for SpacePattern {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SpacePattern> for String {
    fn from(pattern: SpacePattern) -> Self {
        pattern.to_string()
    }
}
