//! A space as it was: at a time, or after a generation.

use crate::args::parsed;
use icecore_core::plan::key::clamp;
use icecore_core::{
    Entry, Error, Folded, Generation, Key, Order, Result, SpaceInfo, SpaceName, Update, time,
};
use icecore_store::history::{Segments, state_at, state_until};
use icecore_store::{Reader, Store};
use serde_json::Value;

/// A point in a space's history.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// At this time, milliseconds since 1970 UTC.
    At(i64),
    /// After this generation.
    After(Generation),
}

/// Reads a time, or the number of a generation.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return parsed(text.parse().map(Moment::After));
    }
    parsed(time::from_rfc3339(text).map(Moment::At))
}

/// The state at a moment.
///
/// # Errors
/// `NotFound` where the history does not reach; `Denied` in an encrypted space whose keys are not at hand; otherwise as
/// reading it.
pub(crate) async fn state(store: &Store, space: &SpaceName, moment: Moment) -> Result<Folded> {
    let past = match moment {
        Moment::After(generation) => {
            let info = store.space(space).await?.info;
            state_at(store, &info, generation).await?.folded
        }
        Moment::At(millis) => {
            let reader = Reader::open(store, space).await?;
            let key = last_key(store, &reader, millis).await?;
            state_until(store, &reader, key).await?
        }
    };
    past.check_readable()?;
    past.check_consistent()?;
    Ok(past)
}

/// The last key that belongs to a moment. In a sequenced space keys are no times: it is the last one before the
/// first update that happened later.
async fn last_key(store: &Store, reader: &Reader, moment: i64) -> Result<Key> {
    let info = &reader.info;
    let is_later = |entry: &Entry| is_later(reader, entry, moment);
    let mut segments = Segments::after(store, info, Generation::ZERO).await?;
    let mut first = true;
    while let Some(segment) = segments.next().await? {
        if first && segment.header.base.is_some() && segment.header.rolled_at > moment {
            return Err(begins_later(info, segment.header.rolled_at));
        }
        first = false;
        if info.order == Order::Timestamp {
            return Ok(clamp(moment));
        }
        if let Some(later) = segment.entries.iter().find(|e| is_later(e)) {
            return Ok(later.key.saturating_sub(1));
        }
    }
    if info.order == Order::Timestamp {
        return Ok(clamp(moment));
    }
    let later = reader.tail_entries().into_iter().find(is_later);
    Ok(later.map_or(Key::MAX, |e| e.key.saturating_sub(1)))
}

fn is_later(reader: &Reader, entry: &Entry, moment: i64) -> bool {
    let opened = reader.base.folded.content().open(entry.id, &entry.update);
    let parts = opened.as_deref().ok().and_then(Update::parts);
    let at = parts.and_then(|parts| time::from_rfc3339(&parts.at).ok());
    at.is_some_and(|at| at > moment)
}

fn begins_later(info: &SpaceInfo, millis: i64) -> Error {
    let begins = time::to_rfc3339(millis);
    Error::not_found(format!(
        "the history of {} begins at {begins}: it was compressed or reset then",
        info.space
    ))
    .with_hint(format!("ask for {begins} or later"))
}

/// Reads a JSON pointer (RFC 6901).
pub(crate) fn pointer(text: &str) -> Result<String, String> {
    let escapes = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if escapes && (text.is_empty() || text.starts_with('/')) {
        return Ok(text.to_owned());
    }
    parsed(Err(Error::invalid(format!(
        "{text:?} is not a JSON pointer"
    ))
    .with_hint(
        "a pointer is like /notes/1/title; write ~1 for a slash in a name and ~0 for a tilde",
    )))
}

/// Names the deepest part of the path that is there, and what is in it.
pub(crate) fn missing(path: &str, state: &Value) -> Error {
    const NAMED_MAX: usize = 8;
    let mut above = path;
    while let Some((shorter, _)) = above.rsplit_once('/') {
        above = shorter;
        if state.pointer(above).is_some() {
            break;
        }
    }
    let place = if above.is_empty() {
        "the state".to_owned()
    } else {
        format!("`{above}`")
    };
    let hint = match state.pointer(above) {
        Some(Value::Object(members)) if !members.is_empty() => {
            let names: Vec<&str> = members.keys().take(NAMED_MAX).map(String::as_str).collect();
            let more = if members.len() > NAMED_MAX {
                ", …"
            } else {
                ""
            };
            format!("{place} has {}{more}", names.join(", "))
        }
        Some(Value::Array(items)) => format!("{place} is a list of {}", items.len()),
        Some(Value::Object(_)) => format!("{place} is empty"),
        _ => format!("{place} has nothing below it"),
    };
    Error::not_found("the state has nothing there")
        .with_object(path)
        .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[test]
    fn pointers_are_checked() {
        for good in ["", "/", "/a/b", "/a~1b", "/~0"] {
            assert_eq!(pointer(good).unwrap(), good);
        }
        for bad in ["a", "a/b", "/~", "/~2", "/a~"] {
            assert!(pointer(bad).unwrap_err().contains("hint"), "{bad}");
        }
    }

    #[test]
    fn a_missing_path_says_what_is_there() {
        let state = json!({ "a": { "b": 1, "c": [1, 2] }, "d": {} });
        for (path, hint) in [
            ("/x", "the state has a, d"),
            ("/a/x/y", "`/a` has b, c"),
            ("/a/c/9", "`/a/c` is a list of 2"),
            ("/a/b/z", "`/a/b` has nothing below it"),
            ("/d/z", "`/d` is empty"),
        ] {
            assert_eq!(missing(path, &state).hint(), Some(hint));
        }
    }
}
