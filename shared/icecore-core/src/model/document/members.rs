//! The members of an object: a sorted list while they are few, a tree when they are many.

use super::node::{Node, Text};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, btree_map};
use std::{fmt, slice, vec};

/// Up to so many members lie in a list: it takes no more memory than they do, and searching it is as quick.
const FEW_MAX: usize = 32;

/// Members in the order of their keys.
#[derive(Debug, Clone)]
#[expect(
    clippy::box_collection,
    reason = "without the box every member of every object would be a quarter larger"
)]
pub(super) enum Members {
    Few(Vec<(Text, Node)>),
    Many(Box<BTreeMap<Text, Node>>),
}

impl Default for Members {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Members {
    /// From members in any order; of two with the same key the later one counts.
    fn of(mut members: Vec<(Text, Node)>) -> Self {
        if !members.is_sorted_by(|left, right| left.0 < right.0) {
            members.sort_by(|left, right| left.0.cmp(&right.0));
            members.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        if members.len() > FEW_MAX {
            return Self::Many(Box::new(members.into_iter().collect()));
        }
        members.shrink_to_fit();
        Self::Few(members)
    }

    /// Reads the members of an object.
    pub(super) fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Self::of(members))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(members) => members.len(),
            Self::Many(members) => members.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Few(members) => Some(&members[find(members, key).ok()?].1),
            Self::Many(members) => members.get(key),
        }
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match self {
            Self::Few(members) => {
                let at = find(members, key).ok()?;
                Some(&mut members[at].1)
            }
            Self::Many(members) => members.get_mut(key),
        }
    }

    /// The member of this key, which is made first where it is missing.
    pub(super) fn get_or_insert(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        if let Self::Few(members) = self
            && members.len() == FEW_MAX
            && find(members, key).is_err()
        {
            *self = Self::Many(Box::new(std::mem::take(members).into_iter().collect()));
        }
        match self {
            Self::Few(members) => {
                let at = find(members, key).unwrap_or_else(|at| {
                    members.reserve_exact(1);
                    members.insert(at, (key.into(), make()));
                    at
                });
                &mut members[at].1
            }
            Self::Many(members) => members.entry(key.into()).or_insert_with(make),
        }
    }

    /// Sets the member of this key.
    pub(super) fn insert(&mut self, key: &str, value: Node) {
        let mut value = Some(value);
        let member = self.get_or_insert(key, || value.take().unwrap_or(Node::Null));
        if let Some(value) = value {
            *member = value;
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        match self {
            Self::Few(members) => {
                if let Ok(at) = find(members, key) {
                    members.remove(at);
                }
            }
            Self::Many(members) => {
                members.remove(key);
            }
        }
    }

    /// Keeps the members of which `keep` says so.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Node) -> bool) {
        match self {
            Self::Few(members) => members.retain_mut(|(_, value)| keep(value)),
            Self::Many(members) => members.retain(|_, value| keep(value)),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Self::Few(members) => Iter::Few(members.iter()),
            Self::Many(members) => Iter::Many(members.iter()),
        }
    }
}

fn find(members: &[(Text, Node)], key: &str) -> Result<usize, usize> {
    members.binary_search_by(|member| member.0.as_str().cmp(key))
}

/// See [`Members::iter`].
pub(super) enum Iter<'a> {
    Few(slice::Iter<'a, (Text, Node)>),
    Many(btree_map::Iter<'a, Text, Node>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(members) => members.next().map(|(key, value)| (key.as_str(), value)),
            Self::Many(members) => members.next().map(|(key, value)| (key.as_str(), value)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Few(members) => members.size_hint(),
            Self::Many(members) => members.size_hint(),
        }
    }
}

/// The members themselves, in the order of their keys.
pub(super) enum IntoIter {
    Few(vec::IntoIter<(Text, Node)>),
    Many(btree_map::IntoIter<Text, Node>),
}

impl Iterator for IntoIter {
    type Item = (Text, Node);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(members) => members.next(),
            Self::Many(members) => members.next(),
        }
    }
}

impl IntoIterator for Members {
    type Item = (Text, Node);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        match self {
            Self::Few(members) => IntoIter::Few(members.into_iter()),
            Self::Many(members) => IntoIter::Many(members.into_iter()),
        }
    }
}

// By hand: the same members may lie in a list or, after some were removed, in a tree.
impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl From<Map<String, Value>> for Members {
    fn from(members: Map<String, Value>) -> Self {
        Self::of(
            members
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl From<&Members> for Map<String, Value> {
    fn from(members: &Members) -> Self {
        members
            .iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect()
    }
}

impl From<&Members> for Value {
    fn from(members: &Members) -> Self {
        Self::Object(members.into())
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyMembers)
    }
}

struct AnyMembers;

impl<'de> Visitor<'de> for AnyMembers {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E: Error>(self) -> Result<Members, E> {
        Err(E::invalid_type(serde::de::Unexpected::Unit, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Members, A::Error> {
        Members::read(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_members_behave_alike() {
        let mut members = Members::default();
        let mut expected = BTreeMap::new();
        // Twice round, so that every key is also set again; 7 and 64 have no common factor.
        for n in 0..128_u64 {
            let key = format!("key-{}", n * 7 % 64);
            members.insert(&key, Node::Number(n.into()));
            expected.insert(key, n);
            let found: Vec<_> = members
                .iter()
                .map(|(key, value)| (key.to_owned(), value.clone()))
                .collect();
            let wanted: Vec<_> = expected
                .iter()
                .map(|(key, n)| (key.clone(), Node::Number((*n).into())))
                .collect();
            assert_eq!(found, wanted);
        }
        assert!(matches!(members, Members::Many(_)));
        for n in 0..60 {
            members.remove(&format!("key-{n}"));
        }
        members.remove("none");
        let few: Members = serde_json::from_str(&serde_json::to_string(&members).unwrap()).unwrap();
        assert!(matches!(few, Members::Few(_)));
        assert_eq!(few, members);
        assert_eq!(few.len(), 4);
        assert!(few.get("key-63").is_some() && few.get("key-1").is_none());
    }
}
