//! The path of a rule: a pointer in which `*` stands for every member.

use super::members::Members;
use super::node::{Node, index};
use super::pointer::{Pointer, push_token};

/// E.g. `/notes/*/title`. A member whose key is really `*` cannot be named alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Any,
    Key(String),
}

/// One key or index on the way to a match.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    Key(&'a str),
    Index(usize),
}

/// The way to a match.
pub(super) type Way<'a> = Vec<At<'a>>;

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let pointer = Pointer::new(text.to_owned())?;
        let steps = pointer
            .steps()
            .map(|step| match &*step.token {
                "*" => Step::Any,
                key => Step::Key(key.to_owned()),
            })
            .collect();
        Ok(Self {
            text: text.to_owned(),
            steps,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a place is a match of this, above one, or below one.
    pub(super) fn relates<K: AsRef<str>>(&self, keys: &[K]) -> bool {
        self.steps.iter().zip(keys).all(|(step, key)| match step {
            Step::Any => true,
            Step::Key(name) => name == key.as_ref(),
        })
    }

    /// Calls `found` with each match in order, and with `None` for each place where the named rest of the
    /// path is missing.
    pub(super) fn visit<'a>(
        &'a self,
        root: &'a Members,
        found: &mut dyn FnMut(&Way<'a>, Option<&'a Node>),
    ) {
        in_object(root, &self.steps, &mut Vec::new(), found);
    }
}

type Found<'f, 'a> = &'f mut dyn FnMut(&Way<'a>, Option<&'a Node>);

fn in_object<'a>(members: &'a Members, steps: &'a [Step], way: &mut Way<'a>, found: Found<'_, 'a>) {
    let Some((step, rest)) = steps.split_first() else {
        return;
    };
    match step {
        Step::Any => {
            for (key, value) in members.iter() {
                below(At::Key(key), Some(value), rest, way, found);
            }
        }
        Step::Key(key) => below(At::Key(key), members.get(key), rest, way, found),
    }
}

fn in_array<'a>(items: &'a [Node], steps: &'a [Step], way: &mut Way<'a>, found: Found<'_, 'a>) {
    let Some((step, rest)) = steps.split_first() else {
        return;
    };
    match step {
        Step::Any => {
            for (index, item) in items.iter().enumerate() {
                below(At::Index(index), Some(item), rest, way, found);
            }
        }
        Step::Key(key) => {
            let item = index(key).and_then(|index| items.get(index));
            below(At::Key(key), item, rest, way, found);
        }
    }
}

fn below<'a>(
    at: At<'a>,
    value: Option<&'a Node>,
    steps: &'a [Step],
    way: &mut Way<'a>,
    found: Found<'_, 'a>,
) {
    way.push(at);
    match value {
        _ if steps.is_empty() => found(way, value),
        Some(Node::Object(members)) => in_object(members, steps, way, found),
        Some(Node::Array(items)) => in_array(items, steps, way, found),
        _ => missing(steps, way, found),
    }
    way.pop();
}

/// Nothing is here; a `*` further on has no member, so nothing is missing either.
fn missing<'a>(steps: &'a [Step], way: &mut Way<'a>, found: Found<'_, 'a>) {
    let length = way.len();
    for step in steps {
        match step {
            Step::Key(key) => way.push(At::Key(key)),
            Step::Any => return way.truncate(length),
        }
    }
    found(way, None);
    way.truncate(length);
}

/// The pointer of a way.
pub(super) fn pointer_of(way: &[At<'_>]) -> String {
    let mut pointer = String::new();
    for at in way {
        match at {
            At::Key(key) => push_token(&mut pointer, key),
            At::Index(index) => push_token(&mut pointer, &index.to_string()),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stars_match_every_member() {
        let state = json!({"notes": {"1": {"title": "a"}, "x/y": {"text": ""}, "z": 1}, "list": [{"n": 1}, {"n": 2}]});
        let root = Members::from(state.as_object().unwrap().clone());
        for (path, matches, absent) in [
            (
                "/notes/*/title",
                vec!["/notes/1/title"],
                vec!["/notes/x~1y/title", "/notes/z/title"],
            ),
            ("/list/*/n", vec!["/list/0/n", "/list/1/n"], vec![]),
            ("/list/1/n", vec!["/list/1/n"], vec![]),
            ("/list/01/n", vec![], vec!["/list/01/n"]),
            ("/none/a/b", vec![], vec!["/none/a/b"]),
            ("/none/*/b", vec![], vec![]),
            ("/*", vec!["/list", "/notes"], vec![]),
        ] {
            let (mut there, mut not) = (Vec::new(), Vec::new());
            let pattern = Pattern::new(path).unwrap();
            pattern.visit(&root, &mut |way, value| {
                if value.is_some() {
                    &mut there
                } else {
                    &mut not
                }
                .push(pointer_of(way));
            });
            assert_eq!(
                (there, not),
                (
                    matches.into_iter().map(str::to_owned).collect(),
                    absent.into_iter().map(str::to_owned).collect()
                ),
                "{path}"
            );
        }
    }

    #[test]
    fn places_relate_to_matches_above_and_below() {
        let pattern = Pattern::new("/notes/*/title").unwrap();
        for (keys, relates) in [
            (vec!["notes"], true),
            (vec!["notes", "1"], true),
            (vec!["notes", "1", "title"], true),
            (vec!["notes", "1", "title", "x"], true),
            (vec!["notes", "1", "text"], false),
            (vec!["list"], false),
        ] {
            assert_eq!(pattern.relates(&keys), relates, "{keys:?}");
        }
    }
}
