//! The check of what a person or program types, before it becomes an update that stays for ever.
//!
//! Folding takes what it is given as every JSON parser does: the last of two equal keys, and a float where
//! an integer is too long. Whoever writes such a thing did not mean it, so it is refused here.

mod tokens;

use super::change::Change;
use super::pointer::{push_token, quoted};
use super::{DEPTH_MAX, KINDS};
use crate::error::{Error, Result};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use tokens::{Token, Tokens};

/// Checks an update that is about to be written: what [`Document`](super::Document) would reject whatever
/// its state, and besides equal keys in one object and integers that do not fit in 64 bits.
///
/// The size is for the caller to check.
///
/// ```
/// use icecore_core::model::document::validate;
/// use serde_json::value::RawValue;
/// let data = RawValue::from_string(r#"{"title": "a", "title": "b"}"#.to_owned())?;
/// let error = validate("merge", &data).unwrap_err();
/// assert_eq!(error.to_string(), "merge: the key `title` stands twice in the data");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// `Invalid`, with a hint.
pub fn validate(kind: &str, data: &RawValue) -> Result<()> {
    if !KINDS.contains(&kind) {
        return Err(Error::invalid(format!(
            "a document does not know the kind {}",
            quoted(kind)
        ))
        .with_hint(format!("it knows {}", KINDS.join(", "))));
    }
    validate_json(kind, data)?;
    Change::decode(kind, data)
        .map(drop)
        .map_err(|rejected| Error::invalid(rejected.reason).with_hint(form_of(kind)))
}

/// The part of [`validate`] that holds for every model: data that any reader takes for the same value.
///
/// # Errors
/// `Invalid`, with a hint.
pub fn validate_json(kind: &str, data: &RawValue) -> Result<()> {
    scan(data.get())
        .map_err(|(problem, hint)| Error::invalid(format!("{kind}: {problem}")).with_hint(hint))
}

fn form_of(kind: &str) -> &'static str {
    match kind {
        "merge" => r#"merge takes a JSON merge patch, e.g. {"title": "Milk", "done": null}"#,
        "add" | "remove" => r#"add and remove take members by pointer, e.g. {"/tags": ["home"]}"#,
        "append" => r#"append takes items by pointer, e.g. {"/log": ["started"]}"#,
        "delete" => r#"delete takes a list of pointers, e.g. ["/notes/1"]"#,
        _ => r#"increment, max and min take numbers by pointer, e.g. {"/count": 1}"#,
    }
}

type Fault = (String, &'static str);

/// Where the scan stands: in an object (with the keys so far) or in an array.
enum Frame {
    Object {
        seen: BTreeSet<String>,
        key: String,
        awaits_key: bool,
    },
    Array {
        index: usize,
    },
}

fn scan(text: &str) -> Result<(), Fault> {
    let mut frames: Vec<Frame> = Vec::new();
    for token in Tokens::of(text) {
        if matches!(token, Token::Open | Token::OpenObject) && frames.len() == DEPTH_MAX {
            let problem = format!("the data is nested more than {DEPTH_MAX} levels deep");
            return Err((
                problem,
                "name nested things by id, side by side in one object",
            ));
        }
        match (token, frames.last_mut()) {
            (Token::OpenObject, _) => frames.push(Frame::Object {
                seen: BTreeSet::new(),
                key: String::new(),
                awaits_key: true,
            }),
            (Token::Open, _) => frames.push(Frame::Array { index: 0 }),
            (Token::Close, _) => drop(frames.pop()),
            (Token::Colon, Some(Frame::Object { awaits_key, .. })) => *awaits_key = false,
            (Token::Comma, Some(Frame::Object { awaits_key, .. })) => *awaits_key = true,
            (Token::Comma, Some(Frame::Array { index })) => *index += 1,
            (
                Token::Text(text),
                Some(Frame::Object {
                    seen,
                    key,
                    awaits_key: true,
                }),
            ) => {
                let Some(new) = token.unescaped() else {
                    return Err(half_a_pair(&format!("the key {}", quoted(text))));
                };
                if !seen.insert(new.clone()) {
                    frames.pop();
                    let problem = format!(
                        "the key {} stands twice in {}",
                        quoted(&new),
                        place(&frames)
                    );
                    return Err((problem, "keep one of the two"));
                }
                *key = new;
            }
            (Token::Text(_), _) if token.unescaped().is_none() => {
                return Err(half_a_pair(&format!("the text in {}", place(&frames))));
            }
            (Token::Number(number), _) => check_number(number, &frames)?,
            _ => {}
        }
    }
    Ok(())
}

fn half_a_pair(what: &str) -> Fault {
    let hint = "write the character itself, or both halves, e.g. \\ud83d\\ude00";
    (format!("{what} has half of a surrogate pair"), hint)
}

fn check_number(number: &str, frames: &[Frame]) -> Result<(), Fault> {
    if number.contains(['.', 'e', 'E']) {
        if is_too_large(number) {
            let problem = format!(
                "the number {} in {} is too large",
                quoted(number),
                place(frames)
            );
            return Err((problem, "numbers reach to about 1.79e308"));
        }
    } else if number.parse::<u64>().is_err() && number.parse::<i64>().is_err() {
        let problem = format!(
            "the integer {} in {} does not fit in 64 bits",
            quoted(number),
            place(frames)
        );
        return Err((
            problem,
            "write it as text, or with a fraction where digits may be lost",
        ));
    }
    Ok(())
}

/// The place that the innermost frame has come to.
fn place(frames: &[Frame]) -> String {
    if frames.is_empty() {
        return "the data".to_owned();
    }
    let keys: Vec<String> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Object { key, .. } => key.clone(),
            Frame::Array { index } => index.to_string(),
        })
        .collect();
    // Whoever typed a key with a slash knows it as it was typed.
    if keys.iter().any(|key| key.contains(['/', '~'])) {
        return quoted(&keys.join(" → "));
    }
    let mut pointer = String::new();
    for key in &keys {
        push_token(&mut pointer, key);
    }
    quoted(&pointer)
}

