//! What a newer version of an app's model wrote, and what a program says that meets it.

use crate::error::Error;
use std::error::Error as StdError;
use std::fmt;

/// A space holds what a newer version of its model wrote: this program holds, and shows no state that would be another
/// one. It is the source of the error of whoever needs the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    /// The model's name.
    pub model: String,
    /// The version that is needed.
    pub needed: u32,
    /// The version that this program knows.
    pub known: u32,
}

impl Newer {
    /// What an error is about, if it is about this.
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// The error for `what` that a newer version wrote, e.g. `the update`.
    pub fn error(&self, what: &str) -> Error {
        let Self {
            model,
            needed,
            known,
        } = self;
        Error::invalid(format!(
            "{what} was written by version {needed} of the model `{model}`, this program has version {known}"
        ))
        .with_hint("update this program; nothing was changed and nothing is lost: what is queued here is sent then")
        .with_source(self.clone())
    }
}

impl fmt::Display for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "version {} of the model `{}` is needed, this program has version {}",
            self.needed, self.model, self.known
        )
    }
}

impl StdError for Newer {}
