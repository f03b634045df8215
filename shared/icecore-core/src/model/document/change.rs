//! Decoding an update: everything that can be wrong with it whatever the state is.

use super::DEPTH_MAX;
use super::apply::type_of;
use super::edge;
use super::members::Members;
use super::node::{Node, Text};
use super::order;
use super::pointer::Pointer;
use crate::canonical;
use crate::model::Rejected;
use crate::reason::Reason;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// A decoded update of a document.
#[derive(Debug)]
pub struct Change(pub(super) Parts);

#[derive(Debug)]
pub(super) enum Parts {
    Merge(Members),
    Number(NumberKind, Vec<(Pointer, Number)>),
    List(ListKind, Vec<(Pointer, Vec<Node>)>),
    Delete(Vec<Pointer>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    Increment,
    Max,
    Min,
}

impl NumberKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Increment => "increment",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    Add,
    Remove,
    Append,
}

impl ListKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Append => "append",
        }
    }
}

impl Change {
    pub(super) fn decode(kind: &str, data: &RawValue) -> Result<Self, Rejected> {
        let parts = match kind {
            "merge" => Parts::Merge(members(kind, parse(kind, data)?)?),
            "increment" => numbers(NumberKind::Increment, data)?,
            "max" => numbers(NumberKind::Max, data)?,
            "min" => numbers(NumberKind::Min, data)?,
            "add" => lists(ListKind::Add, data)?,
            "remove" => lists(ListKind::Remove, data)?,
            "append" => lists(ListKind::Append, data)?,
            "delete" => deletions(data)?,
            _ => {
                return Err(reject("unknown-kind", kind));
            }
        };
        Ok(Self(parts))
    }
}

/// Parses `data` once, with normalised numbers, and bounds its depth.
pub(super) fn parse(kind: &str, data: &RawValue) -> Result<Node, Rejected> {
    parse_as(kind, data)
}

/// As [`parse`], for a model that keeps values.
pub(in crate::model) fn parse_value(kind: &str, data: &RawValue) -> Result<Value, Rejected> {
    let mut value = parse_as(kind, data)?;
    canonical::normalise(&mut value);
    Ok(value)
}

fn parse_as<T: DeserializeOwned>(kind: &str, data: &RawValue) -> Result<T, Rejected> {
    let text = data.get();
    // The depth is that of the text: of two equal keys the last counts, and how deep a parser follows the first is its
    // own affair. Few texts have so many brackets that they must be looked at.
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{'));
    if brackets.count() > DEPTH_MAX && edge::nesting(text) > DEPTH_MAX {
        return Err(reject("too-deep", kind));
    }
    // The parser's own messages name lines and columns, and may change with its version.
    serde_json::from_str(text).map_err(|_| reject(edge::unreadable(text), kind))
}

fn numbers(kind: NumberKind, data: &RawValue) -> Result<Parts, Rejected> {
    let members = members(kind.name(), parse(kind.name(), data)?)?;
    let mut parts = Vec::with_capacity(members.len());
    for (text, value) in members {
        let pointer = address(kind.name(), text, 0)?;
        match value {
            Node::Number(number) => parts.push((pointer, number)),
            other => {
                let kind = kind.name();
                return Err(unfit_value("value-not-a-number", kind, &pointer, &other));
            }
        }
    }
    refuse_nested(kind.name(), parts.iter().map(|(pointer, _)| pointer))?;
    Ok(Parts::Number(kind, parts))
}

fn lists(kind: ListKind, data: &RawValue) -> Result<Parts, Rejected> {
    let members = members(kind.name(), parse(kind.name(), data)?)?;
    let mut parts = Vec::with_capacity(members.len());
    for (text, value) in members {
        let pointer = address(kind.name(), text, value.depth())?;
        let Node::Array(mut items) = value else {
            let kind = kind.name();
            return Err(unfit_value("value-not-a-list", kind, &pointer, &value));
        };
        if kind != ListKind::Append {
            order::sort(&mut items);
        }
        parts.push((pointer, items));
    }
    if kind != ListKind::Remove {
        refuse_nested(kind.name(), parts.iter().map(|(pointer, _)| pointer))?;
    }
    Ok(Parts::List(kind, parts))
}

fn deletions(data: &RawValue) -> Result<Parts, Rejected> {
    let items = match parse("delete", data)? {
        Node::Array(items) => items,
        other => {
            return Err(unfit("data-not-a-list", "delete", &other));
        }
    };
    let pointers = items.into_iter().map(|item| match item {
        Node::String(text) => address("delete", text, 0),
        other => Err(unfit("pointer-not-text", "delete", &other)),
    });
    Ok(Parts::Delete(pointers.collect::<Result<_, _>>()?))
}

fn members(kind: &str, value: Node) -> Result<Members, Rejected> {
    match value {
        Node::Object(members) => Ok(members),
        other => Err(unfit("data-not-an-object", kind, &other)),
    }
}

/// Checks a pointer to a place where a value of depth `below` is put.
fn address(kind: &str, text: Text, below: usize) -> Result<Pointer, Rejected> {
    let pointer =
        Pointer::new(text.into()).map_err(|reason| Rejected::new(reason.text("kind", kind)))?;
    if pointer.depth() + below > DEPTH_MAX {
        let reason = reason("path-too-deep", kind).text("path", pointer.as_str());
        return Err(Rejected::new(reason));
    }
    Ok(pointer)
}

/// A number or list at `/a` and something at `/a/b` exclude each other. Refusing them here leaves parts that
/// do not touch each other: so each can be judged by the state before the update.
fn refuse_nested<'a>(
    kind: &str,
    pointers: impl ExactSizeIterator<Item = &'a Pointer> + Clone,
) -> Result<(), Rejected> {
    if pointers.len() < 2 {
        return Ok(());
    }
    // Sorted: they were the keys of a sorted map.
    let sorted: Vec<&str> = pointers.clone().map(Pointer::as_str).collect();
    for pointer in pointers {
        if let Some(outer) = pointer
            .ancestors()
            .find(|outer| sorted.binary_search(outer).is_ok())
        {
            let reason = reason("paths-exclude-each-other", kind).text("outer", outer);
            return Err(Rejected::new(reason.text("path", pointer.as_str())));
        }
    }
    Ok(())
}

fn reason(code: &str, kind: &str) -> Reason {
    Reason::built_in(code).text("kind", kind)
}

fn reject(code: &str, kind: &str) -> Rejected {
    Rejected::new(reason(code, kind))
}

fn unfit(code: &str, kind: &str, found: &Node) -> Rejected {
    Rejected::new(reason(code, kind).text("found", type_of(found)))
}

fn unfit_value(code: &str, kind: &str, pointer: &Pointer, found: &Node) -> Rejected {
    let reason = reason(code, kind).text("path", pointer.as_str());
    Rejected::new(reason.text("found", type_of(found)))
}