fn is_too_large(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(f64::is_infinite)
}

/// How deep the objects and arrays of a JSON text stand in each other.
pub(super) fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for token in Tokens::of(text) {
        match token {
            Token::Open | Token::OpenObject => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The code of why a parser refuses a text that has the form of JSON: the first thing in it that none takes.
pub(super) fn unreadable(text: &str) -> &'static str {
    let mut tokens = Tokens::of(text);
    let fault = tokens.find_map(|token| match token {
        Token::Text(_) if token.unescaped().is_none() => Some("half-surrogate"),
        Token::Number(number) if is_too_large(number) => Some("number-too-large"),
        _ => None,
    });
    fault.unwrap_or("unreadable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, data: &str) -> Result<()> {
        validate(kind, &RawValue::from_string(data.to_owned()).unwrap())
    }

    #[test]
    fn good_updates_pass() {
        for (kind, data) in [
            (
                "merge",
                r#"{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}"#,
            ),
            (
                "merge",
                r#" { "a" : "\"}{" , "b" : "\ud83d\ude00" , "c" : [ ] } "#,
            ),
            (
                "merge",
                r#"{"a":18446744073709551615,"b":-9223372036854775808,"c":1e300,"d":-0}"#,
            ),
            ("increment", r#"{"/a":1}"#),
            ("delete", r#"["/a","/a"]"#),
            ("add", "{}"),
        ] {
            check(kind, data).unwrap();
        }
    }

    #[test]
    fn what_was_not_meant_is_refused_with_a_hint() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for (kind, data, message) in [
            (
                "merge",
                r#"{"a":1,"\u0061":2}"#,
                "merge: the key `a` stands twice in the data",
            ),
            (
                "merge",
                r#"{"l":[0,{"a":1,"a":2}]}"#,
                "merge: the key `a` stands twice in `/l/1`",
            ),
            (
                "merge",
                r#"{"a/b":18446744073709551616}"#,
                "merge: the integer `18446744073709551616` in `a/b` does not fit in 64 bits",
            ),
            (
                "merge",
                r#"{"a":-9223372036854775809}"#,
                "merge: the integer `-9223372036854775809` in `/a` does not fit in 64 bits",
            ),
            (
                "merge",
                r#"{"a":1e400}"#,
                "merge: the number `1e400` in `/a` is too large",
            ),
            (
                "merge",
                r#"{"a":"\ud800"}"#,
                "merge: the text in `/a` has half of a surrogate pair",
            ),
            (
                "merge",
                r#"{"\udc00":1}"#,
                r#"merge: the key `"\udc00"` has half of a surrogate pair"#,
            ),
            (
                "merge",
                &deep,
                "merge: the data is nested more than 64 levels deep",
            ),
            ("merge", "[]", "merge: the data is a list, not an object"),
            (
                "increment",
                r#"{"a":1}"#,
                "increment: the pointer `a` does not begin with `/`",
            ),
            (
                "delete",
                r#"{"/a":1}"#,
                "delete: the data is an object, not a list of pointers",
            ),
            (
                "replace",
                "{}",
                "a document does not know the kind `replace`",
            ),
        ] {
            let error = check(kind, data).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some(), "{message}");
        }
    }
}
