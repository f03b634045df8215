//! Applying a change: all of its parts, or none.
//!
//! A part fails only while it walks through what is there; from the first missing key on everything is
//! made, and cannot fail. So one part needs no undo; several are all checked before the first is applied.

use super::change::{Change, ListKind, NumberKind, Parts};
use super::members::Members;
use super::node::Node;
use super::number;
use super::order;
use super::pointer::Pointer;
use crate::model::Rejected;
use crate::reason::Reason;
use serde_json::Number;
use std::borrow::Cow;

impl Change {
    /// Applies the whole change, or leaves `root` as it was.
    pub(super) fn apply(self, root: &mut Members) -> Result<(), Rejected> {
        match self.0 {
            Parts::Merge(patch) => merge(root, patch),
            Parts::Number(kind, parts) => {
                if parts.len() > 1 {
                    for (pointer, operand) in &parts {
                        if let Some(value) = find(root, kind.name(), pointer)? {
                            fold_number(kind, pointer, value, operand)?;
                        }
                    }
                }
                for (pointer, operand) in parts {
                    apply_number(root, kind, &pointer, operand)?;
                }
            }
            Parts::List(kind, parts) => {
                if parts.len() > 1 {
                    for (pointer, _) in &parts {
                        match find(root, kind.name(), pointer)? {
                            None | Some(Node::Array(_)) => {}
                            Some(other) => return Err(not_a_list(kind, pointer, other)),
                        }
                    }
                }
                for (pointer, items) in parts {
                    apply_list(root, kind, &pointer, items)?;
                }
            }
            Parts::Delete(pointers) => {
                if pointers.len() > 1 {
                    for pointer in &pointers {
                        find(root, "delete", pointer)?;
                    }
                }
                for pointer in pointers {
                    if let Some((parent, key)) = parent(root, "delete", &pointer)? {
                        parent.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }
}

/// RFC 7396, without a copy: the patch's values move into the state.
fn merge(target: &mut Members, patch: Members) {
    for (key, value) in patch {
        match value {
            Node::Null => target.remove(&key),
            Node::Object(patch) => match target.get_mut(&key) {
                Some(Node::Object(inner)) => merge(inner, patch),
                Some(other) => *other = without_nulls(patch),
                None => target.insert(&key, without_nulls(patch)),
            },
            value => target.insert(&key, value),
        }
    }
}

/// What a patch makes where nothing was. Nulls in arrays stay: there they are values.
fn without_nulls(mut patch: Members) -> Node {
    fn strip(patch: &mut Members) {
        patch.retain(|value| match value {
            Node::Null => false,
            Node::Object(inner) => {
                strip(inner);
                true
            }
            _ => true,
        });
    }
    strip(&mut patch);
    Node::Object(patch)
}

fn apply_number(
    root: &mut Members,
    kind: NumberKind,
    pointer: &Pointer,
    operand: Number,
) -> Result<(), Rejected> {
    let (members, key) = place(root, kind.name(), pointer)?;
    match members.get_mut(&key) {
        None => members.insert(&key, Node::Number(operand)),
        Some(value) => *value = Node::Number(fold_number(kind, pointer, value, &operand)?),
    }
    Ok(())
}

fn fold_number(
    kind: NumberKind,
    pointer: &Pointer,
    value: &Node,
    operand: &Number,
) -> Result<Number, Rejected> {
    let Node::Number(number) = value else {
        let reason = at("not-a-number", kind.name(), pointer);
        return Err(Rejected::new(reason.text("found", type_of(value))));
    };
    match kind {
        NumberKind::Increment => number::add(number, operand)
            .map_err(|code| Rejected::new(at(code, kind.name(), pointer))),
        NumberKind::Max if number::compare(operand, number).is_gt() => Ok(operand.clone()),
        NumberKind::Min if number::compare(operand, number).is_lt() => Ok(operand.clone()),
        NumberKind::Max | NumberKind::Min => Ok(number.clone()),
    }
}

fn apply_list(
    root: &mut Members,
    kind: ListKind,
    pointer: &Pointer,
    mut items: Vec<Node>,
) -> Result<(), Rejected> {
    if kind == ListKind::Remove {
        let found = parent(root, kind.name(), pointer)?;
        return match found.and_then(|(parent, key)| parent.get_mut(&key)) {
            None => Ok(()),
            Some(Node::Array(list)) => {
                order::remove(list, &items);
                Ok(())
            }
            Some(other) => Err(not_a_list(kind, pointer, other)),
        };
    }
    let (members, key) = place(root, kind.name(), pointer)?;
    match members.get_mut(&key) {
        None => members.insert(&key, Node::Array(items)),
        Some(Node::Array(list)) if kind == ListKind::Add => order::insert(list, items),
        Some(Node::Array(list)) => list.append(&mut items),
        Some(other) => return Err(not_a_list(kind, pointer, other)),
    }
    Ok(())
}

/// The value at a pointer, if there is one.
fn find<'a>(
    root: &'a Members,
    kind: &str,
    pointer: &Pointer,
) -> Result<Option<&'a Node>, Rejected> {
    let mut members = root;
    let mut steps = pointer.steps().peekable();
    while let Some(step) = steps.next() {
        match members.get(&step.token) {
            None => return Ok(None),
            found if steps.peek().is_none() => return Ok(found),
            Some(Node::Object(inner)) => members = inner,
            Some(other) => return Err(passes_through(kind, pointer, step.upto, other)),
        }
    }
    Ok(None)
}

/// The object that a pointer's last key stands in, if there is one, and that key.
fn parent<'a, 'p>(
    root: &'a mut Members,
    kind: &str,
    pointer: &'p Pointer,
) -> Result<Option<(&'a mut Members, Cow<'p, str>)>, Rejected> {
    let mut members = root;
    let mut steps = pointer.steps().peekable();
    while let Some(step) = steps.next() {
        if steps.peek().is_none() {
            return Ok(Some((members, step.token)));
        }
        match members.get_mut(&step.token) {
            None => return Ok(None),
            Some(Node::Object(inner)) => members = inner,
            Some(other) => return Err(passes_through(kind, pointer, step.upto, other)),
        }
    }
    Ok(None)
}

/// The object that a pointer's last key stands or will stand in, and that key; the objects on the way are made
/// where they are missing.
fn place<'a, 'p>(
    root: &'a mut Members,
    kind: &str,
    pointer: &'p Pointer,
) -> Result<(&'a mut Members, Cow<'p, str>), Rejected> {
    let mut members = root;
    let mut steps = pointer.steps().peekable();
    loop {
        let step = steps.next().expect("BUG: a pointer has a last key");
        if steps.peek().is_none() {
            return Ok((members, step.token));
        }
        match members.get_or_insert(&step.token, || Node::Object(Members::default())) {
            Node::Object(inner) => members = inner,
            other => return Err(passes_through(kind, pointer, step.upto, other)),
        }
    }
}

fn passes_through(kind: &str, pointer: &Pointer, upto: &str, value: &Node) -> Rejected {
    let reason = at("through-no-object", kind, pointer).text("upto", upto);
    Rejected::new(reason.text("found", type_of(value)))
}

fn not_a_list(kind: ListKind, pointer: &Pointer, value: &Node) -> Rejected {
    let reason = at("not-a-list", kind.name(), pointer);
    Rejected::new(reason.text("found", type_of(value)))
}

fn at(code: &str, kind: &str, pointer: &Pointer) -> Reason {
    let reason = Reason::built_in(code).text("kind", kind);
    reason.text("path", pointer.as_str())
}

/// What a value is, as parameters of reasons name it.
pub(super) fn type_of(value: &Node) -> &'static str {
    match value {
        Node::Null => "null",
        Node::Bool(_) => "boolean",
        Node::Number(_) => "number",
        Node::String(_) => "string",
        Node::Array(_) => "array",
        Node::Object(_) => "object",
    }
}
