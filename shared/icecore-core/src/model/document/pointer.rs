//! JSON pointers (RFC 6901) to members of objects.

use crate::reason::Reason;
use std::borrow::Cow;

/// The most characters of a user's text that a message repeats.
const QUOTED_CHARS_MAX: usize = 100;

/// A pointer such as `/notes/1/title`; never the root.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pointer(String);

/// One step of a pointer.
pub(super) struct Step<'a> {
    /// The key, unescaped.
    pub(super) token: Cow<'a, str>,
    /// The pointer up to and with this key.
    pub(super) upto: &'a str,
}

impl Pointer {
    /// Checks the form.
    pub(super) fn new(text: String) -> Result<Self, Reason> {
        if text.is_empty() {
            return Err(Reason::built_in("pointer-empty"));
        }
        if !text.starts_with('/') {
            return Err(Reason::built_in("pointer-without-slash").text("path", &text));
        }
        let bad_escape = |rest: &str| !rest.starts_with(['0', '1']);
        if text.split('~').skip(1).any(bad_escape) {
            return Err(Reason::built_in("pointer-escape").text("path", &text));
        }
        Ok(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// How many keys it has: in how many objects the value stands.
    pub(super) fn depth(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'/').count()
    }

    /// The keys from the root on; at least one.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let mut start = 1;
        self.0[1..].split('/').map(move |token| {
            let end = start + token.len();
            start = end + 1;
            Step {
                token: unescape(token),
                upto: &self.0[..end],
            }
        })
    }

    /// The pointers above this one, without the root.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0
            .match_indices('/')
            .skip(1)
            .map(|(at, _)| &self.0[..at])
    }
}

/// A key as it stands between the slashes of a pointer, as the key itself.
pub(super) fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(token)
    }
}

/// Puts one more key at the end of a pointer.
pub(crate) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    if token.contains(['~', '/']) {
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(token);
    }
}

/// A user's text between backticks, cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        let pointer = Pointer::new(text.to_owned()).unwrap();
        let keys: Vec<String> = pointer
            .steps()
            .map(|step| step.token.into_owned())
            .collect();
        assert_eq!(keys.len(), pointer.depth());
        let mut again = String::new();
        for key in &keys {
            push_token(&mut again, key);
        }
        assert_eq!(again, text);
        keys
    }

    #[test]
    fn pointers_are_split_and_unescaped() {
        assert_eq!(keys("/a/b"), ["a", "b"]);
        assert_eq!(keys("/"), [""]);
        assert_eq!(keys("//a/"), ["", "a", ""]);
        assert_eq!(keys("/a~1b/~0~01"), ["a/b", "~~1"]);
        assert_eq!(keys("/ü/日本"), ["ü", "日本"]);
        for bad in ["", "a", "a/b", "/~", "/a~2", "/~0~", "/~~0"] {
            assert!(Pointer::new(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn ancestors_and_steps_name_the_way() {
        let pointer = Pointer::new("/a/b~1c/d".to_owned()).unwrap();
        assert_eq!(pointer.ancestors().collect::<Vec<_>>(), ["/a", "/a/b~1c"]);
        let upto: Vec<&str> = pointer.steps().map(|step| step.upto).collect();
        assert_eq!(upto, ["/a", "/a/b~1c", "/a/b~1c/d"]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(quoted("a"), "`a`");
        assert_eq!(quoted(&"ü".repeat(101)), format!("`{}…`", "ü".repeat(100)));
    }
}
