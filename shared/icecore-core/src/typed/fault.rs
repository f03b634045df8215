//! What is wrong with a typed value, and where.

use crate::error::Error;
use crate::model::document::push_token;
use serde::de::{Expected, Unexpected};
use std::fmt::{self, Display};

/// A failure deep inside a value; the keys are added on the way out.
#[derive(Debug)]
pub(super) struct Fault {
    message: String,
    /// From the innermost key to the outermost.
    keys: Vec<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            keys: Vec::new(),
        }
    }

    pub(super) fn expected(expected: &dyn Expected, found: &str) -> Self {
        Self::new(format!("expected {expected}, found {found}"))
    }

    /// The same failure, seen from the value that holds `key`.
    pub(super) fn under(mut self, key: impl Display) -> Self {
        self.keys.push(key.to_string());
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected, &found.to_string())
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected, &found.to_string())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let error = Self::invalid(fault.message);
        if fault.keys.is_empty() {
            return error;
        }
        let mut pointer = String::new();
        for key in fault.keys.iter().rev() {
            push_token(&mut pointer, key);
        }
        error.with_object(pointer)
    }
}
