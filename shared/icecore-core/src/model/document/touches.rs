//! Which watched places an update sets.

use super::change;
use super::members::Members;
use super::node::{Node, Text};
use super::pointer::{Pointer, push_token};
use super::rule::Rule;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The pointers that an update sets, of those that are, or stand above or below, a match of a rule's path.
pub(super) fn touches(rules: &[Rule], kind: &str, data: &RawValue) -> Vec<String> {
    if rules.is_empty() {
        return Vec::new();
    }
    // What was just applied decodes; anything else touches nothing.
    let Ok(data) = change::parse(kind, data) else {
        return Vec::new();
    };
    let mut touched = Vec::new();
    match (kind, data) {
        ("merge", Node::Object(patch)) => leaves(rules, &patch, &mut Vec::new(), &mut touched),
        ("delete", Node::Array(pointers)) => {
            for pointer in pointers {
                if let Node::String(text) = pointer {
                    place(rules, text, &mut touched);
                }
            }
        }
        (_, Node::Object(parts)) => {
            for (text, _) in parts {
                place(rules, text, &mut touched);
            }
        }
        _ => {}
    }
    touched.sort();
    touched.dedup();
    touched
}

/// A patch sets what stands at its leaves; an object in it only leads there, unless it is empty.
fn leaves<'a>(
    rules: &[Rule],
    patch: &'a Members,
    way: &mut Vec<&'a str>,
    touched: &mut Vec<String>,
) {
    for (key, value) in patch.iter() {
        way.push(key);
        match value {
            Node::Object(inner) if !inner.is_empty() => leaves(rules, inner, way, touched),
            _ if is_watched(rules, way) => {
                let mut pointer = String::new();
                for key in way.iter() {
                    push_token(&mut pointer, key);
                }
                touched.push(pointer);
            }
            _ => {}
        }
        way.pop();
    }
}

fn place(rules: &[Rule], text: Text, touched: &mut Vec<String>) {
    let Ok(pointer) = Pointer::new(text.into()) else {
        return;
    };
    let keys: Vec<Cow<'_, str>> = pointer.steps().map(|step| step.token).collect();
    if is_watched(rules, &keys) {
        touched.push(pointer.as_str().to_owned());
    }
}

fn is_watched<K: AsRef<str>>(rules: &[Rule], keys: &[K]) -> bool {
    rules.iter().any(|rule| rule.path().relates(keys))
}
