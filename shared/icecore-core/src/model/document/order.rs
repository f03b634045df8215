//! One order of all JSON values, for sets.

use super::node::Node;
use super::number;
use serde_json::Value;
use std::cmp::Ordering;

/// The order in which a set keeps its members: null, false, true, numbers by size, strings by code points,
/// arrays item by item, objects member by member in the order of their keys.
///
/// Numbers count as normalised, as those of a state are.
///
/// ```
/// use icecore_core::model::document::compare;
/// use serde_json::json;
/// let mut members = vec![json!("b"), json!(10), json!("a"), json!(9), json!(null)];
/// members.sort_by(compare);
/// assert_eq!(json!(members), json!([null, 9, 10, "a", "b"]));
/// ```
pub fn compare(left: &Value, right: &Value) -> Ordering {
    compare_nodes(&left.clone().into(), &right.clone().into())
}

/// [`compare`] for what a state holds.
pub(super) fn compare_nodes(left: &Node, right: &Node) -> Ordering {
    match (left, right) {
        (Node::Bool(left), Node::Bool(right)) => left.cmp(right),
        (Node::Number(left), Node::Number(right)) => number::compare(left, right),
        (Node::String(left), Node::String(right)) => left.cmp(right),
        (Node::Array(left), Node::Array(right)) => left
            .iter()
            .zip(right)
            .map(|(left, right)| compare_nodes(left, right))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| left.len().cmp(&right.len())),
        (Node::Object(left), Node::Object(right)) => left
            .iter()
            .zip(right.iter())
            .map(|(left, right)| {
                left.0
                    .cmp(right.0)
                    .then_with(|| compare_nodes(left.1, right.1))
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| left.len().cmp(&right.len())),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(node: &Node) -> u8 {
    match node {
        Node::Null => 0,
        Node::Bool(_) => 1,
        Node::Number(_) => 2,
        Node::String(_) => 3,
        Node::Array(_) => 4,
        Node::Object(_) => 5,
    }
}

/// Sorts the members of a set and keeps each value once.
pub(super) fn sort(members: &mut Vec<Node>) {
    members.sort_by(compare_nodes);
    members.dedup_by(|left, right| compare_nodes(left, right).is_eq());
}

/// Puts sorted members into a set, which is sorted first where it is not.
pub(super) fn insert(set: &mut Vec<Node>, mut members: Vec<Node>) {
    let sorted = set.is_sorted_by(|left, right| compare_nodes(left, right).is_lt());
    match members.pop() {
        // The common case: nothing but one search and one move.
        Some(member) if sorted && members.is_empty() => {
            if let Err(at) = set.binary_search_by(|probe| compare_nodes(probe, &member)) {
                set.insert(at, member);
            }
        }
        Some(member) => {
            set.append(&mut members);
            set.push(member);
            sort(set);
        }
        None if sorted => {}
        None => sort(set),
    }
}

/// Takes sorted members out of a set or a list; the order of the others stays.
pub(super) fn remove(set: &mut Vec<Node>, members: &[Node]) {
    set.retain(|item| {
        members
            .binary_search_by(|probe| compare_nodes(probe, item))
            .is_err()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_one_order() {
        let ascending = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1),
            json!(0.5),
            json!(9),
            json!(10),
            json!(""),
            json!("\n"),
            json!("a"),
            json!("a b"),
            json!("ab"),
            json!("ü"),
            json!("\u{ffff}"),
            json!("\u{10000}"),
            json!([]),
            json!([1]),
            json!([1, 1]),
            json!([2]),
            json!({}),
            json!({"a": 1}),
            json!({"a": 1, "b": 0}),
            json!({"a": 2}),
            json!({"b": 0}),
        ];
        for (i, left) in ascending.iter().enumerate() {
            for (j, right) in ascending.iter().enumerate() {
                assert_eq!(compare(left, right), i.cmp(&j), "{left} {right}");
                assert_eq!(left == right, i == j);
            }
        }
    }
}
