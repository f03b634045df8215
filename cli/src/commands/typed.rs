//! What a person or a program types: an update as one line of JSON.

use icecore_core::model::document;
use icecore_core::update::UPDATE_BYTES_MAX;
use icecore_core::{Error, Result, Update, time};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

const FORM: &str = r#"an update is like {"kind": "merge", "data": {"title": "Milk"}}; "at" and "resolves" may be added"#;

const UNSEEN: &str =
    "this replica has not seen the space yet and takes it for a document: sync first if it is none";

/// The members of a typed update.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resolves: Option<Cow<'a, str>>,
}

/// How to check what is typed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check<'a> {
    /// When the update happened, unless it says so itself.
    pub(crate) now: i64,
    /// The space's model, where it is known.
    pub(crate) model: Option<&'a str>,
    /// What the update settles, whatever it says itself.
    pub(crate) resolves: Option<&'a str>,
}

/// Reads an update and checks all that can be checked without the state.
///
/// # Errors
/// `Invalid`, with a hint.
pub(crate) fn parse(text: &str, check: Check<'_>) -> Result<Update> {
    if text.len() > UPDATE_BYTES_MAX {
        return Err(Error::invalid(format!(
            "the update has {} bytes, at most {UPDATE_BYTES_MAX} fit",
            text.len()
        ))
        .with_hint(
            "split it into several updates, or keep large content elsewhere and refer to it",
        ));
    }
    // serde would take a list for an object.
    if text.trim_start().starts_with('[') {
        return Err(
            Error::invalid("this is no update: it must be an object, not a list").with_hint(FORM),
        );
    }
    let typed: Typed<'_> = serde_json::from_str(text).map_err(|e| not_an_update(text, e))?;
    check_content(check.model, &typed.kind, typed.data)?;
    let at = typed
        .at
        .as_deref()
        .map_or(Ok(check.now), time::from_rfc3339)?;
    Update::new(
        at,
        &typed.kind,
        typed.data,
        check.resolves.or(typed.resolves.as_deref()),
    )
}

/// What a space of this model would reject whatever its state. Of an unknown model it is taken for a document.
pub(crate) fn check_content(model: Option<&str>, kind: &str, data: &RawValue) -> Result<()> {
    match model {
        Some("document") => document::validate(kind, data),
        None => document::validate(kind, data).map_err(|error| {
            let hint = error.hint().unwrap_or_default();
            let hint = format!("{hint}; {UNSEEN}");
            error.with_hint(hint)
        }),
        Some(_) => document::validate_json(kind, data),
    }
}

fn not_an_update(text: &str, error: serde_json::Error) -> Error {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let message = if is_json {
        "this is no update"
    } else {
        "this is not JSON"
    };
    let hint = if is_json {
        FORM
    } else {
        json_hint(text, &error)
    };
    Error::invalid(message).with_hint(hint).with_source(error)
}

/// What is usually wrong with text that does not parse.
fn json_hint(text: &str, error: &serde_json::Error) -> &'static str {
    // Columns count from 1 and point at the last byte read.
    let from = error.column().saturating_sub(2).min(text.len());
    let around = text.as_bytes().get(from..).unwrap_or_default();
    let starts = |word: &[u8]| {
        (0..2).any(|skip| {
            around
                .get(skip..)
                .is_some_and(|rest| rest.starts_with(word))
        })
    };
    if starts(b"NaN") || starts(b"Inf") || starts(b"-Inf") || starts(b"nan") {
        "JSON has no NaN and no Infinity: leave the field out, or write null"
    } else if starts(b"'") || text.starts_with('\'') {
        "JSON strings stand in double quotes"
    } else if error.is_eof() {
        "the JSON ends too early: a bracket or a quote is missing; in a shell put it in single quotes"
    } else {
        FORM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is typed, the message and a word of the hint.
    const TABLE: [(&str, &str, &str); 15] = [
        ("", "this is not JSON", "too early"),
        (
            r#"{"kind":"merge","data":{"#,
            "this is not JSON",
            "too early",
        ),
        (
            r#"{"kind":"merge","data":{"a":NaN}}"#,
            "this is not JSON",
            "NaN",
        ),
        (
            r#"{"kind":"merge","data":{"a":-Infinity}}"#,
            "this is not JSON",
            "Infinity",
        ),
        (r"{'kind':'merge'}", "this is not JSON", "double quotes"),
        ("[1]", "this is no update", "an update is like"),
        (
            r#"{"kind":"merge"}"#,
            "this is no update",
            "an update is like",
        ),
        (
            r#"{"kind":1,"data":{}}"#,
            "this is no update",
            "an update is like",
        ),
        (
            r#"{"kind":"merge","data":{},"date":1}"#,
            "this is no update",
            "an update is like",
        ),
        (
            r#"{"kind":"merge","kind":"merge","data":{}}"#,
            "this is no update",
            "an update is like",
        ),
        (
            r#"{"kind":"swap","data":{}}"#,
            "a document does not know the kind `swap`",
            "it knows",
        ),
        (
            r#"{"kind":"increment","data":{"/a":"x"}}"#,
            "increment: ",
            "numbers",
        ),
        (
            r#"{"kind":"merge","data":{"a":1,"a":2}}"#,
            "merge: the key `a` stands twice in the data",
            "keep one",
        ),
        (
            r#"{"kind":"merge","data":{"a":"\ud800"}}"#,
            "surrogate",
            "halves",
        ),
        (
            r#"{"kind":"merge","data":{},"at":"today"}"#,
            "\"today\" is not an RFC 3339 time",
            "2026",
        ),
    ];

    fn check(model: Option<&str>) -> Check<'_> {
        Check {
            now: 0,
            model,
            resolves: None,
        }
    }

    #[test]
    fn updates_are_read() {
        let update = parse(
            r#"{"kind":"merge","data":{"a": 1}}"#,
            check(Some("document")),
        )
        .unwrap();
        assert_eq!(
            update.as_text(),
            r#"{"at":"1970-01-01T00:00:00.000Z","kind":"merge","data":{"a": 1}}"#
        );
        let text = r#"{"data":[1],"kind":"said","at":"2026-01-02T03:04:05+01:00","resolves":"x"}"#;
        let update = parse(text, check(Some("log"))).unwrap();
        assert_eq!(
            update.as_text(),
            r#"{"at":"2026-01-02T02:04:05.000Z","kind":"said","data":[1],"resolves":"x"}"#
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_a_hint() {
        let deep = format!(
            r#"{{"kind":"merge","data":{}{}}}"#,
            "[".repeat(5000),
            "]".repeat(5000)
        );
        let large = format!(
            r#"{{"kind":"merge","data":{{"a":"{}"}}}}"#,
            "x".repeat(2 * 1024 * 1024)
        );
        let more = [
            (deep.as_str(), "nested more than 64 levels deep", "by id"),
            (large.as_str(), "at most", "split"),
        ];
        for (text, message, hint) in TABLE.into_iter().chain(more) {
            let error = parse(text, check(Some("document"))).unwrap_err();
            assert_eq!(error.kind(), icecore_core::ErrorKind::Invalid);
            assert!(error.to_string().contains(message), "{text:.60}: {error}");
            let given = error.hint().unwrap_or_default();
            assert!(given.contains(hint), "{text:.60}: {given}");
        }
    }
}
