//! Decoding an update: everything that can be wrong with it whatever the state is.

use super::apply::describe;
use super::edge;
use super::members::Members;
use super::node::{Node, Text};
use super::order;
use super::pointer::{Pointer, quoted};
use super::{DEPTH_MAX, KINDS};
use crate::canonical;
use crate::model::Rejected;
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

    pub(super) fn reject(self, problem: &str) -> Rejected {
        reject(self.name(), problem)
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

    pub(super) fn reject(self, problem: &str) -> Rejected {
        reject(self.name(), problem)
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
                let (kind, known) = (quoted(kind), KINDS.join(", "));
                return Err(Rejected::new(format!(
                    "unknown kind {kind}; a document knows {known}"
                )));
            }
        };
        Ok(Self(parts))
    }
}

/// Parses `data` once, with normalised numbers, and bounds its depth.
pub(super) fn parse(kind: &str, data: &RawValue) -> Result<Node, Rejected> {
    parse_as(kind, data, Node::depth)
}

/// As [`parse`], for a model that keeps values.
pub(in crate::model) fn parse_value(kind: &str, data: &RawValue) -> Result<Value, Rejected> {
    let mut value = parse_as(kind, data, depth)?;
    canonical::normalise(&mut value);
    Ok(value)
}

fn parse_as<T: DeserializeOwned>(
    kind: &str,
    data: &RawValue,
    depth: impl FnOnce(&T) -> usize,
) -> Result<T, Rejected> {
    let too_deep = || {
        reject(
            kind,
            &format!("the data is nested more than {DEPTH_MAX} levels deep"),
        )
    };
    // The parser's own messages name lines and columns, and may change with its version.
    let value: T = serde_json::from_str(data.get()).map_err(|_| {
        if edge::nesting(data.get()) > DEPTH_MAX {
            too_deep()
        } else {
            reject(kind, edge::unreadable(data.get()))
        }
    })?;
    if depth(&value) > DEPTH_MAX {
        return Err(too_deep());
    }
    Ok(value)
}

fn numbers(kind: NumberKind, data: &RawValue) -> Result<Parts, Rejected> {
    let members = members(kind.name(), parse(kind.name(), data)?)?;
    let mut parts = Vec::with_capacity(members.len());
    for (text, value) in members {
        let pointer = address(kind.name(), text, 0)?;
        match value {
            Node::Number(number) => parts.push((pointer, number)),
            other => {
                let (pointer, found) = (quoted(pointer.as_str()), describe(&other));
                return Err(
                    kind.reject(&format!("the value for {pointer} is {found}, not a number"))
                );
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
            let (pointer, found) = (quoted(pointer.as_str()), describe(&value));
            return Err(kind.reject(&format!("the value for {pointer} is {found}, not a list")));
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
            let found = describe(&other);
            return Err(reject(
                "delete",
                &format!("the data is {found}, not a list of pointers"),
            ));
        }
    };
    let pointers = items.into_iter().map(|item| match item {
        Node::String(text) => address("delete", text, 0),
        other => {
            let found = describe(&other);
            Err(reject(
                "delete",
                &format!("the data holds {found} where a pointer should be"),
            ))
        }
    });
    Ok(Parts::Delete(pointers.collect::<Result<_, _>>()?))
}

fn members(kind: &str, value: Node) -> Result<Members, Rejected> {
    match value {
        Node::Object(members) => Ok(members),
        other => Err(reject(
            kind,
            &format!("the data is {}, not an object", describe(&other)),
        )),
    }
}

/// Checks a pointer to a place where a value of depth `below` is put.
fn address(kind: &str, text: Text, below: usize) -> Result<Pointer, Rejected> {
    let pointer = Pointer::new(text.into()).map_err(|problem| reject(kind, &problem))?;
    if pointer.depth() + below > DEPTH_MAX {
        let pointer = quoted(pointer.as_str());
        let problem = format!("{pointer} would be nested more than {DEPTH_MAX} levels deep");
        return Err(reject(kind, &problem));
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
            let (outer, inner) = (quoted(outer), quoted(pointer.as_str()));
            return Err(reject(
                kind,
                &format!("{outer} and {inner} exclude each other"),
            ));
        }
    }
    Ok(())
}

/// How many objects and arrays stand inside each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn reject(kind: &str, problem: &str) -> Rejected {
    Rejected::new(format!("{kind}: {problem}"))
}
