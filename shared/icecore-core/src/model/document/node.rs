//! JSON values as a state holds them: in less than half the memory that `serde_json::Value` takes.

use super::members::Members;
use crate::canonical;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::{Number, Value};
use smol_str::SmolStr;
use std::fmt;

/// A key or a text: up to 23 bytes of it take no memory of their own.
pub(super) type Text = SmolStr;

/// A JSON value with normalised numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Vec<Self>),
    Object(Members),
}

impl Node {
    /// How many objects and arrays stand inside each other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => {
                let deepest = members.iter().map(|(_, value)| value.depth()).max();
                1 + deepest.unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The member of this name, or the item of this index.
    pub(super) fn child(&self, step: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(step),
            Self::Array(items) => items.get(index(step)?),
            _ => None,
        }
    }
}

/// An index as a pointer writes it: no sign, and no zero before another digit.
pub(super) fn index(step: &str) -> Option<usize> {
    let index: usize = step.parse().ok()?;
    (index.to_string() == step).then_some(index)
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(normalised(number)),
            Value::String(text) => Self::String(text.into()),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => Self::Object(members.into()),
        }
    }
}

impl From<&Node> for Value {
    fn from(node: &Node) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(value) => Self::Bool(*value),
            Node::Number(number) => Self::Number(number.clone()),
            Node::String(text) => Self::String(text.to_string()),
            Node::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Node::Object(members) => Self::Object(members.into()),
        }
    }
}

fn normalised(number: Number) -> Number {
    if number.is_f64() {
        number
            .as_f64()
            .and_then(canonical::integral)
            .unwrap_or(number)
    } else {
        number
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        let number = canonical::integral(value).or_else(|| Number::from_f64(value));
        Ok(number.map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        // Most lists stay as they are: room for more would double what they take.
        items.shrink_to_fit();
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node, A::Error> {
        Members::read(map).map(Node::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_says_what_its_value_says() {
        let text = r#"{"b":[1.0,-0.0,0.5,1e300,null,true,"x",{}],"a":{"c":"ä\n","b":18446744073709551615}}"#;
        let node: Node = serde_json::from_str(text).unwrap();
        let mut value: Value = serde_json::from_str(text).unwrap();
        canonical::normalise(&mut value);
        assert_eq!(Value::from(&node), value);
        assert_eq!(Node::from(value.clone()), node);
        assert_eq!(serde_json::to_string(&node).unwrap(), value.to_string());
        assert_eq!(serde_json::from_value::<Node>(value).unwrap(), node);
        assert_eq!(node.depth(), 3);
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let node: Node = serde_json::from_str(r#"{"b":1,"a":1,"b":2,"a":2,"b":3}"#).unwrap();
        assert_eq!(Value::from(&node), json!({"a": 2, "b": 3}));
    }

    #[test]
    fn children_are_found_by_name_or_index() {
        let node: Node = serde_json::from_value(json!({"a": [1, 2], "1": 3})).unwrap();
        assert_eq!(node.child("1"), Some(&Node::Number(3.into())));
        let list = node.child("a").unwrap();
        assert_eq!(list.child("1"), Some(&Node::Number(2.into())));
        for bad in ["2", "-1", "+1", "01", ""] {
            assert_eq!(list.child(bad), None, "{bad}");
        }
    }
}
