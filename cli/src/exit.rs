//! How the command ends: exit codes, and what it says of an error.

use crate::output::Output;
use icecore::exit::code;
use icecore_core::Error;
use serde::Serialize;
use std::error::Error as StdError;
use std::process::ExitCode;

/// The exit code of `verify` and of anything else that found damage.
pub(crate) const CORRUPT: u8 = 5;
/// The exit code of a conflict that stands.
pub(crate) const CONFLICT: u8 = 3;

/// Why a command ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// An error to report.
    Failed(Error),
    /// Everything was reported already; the exit code.
    Reported(u8),
    /// Nobody reads the output any more, as in `icecore log | head`: no reason to complain.
    OutputClosed,
}

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Stop {
    /// Reports the error, if there is one to report, and returns the exit code.
    pub(crate) fn report(self, out: &Output) -> u8 {
        match self {
            Self::Failed(error) => {
                out.error(&error);
                code(error.kind())
            }
            Self::Reported(code) => code,
            Self::OutputClosed => 0,
        }
    }
}

/// The exit code of a whole command.
pub(crate) fn of(outcome: Outcome, out: &Output) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => ExitCode::from(stop.report(out)),
    }
}

/// An error as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorJson<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

impl<'a> From<&'a Error> for ErrorJson<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            code: error.kind().code(),
            message: message(error),
            object: error.object(),
            hint: error.hint(),
            causes: causes(error),
        }
    }
}

impl<'a> ErrorJson<'a> {
    /// With another hint.
    pub(crate) fn with_hint(mut self, hint: Option<&'a str>) -> Self {
        self.hint = hint;
        self
    }
}

/// The message without the object, which stands in parentheses at its end.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let object = error.object().map(|object| format!(" ({object})"));
    object
        .and_then(|object| text.strip_suffix(&object).map(str::to_owned))
        .unwrap_or(text)
}

/// The chain below an error, each line once.
pub(crate) fn causes(error: &Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string().trim().to_owned();
        // Many errors repeat what lies below them: keep the one that says most.
        if causes.last().is_none_or(|last| !last.contains(&text)) {
            causes.push(text);
        }
        source = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::ErrorKind;

    #[test]
    fn each_kind_has_its_exit_code() {
        let table = [
            (ErrorKind::NotFound, 1),
            (ErrorKind::Denied, 1),
            (ErrorKind::Internal, 1),
            (ErrorKind::Invalid, 2),
            (ErrorKind::Conflict, 3),
            (ErrorKind::Unavailable, 4),
            (ErrorKind::Corrupt, 5),
        ];
        for (kind, expected) in table {
            assert_eq!(code(kind), expected, "{kind}");
        }
    }

    #[test]
    fn causes_are_not_repeated() {
        let lowest = Error::internal("the disk is gone");
        let middle = Error::internal("writing failed: the disk is gone").with_source(lowest);
        let error = Error::unavailable("cannot write")
            .with_object("a/b")
            .with_source(middle);
        assert_eq!(causes(&error), ["writing failed: the disk is gone"]);
        assert_eq!(message(&error), "cannot write");
    }
}
