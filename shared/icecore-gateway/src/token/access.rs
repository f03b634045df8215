//! What a verified token allows.

use super::pattern::SpacePattern;
use icecore_core::{Author, Error, Result, SpaceName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One thing that a token can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// To read the state and the history.
    Read,
    /// To add updates. Does not imply reading: a sensor may only report.
    Write,
    /// To create, reset and erase. Implies reading and writing.
    Admin,
}

impl Right {
    /// The word for it in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Right {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Read, Self::Write, Self::Admin]
            .into_iter()
            .find(|right| right.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(format!("{text:?} is no right"))
                    .with_hint("the rights are read, write and admin")
            })
    }
}

/// A set of rights. `admin` implies the others; `write` does not imply `read`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(BTreeSet<Right>);

impl Rights {
    /// To read and to write.
    pub fn read_write() -> Self {
        [Right::Read, Right::Write].into_iter().collect()
    }

    /// Whether the set allows something.
    pub fn allow(&self, right: Right) -> bool {
        self.0.contains(&right) || self.0.contains(&Right::Admin)
    }

    /// Whether the set allows nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rights as they were given, without what `admin` implies.
    pub fn iter(&self) -> impl Iterator<Item = Right> {
        self.0.iter().copied()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().collect())
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Right::as_str).collect();
        f.write_str(&words.join(", "))
    }
}

/// Some spaces, and the rights in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Which spaces.
    pub spaces: Vec<SpacePattern>,
    /// Which rights in them.
    pub rights: Rights,
}

/// What a verified token allows. It holds nothing that is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Who asks, in the words of whoever made the token.
    pub subject: String,
    /// What is allowed. A token of the gateway's own has one grant; the rules of an issuer may give several
    /// with different rights, which therefore must not be mixed.
    pub grants: Vec<Grant>,
    /// The only author that may write with this token, where it names one.
    pub author: Option<Author>,
    /// Whether it is a guest's, who owns the spaces that the token names.
    pub guest: bool,
    /// Whether writing takes a token that names an author.
    pub must_be_bound: bool,
    /// From when on the token is refused, milliseconds since 1970 UTC.
    pub expires_at: i64,
    /// A name for this token, the same each time it is used: the key of rate limits, fit for logs.
    pub token_id: String,
}

impl Access {
    /// Whether the token allows something in a space.
    pub fn may(&self, right: Right, space: &SpaceName) -> bool {
        self.patterns(right).any(|pattern| pattern.matches(space))
    }

    /// Whether whoever bears the token may do away with a space: who administers it, or the guest whose own it is.
    pub fn owns(&self, space: &SpaceName) -> bool {
        let mut own = self.patterns(Right::Write);
        self.may(Right::Admin, space)
            || (self.guest && own.any(|pattern| pattern.as_exact() == Some(space)))
    }

    /// Refuses to do away with a space that is another one's.
    ///
    /// # Errors
    /// As [`Access::check`] for the right `admin`.
    pub fn check_owns(&self, space: &SpaceName) -> Result<()> {
        if self.owns(space) {
            return Ok(());
        }
        self.check(Right::Admin, space)
    }

    /// Whether the token allows something in every space, also in those that do not exist yet.
    pub fn may_all(&self, right: Right) -> bool {
        self.patterns(right).any(SpacePattern::is_all)
    }

    /// The patterns of the spaces in which the token allows something.
    pub fn patterns(&self, right: Right) -> impl Iterator<Item = &SpacePattern> {
        self.grants
            .iter()
            .filter(move |grant| grant.rights.allow(right))
            .flat_map(|grant| &grant.spaces)
    }

    /// Refuses to write in the name of another author than the token is bound to; and of any, where tokens must be bound
    /// and this one is not. Whoever owns a space could change its history in other ways.
    ///
    /// # Errors
    /// `Denied`.
    pub fn check_author(&self, author: Author, space: &SpaceName) -> Result<()> {
        match self.author {
            None if self.must_be_bound && !self.owns(space) => Err(Error::denied(
                "this gateway lets nobody write with a token that names no author",
            )
            .with_object(space.as_str())
            .with_hint("get a token with an `author`, one for each device; while developing: icecore token --author")),
            Some(own) if own != author => Err(Error::denied(format!(
                "the token is bound to the author {own}"
            ))
            .with_object("author")
            .with_hint(
                "write as this author, from one replica; each device needs a token of its own",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses what the token does not allow.
    ///
    /// # Errors
    /// `Denied`, which says what is missing: the space, or the right in it.
    pub fn check(&self, right: Right, space: &SpaceName) -> Result<()> {
        if self.may(right, space) {
            return Ok(());
        }
        let rights: Rights = self
            .grants
            .iter()
            .filter(|grant| grant.spaces.iter().any(|pattern| pattern.matches(space)))
            .flat_map(|grant| grant.rights.iter())
            .collect();
        let message = if rights.is_empty() {
            "the token is not for this space".to_owned()
        } else {
            format!("the token allows {rights} in this space, not {right}")
        };
        Err(Error::denied(message)
            .with_object(space.as_str())
            .with_hint(format!(
                "ask whoever hands out the tokens for the right `{right}` in {space}; while developing: \
                 icecore token --space {space} --right {right}"
            )))
    }
}
