//! How a command of one's own ends: what it says of an error, and its exit code.

use icecore_core::{Error, ErrorKind, Result};
use serde_json::json;
use std::error::Error as _;
use std::io::Write;
use std::process::ExitCode;

/// The exit code for an error, the same as the `icecore` command's: 1 failed, 2 invalid, 3 conflict, 4 unavailable
/// (try again later), 5 corrupt.
///
/// ```
/// use icecore::{ErrorKind, exit};
/// assert_eq!(exit::code(ErrorKind::Unavailable), 4);
/// ```
pub const fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Internal => 1,
        ErrorKind::Invalid => 2,
        ErrorKind::Conflict => 3,
        ErrorKind::Unavailable => 4,
        ErrorKind::Corrupt => 5,
    }
}

/// Ends a command: an error is told on stderr, with its causes and what to do about it; with `json` on stdout, as one
/// line.
pub fn report(result: Result<()>, as_json: bool) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    // A closed output is no reason to complain.
    drop(if as_json {
        writeln!(std::io::stdout(), "{}", error_json(&error))
    } else {
        writeln!(std::io::stderr(), "{}", error_text(&error))
    });
    ExitCode::from(code(error.kind()))
}

fn error_text(error: &Error) -> String {
    let mut text = format!("error: {error}");
    for cause in causes(error) {
        text.push_str("\n  cause: ");
        text.push_str(&cause);
    }
    if let Some(hint) = error.hint() {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    text
}

fn error_json(error: &Error) -> serde_json::Value {
    json!({ "error": {
        "code": error.kind().code(),
        "message": error.to_string(),
        "object": error.object(),
        "hint": error.hint(),
        "causes": causes(error),
    } })
}

fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}
