//! One error type for the whole workspace: what to do, what failed, on which object, and what to try next.

use std::error::Error as StdError;
use std::fmt;

/// What the caller should do about an [`Error`]. A new kind needs a decision record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Somebody else changed it first: reload, reapply, retry, or ask a person.
    Conflict,
    /// The bucket or the network did not answer: retry later, nothing is lost.
    Unavailable,
    /// The request itself is wrong: fix it.
    Invalid,
    /// The store, the space or the object does not exist.
    NotFound,
    /// The credentials are missing, wrong or expired, or do not allow this.
    Denied,
    /// Stored bytes are not what they must be: stop and look.
    Corrupt,
    /// A bug in icecore.
    Internal,
}

impl ErrorKind {
    /// The stable word for this kind in JSON, logs and the TypeScript client.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }

    /// The kind that a word stands for.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    const ALL: [Self; 7] = [
        Self::Conflict,
        Self::Unavailable,
        Self::Invalid,
        Self::NotFound,
        Self::Denied,
        Self::Corrupt,
        Self::Internal,
    ];
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An error that says how to react ([`ErrorKind`]), what failed, which object or field is at fault and
/// what to do next.
///
/// ```
/// use icecore_core::{Error, ErrorKind};
/// let error = Error::invalid("the space name has a slash").with_hint("use a-z 0-9 - _ .");
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert_eq!(error.to_string(), "the space name has a slash");
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    object: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result type of every fallible function of the workspace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, message)
        })*
    };
}

impl Error {
    /// An error of `kind`; `message` says what failed, in lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            object: None,
            hint: None,
            source: None,
        }))
    }

    constructors! {
        /// A [`ErrorKind::Conflict`] error.
        conflict => Conflict;
        /// An [`ErrorKind::Unavailable`] error.
        unavailable => Unavailable;
        /// An [`ErrorKind::Invalid`] error.
        invalid => Invalid;
        /// A [`ErrorKind::NotFound`] error.
        not_found => NotFound;
        /// A [`ErrorKind::Denied`] error.
        denied => Denied;
        /// A [`ErrorKind::Corrupt`] error.
        corrupt => Corrupt;
        /// An [`ErrorKind::Internal`] error.
        internal => Internal;
    }

    /// Names the object (its path in the bucket) or the field at fault.
    #[must_use]
    pub fn with_object(mut self, object: impl Into<String>) -> Self {
        self.0.object = Some(object.into());
        self
    }

    /// Says what a person can do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error underneath; it is not repeated in `Display`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// How to react.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The object or field at fault, where one is known.
    pub fn object(&self) -> Option<&str> {
        self.0.object.as_deref()
    }

    /// What a person can do next, where something is known to help.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Somebody else was first.
    pub fn is_conflict(&self) -> bool {
        self.kind() == ErrorKind::Conflict
    }

    /// The bucket did not answer; trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// The object, space or store does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Stored bytes are wrong.
    pub fn is_corrupt(&self) -> bool {
        self.kind() == ErrorKind::Corrupt
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.object {
            Some(object) => write!(f, " ({object})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
